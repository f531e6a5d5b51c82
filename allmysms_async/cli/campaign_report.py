"""``allmysms campaign report``: what became of a campaign and what came back to it, on the screen or in files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import click

from allmysms_async.cli.ending import ExitCode, NotWritten, say
from allmysms_async.cli.events import CameBack, add_rows, as_fields, came_back, how_to_receive, without_ids
from allmysms_async.cli.file import check_places, journal_file
from allmysms_async.cli.html import write_html
from allmysms_async.cli.html_events import last_replies
from allmysms_async.cli.outcome import OutcomeFile, States
from allmysms_async.cli.report import Examples, as_json, closing_table, duplicates_told
from allmysms_async.cli.screen import output_console
from allmysms_async.journal import Journal, JournalCampaign
from allmysms_async.journal.event_report import EventReport
from allmysms_async.model import Outcome

__all__ = ["report", "write_rows"]

_AT_ONCE = 1000


def report(journal: str, name: str | None, *, machine: bool, csv: Path | None, html: Path | None) -> int:
    """Report on a campaign, on the screen or in files; return the exit code."""
    check_places({"--csv": csv, "--html": html}, journal=journal_file(journal))

    async def look() -> tuple[JournalCampaign, CameBack]:
        async with Journal(journal) as opened, EventReport(journal) as events:
            campaign = await opened.campaign(name)
            back = await came_back(journal, campaign, events)
            if csv is not None:
                await write_rows(csv, opened.outcomes(name), _states_from(events) if back.figures.told else None)
            if html is not None:
                replies = await last_replies(events, campaign.result.campaign_ids) if back.figures.told else None
                await write_html(html, campaign, back, replies)
        return campaign, back

    campaign, back = asyncio.run(look())
    unnamed = without_ids(campaign.result)
    if machine:
        click.echo(as_json(campaign.result, **as_fields(back)))
    elif csv is None and html is None:
        console = output_console()
        table = closing_table(campaign.result, Examples(), width=console.width)
        add_rows(table, back)
        console.print(table)
        if not back.told and unnamed is None:
            console.print(how_to_receive(), style="dim", markup=False, soft_wrap=not console.is_terminal)
    for line in (*duplicates_told(campaign.result, journal=True), *([] if unnamed is None else [unnamed])):
        say(line)
    return ExitCode.ALL_ACCEPTED if campaign.result.all_accepted else ExitCode.SOME_NOT


async def write_rows(
    path: Path,
    outcomes: AsyncIterator[Outcome],
    states_of: Callable[[Sequence[Outcome]], Awaitable[States]] | None = None,
) -> None:
    """Write a line for each row, some at a time.

    Args:
        path: The file.
        outcomes: What became of the rows.
        states_of: Tells how far the texts of some of them came; without it the file does not say so.

    Raises:
        InvalidRequest: The file cannot be written.
        NotWritten: It could not be written to its end.
    """
    file, some = OutcomeFile(path, delivery=states_of is not None), list[Outcome]()

    async def write() -> None:
        file.add(some, None if states_of is None else await states_of(some))
        some.clear()

    try:
        async for outcome in outcomes:
            some.append(outcome)
            if len(some) == _AT_ONCE:
                await write()
        await write()
    except BaseException:
        file.file.give_up()
        raise
    await file.finish()
    if file.file.problem is not None:
        file.file.give_up()
        msg = f"{path} was not written: {file.file.problem}."
        raise NotWritten(msg)


def _states_from(events: EventReport) -> Callable[[Sequence[Outcome]], Awaitable[States]]:
    """Return what tells how far texts came."""

    async def states_of(outcomes: Sequence[Outcome]) -> States:
        return await events.states_of(
            (outcome.campaign_id, outcome.phone) for outcome in outcomes if outcome.campaign_id is not None
        )

    return states_of
