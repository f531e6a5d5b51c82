"""``allmysms campaign resume | resolve | list``: what is done with a campaign's journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import click
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from allmysms_async.cli import login
from allmysms_async.cli.drive import drive
from allmysms_async.cli.ending import ExitCode, plain, say
from allmysms_async.cli.report import (
    Examples,
    as_json,
    print_end,
)
from allmysms_async.cli.screen import Display, error_console, number, output_console
from allmysms_async.journal import Journal, JournalCampaign
from allmysms_async.journal.address import address_of
from allmysms_async.journal.journal import Decision
from allmysms_async.model import QuietHours
from allmysms_async.options import SendOptions

__all__ = ["as_table", "list_campaigns", "resolve", "resume"]

_ROOM_FOR_NAMES = 12
_STATES = ("accepted", "rejected", "failed", "unknown", "in flight", "pending")


def list_campaigns(journal: str, *, machine: bool) -> int:
    """List a journal's campaigns; return the exit code."""

    async def look() -> list[JournalCampaign]:
        async with Journal(journal) as opened:
            return [await opened.campaign(name) for name in await opened.names()]

    campaigns = asyncio.run(look())
    if machine:
        click.echo(json.dumps([{"name": each.name} | json.loads(as_json(each.result)) for each in campaigns]))
        return ExitCode.ALL_ACCEPTED
    console = output_console()
    console.print(as_table(campaigns, console.width))
    return ExitCode.ALL_ACCEPTED


def as_table(campaigns: Sequence[JournalCampaign], width: int) -> RenderableType:
    """Return what a terminal of some width shows of a journal's campaigns: a table if every figure has room."""
    sending = any(each.result.in_flight for each in campaigns)  # a column less leaves room for the names
    states = [state for state in _STATES if sending or state != "in flight"]
    headings = ("begun", "rows", *states)
    cells = [(_begun(each), _rows(each), *(number(_counts(each)[state]) for state in states)) for each in campaigns]
    needed = sum(max(map(len, column)) + 1 for column in zip(headings, *cells, strict=True))
    if width < _ROOM_FOR_NAMES + needed:
        return Group(*map(_in_lines, campaigns))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("campaign", overflow="fold", min_width=8)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "begun" else "right", no_wrap=True)
    for each, row in zip(campaigns, cells, strict=True):
        table.add_row(Text(plain(each.name)), *row)
    return table


def _counts(campaign: JournalCampaign) -> dict[str, int]:
    """Return how many rows of a campaign each state has."""
    result = campaign.result
    counts = {"accepted": result.accepted, "rejected": result.rejected, "failed": result.failed}
    counts |= {"unknown": result.unknown, "in flight": result.in_flight}
    return counts | {"pending": result.pending - result.in_flight}


def _begun(campaign: JournalCampaign) -> str:
    """Return when a campaign was begun, by the clock of this machine."""
    return f"{campaign.created_at.astimezone():%Y-%m-%d %H:%M}"


def _rows(campaign: JournalCampaign) -> str:
    """Return how many rows a campaign has; a source that was not read to its end has more."""
    return number(campaign.result.rows) + ("" if campaign.result.complete else "+")


def _in_lines(campaign: JournalCampaign) -> Text:
    """Return what a narrow terminal shows of a campaign."""
    counts = ", ".join(f"{number(count)} {state}" for state, count in _counts(campaign).items() if count)
    return Text.assemble(
        (plain(campaign.name), "bold"), f"\n  {_begun(campaign)}, {_rows(campaign)} rows: {counts or 'none'}."
    )


async def resume(
    journal: str, name: str | None, options: SendOptions, *, quiet_hours: QuietHours | None, machine: bool
) -> int:
    """Continue a campaign without its file; return the exit code."""
    display = Display(error_console())
    examples = Examples()
    async with login.service() as sms:
        run = await sms.resume(journal, name, quiet_hours=quiet_hours, **options)
        with display:
            end = await drive(run, display, examples.collect, journal=address_of(journal).label, last=True)
    return print_end(end, examples, machine=machine, journal=True)


def resolve(journal: str, name: str | None, decision: Decision, chunks: Sequence[int]) -> int:
    """Record what an operator decided about requests; return the exit code."""

    async def decide() -> int:
        async with Journal(journal) as opened:
            return await opened.resolve(decision, chunks, name)

    count = asyncio.run(decide())
    what = "wait to be sent again by 'campaign resume'" if decision == "resend" else "count as accepted"
    say(f"{number(count)} recipients {what}.")
    return ExitCode.ALL_ACCEPTED
