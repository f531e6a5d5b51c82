"""The tasks of one run: one reads rows into chunks, a fixed number of workers send them, the first error stops all.

The reader is in ``reader.py``, what a worker does with a chunk in ``dispatch.py``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from allmysms_async import telemetry
from allmysms_async.backend import Sends
from allmysms_async.batch.desk import guard
from allmysms_async.batch.dispatch import Dispatch
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.queue import ChunkQueue
from allmysms_async.batch.reader import Reader
from allmysms_async.batch.record import Sink
from allmysms_async.clock import Clock
from allmysms_async.errors import EmptyCampaign, JournalLost
from allmysms_async.loop import StopSignal, surely
from allmysms_async.model import Campaign, Outcome

__all__ = ["Supervisor"]

_MOST_HELD = 1000
"""Chunks that wait for the end of quiet hours in this process's memory alone before no more of the source is read."""


class Supervisor:
    """Runs the reader and the workers to their end; it is the desk where they meet."""

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
        self.stopping = StopSignal()
        self.error: Exception | None = None
        self.news: asyncio.Queue[Sequence[Outcome] | None] = asyncio.Queue()
        workers = options.concurrency
        self.queue = ChunkQueue(self.stopping, workers, lambda: self.news.qsize() <= 2 * workers)
        self.queue.most_held = _MOST_HELD if sink.at_once else None
        self.reader = Reader(backend, campaign, intake, sink, options, clock, self)
        self.dispatch = Dispatch(backend, campaign, sink, options, clock, rng, self)
        self._name = backend.name
        self._sink = sink
        self._workers = workers
        self._reads = intake is not None

    def fail(self, error: Exception) -> None:
        """Stop the run because of an error."""
        # A record that was lost matters more than what went wrong before, and its last word says what was saved.
        if self.error is None or isinstance(error, JournalLost):
            self.error = error
        self.stopping.set()

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tell outcomes to whoever follows the run."""
        if telemetry.observer is not None and outcomes:
            telemetry.observer.told(self._name, outcomes)
        self.news.put_nowait(outcomes)

    def number(self, count: int) -> int:
        """Reserve ordinals for new chunks; return the first of them."""
        return self.reader.number(count)

    async def run(self) -> None:
        """Run until all is sent, or the run is stopped."""
        tasks = [asyncio.create_task(guard(self, self.reader.read()), name="campaign reader")]
        tasks.extend(
            asyncio.create_task(guard(self, self._work()), name=f"campaign worker {number}")
            for number in range(self._workers)
        )
        watcher = asyncio.create_task(self._watch(), name="campaign stop")
        try:
            await asyncio.gather(*tasks)
        finally:
            watcher.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await surely(guard(self, self._sink.close()))
            nothing = self._reads and not self._sink.totals().rows
            if nothing and self.error is None and not self.stopping.is_set():
                msg = "The source of recipients held no row; nothing was sent."
                self.error = EmptyCampaign(msg)
            self.news.put_nowait(None)

    async def _work(self) -> None:
        """Send chunks until there are no more."""
        while (chunk := await self.queue.take()) is not None:
            try:
                await self.dispatch.process(chunk)
            finally:
                self.queue.done(chunk)
                if self.queue.paused_until is not None:
                    self.tell(())

    async def _watch(self) -> None:
        """Wake everybody when the run is asked to stop."""
        await self.stopping.wait()
        self.queue.wake()
