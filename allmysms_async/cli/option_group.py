"""Options that several commands have, each of them declared once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from allmysms_async.cli import option
from allmysms_async.model import HoursRuleName, Purpose, QuietHours, QuietPolicy

__all__ = [
    "JOURNAL",
    "as_json_option",
    "campaign_options",
    "coding_option",
    "dry_run_option",
    "journal_option",
    "list_options",
    "quiet_hours_given",
    "quiet_hours_options",
    "reading_options",
    "sender_options",
    "sending_options",
    "wording_options",
]

F = TypeVar("F", bound=Callable[..., Any])

JOURNAL = "ALLMYSMS_JOURNAL"
"""The variable that stands for the journal where none is named."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON on standard output.")
"""Have a command print for machines."""

coding_option = click.option(
    "--coding",
    type=click.Choice(["auto", "gsm7", "unicode"]),
    default="auto",
    show_default=True,
    help="How the text is sent: auto is GSM-7 (160 characters a part), or Unicode (70) where it needs that.",
)
"""Have a command's text sent in a coding."""

dry_run_option = click.option("--dry-run", is_flag=True, help="Check and measure everything, and send nothing.")
"""Have a command that sends only say what it would do."""

_FILE = click.argument("file", type=option.FilePath(path_type=Path))
_PHONE = click.option(
    "--phone", callback=option.columns, required=True, help="Column of the numbers: a name, or a position from 1."
)
_READING = (
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


def _added(command: F, options: Sequence[Callable[[F], F]]) -> F:
    """Give a command options, the first of which its help is to tell of first."""
    for add in reversed(options):
        command = add(command)
    return command


def journal_option(command: F) -> F:
    """Give a command the journal, which must be named there or in the environment."""
    named = click.option(
        "--journal",
        required=True,
        envvar=JOURNAL,
        show_envvar=True,
        callback=option.place,
        help="File, or postgresql:// URL, that what comes back is kept in.",
    )
    return named(command)


def sender_options(command: F) -> F:
    """Give a command the sender, and what goes with one."""
    return _added(
        command,
        (
            click.option(
                "--sender",
                help="Shown in place of the short number; a marketing text to France must then say how to opt out.",
            ),
            click.option(
                "--add-stop/--no-stop",
                default=None,
                help="Add how to opt out where the text lacks it, which counts in its length; or say that a list is "
                "of people outside France, who are not told.",
            ),
            click.option("--strict-sender", is_flag=True, help="Refuse a sender that French operators may refuse."),
        ),
    )


def sending_options(command: F) -> F:
    """Give a command the options of how a campaign is sent."""
    return _added(
        command,
        (
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
        ),
    )


def wording_options(command: F) -> F:
    """Give a command the options of how its text is sent."""
    replacements = click.option(
        "--gsm-replacements",
        is_flag=True,
        help="Replace quotes, spaces and dashes that would make the text Unicode, in the text and in the values.",
    )
    return _added(command, (coding_option, replacements))


def quiet_hours_options(command: F) -> F:
    """Give a command what becomes of marketing in quiet hours; ``quiet_hours_given`` reads them."""
    return _added(
        command,
        (
            click.option(
                "--quiet-hours",
                type=click.Choice(get_args(QuietPolicy)),
                help="Marketing in its recipients' night, on a Sunday or a holiday: refuse it (the default), defer it "
                "to the next legal moment, or ignore that.",
            ),
            click.option(
                "--hours-rule",
                type=click.Choice(get_args(HoursRuleName)),
                help="Whose hours: the gateway's, 08:00 to 20:00 (the default), or the operators', 08:00 to 22:00.",
            ),
            click.option("--alsace-moselle", is_flag=True, help="Good Friday and 26 December count as holidays."),
        ),
    )


def quiet_hours_given(
    policy: QuietPolicy | None, rule: HoursRuleName | None, *, alsace_moselle: bool
) -> QuietHours | None:
    """Return what the options of a command say of quiet hours, None if they say nothing."""
    if policy is None and rule is None and not alsace_moselle:
        return None
    return QuietHours(policy or "refuse", rule=rule or "gateway", alsace_moselle=alsace_moselle)


def campaign_options(command: F) -> F:
    """Give a command what a campaign is beside its text, its sender and its recipients."""
    return _added(
        command,
        (
            click.option("--name", help="Shown in the provider's back office; the file's name by default."),
            click.option(
                "--purpose",
                type=click.Choice(get_args(Purpose)),
                required=True,
                help="Why it is sent: the law treats them differently.",
            ),
            click.option(
                "--at",
                callback=option.moment,
                help="When to send, such as 2027-03-02T10:00 (Paris unless it has a zone).",
            ),
            click.option(
                "--journal",
                envvar=JOURNAL,
                callback=option.place,
                help="File, or postgresql:// URL, that survives the process: the same command continues.",
            ),
            click.option(
                "--exclude-opt-outs/--include-opt-outs",
                default=None,
                help="Whether to leave out whom the gateway or the journal has as opted out; "
                "by default if it is marketing.",
            ),
        ),
    )


def list_options(command: F) -> F:
    """Give a command the file of recipients, the text, and the options of how the file is read."""
    return _added(
        command,
        (
            _FILE,
            click.option(
                "--text", required=True, help="The text, with #param_1#, #param_2#… ; - reads it from standard input."
            ),
            _PHONE,
            click.option(
                "--param",
                "params",
                callback=option.columns,
                multiple=True,
                help="Column of #param_1#, then of #param_2#…",
            ),
            *_READING,
        ),
    )


def reading_options(command: F) -> F:
    """Give a command a file of numbers, and the options of how it is read."""
    return _added(command, (_FILE, _PHONE, *_READING))
