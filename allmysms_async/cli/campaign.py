"""``allmysms campaign run``: a file of recipients, one text, and a report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from allmysms_async.cli import freeze, login
from allmysms_async.cli.drive import Listener, drive
from allmysms_async.cli.ending import ExitCode, say
from allmysms_async.cli.file import check_places, journal_file
from allmysms_async.cli.option_group import quiet_hours_given
from allmysms_async.cli.outcome import OutcomeFile
from allmysms_async.cli.recipients import ListOptions, check_params, form_read, how_read, oddities, opened
from allmysms_async.cli.report import Examples, print_end
from allmysms_async.cli.screen import Display, error_console
from allmysms_async.cli.wording import needed, text_of
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import Campaign, Encoding, Purpose, QuietHours, SmsMessage
from allmysms_async.options import RunOptions

__all__ = ["CampaignOptions", "Prepared", "message_of", "options_of", "prepared", "run_file"]

_OWN = ("text", "coding", "gsm_replacements", "sender", "add_stop", "strict_sender", "name", "purpose")


class CampaignOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of ``campaign run`` say.

    Attributes:
        recipients: The file, and how it is read.
        text: The text, or ``-``.
        coding: How it is sent, ``auto`` as it needs.
        gsm_replacements: Whether quotes, spaces and dashes that GSM-7 lacks are replaced.
        sender: What is shown as the sender.
        add_stop: Whether the words by which people opt out are added; None as the library does by default.
        strict_sender: Whether a sender that operators may refuse is refused.
        name: The campaign's name, or None for the file's.
        purpose: Why it is sent.
        send_at: When, aware; None is now.
        exclude_opt_outs: Whether whoever opted out is left out; None as the library does by default.
        quiet_hours: What becomes of it in quiet hours; None as the library does by default.
        sending: How it is sent, and where that is recorded.
        outcomes: Where to write each row's outcome.
        dry_run: Whether nothing is sent.
        as_json: Whether a machine reads the result.
    """

    recipients: ListOptions
    text: str
    coding: Encoding
    gsm_replacements: bool
    sender: str | None
    add_stop: bool | None
    strict_sender: bool
    name: str | None
    purpose: Purpose
    send_at: datetime | None
    exclude_opt_outs: bool | None
    quiet_hours: QuietHours | None
    sending: RunOptions
    outcomes: Path | None
    dry_run: bool
    as_json: bool


class Prepared(msgspec.Struct, frozen=True):
    """A campaign whose file was looked at.

    Attributes:
        campaign: The campaign.
        told: How its file is read, in lines for people.
        form: The same for machines.
    """

    campaign: Campaign
    told: Sequence[str]
    form: dict[str, object]


def options_of(words: dict[str, Any]) -> CampaignOptions:
    """Return what a command's options say of a campaign, by the names that they have there."""
    listed = ListOptions(**{name: words.pop(name) for name in ListOptions.__struct_fields__})
    own = {name: words.pop(name) for name in (*_OWN, "exclude_opt_outs", "as_json")}
    policy, rule, alsace_moselle = (words.pop(name) for name in ("quiet_hours", "hours_rule", "alsace_moselle"))
    own |= {"quiet_hours": quiet_hours_given(policy, rule, alsace_moselle=alsace_moselle)}
    own |= {"send_at": words.pop("at"), "outcomes": words.pop("outcomes", None)}
    own["dry_run"] = words.pop("dry_run", False)
    sending = cast("RunOptions", {name: value for name, value in words.items() if value is not None})
    return CampaignOptions(recipients=listed, sending=sending, **own)


def _label(sending: RunOptions) -> str | None:
    """Return the journal's name as people may see it, None if there is none."""
    journal = sending.get("journal")
    if journal is None:
        return None
    from allmysms_async.journal.address import address_of

    return address_of(journal).label


def _outcomes(path: Path) -> OutcomeFile:
    """Return the file of outcomes.

    Raises:
        InvalidRequest: It cannot be written.
    """
    try:
        return OutcomeFile(path)
    except InvalidRequest as error:
        msg = f"{error} Nothing was sent."
        raise InvalidRequest(msg) from error.__cause__


def message_of(options: CampaignOptions) -> SmsMessage:
    """Return what is sent.

    Raises:
        UsageError: The text or a column is missing, or a file would be written over.
    """
    text = text_of(options.text)
    check_params(options.recipients, text)
    journal = cast("str | None", options.sending.get("journal"))
    check_places({"--outcomes": options.outcomes}, source=options.recipients.file, journal=journal_file(journal))
    return SmsMessage(
        text,
        sender=options.sender,
        purpose=options.purpose,
        encoding=options.coding,
        send_at=options.send_at,
        gsm_replacements=options.gsm_replacements,
        add_stop=options.add_stop,
        strict_sender=options.strict_sender,
    )


def prepared(options: CampaignOptions, message: SmsMessage) -> Prepared:
    """Return a campaign, having looked at its file.

    Raises:
        InvalidRequest: The file cannot be read as it is asked.
    """
    # Telling how a file is read takes reading it once: before the event loop, whose signals would wait for it.
    source = opened(options.recipients)
    quiet = options.as_json or next(iter(source), None) is None
    told = (*(() if quiet else (*how_read(source, message), *oddities(source))), *needed(message))
    name = options.recipients.file.stem if options.name is None else options.name
    campaign = Campaign(name, message, source, options.exclude_opt_outs, options.quiet_hours)
    return Prepared(campaign, told, form_read(source))


def run_file(options: CampaignOptions) -> int:
    """Send a campaign and report on it; return the exit code."""
    message = message_of(options)
    if options.dry_run:
        return _look(options, message)
    ready = prepared(options, message)
    freeze()
    return asyncio.run(_send(ready.campaign, options, ready.told, ready.form))


def _look(options: CampaignOptions, message: SmsMessage) -> int:
    """Say what a campaign would be, as ``preview`` does; return its exit code."""
    from allmysms_async.cli.preview import PreviewOptions, preview_file  # here, since a run needs nothing of it

    looked_at = PreviewOptions(
        recipients=options.recipients,
        message=message,
        name=options.name,
        exclude_opt_outs=options.exclude_opt_outs,
        quiet_hours=options.quiet_hours,
        sending=options.sending,
        simulate=False,
        html=None,
        as_json=options.as_json,
    )
    return preview_file(looked_at)


async def _send(campaign: Campaign, options: CampaignOptions, told: Sequence[str], form: dict[str, object]) -> int:
    """Send a campaign, having said how its file is read, and report on it; return the exit code."""
    display = Display(error_console())
    examples = Examples()
    listeners: list[Listener] = [examples.collect]
    async with login.service() as sms:
        with display:  # which shows what is logged
            run = sms.stream(campaign, **options.sending)
        file = None if options.outcomes is None else _outcomes(options.outcomes)
        if file is not None:
            listeners.append(file.add)
        try:
            with display:
                for line in told:
                    display.note(line)
                end = await drive(run, display, *listeners, journal=_label(options.sending), last=True)
        except BaseException:
            if file is not None:
                await file.finish(begun=False)
            raise
        # The end is told before anything else can go wrong, and whether or not anybody reads the file.
        code = print_end(end, examples, machine=options.as_json, journal="journal" in options.sending, source=form)
    if file is not None:
        await file.finish()
        if file.problem is not None:
            say(f"Error: {file.problem}")
            code = code if code == ExitCode.STOPPED else ExitCode.NOT_WRITTEN
    return code
