"""``allmysms campaign status | resume | resolve | list``: what is done with a campaign's journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Literal

import click
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from allmysms_async.batch.state import ChunkState
from allmysms_async.cli import login
from allmysms_async.cli.drive import drive
from allmysms_async.cli.ending import ExitCode, plain, say
from allmysms_async.cli.report import (
    Examples,
    as_json,
    closing_table,
    held_as_json,
    print_advice,
    print_end,
)
from allmysms_async.cli.screen import Display, error_console, held_words, number, output_console
from allmysms_async.journal import ChunkView, Journal, JournalCampaign
from allmysms_async.journal.address import address_of
from allmysms_async.journal.journal import Decision
from allmysms_async.model import CampaignResult
from allmysms_async.options import SendOptions

__all__ = ["as_table", "list_campaigns", "resolve", "resume", "status"]

_ROOM_FOR_NAMES = 12
_STATES = ("accepted", "rejected", "failed", "unknown", "in flight", "pending")


def _code(result: CampaignResult) -> ExitCode:
    """Return the exit code that a campaign's state stands for."""
    return ExitCode.ALL_ACCEPTED if result.all_accepted else ExitCode.SOME_NOT


def status(journal: str, name: str | None, *, machine: bool) -> int:
    """Say where a campaign stands; return the exit code."""

    async def look() -> tuple[JournalCampaign, list[ChunkView], list[ChunkView]]:
        async with Journal(journal) as opened:
            rejected = await opened.chunks(name, state=ChunkState.REJECTED)
            duplicates = [chunk for chunk in rejected if chunk.duplicates]
            return await opened.campaign(name), await opened.chunks(name), duplicates

    campaign, unknown, duplicates = asyncio.run(look())
    if machine:
        click.echo(as_json(campaign.result, held=held_as_json(campaign.held)))
        return _code(campaign.result)
    console = output_console()
    console.print(closing_table(campaign.result, Examples(), width=console.width))
    _print_open("Unknown requests", "unknown", unknown)
    _print_open("Requests refused as duplicates", "duplicates", duplicates)
    if campaign.quiet_hours is not None and campaign.quiet_hours.policy == "ignore":
        say("Quiet hours are ignored: it is sent at any hour.")
    if campaign.held is not None:
        held = held_words(campaign.held)
        say(f"{held[0].upper()}{held[1:]}; what a dead process holds the next run takes over at once.")
    print_advice(error_console(), campaign.result, journal=True)
    return _code(campaign.result)


def _print_open(title: str, counted: Literal["unknown", "duplicates"], chunks: Sequence[ChunkView]) -> None:
    """List requests that an operator may decide about."""
    if not chunks:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for heading in ("request", "recipients", counted, "first tried", "held", "why"):
        table.add_column(heading, overflow="fold")
    for chunk in chunks:
        when = "" if chunk.first_sent_at is None else chunk.first_sent_at.astimezone().isoformat(" ", "seconds")
        held = "yes" if chunk.leased else ""
        problem = Text(plain(chunk.problem or ""))
        table.add_row(str(chunk.seq), number(chunk.rows), number(getattr(chunk, counted)), when, held, problem)
    output_console().print(table)


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


async def resume(journal: str, name: str | None, options: SendOptions, *, machine: bool) -> int:
    """Continue a campaign without its file; return the exit code."""
    display = Display(error_console())
    examples = Examples()
    async with login.service() as sms:
        run = await sms.resume(journal, name, **options)
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
