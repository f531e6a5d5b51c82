"""The commands of ``allmysms campaign``, ``allmysms preview``, and their options."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import click

from allmysms_async.cli import freeze, option
from allmysms_async.cli.option_group import (
    JOURNAL,
    as_json_option,
    campaign_options,
    dry_run_option,
    list_options,
    quiet_hours_given,
    quiet_hours_options,
    sender_options,
    sending_options,
    wording_options,
)
from allmysms_async.cli.replies import replies
from allmysms_async.cli.workers_group import pause, stop, submit
from allmysms_async.model import Encoding, HoursRuleName, Purpose, QuietPolicy, SmsMessage

if TYPE_CHECKING:
    from allmysms_async.cli.recipients import ListOptions
    from allmysms_async.options import RunOptions

__all__ = ["campaign", "preview_campaign"]

_PROTOCOLS = ("rest", "soap", "mail2sms", "mms", "envoyersmspro")
_purpose = click.Choice(get_args(Purpose))


def _list_options(**options: Any) -> ListOptions:
    from allmysms_async.cli.recipients import ListOptions

    return ListOptions(**options)


def _given(options: dict[str, object]) -> RunOptions:
    return cast("RunOptions", {name: value for name, value in options.items() if value is not None})


@click.group()
def campaign() -> None:
    """Send one text to many people."""


@campaign.command("run")
@list_options
@wording_options
@sender_options
@campaign_options
@quiet_hours_options
@sending_options
@click.option(
    "--outcomes",
    type=option.FilePath(path_type=Path, dir_okay=False),
    help="CSV file for each row's outcome; until the end in a file beside it that ends in .partial.",
)
@dry_run_option
@as_json_option
def run_campaign(**words: Any) -> int:
    """Send a text to everybody in FILE: a CSV file, or a spreadsheet's own (.xlsx, .xls, .ods).

    Nobody is texted twice, however often the file repeats a number. Ctrl-C stops after what is in flight. With a
    journal the same command continues, after whatever ended the one before. With --dry-run it says what it would
    be, as 'allmysms preview' does, and exits as that.
    """
    from allmysms_async.cli.campaign import options_of, run_file

    return run_file(options_of(words))


@campaign.command("check")
@list_options
@wording_options
@as_json_option
def check_list(text: str, coding: Encoding, gsm_replacements: bool, as_json: bool, **recipients: object) -> int:
    """Say how FILE is read and what would become of each row, and send nothing.

    The exit code is 0 if everybody would be sent to, 1 if some rows would not.
    """
    from allmysms_async.cli.check import check_file
    from allmysms_async.cli.wording import text_of

    message = SmsMessage(text_of(text), encoding=coding, gsm_replacements=gsm_replacements)
    return check_file(_list_options(**recipients), message, machine=as_json)


_journal = click.argument("journal", envvar=JOURNAL, callback=option.place)
_name = click.option("--name", help="The campaign's; needed if the journal has several.")


@campaign.command("status")
@_journal
@_name
@click.option("--follow", is_flag=True, help="Say it again whenever it changes, until nothing is sent any more.")
@as_json_option
def campaign_status(journal: str, name: str | None, follow: bool, as_json: bool) -> int:
    """Say where the campaign in JOURNAL stands, and which requests are unknown or failed."""
    from allmysms_async.cli import status as commands

    if follow:
        return asyncio.run(commands.follow(journal, name, machine=as_json))
    return commands.status(journal, name, machine=as_json)


@campaign.command("resume")
@_journal
@_name
@quiet_hours_options
@sending_options
@as_json_option
def campaign_resume(
    journal: str,
    name: str | None,
    quiet_hours: QuietPolicy | None,
    hours_rule: HoursRuleName | None,
    alsace_moselle: bool,
    as_json: bool,
    **sending: object,
) -> int:
    """Continue the campaign in JOURNAL with what was read of its file; 'campaign run' again reads the rest.

    Without --quiet-hours, --hours-rule or --alsace-moselle it keeps the hours that were asked for last. One that was
    placed by 'campaign submit' is opened again for the workers, and not sent by this command.
    """
    from allmysms_async.cli import journal as commands
    from allmysms_async.cli.workers import reopened

    quiet = quiet_hours_given(quiet_hours, hours_rule, alsace_moselle=alsace_moselle)
    if reopened(journal, name, _given(sending), quiet_hours=quiet, machine=as_json):
        return 0
    freeze()
    return asyncio.run(commands.resume(journal, name, _given(sending), quiet_hours=quiet, machine=as_json))


@campaign.command("report")
@_journal
@_name
@click.option(
    "--csv", type=option.FilePath(path_type=Path, dir_okay=False), help="File with a line for each recipient."
)
@click.option("--html", type=option.FilePath(path_type=Path, dir_okay=False), help="File to look at in a browser.")
@as_json_option
def campaign_report(journal: str, name: str | None, csv: Path | None, html: Path | None, as_json: bool) -> int:
    """Report on the campaign in JOURNAL: a table, one line of JSON, or files."""
    from allmysms_async.cli.campaign_report import report

    return report(journal, name, machine=as_json, csv=csv, html=html)


@campaign.command("resolve")
@click.argument("journal", callback=option.place)  # named, or the first CHUNK would be taken for it
@_name
@click.option("--resend", "decision", flag_value="resend", help="Send them again: people may be texted twice.")
@click.option("--mark-sent", "decision", flag_value="mark_sent", help="Count them as accepted.")
@click.argument("chunks", type=click.IntRange(min=1), nargs=-1, required=True, metavar="CHUNK...")
def campaign_resolve(journal: str, name: str | None, decision: str | None, chunks: tuple[int, ...]) -> int:
    """Decide about requests that are unknown or were refused as duplicates, by their numbers in 'campaign status'."""
    from allmysms_async.cli import journal as commands

    if decision not in {"resend", "mark_sent"}:
        msg = "Say --resend or --mark-sent."
        raise click.UsageError(msg)
    return commands.resolve(journal, name, "resend" if decision == "resend" else "mark_sent", chunks)


@campaign.command("list")
@_journal
@as_json_option
def campaign_list(journal: str, as_json: bool) -> int:
    """List the campaigns in JOURNAL."""
    from allmysms_async.cli import journal as commands

    return commands.list_campaigns(journal, machine=as_json)


@click.command("preview")
@list_options
@wording_options
@sender_options
@quiet_hours_options
@click.option("--name", help="As for 'campaign run'.")
@click.option("--purpose", type=_purpose, required=True, help="Why it is sent: the law treats them differently.")
@click.option("--at", callback=option.moment, help="When to send, as for 'campaign run'.")
@click.option(
    "--journal", envvar=JOURNAL, callback=option.place, help="As for 'campaign run': whom it has as opted out."
)
@click.option(
    "--exclude-opt-outs/--include-opt-outs", default=None, help="As for 'campaign run': by default if it is marketing."
)
@click.option("--chunk-size", type=click.IntRange(min=1), help="Recipients in a request at most.")
@click.option("--simulate", is_flag=True, help="Ask the gateway about each request as well, and name what differs.")
@click.option("--html", type=option.FilePath(path_type=Path, dir_okay=False), help="File to look at in a browser.")
@as_json_option
def preview_campaign(
    text: str,
    coding: Encoding,
    gsm_replacements: bool,
    sender: str | None,
    add_stop: bool | None,
    strict_sender: bool,
    quiet_hours: QuietPolicy | None,
    hours_rule: HoursRuleName | None,
    alsace_moselle: bool,
    name: str | None,
    purpose: Purpose,
    at: datetime | None,
    journal: str | None,
    exclude_opt_outs: bool | None,
    chunk_size: int | None,
    simulate: bool,
    html: Path | None,
    as_json: bool,
    **recipients: object,
) -> int:
    """Say what sending a text to everybody in FILE would be, and send nothing.

    Parts of the texts, what forces Unicode and what it costs, countries, rejected rows, the cost by the account's price
    list. The exit code is 0 if everybody would be sent to, 1 if some rows would not, 3 if quiet hours refused it all.
    """
    from allmysms_async.cli.preview import PreviewOptions, preview_file
    from allmysms_async.cli.wording import text_of

    message = SmsMessage(
        text_of(text),
        sender=sender,
        purpose=purpose,
        encoding=coding,
        send_at=at,
        gsm_replacements=gsm_replacements,
        add_stop=add_stop,
        strict_sender=strict_sender,
    )
    options = PreviewOptions(
        recipients=_list_options(**recipients),
        message=message,
        name=name,
        exclude_opt_outs=exclude_opt_outs,
        quiet_hours=quiet_hours_given(quiet_hours, hours_rule, alsace_moselle=alsace_moselle),
        sending=_given({"journal": journal, "chunk_size": chunk_size}),
        simulate=simulate,
        html=html,
        as_json=as_json,
    )
    return preview_file(options)


for each in (submit, pause, stop, replies):
    campaign.add_command(each)
