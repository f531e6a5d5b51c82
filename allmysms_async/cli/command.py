"""The commands and their options."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

import click

from allmysms_async.cli import freeze, option
from allmysms_async.cli.ending import Commands, missing_extra
from allmysms_async.cli.mails import mails
from allmysms_async.model import Purpose

if TYPE_CHECKING:
    from allmysms_async.cli.recipients import ListOptions
    from allmysms_async.options import RunOptions

__all__ = ["allmysms"]

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


_JOURNAL = "ALLMYSMS_JOURNAL"
_PROTOCOLS = ("rest", "soap", "mail2sms", "mms", "envoyersmspro")
_purpose = click.Choice(get_args(Purpose))
_json = click.option("--json", "as_json", is_flag=True, help="One line of JSON on standard output.")


_F = TypeVar("_F", bound=Callable[..., Any])


def _sending(command: _F) -> _F:
    """Give a command the options of how a campaign is sent."""
    options = (
        click.option("--chunk-size", type=click.IntRange(min=1), help="Recipients in a request at most."),
        click.option("--concurrency", type=click.IntRange(1, 1000), help="Requests in flight at most."),
        click.option(
            "--max-cost", callback=option.euros, metavar="EUROS", help="What the campaign may cost, without tax."
        ),
        click.option("--max-parts", type=click.IntRange(min=1), help="Text parts that the campaign may take."),
        click.option(
            "--max-failure-rate",
            type=click.FloatRange(0, 1, min_open=True),
            callback=option.share,
            help="Stop when more than this share failed, is unknown or was refused with its whole request.",
        ),
    )
    for add in reversed(options):
        command = add(command)
    return command


def _listed(command: _F) -> _F:
    """Give a command the file of recipients, the text, and the options of how the file is read."""
    options = (
        click.argument("file", type=option.FilePath(path_type=Path)),
        click.option(
            "--text", required=True, help="The text, with #param_1#, #param_2#… ; - reads it from standard input."
        ),
        click.option(
            "--phone",
            callback=option.columns,
            required=True,
            help="Column of the numbers: a name, or a position from 1.",
        ),
        click.option(
            "--param", "params", callback=option.columns, multiple=True, help="Column of #param_1#, then of #param_2#…"
        ),
        click.option("--separator", help="Semicolon, comma, tab or |; told from the file by default."),
        click.option(
            "--encoding", callback=option.encoding, help="Such as utf-8 or cp1252; told from the file by default."
        ),
        click.option("--sheet", callback=option.unlike_nothing, help="Of a spreadsheet's own file; the first one."),
        click.option(
            "--header/--no-header",
            default=None,
            help="Whether the first row holds names; by default if any column is given by name.",
        ),
        click.option("--short-rows", is_flag=True, help="Rows may leave empty cells at their end out."),
        click.option(
            "--default-country",
            callback=option.unlike_nothing,
            metavar="ISO",
            help="Whose numbers are written without +, such as BE; France by default.",
        ),
    )
    for add in reversed(options):
        command = add(command)
    return command


def _list_options(**options: Any) -> ListOptions:
    from allmysms_async.cli.recipients import ListOptions

    return ListOptions(**options)


def _given(options: dict[str, object]) -> RunOptions:
    return cast("RunOptions", {name: value for name, value in options.items() if value is not None})


@click.group(cls=Commands, context_settings=_SETTINGS)
@click.version_option(package_name="allmysms_async", prog_name="allmysms")
def allmysms() -> None:
    """Send texts through the AllMySMS gateway.

    The account comes from ALLMYSMS_LOGIN and ALLMYSMS_API_KEY in the environment, or is asked for; ALLMYSMS_BASE_URL
    names another server, such as a sandbox. ALLMYSMS_JOURNAL stands for the journal where none is named.

    Exit codes: 0 everybody accepted, 1 some not, 2 bad usage, 3 stopped (credits, login, the journal, Ctrl-C), 4 a
    file that was asked for could not be written. They hold whether or not anybody reads what is printed.
    """


@allmysms.command()
@click.option("--to", "numbers", multiple=True, required=True, metavar="NUMBER", help="A mobile number; may repeat.")
@click.option("--sender", help="Shown in place of the short number: 3 to 11 letters, digits or spaces.")
@click.option("--purpose", type=_purpose, default="transactional", show_default=True)
@click.option(
    "--idempotency-key",
    callback=option.unlike_nothing,
    metavar="KEY",
    help="Repeat an earlier send whose outcome is unknown.",
)
@_json
@click.argument("text")
def send(
    text: str,
    numbers: tuple[str, ...],
    sender: str | None,
    purpose: Purpose,
    idempotency_key: str | None,
    as_json: bool,
) -> int:
    """Send TEXT to one person or a few (- reads it from standard input)."""
    from allmysms_async.cli.send import send_text

    return asyncio.run(send_text(text, numbers, sender=sender, purpose=purpose, key=idempotency_key, as_json=as_json))


@allmysms.group()
def campaign() -> None:
    """Send one text to many people."""


@campaign.command("run")
@_listed
@click.option("--sender", help="Shown in place of the short number; to France the text must end with STOP au 36180.")
@click.option("--name", help="Shown in the provider's back office; the file's name by default.")
@click.option("--purpose", type=_purpose, required=True, help="Why it is sent: the law treats them differently.")
@click.option(
    "--at", callback=option.moment, help="When to send, such as 2027-03-02T10:00 (Paris unless it has a zone)."
)
@click.option(
    "--journal",
    envvar=_JOURNAL,
    callback=option.place,
    help="File, or postgresql:// URL, that survives the process: the same command continues.",
)
@_sending
@click.option(
    "--outcomes",
    type=option.FilePath(path_type=Path, dir_okay=False),
    help="CSV file for each row's outcome; until the end in a file beside it that ends in .partial.",
)
@_json
def run_campaign(
    file: Path,
    text: str,
    phone: str | int,
    params: tuple[str | int, ...],
    sender: str | None,
    name: str | None,
    purpose: Purpose,
    at: datetime | None,
    journal: str | None,
    separator: str | None,
    encoding: str | None,
    sheet: str | None,
    header: bool | None,
    short_rows: bool,
    default_country: str | None,
    outcomes: Path | None,
    as_json: bool,
    **sending: object,
) -> int:
    """Send a text to everybody in FILE: a CSV file, or a spreadsheet's own (.xlsx, .xls, .ods).

    Nobody is texted twice, however often the file repeats a number. Ctrl-C stops after what is in flight. With a
    journal the same command continues, after whatever ended the one before.
    """
    from allmysms_async.cli.campaign import CampaignOptions, run_file

    recipients = _list_options(
        file=file,
        phone=phone,
        params=params,
        separator=separator,
        encoding=encoding,
        sheet=sheet,
        header=header,
        short_rows=short_rows,
        default_country=default_country,
    )
    options = CampaignOptions(
        recipients=recipients,
        text=text,
        sender=sender,
        name=name,
        purpose=purpose,
        send_at=at,
        sending=_given(sending | {"journal": journal}),
        outcomes=outcomes,
        as_json=as_json,
    )
    return run_file(options)


@campaign.command("check")
@_listed
@_json
def check_list(text: str, as_json: bool, **recipients: object) -> int:
    """Say how FILE is read and what would become of each row, and send nothing.

    The exit code is 0 if everybody would be sent to, 1 if some rows would not.
    """
    from allmysms_async.cli.campaign import text_of
    from allmysms_async.cli.check import check_file

    return check_file(_list_options(**recipients), text_of(text), machine=as_json)


_journal = click.argument("journal", envvar=_JOURNAL, callback=option.place)
_name = click.option("--name", help="The campaign's; needed if the journal has several.")


@campaign.command("status")
@_journal
@_name
@_json
def campaign_status(journal: str, name: str | None, as_json: bool) -> int:
    """Say where the campaign in JOURNAL stands, and which requests are unknown."""
    from allmysms_async.cli import journal as commands

    return commands.status(journal, name, machine=as_json)


@campaign.command("resume")
@_journal
@_name
@_sending
@_json
def campaign_resume(journal: str, name: str | None, as_json: bool, **sending: object) -> int:
    """Continue the campaign in JOURNAL with what was read of its file; 'campaign run' again reads the rest."""
    from allmysms_async.cli import journal as commands

    freeze()
    return asyncio.run(commands.resume(journal, name, _given(sending), machine=as_json))


@campaign.command("report")
@_journal
@_name
@click.option(
    "--csv", type=option.FilePath(path_type=Path, dir_okay=False), help="File with a line for each recipient."
)
@click.option("--html", type=option.FilePath(path_type=Path, dir_okay=False), help="File to look at in a browser.")
@_json
def campaign_report(journal: str, name: str | None, csv: Path | None, html: Path | None, as_json: bool) -> int:
    """Report on the campaign in JOURNAL: a table, one line of JSON, or files."""
    from allmysms_async.cli import journal as commands

    return commands.report(journal, name, machine=as_json, csv=csv, html=html)


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
@_json
def campaign_list(journal: str, as_json: bool) -> int:
    """List the campaigns in JOURNAL."""
    from allmysms_async.cli import journal as commands

    return commands.list_campaigns(journal, machine=as_json)


allmysms.add_command(mails)


@allmysms.group()
def webhooks() -> None:
    """Receive delivery reports and replies as they come."""


def _kinds(command: _F) -> _F:
    """Give a command the options of which webhooks are meant."""
    options = (
        click.option("--reports", "only", flag_value="dlr", help="Those of delivery reports alone."),
        click.option("--replies", "only", flag_value="mo", help="Those of replies alone."),
    )
    for add in reversed(options):
        command = add(command)
    return command


def _both_or(only: str | None) -> tuple[Literal["dlr", "mo"], ...]:
    return ("dlr", "mo") if only not in {"dlr", "mo"} else ("dlr",) if only == "dlr" else ("mo",)


@webhooks.command("show")
@click.option("--whole", is_flag=True, help="With the token that makes it secret.")
@_json
def webhooks_show(whole: bool, as_json: bool) -> int:
    """Show the addresses that the gateway calls."""
    from allmysms_async.cli import webhooks as commands

    return asyncio.run(commands.show(whole=whole, machine=as_json))


@webhooks.command("set")
@click.argument("url")
@_kinds
@click.option("--no-check", is_flag=True, help="Do not call it from here first: only the gateway reaches it.")
def webhooks_set(url: str, only: str | None, no_check: bool) -> int:
    """Have the gateway call URL with reports and replies (- reads it from standard input, for its token's sake).

    URL must answer OK within 5 seconds: start its receiver first.
    """
    from allmysms_async.cli import webhooks as commands

    return asyncio.run(commands.set_address(commands.address_of(url), _both_or(only), check=not no_check))


@webhooks.command("remove")
@_kinds
def webhooks_remove(only: str | None) -> int:
    """Have the gateway call no address any more."""
    from allmysms_async.cli import webhooks as commands

    return asyncio.run(commands.remove(_both_or(only)))


@allmysms.command()
@click.option("--http-port", type=click.IntRange(0, 65535), default=8026, show_default=True, help="0: any free one.")
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0: any free one.")
@_json
def sandbox(http_port: int, smtp_port: int, as_json: bool) -> int:
    """Stand in for the gateway on this machine, until Ctrl-C."""
    from allmysms_async.cli.stand_in import serve

    return asyncio.run(serve(http_port, smtp_port, as_json=as_json))


@allmysms.command()
@click.option("--protocol", type=click.Choice([*_PROTOCOLS, "all"]), default="rest", show_default=True)
@_json
def demo(protocol: str, as_json: bool) -> int:
    """Send a sample campaign to a sandbox, and check what became of every row. No account is needed."""
    try:
        from allmysms_async.cli.demo import run_demo
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None

    return asyncio.run(run_demo(protocol=protocol, machine=as_json))
