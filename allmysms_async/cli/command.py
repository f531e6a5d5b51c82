"""The commands and their options."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import click

from allmysms_async.cli import ask_group, freeze, option
from allmysms_async.cli.api_command import api
from allmysms_async.cli.config_group import completion, config
from allmysms_async.cli.ending import Commands, missing_extra
from allmysms_async.cli.handbook_command import handbook
from allmysms_async.cli.logs import logged
from allmysms_async.cli.mails import mails
from allmysms_async.cli.opt_outs import opt_outs
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
from allmysms_async.cli.profile import use
from allmysms_async.cli.replies import replies
from allmysms_async.cli.segments import segments
from allmysms_async.cli.webhooks_group import webhooks
from allmysms_async.cli.workers_group import pause, stop, submit, worker
from allmysms_async.model import Encoding, HoursRuleName, Purpose, QuietPolicy, SmsMessage

if TYPE_CHECKING:
    from allmysms_async.cli.recipients import ListOptions
    from allmysms_async.options import RunOptions

__all__ = ["allmysms"]

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


_PROTOCOLS = ("rest", "soap", "mail2sms", "mms", "envoyersmspro")
_purpose = click.Choice(get_args(Purpose))


def _list_options(**options: Any) -> ListOptions:
    from allmysms_async.cli.recipients import ListOptions

    return ListOptions(**options)


def _given(options: dict[str, object]) -> RunOptions:
    return cast("RunOptions", {name: value for name, value in options.items() if value is not None})


@click.group(cls=Commands, context_settings=_SETTINGS)
@click.version_option(package_name="allmysms_async", prog_name="allmysms")
@click.option("--profile", metavar="NAME", help="Of ~/.config/allmysms/config.toml; ALLMYSMS_PROFILE names it, too.")
@click.option("-v", "--verbose", count=True, help="Tell what happens (-vv: all there is) on standard error.")
@click.option("-q", "--quiet", is_flag=True, help="Tell nothing but results and errors.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Of what is told; text.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same.")
@click.pass_context
def allmysms(
    context: click.Context, profile: str | None, verbose: int, quiet: bool, log_format: str, no_color: bool
) -> None:
    """Send texts through the AllMySMS gateway.

    The account comes from ALLMYSMS_LOGIN and ALLMYSMS_API_KEY in the environment, or is asked for; ALLMYSMS_BASE_URL
    names another server, such as a sandbox. ALLMYSMS_JOURNAL stands for the journal where none is named. What the
    environment does not say, a profile may: 'allmysms config show' tells where each value comes from.

    Exit codes: 0 everybody accepted, 1 some not, 2 bad usage, 3 stopped (credits, login, quiet hours, the journal,
    Ctrl-C), 4 a file that was asked for could not be written. They hold whether or not anybody reads what is printed.
    """
    use(profile)
    if verbose and quiet:
        msg = "Say --verbose or --quiet."
        raise click.UsageError(msg)
    context.with_resource(logged(verbose=verbose, quiet=quiet, machine=log_format == "json", no_color=no_color))


@allmysms.command()
@click.option("--to", "numbers", multiple=True, required=True, metavar="NUMBER", help="A mobile number; may repeat.")
@sender_options
@click.option("--purpose", type=_purpose, default="transactional", show_default=True)
@click.option(
    "--idempotency-key",
    "key",
    callback=option.unlike_nothing,
    metavar="KEY",
    help="Repeat an earlier send whose outcome is unknown.",
)
@wording_options
@quiet_hours_options
@dry_run_option
@as_json_option
@click.argument("text")
def send(
    text: str,
    numbers: tuple[str, ...],
    key: str | None,
    coding: Encoding,
    quiet_hours: QuietPolicy | None,
    hours_rule: HoursRuleName | None,
    alsace_moselle: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Send TEXT to one person or a few (- reads it from standard input).

    Which coding the text needs, and in how many parts it goes, is said on standard error.
    """
    from allmysms_async.cli.dry_run import dry_send
    from allmysms_async.cli.send import send_text
    from allmysms_async.cli.wording import text_of

    message = SmsMessage(text_of(text), encoding=coding, **options)
    quiet = quiet_hours_given(quiet_hours, hours_rule, alsace_moselle=alsace_moselle)
    sending = dry_send if dry_run else send_text
    return asyncio.run(sending(message, numbers, key=key, quiet_hours=quiet, as_json=as_json))


@allmysms.group()
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


@allmysms.command("preview")
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
for asks in ask_group.COMMANDS:
    allmysms.add_command(asks)
allmysms.add_command(api)
allmysms.add_command(completion)
allmysms.add_command(config)
allmysms.add_command(handbook)
allmysms.add_command(mails)
allmysms.add_command(opt_outs)
allmysms.add_command(segments)
allmysms.add_command(webhooks)
allmysms.add_command(worker)


@allmysms.command()
@click.option("--http-port", type=click.IntRange(0, 65535), default=8026, show_default=True, help="0: any free one.")
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0: any free one.")
@as_json_option
def sandbox(http_port: int, smtp_port: int, as_json: bool) -> int:
    """Stand in for the gateway on this machine, until Ctrl-C."""
    from allmysms_async.cli.stand_in import serve

    return asyncio.run(serve(http_port, smtp_port, as_json=as_json))


@allmysms.command()
@click.option("--protocol", type=click.Choice([*_PROTOCOLS, "all"]), default="rest", show_default=True)
@as_json_option
def demo(protocol: str, as_json: bool) -> int:
    """Send a sample campaign to a sandbox, and check what became of every row. No account is needed."""
    try:
        from allmysms_async.cli.demo import run_demo
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None

    return asyncio.run(run_demo(protocol=protocol, machine=as_json))
