"""A campaign that this worker sends a part of: one record open, and as many hands as drain it at the moment."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from allmysms_async import logs
from allmysms_async.backend import Sends
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.desk import guard, pause
from allmysms_async.batch.dispatch import Dispatch
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.queue import ChunkQueue
from allmysms_async.batch.reader import Reader
from allmysms_async.batch.record import Claim, Settlement, Sink
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError, JournalLost, NotSent
from allmysms_async.exchange import departure
from allmysms_async.loop import StopSignal, surely
from allmysms_async.model import Campaign, Outcome, OutcomeState
from allmysms_async.options import SendOptions
from allmysms_async.runner.failures import Failures
from allmysms_async.runner.gate import STOPPED, Gate, Passage

__all__ = ["Sending"]

_AHEAD = 32
"""Chunks that are read ahead at least; nobody is kept from claiming them."""

_log = logging.getLogger("allmysms_async.runner")


class _Gated:
    """A record whose claims hold only with what the gate asks for.

    Args:
        sink: The record.
        stopping: Set when nothing new is to be sent.
        name: The campaign's.

    Attributes:
        passages: The ways of what is being sent, by the ordinals of its chunks.
    """

    def __init__(self, sink: Sink, stopping: asyncio.Event, name: str) -> None:
        self.passages: dict[int, Passage] = {}
        self._name = name
        self._sink = sink
        self._stopping = stopping

    def __getattr__(self, name: str) -> Any:
        """Return what the record has."""
        return getattr(self._sink, name)

    async def hold(self, claim: Claim) -> bool:
        """Tell, just before the bytes leave, whether a claim is still this worker's, with a seat and a permit.

        Raises:
            NotSent: It was asked to stop before there was a permit, or the seat was lost.
            RequestLimitReached: The hour has no place.
            JournalError: The database failed.
        """
        passage = self.passages[claim.chunk.seq]
        try:
            return await passage.enter(self._sink, claim)
        except asyncio.CancelledError:
            # The grace is over: of what did not leave it is known that it did not.
            if self._stopping.is_set() and not claim.in_doubt:
                raise NotSent(STOPPED) from None
            raise

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended."""
        await self._answered(chunk)
        await self._sink.settle(chunk, settlement)
        level = logging.DEBUG if settlement.event is ChunkEvent.ACCEPT else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(
                level,
                "ended: %s",
                settlement.event.value,
                extra=logs.fields("worker_chunk", campaign=self._name, chunk=chunk.seq, state=settlement.event.value),
            )

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a chunk was surely not sent."""
        await self._answered(chunk)
        await self._sink.release(chunk, new_key=new_key)

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> list[Chunk]:
        """Record that a chunk is replaced by pieces."""
        await self._answered(chunk)
        return await self._sink.split(chunk, pieces)

    async def _answered(self, chunk: Chunk) -> None:
        passage = self.passages.get(chunk.seq)
        if passage is not None and passage.under_way:
            await passage.answered()


class _Deep(ChunkQueue):
    """A queue that is filled once it is half empty: chunks are read some at a time, claimed one by one as ever."""

    async def room(self, *, planning: bool = False) -> None:
        """Wait until it is half empty."""
        del planning
        await self._until(lambda: 2 * self.space > self._most or self._stopping.is_set())


class Sending:
    """Sends chunks of one campaign, whichever drain asks for it.

    Args:
        number: The campaign's number in the journal.
        campaign: The campaign, without a source.
        backend: What sends.
        sink: Its record, shared with other workers.
        options: How it is sent.
        gate: What each request passes.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
        told: Told of outcomes.
        failures: What counts them over all machines, where there is a limit to what may fail.

    Attributes:
        options: What it was opened with.
        answered: Whether the gateway took anything while it was open here.
        drains: How many drain it at the moment.
        idle_since: Monotonic time since when none does.
    """

    def __init__(
        self,
        number: int,
        campaign: Campaign,
        backend: Sends,
        sink: Sink,
        options: EngineOptions,
        gate: Gate,
        clock: Clock,
        rng: random.Random,
        told: Callable[[Sequence[Outcome]], None],
        failures: Failures | None = None,
    ) -> None:
        self.number_in_journal = number
        self.stopping = StopSignal()
        self.error: Exception | None = None
        self.answered = False
        self.options: SendOptions = {}
        self.drains = 0
        self.idle_since = clock.monotonic()
        self.name = campaign.name
        self._gate = gate
        self._gated = _Gated(sink, self.stopping, campaign.name)
        self._sink = sink
        self._clock = clock
        self._grace = options.grace
        self._failures = failures
        if failures is not None:
            failures.fail = self.fail
            options = msgspec.structs.replace(options, failures=failures.note)
        self._told = told
        self._busy: set[asyncio.Task[Any]] = set()
        gated = cast("Sink", self._gated)
        self.queue: ChunkQueue = _Deep(self.stopping, max(_AHEAD, 6 * options.concurrency), lambda: True)
        self._reader = Reader(backend, campaign, None, gated, options, clock, self)
        self._dispatch = Dispatch(backend, campaign, gated, options, clock, rng, self)
        self._reading = asyncio.create_task(guard(self, self._reader.read()), name=f"runner reader {number}")

    # -- the desk -----------------------------------------------------------------------------------------------------

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes."""
        self._told(outcomes)
        if not self.answered:
            self.answered = any(outcome.state is OutcomeState.ACCEPTED for outcome in outcomes)
        self.queue.wake()

    def fail(self, error: Exception) -> None:
        """Stop because of an error."""
        if self.error is None or isinstance(error, JournalLost):
            self.error = error
        self.stopping.set()
        self.queue.wake()

    def number(self, count: int) -> int:
        """Reserve ordinals for new chunks; return the first of them."""
        return self._reader.number(count)

    # -- draining -----------------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether nothing is sent any more."""
        return self.stopping.is_set() or self._reading.done()

    @property
    def finished(self) -> bool:
        """Whether it ended by itself, with nothing left to send."""
        return self._reading.done() and self.error is None and not self.stopping.is_set()

    def stop(self) -> None:
        """Send nothing new."""
        self.stopping.set()
        self.queue.wake()

    async def drain(self, until: float) -> bool:
        """Send one chunk after another, until a moment or the end; return whether there may be more.

        Args:
            until: Monotonic time after which none is begun.
        """
        passage = Passage(self._gate, self._clock, self)
        task, clean = asyncio.current_task(), True
        self.drains += 1
        if task is not None:
            self._busy.add(task)
        try:
            while (left := until - self._clock.monotonic()) > 0:
                chunk = await self._next(passage, left)
                if chunk is None:
                    break
                try:
                    if await self._may_send(passage, until):
                        self._gated.passages[chunk.seq] = passage
                        await guard(self, self._dispatch.process(chunk))
                    else:
                        self.queue.put_back(chunk)
                finally:
                    departure.set(None)  # whatever this task asks next is no request of the campaign's
                    self._gated.passages.pop(chunk.seq, None)
                    self.queue.done(chunk)
                    if passage.under_way:
                        await surely(passage.answered())
        except asyncio.CancelledError:  # the gateway may go on with what was in flight
            clean = False
            raise
        finally:
            self.drains -= 1
            self.idle_since = self._clock.monotonic()
            if task is not None:
                self._busy.discard(task)
            await surely(passage.leave(clean=clean))
        return not self.over

    async def _next(self, passage: Passage, seconds: float) -> Chunk | None:
        """Return the next chunk, None if there is none so soon; whoever waits keeps neither seat nor permit."""
        if self.queue.empty and not self.over:
            await passage.leave()
        try:
            async with asyncio.timeout(seconds):
                return await self.queue.take()
        except TimeoutError:
            return None

    async def _may_send(self, passage: Passage, until: float) -> bool:
        """Wait for a place in the hour and for a seat, until a moment, and for a permit as long as it takes.

        All of it before a chunk is claimed: what waits unclaimed was surely not sent, whatever becomes of this worker.
        """
        gate = self._gate
        try:
            if gate.hour is not None and (wait := await gate.hour.turn_in()) > 0:
                if not self.stopping.is_set():
                    seconds = min(wait, max(0.0, until - self._clock.monotonic()), 1.0)
                    await pause(self._clock, self.stopping, seconds)
                return False
            if not await gate.seats.take(passage.seat, max(0.0, until - self._clock.monotonic()), self.stopping):
                return False
            return gate.rate.limit is None or await passage.reserve()
        except JournalError as error:
            self.fail(error)
            return False

    async def aclose(self) -> None:
        """Stop, wait for the answers to what is in flight, but not longer than the grace, and let go of the record."""
        self.stop()
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._grace)
        for task in self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(self._busy)
        if not self._reading.done():
            _, late = await asyncio.wait({self._reading}, timeout=self._grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._failures is not None:
            await surely(self._failures.aclose())
        await surely(guard(self, self._sink.close()))
