"""``allmysms campaign replies``: what people answered to a campaign, however many did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from allmysms_async.cli import option

if TYPE_CHECKING:
    from allmysms_async.model import CampaignResult, Reply

__all__ = ["COLUMNS", "replies"]

COLUMNS = ("received_at", "number", "text", "reply_id", "sms_id", "campaign_id")
"""The columns of ``replies --csv``."""

_JOURNAL = "ALLMYSMS_JOURNAL"
_AT_ONCE = 64 * 1024


@click.command("replies")
@click.argument("journal", envvar=_JOURNAL, callback=option.place)
@click.option("--name", help="The campaign's; needed if the journal has several.")
@click.option(
    "--csv",
    type=option.FilePath(path_type=Path, dir_okay=False),
    help="File with a line for each reply, and whole numbers.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON on standard output.")
def replies(journal: str, name: str | None, csv: Path | None, as_json: bool) -> int:
    """List what people answered to the campaign in JOURNAL, the first answer first; numbers are masked.

    With --csv and --json they are whole.
    """
    from allmysms_async.cli.ending import ExitCode, say
    from allmysms_async.cli.events import without_ids
    from allmysms_async.cli.file import check_places, journal_file

    check_places({"--csv": csv}, journal=journal_file(journal))
    if csv is not None and as_json:
        msg = "Say --csv or --json."
        raise click.UsageError(msg)
    result = asyncio.run(_listed(journal, name, csv, machine=as_json))
    unnamed = without_ids(result)
    if unnamed is not None:
        say(unnamed)
    return ExitCode.ALL_ACCEPTED


async def _listed(journal: str, name: str | None, csv: Path | None, *, machine: bool) -> CampaignResult:
    """List the answers to a campaign; return what became of it."""
    from allmysms_async.cli.ending import say
    from allmysms_async.journal import EventRecord, Journal

    async with Journal(journal) as opened:
        result = (await opened.campaign(name)).result
    async with EventRecord(journal) as events:
        found = events.replies(result.campaign_ids)
        if csv is not None:
            await _write(csv, found)
        elif machine:
            await _print_json(found)
        elif not await _print(found) and result.campaign_ids:
            say("Nobody answered, or no answer is in the journal: 'allmysms webhooks listen' receives them.")
    return result


async def _print(found: AsyncIterator[Reply]) -> bool:
    """Print a line for each answer; return whether there was any."""
    from allmysms_async.cli.ending import escaped
    from allmysms_async.cli.outlet import read_along
    from allmysms_async.numbers import mask

    any_ = False
    async for reply in found:
        any_ = True
        when = "" if reply.received_at is None else f"{reply.received_at.astimezone():%Y-%m-%d %H:%M}"
        click.echo(f"{when:16}  {mask(reply.phone):9}  {escaped(reply.text)}")
        if not await read_along():
            break
    return any_


async def _print_json(found: AsyncIterator[Reply]) -> None:
    """Print answers as one line of JSON, some at a time."""
    import json

    from allmysms_async.cli.outlet import read_along

    def fields(reply: Reply) -> dict[str, object]:
        return {
            "received_at": None if reply.received_at is None else reply.received_at.isoformat(),
            "phone": reply.phone,
            "text": reply.text,
            "reply_id": reply.reply_id,
            "sms_id": reply.sms_id,
            "campaign_id": reply.campaign_id,
        }

    before = "["
    async for reply in found:
        click.echo(f"{before}{json.dumps(fields(reply))}", nl=False)
        before = ", "
        if not await read_along():
            break
    click.echo("[]" if before == "[" else "]")


async def _write(path: Path, found: AsyncIterator[Reply]) -> None:
    """Write a line for each answer.

    Raises:
        InvalidRequest: The file cannot be written.
        NotWritten: It could not be written to its end.
    """
    import csv
    import io

    from allmysms_async.cli.ending import NotWritten
    from allmysms_async.cli.file import NewFile
    from allmysms_async.cli.outcome import cell

    file, lines = NewFile(path), io.StringIO()
    writer = csv.writer(lines)

    def hand_on() -> None:
        file.write(lines.getvalue().encode())
        lines.seek(0)
        lines.truncate()

    try:
        writer.writerow(COLUMNS)
        async for reply in found:
            when = "" if reply.received_at is None else reply.received_at.isoformat()
            texts = (reply.phone, reply.text, reply.reply_id, reply.sms_id, reply.campaign_id)
            writer.writerow([when, *(cell(text or "") for text in texts)])
            if lines.tell() > _AT_ONCE:
                hand_on()
        hand_on()
    except BaseException:
        file.give_up()
        raise
    await file.finish()
    if file.problem is not None:
        file.give_up()
        msg = f"{path} was not written: {file.problem}."
        raise NotWritten(msg)
