"""A run of a campaign, as whoever follows it sees it: its progress, its result, and what stopped it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from allmysms_async import telemetry
from allmysms_async.backend import Sends
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.record import Sink
from allmysms_async.batch.supervisor import Supervisor
from allmysms_async.border import bordered, retell
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    CampaignStopped,
    EmptyCampaign,
    InvalidRequest,
    QuietHoursError,
)
from allmysms_async.loop import BriefLock, do_in
from allmysms_async.model import Campaign, CampaignResult, Outcome, Progress, Totals, Waiting, joined

__all__ = ["CampaignRun"]

# Which run reads an intake: two at once would give different chunks the same ordinal.
_readers_lock = BriefLock()
_readers: weakref.WeakKeyDictionary[Intake, Callable[[], CampaignRun | None]] = weakref.WeakKeyDictionary()


@bordered
class CampaignRun:
    """A campaign being sent; iterate over it for its progress.

    Leaving the iteration, by ``break``, an error or a cancelled task, stops the run: nothing new is sent, what is in
    flight gets the time to be answered, and the rest waits to be continued. ``result`` is true at any moment.

    Args:
        backend: What sends.
        campaign: What is sent.
        intake: The rows of its source, or None to send only what is recorded.
        sink: Where every step is recorded.
        options: How it is sent.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
    """

    def __init__(
        self,
        backend: Sends,
        campaign: Campaign,
        intake: Intake | None,
        sink: Sink,
        options: EngineOptions,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._backend = backend.name
        self._campaign = campaign
        self._intake = intake
        self._sink = sink
        self._options = options
        self._run = Supervisor(backend, campaign, intake, sink, options, clock, rng)
        self._supervisor: asyncio.Task[None] | None = None
        self._pid = os.getpid()

    @property
    def result(self) -> CampaignResult:
        """What became of the campaign so far."""
        return self._sink.result(self._campaign.name)

    @property
    def opened(self) -> bool:
        """Whether the record of the campaign is open, or was: before, nothing can have been sent."""
        return self._run.reader.continued is not None

    @property
    def continued(self) -> Totals | None:
        """Where the campaign stood when this run opened the record that an earlier one had begun; else None."""
        return self._run.reader.continued if self._sink.continues else None

    @property
    def waiting_for(self) -> Waiting | None:
        """What other processes hold, while that is all that is left to wait for; else None."""
        return self._run.reader.waiting_for

    @property
    def paused_until(self) -> datetime | None:
        """While quiet hours hold up all that is left to send, when the first of it may be sent; else None."""
        until = self._run.queue.paused_until
        return None if until is None or until == float("inf") else datetime.fromtimestamp(until, UTC)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._run.stopping.is_set()

    @property
    def running(self) -> bool:
        """Whether anything of it still runs."""
        return self._supervisor is not None and not self._supervisor.done()

    def stop(self) -> None:
        """Ask the run to stop: what is in flight is answered, nothing else is sent, the rest stays pending.

        Any thread may ask.
        """
        self._run.stopping.set()

    def __aiter__(self) -> AsyncIterator[Progress]:
        """Start sending, once an earlier run of the campaign that is stopping has stopped."""
        if self._supervisor is not None:
            msg = "This run was started already; ask the service for another one to continue the campaign."
            raise InvalidRequest(msg)
        with _readers_lock:
            earlier = self._take_intake()
            self._supervisor = asyncio.create_task(self._supervise(earlier), name="campaign")
        steps = self._iterate()
        # A loop that is left by break lets go of its iterator, and only later does the event loop close it.
        weakref.finalize(steps, self.stop).atexit = False
        return steps

    def _take_intake(self) -> CampaignRun | None:
        """Become the one that reads the source; return an earlier run that did, and is stopping.

        Raises:
            InvalidRequest: An earlier run still goes on, or nobody can tell any more what it had in flight.
        """
        if self._intake is None:
            return None
        reference = _readers.get(self._intake)
        earlier = reference() if reference is not None else None
        if earlier is not None and earlier.running and (earlier.is_lost or not earlier.stopping):
            if earlier.is_lost:
                msg = (
                    "This campaign was being sent in an event loop that was closed meanwhile, or in the process that "
                    "this one was forked from: what became of what was in flight is not known here."
                )
                raise InvalidRequest(msg, remedy="With a journal, a new Campaign of the same name continues it.")
            msg = "This campaign is being sent already; wait for its end, or stop it."
            raise InvalidRequest(msg)
        _readers[self._intake] = weakref.ref(self)
        return earlier

    async def _iterate(self) -> AsyncIterator[Progress]:
        """Yield progress until the run is over, then raise what stopped it."""
        outer = sys.exception()
        try:
            async with contextlib.aclosing(self._steps()) as steps:
                async for progress in steps:
                    yield progress
        except BaseException as error:
            retell(error, outer)
            raise

    async def _steps(self) -> AsyncGenerator[Progress, None]:
        """Yield progress until the run is over, then raise what stopped it."""
        over, news = False, self._run.news
        told = self._progress(())
        try:
            while not over:
                batches = [await news.get()]
                while not news.empty():
                    batches.append(news.get_nowait())
                over = batches[-1] is None
                outcomes = joined([batch for batch in batches if batch])
                self._run.queue.wake()
                progress = self._progress(outcomes)
                if outcomes or progress != msgspec.structs.replace(told, outcomes=()):
                    told = progress
                    yield progress
        finally:
            await self.aclose()
        error = self._run.error
        if error is None:
            return
        if isinstance(error, EmptyCampaign | QuietHoursError) or not self._run.reader.begun:
            raise error
        msg = f"The campaign stopped: {self._why(error)}"
        raise CampaignStopped(msg, reason=error, result=self.result) from error

    def _why(self, error: Exception) -> str:
        """Return the words for an error: its own if they are the library's, since those of others quote anything."""
        if isinstance(error, AllMySmsError):
            return str(error)
        who = "the source" if error is self._run.reader.source_error else "a part of the run"
        return f"{who} failed ({type(error).__name__})."

    def _progress(self, outcomes: Sequence[Outcome]) -> Progress:
        hours = self._options.hours
        return Progress(
            **msgspec.structs.asdict(self._sink.totals()),
            outcomes=outcomes,
            waiting_until=self._run.dispatch.turn.waiting_until,
            least_seconds=self._run.reader.least_seconds,
            recovered=self._run.reader.recovered,
            waiting_for=self._run.reader.waiting_for,
            paused_until=self.paused_until,
            deferred_until=None if hours is None else hours.deferred_until,
        )

    @property
    def is_lost(self) -> bool:
        """Whether nobody goes on with it: its event loop is closed, or it is the parent process's."""
        task = self._supervisor
        return self._pid != os.getpid() or (task is not None and task.get_loop().is_closed())

    async def aclose(self) -> None:
        """Stop, and wait for what is in flight, but not longer than ``grace``: what is not answered then is unknown.

        A source that is being waited for is left to the campaign's next run, or to the end of the service. Any event
        loop may ask.
        """
        task = self._supervisor
        if task is None or task.done() or self.is_lost:
            return
        self.stop()
        await do_in(task.get_loop(), functools.partial(self._end, task))

    async def _end(self, task: asyncio.Task[None]) -> None:
        """Wait for the run's end, in its own event loop."""
        try:
            await asyncio.wait({task}, timeout=self._options.grace)
        finally:
            if not task.done():  # it took too long, or whoever waits is cancelled as well
                task.cancel()
                await asyncio.wait({task})

    async def _supervise(self, earlier: CampaignRun | None) -> None:
        """Run to the end, once an earlier run has stopped."""
        if earlier is not None:
            await earlier.aclose()
        running: Awaitable[None] = self._run.run()
        observer = telemetry.observer
        if observer is not None:
            running = observer.running(self._backend, running, self._sink.totals)
        await running
