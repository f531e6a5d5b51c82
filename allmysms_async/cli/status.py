"""``allmysms campaign status``: where a campaign stands, what of it nobody sends again, and who works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

import click
import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from allmysms_async.batch.state import ChunkState
from allmysms_async.cli.ending import ExitCode, plain, say
from allmysms_async.cli.report import Examples, as_json, closing_table, held_as_json, print_advice
from allmysms_async.cli.screen import Display, error_console, held_words, number, output_console
from allmysms_async.cli.signals import on_signals
from allmysms_async.journal import ChunkView, Journal, JournalCampaign
from allmysms_async.model import CampaignResult

__all__ = ["follow", "status"]

_FOLLOW_SECONDS = 1.0
_MOST_LETTERS = 100


class Seen(msgspec.Struct, frozen=True):
    """What a look at a campaign found.

    Attributes:
        campaign: The campaign.
        open: Its requests that are unknown, refused as duplicates, and failed.
        placed: Where it stands with the workers, why, and how many they are; None if it was not placed for any.
    """

    campaign: JournalCampaign
    open: tuple[Sequence[ChunkView], Sequence[ChunkView], Sequence[ChunkView]]
    placed: tuple[str, str | None, int] | None

    @property
    def complete(self) -> bool:
        """Whether its source was read to its end; of one that is placed, and sent, too."""
        result = self.campaign.result
        return result.complete and (self.placed is None or not result.pending)

    @property
    def code(self) -> ExitCode:
        """The exit code that it stands for."""
        result = self.campaign.result
        return ExitCode.ALL_ACCEPTED if result.all_accepted else ExitCode.SOME_NOT

    def as_json(self) -> str:
        """Return it as a line of JSON."""
        more: dict[str, object] = {"held": held_as_json(self.campaign.held)}
        if self.placed is not None:
            state, reason, workers = self.placed
            more |= {"complete": self.complete, "status": state, "reason": reason, "workers": workers}
            unknown, _, failed = self.open
            more["dead_letters"] = [
                {"request": chunk.seq, "state": chunk.state.value, "recipients": chunk.rows, "why": chunk.problem}
                for chunk in (*unknown, *failed)
                if not chunk.leased
            ][:_MOST_LETTERS]
        return as_json(self.campaign.result, **more)


async def _look(journal: Journal, name: str | None) -> Seen:
    """Look at a campaign."""
    from allmysms_async.runner import store

    rejected = await journal.chunks(name, state=ChunkState.REJECTED)
    duplicates = [chunk for chunk in rejected if chunk.duplicates]
    failed = await journal.chunks(name, state=ChunkState.FAILED)
    campaign = await journal.campaign(name)
    placed = await journal.ask(lambda connection: store.look(connection, campaign.name))
    return Seen(campaign, (await journal.chunks(name), duplicates, failed), placed)


def status(journal: str, name: str | None, *, machine: bool) -> int:
    """Say where a campaign stands; return the exit code."""

    async def look() -> Seen:
        async with Journal(journal) as opened:
            return await _look(opened, name)

    seen = asyncio.run(look())
    _print(seen, machine=machine)
    return seen.code


async def follow(journal: str, name: str | None, *, machine: bool) -> int:
    """Say where a campaign stands whenever that changes, until nothing is sent any more; return the exit code."""
    stopping = asyncio.Event()
    display = Display(error_console())
    told = ""
    async with Journal(journal) as opened:
        with on_signals(stopping.set, last=True):
            while True:
                seen = await _look(opened, name)
                line = seen.as_json()
                if machine and line != told:
                    click.echo(told := line)
                elif not machine:
                    display.show(seen.campaign.result)
                state = None if seen.placed is None else seen.placed[0]
                if _is_over(seen.campaign.result, state) or stopping.is_set():
                    break
                try:
                    await asyncio.wait_for(stopping.wait(), _FOLLOW_SECONDS)
                except TimeoutError:
                    continue
    if not machine:
        _print(seen, machine=False)
    return ExitCode.STOPPED if state == "stopped" or not _is_over(seen.campaign.result, state) else seen.code


def _is_over(result: CampaignResult, state: str | None) -> bool:
    """Tell whether nothing is sent any more."""
    return state in {"done", "stopped"} or (state is None and result.complete and not result.pending)


def _print(seen: Seen, *, machine: bool) -> None:
    """Print what was seen."""
    campaign = seen.campaign
    if machine:
        click.echo(seen.as_json())
        return
    console = output_console()
    console.print(closing_table(campaign.result, Examples(), width=console.width))
    unknown, duplicates, failed = seen.open
    _print_open("Unknown requests", "unknown", unknown)
    _print_open("Requests refused as duplicates", "duplicates", duplicates)
    if seen.placed is not None:
        _print_open("Failed requests", "rows", failed)
        state, reason, workers = seen.placed
        why = "" if reason is None else f" ({reason.rstrip('.')})"
        say(f"Placed for workers, and {state}{why}. Workers of its account that live: {number(workers)}.")
    if campaign.quiet_hours is not None and campaign.quiet_hours.policy == "ignore":
        say("Quiet hours are ignored: it is sent at any hour.")
    if campaign.held is not None:
        held = held_words(campaign.held)
        say(f"{held[0].upper()}{held[1:]}; what a dead process holds the next run takes over at once.")
    print_advice(error_console(), campaign.result, journal=True)


def _print_open(title: str, counted: Literal["unknown", "duplicates", "rows"], chunks: Sequence[ChunkView]) -> None:
    """List requests that an operator may decide about."""
    if not chunks:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    words = "failed" if counted == "rows" else counted
    for heading in ("request", "recipients", words, "first tried", "held", "why"):
        table.add_column(heading, overflow="fold")
    for chunk in chunks:
        when = "" if chunk.first_sent_at is None else chunk.first_sent_at.astimezone().isoformat(" ", "seconds")
        held = "yes" if chunk.leased else ""
        problem = Text(plain(chunk.problem or ""))
        table.add_row(str(chunk.seq), number(chunk.rows), number(getattr(chunk, counted)), when, held, problem)
    output_console().print(table)
