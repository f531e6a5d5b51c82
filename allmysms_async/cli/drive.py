"""Running a campaign in front of a person: progress, Ctrl-C, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from allmysms_async.batch.run import CampaignRun
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.screen import Display, hour, number
from allmysms_async.cli.signals import on_signals
from allmysms_async.errors import CampaignStopped
from allmysms_async.model import CampaignResult, Outcome, Totals, Waiting

__all__ = ["Drive", "drive"]

_TICK = 0.2

Listener = Callable[[Sequence[Outcome]], None]


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign's run ended.

    Attributes:
        result: What became of the campaign.
        error: What stopped it, if anything did.
        interrupted: Whether somebody asked it to stop.
        before: Where the campaign stood when this run continued it from a journal, None if nothing was continued.
        waiting_for: What other processes still held when the run ended without waiting any longer for it.
    """

    result: CampaignResult
    error: CampaignStopped | None = None
    interrupted: bool = False
    before: Totals | None = None
    waiting_for: Waiting | None = None

    @property
    def code(self) -> ExitCode:
        """The exit code that it stands for."""
        over = self.result.complete and not self.result.pending
        if self.error is not None or (self.interrupted and not over):
            return ExitCode.STOPPED
        return ExitCode.ALL_ACCEPTED if self.result.all_accepted else ExitCode.SOME_NOT


async def drive(
    run: CampaignRun, display: Display, *listeners: Listener, journal: str | None = None, last: bool = False
) -> Drive:
    """Run a campaign to its end, showing its progress.

    The first Ctrl-C stops it: what is in flight is answered. The second stops waiting for that, too.

    Args:
        run: The run, not started yet.
        display: Where its progress is shown.
        listeners: Told of the rows whose outcome became known.
        journal: Where it is recorded, so that the first line says whether it begins there or goes on.
        last: Whether the exit code is known afterwards, so that no signal changes it any more.
    """
    presses = 0
    task = asyncio.current_task()

    def interrupt() -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            display.note("Stopping: waiting for the answers to what was sent. Press Ctrl-C again to wait no longer.")
            run.stop()
        elif presses == 2 and task is not None:
            display.note("Giving up on what has no answer in 10 seconds.")
            task.cancel()

    error: CampaignStopped | None = None
    deferred: datetime | None = None
    opening = _Opening(run, display, journal)
    ticker = asyncio.create_task(_tick(run, display, opening), name="progress")
    with on_signals(interrupt, last=last):
        try:
            async with contextlib.aclosing(run):
                async for progress in run:
                    opening.told()
                    display.answered()
                    display.waiting_for(progress.waiting_for)
                    display.paused(progress.paused_until)
                    deferred = progress.deferred_until
                    display.recovering(progress.recovered if not progress.outcomes else 0)
                    for listener in listeners:
                        listener(progress.outcomes)
        except CampaignStopped as stopped:
            error = stopped
        except asyncio.CancelledError:
            if presses < 2 or task is None:
                raise
            task.uncancel()
        finally:
            ticker.cancel()
    opening.told()
    if deferred is not None:
        display.note(f"Quiet hours: what may not be sent now is scheduled, the last of it for {hour(deferred)}.")
    result = run.result
    display.show(result, last=True)
    return Drive(result=result, error=error, interrupted=presses > 0, before=run.continued, waiting_for=run.waiting_for)


class _Opening:
    """Says first, once the journal is open, whether the campaign begins in it or goes on.

    Args:
        run: The run.
        display: Where to say it.
        journal: The journal's name; without one there is nothing to say.
    """

    def __init__(self, run: CampaignRun, display: Display, journal: str | None) -> None:
        self._run = run
        self._display = display
        self._journal = journal

    def told(self) -> None:
        """Say it, unless it was said, or is not known yet."""
        if self._journal is None or not self._run.opened:
            return
        before = self._run.continued
        if before is None:
            words = "new, nothing of this campaign was sent from it before."
        else:
            words = f"continues, {number(before.accepted)} accepted already."
        self._display.note(f"Journal {self._journal}: {words}")
        self._journal = None


async def _tick(run: CampaignRun, display: Display, opening: _Opening) -> None:
    """Show where a run stands, again and again."""
    while True:
        opening.told()
        display.show(run.result)
        await asyncio.sleep(_TICK)
