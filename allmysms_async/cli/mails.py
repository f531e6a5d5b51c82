"""``allmysms mails read``: the errors that the gateway mailed back of Mail2SMS, kept in a journal."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from allmysms_async.cli import option

if TYPE_CHECKING:
    from allmysms_async.mailbox import ErrorMails, MailTally

__all__ = ["mails"]

_JOURNAL = "ALLMYSMS_JOURNAL"
_PASSWORD = "ALLMYSMS_IMAP_PASSWORD"  # noqa: S105  # the name of a variable


@click.group()
def mails() -> None:
    """Look through the mailbox that errors of Mail2SMS come back to."""


@mails.command("read")
@click.option(
    "--folder",
    type=option.FilePath(path_type=Path),
    help="A Maildir, an mbox file, one .eml file, or a folder of such files.",
)
@click.option("--imap", "host", callback=option.unlike_nothing, metavar="HOST", help="A mail server, asked over TLS.")
@click.option("--port", type=click.IntRange(1, 65535), default=993, show_default=True, help="The mail server's.")
@click.option("--user", callback=option.unlike_nothing, help="To log in to the mail server with.")
@click.option("--mailbox", default="INBOX", show_default=True, help="Which folder on the mail server.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON on standard output.")
@click.argument("journal", envvar=_JOURNAL, callback=option.place)
def read_mails(
    folder: Path | None, host: str | None, port: int, user: str | None, mailbox: str, as_json: bool, journal: str
) -> int:
    """Find the errors that the gateway mailed back, and keep them in JOURNAL, each mail once.

    Nothing is moved, deleted or marked as read. On a mail server only what has come since the last time is read. The
    password comes from ALLMYSMS_IMAP_PASSWORD in the environment, or is asked for.
    """
    if (folder is None) == (host is None):
        msg = "Say --folder or --imap."
        raise click.UsageError(msg)
    if (host is None) != (user is None):
        msg = "--imap and --user go together."
        raise click.UsageError(msg)
    from allmysms_async.mailbox import ImapMailbox, MailFolder

    source: ErrorMails
    if host is not None and user is not None:
        source = ImapMailbox(host, user, _password(), folder=mailbox, port=port)
    else:
        source = MailFolder(folder or Path())
    tally, kept = asyncio.run(_taken(source, journal))
    if as_json:
        click.echo(json.dumps(_fields(tally, kept)))
    else:
        _show(tally, kept)
    return 0


def _password() -> str:
    """Return the password, asked for if a person is there.

    Raises:
        UsageError: It is not set, and nobody is there to be asked.
    """
    from allmysms_async.cli import login, screen

    # As it stands: a password may begin or end with a blank.
    password = os.environ.get(_PASSWORD, "")
    if not password and screen.stdin_is_terminal():
        password = login.ask("Password", hidden=True)
    if not password:
        msg = f"{_PASSWORD} is not set."
        raise click.UsageError(msg)
    return password


async def _taken(source: ErrorMails, journal: str) -> tuple[MailTally, dict[str, int]]:
    """Read a mailbox into a journal; return what was read, and how many errors of each status the journal has."""
    from allmysms_async.journal.mail_errors import MailErrors

    async with MailErrors(journal, create=True) as opened:
        tally = await opened.take_in(source)
        return tally, await opened.counts()


def _fields(tally: MailTally, kept: dict[str, int]) -> dict[str, object]:
    """Return what was read as JSON has it."""
    from allmysms_async.protocols.mail2sms.status import meaning

    return {
        "mails": tally.mails,
        "unreadable": tally.unreadable,
        "errors": tally.errors,
        "new": tally.new,
        "by_status": {code: tally.by_status[code] for code in sorted(tally.by_status)},
        "kept": kept,
        "meanings": {code: meaning(code) for code in sorted({*tally.by_status, *kept})},
    }


def _show(tally: MailTally, kept: dict[str, int]) -> None:
    """Show what was read to a person."""
    from rich.table import Table

    from allmysms_async.cli.screen import number, output_console
    from allmysms_async.protocols.mail2sms.status import meaning

    console = output_console()
    passed = f"; {number(tally.unreadable)} could not be read" if tally.unreadable else ""
    console.print(f"{number(tally.mails)} mails read{passed}: {number(tally.errors)} errors, {number(tally.new)} new.")
    if not kept:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in (("status", "left"), ("found", "right"), ("kept", "right"), ("meaning", "left")):
        table.add_column(name, justify="right" if side == "right" else "left")
    for code, count in kept.items():
        table.add_row(code, number(tally.by_status.get(code, 0)), number(count), meaning(code))
    console.print(table)
