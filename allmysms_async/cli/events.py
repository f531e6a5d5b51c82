"""What came back to a campaign, as its report has it: fields for machines, lines of the table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from allmysms_async.cli.screen import number
from allmysms_async.journal import JournalCampaign
from allmysms_async.journal.event_report import EventReport, ReportFigures
from allmysms_async.journal.mail_errors import MailErrors
from allmysms_async.model import CampaignResult, DeliveryStatus

__all__ = ["UNDELIVERED", "CameBack", "add_rows", "as_fields", "came_back", "how_to_receive", "in_words", "without_ids"]

UNDELIVERED = (
    DeliveryStatus.UNDELIVERED,
    DeliveryStatus.REJECTED,
    DeliveryStatus.UNKNOWN_NUMBER,
    DeliveryStatus.OPTED_OUT,
)
"""The states of texts that nobody will read."""


class CameBack(NamedTuple):
    """What came back to a campaign.

    Attributes:
        figures: What its reports and replies say.
        mail_errors: Errors that were mailed back, by the gateway's status; of all campaigns, since a mail names none.
    """

    figures: ReportFigures
    mail_errors: Mapping[str, int]

    @property
    def told(self) -> bool:
        """Whether anything came back."""
        return self.figures.told or bool(self.mail_errors)


async def came_back(journal: str, campaign: JournalCampaign, events: EventReport) -> CameBack:
    """Return what came back to a campaign.

    Args:
        journal: Where it is.
        campaign: The campaign.
        events: The same journal, open.
    """
    async with MailErrors(journal) as mails:
        return CameBack(await events.figures(campaign.result), await mails.counts())


def as_fields(back: CameBack) -> dict[str, object]:
    """Return what came back, for machines."""
    fields: dict[str, object] = {
        "delivery": {status.value: count for status, count in back.figures.delivery.items()},
        "replies": back.figures.replies,
        "opt_outs": back.figures.opt_outs,
    }
    return fields | ({"mail_errors": dict(back.mail_errors)} if back.mail_errors else {})


def add_rows(table: Table, back: CameBack) -> None:
    """Add what came back to the table that closes a campaign; nothing if nothing did."""
    delivery, others = back.figures.delivery, len(table.columns) - 2

    def row(label: str, count: int, style: str = "") -> None:
        table.add_row(label, Text(number(count), style=style), *[""] * others)

    if back.figures.told:
        table.add_section()
        row("Delivered", delivery[DeliveryStatus.DELIVERED], "green")
        row("Handed to operator", delivery[DeliveryStatus.HANDED_TO_OPERATOR])
        undelivered = sum(delivery[status] for status in UNDELIVERED)
        row("Undelivered", undelivered, "yellow" if undelivered else "")
        for status in UNDELIVERED:
            if delivery[status]:
                row(f"  {in_words(status)}", delivery[status], "yellow")
        if delivery[DeliveryStatus.UNKNOWN]:
            row("Reported otherwise", delivery[DeliveryStatus.UNKNOWN])
        row("Awaiting a report", delivery[DeliveryStatus.PENDING])
        table.add_section()
        row("Replies", back.figures.replies)
        row("Opt-outs", back.figures.opt_outs)
    if back.mail_errors:
        table.add_section()
        row("Mailed errors", sum(back.mail_errors.values()), "yellow")
        for code, count in back.mail_errors.items():
            row(f"  status {code}", count, "yellow")


def in_words(status: DeliveryStatus) -> str:
    """Return what a state of a text that nobody will read is called among others of these."""
    return "not received" if status is DeliveryStatus.UNDELIVERED else status.value.replace("_", " ")


def how_to_receive() -> str:
    """Return what there is to do where nothing came back."""
    return "No report on this campaign and no reply to it is in the journal: 'allmysms webhooks listen' receives them."


def without_ids(result: CampaignResult) -> str | None:
    """Return why nothing can be told to have come back to a campaign, or None where it can."""
    if result.campaign_ids or not result.accepted:
        return None
    return (
        "The protocol of this campaign gives its sends no identifiers: reports and replies that came cannot be told to "
        "be its own, and none is counted here."
    )
