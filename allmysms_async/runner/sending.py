"""A campaign that this worker sends a part of: one record open, and as many hands as drain it at the moment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from typing import Any, cast

from allmysms_async import logs
from allmysms_async.backend import Sends
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.desk import guard
from allmysms_async.batch.dispatch import Dispatch
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.queue import ChunkQueue
from allmysms_async.batch.reader import Reader
from allmysms_async.batch.record import Claim, Settlement, Sink
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError, JournalLost, NotSent, RequestLimitReached
from allmysms_async.loop import StopSignal, surely
from allmysms_async.model import Campaign, Outcome
from allmysms_async.runner.hour import Hour
from allmysms_async.runner.rate import Rate
from allmysms_async.runner.seat import Seat, Seats

__all__ = ["Gate", "Sending"]

_AHEAD = 16
"""Chunks that are read ahead at least; nobody is kept from claiming them."""

_log = logging.getLogger("allmysms_async.runner")


class Gate:
    """What every request of this worker passes just before it leaves.

    Args:
        seats: Requests in flight over all machines.
        rate: Requests a second over all machines.
        hour: Requests an hour over all machines, where the gateway has such a limit.
    """

    def __init__(self, seats: Seats, rate: Rate, hour: Hour | None) -> None:
        self.seats = seats
        self.rate = rate
        self.hour = hour


class _Gated:
    """A record whose claims hold only with a seat and a permit.

    Args:
        sink: The record.
        gate: Where both are had.
        stopping: Set when nothing new is to be sent.
        name: The campaign's.
    """

    def __init__(self, sink: Sink, gate: Gate, stopping: asyncio.Event, name: str) -> None:
        self._name = name
        self.seats: dict[int, Seat] = {}
        self._sink = sink
        self._gate = gate
        self._stopping = stopping
        self._tried: set[int] = set()
        self._turns: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        """Return what the record has."""
        return getattr(self._sink, name)

    async def hold(self, claim: Claim) -> bool:
        """Tell, just before the bytes leave, whether a claim is still this worker's, with a seat and a permit.

        Raises:
            NotSent: It was asked to stop before there was a permit, or the seat was lost.
            RequestLimitReached: The hour has no place.
        """
        seq = claim.chunk.seq
        fresh = seq not in self._tried and not claim.unanswered
        if not await self._gate.rate.permit(self._stopping if fresh else None):
            msg = "The campaign was asked to stop."
            raise NotSent(msg)
        if self._gate.hour is not None and seq not in self._turns:
            turn, wait = await self._gate.hour.take()
            if turn is None:
                msg = "The gateway's request limit is reached by all machines together; nothing was sent."
                raise RequestLimitReached(msg, retry_after=wait)
            self._turns[seq] = turn
        if not await self._sink.hold(claim):
            return False
        seat = self.seats.get(seq)
        if seat is not None and not await self._gate.seats.assure(seat):
            msg = "The seat among all requests in flight was lost."
            raise NotSent(msg)
        self._tried.add(seq)
        return True

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
        self._tried.discard(chunk.seq)
        turn = self._turns.pop(chunk.seq, None)
        if turn is not None and self._gate.hour is not None:
            with contextlib.suppress(JournalError):  # its place is held as long as it can take
                await self._gate.hour.end(turn)


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

    Attributes:
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
    ) -> None:
        self.number_in_journal = number
        self.stopping = StopSignal()
        self.error: Exception | None = None
        self.drains = 0
        self.idle_since = clock.monotonic()
        self.name = campaign.name
        self._gate = gate
        self._gated = _Gated(sink, gate, self.stopping, campaign.name)
        self._sink = sink
        self._clock = clock
        self._grace = options.grace
        self._told = told
        self._busy: set[asyncio.Task[Any]] = set()
        gated = cast("Sink", self._gated)
        self.queue: ChunkQueue = _Deep(self.stopping, max(_AHEAD, 3 * options.concurrency), lambda: True)
        self._reader = Reader(backend, campaign, None, gated, options, clock, self)
        self._dispatch = Dispatch(backend, campaign, gated, options, clock, rng, self)
        self._reading = asyncio.create_task(guard(self, self._reader.read()), name=f"runner reader {number}")

    # -- the desk -----------------------------------------------------------------------------------------------------

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes."""
        self._told(outcomes)
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
        seat = Seat()
        task = asyncio.current_task()
        self.drains += 1
        if task is not None:
            self._busy.add(task)
        try:
            while (left := until - self._clock.monotonic()) > 0:
                chunk = await self._next(seat, left)
                if chunk is None:
                    break
                try:
                    if await self._may_send(seat, until):
                        self._gated.seats[chunk.seq] = seat
                        await guard(self, self._dispatch.process(chunk))
                    else:
                        self.queue.put_back(chunk)
                finally:
                    self._gated.seats.pop(chunk.seq, None)
                    self.queue.done(chunk)
        finally:
            self.drains -= 1
            self.idle_since = self._clock.monotonic()
            if task is not None:
                self._busy.discard(task)
            await surely(self._gate.seats.give(seat))
        return not self.over

    async def _next(self, seat: Seat, seconds: float) -> Chunk | None:
        """Return the next chunk, None if there is none so soon; whoever waits keeps no seat."""
        if self.queue.empty and not self.over:
            await self._gate.seats.give(seat)
        try:
            async with asyncio.timeout(seconds):
                return await self.queue.take()
        except TimeoutError:
            return None

    async def _may_send(self, seat: Seat, until: float) -> bool:
        """Wait for a seat, and for a place in the hour, until a moment."""
        hour = self._gate.hour
        try:
            if hour is not None and (wait := await hour.turn_in()) > 0:
                await self._clock.sleep(min(wait, max(0.0, until - self._clock.monotonic()), 1.0))
                return False
            return await self._gate.seats.take(seat, max(0.0, until - self._clock.monotonic()))
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
        await surely(guard(self, self._sink.close()))
