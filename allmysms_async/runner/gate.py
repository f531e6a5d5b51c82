"""What every request of a worker passes before it leaves: a permit, a place in the hour, its claim, a seat.

All of it may take a while, and so may the connection. So the transport asks once more as the last thing before it
writes: what has lapsed meanwhile is taken anew there, and nothing leaves without.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from allmysms_async import logs
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Claim, Settlement, Sink
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError, NotSent, RequestLimitReached
from allmysms_async.exchange import departure
from allmysms_async.runner.hour import FRESH_SECONDS, Hour
from allmysms_async.runner.rate import OPEN, Permit, Rate
from allmysms_async.runner.seat import Seat, Seats

__all__ = ["Gate", "Gated", "Passage"]

_STOPPED = "The campaign was asked to stop; nothing was sent."
_log = logging.getLogger("allmysms_async.runner")


class Gate:
    """The limits of this worker's account, over all machines.

    Args:
        seats: Requests in flight.
        rate: Requests a second.
        hour: Requests an hour, where the gateway has such a limit.

    Attributes:
        asked: Whether the backend's transport asks before it writes, as far as was seen. One that does not is not
            known to have connected when a permit is looked at.
    """

    def __init__(self, seats: Seats, rate: Rate, hour: Hour | None) -> None:
        self.seats = seats
        self.rate = rate
        self.hour = hour
        self.asked = False

    @property
    def open(self) -> bool:
        """Whether there is no limit at all."""
        return self.rate.limit is None and self.seats.limit is None and self.hour is None


class Passage:
    """The way of one request at a time through the gate: one for each drain.

    Args:
        gate: The limits.
        clock: Where the time comes from.
        stopping: Set when nothing new is to be sent.

    Attributes:
        seat: The seat of this drain.
    """

    def __init__(self, gate: Gate, clock: Clock, stopping: asyncio.Event) -> None:
        self.seat = Seat()
        self._gate = gate
        self._clock = clock
        self._stopping = stopping
        self._permit: Permit | None = None
        self._had_at = 0.0
        self._place: int | None = None
        self._place_at = 0.0
        # Whether an attempt was let through, and whether it may have left.
        self._tried = self._left = False
        self._fresh = True

    @property
    def under_way(self) -> bool:
        """Whether something of a request is had that is to be given back, or to end, with it."""
        return self._tried or self._left or self._place is not None

    # -- before the claim ---------------------------------------------------------------------------------------------

    async def reserve(self) -> bool:
        """Wait for a permit, before anything is claimed; False if asked to stop first.

        Raises:
            JournalError: The database failed.
        """
        if self._permit is not None and self._permit.lapses > self._clock.monotonic():
            return True
        permit, self._permit = self._permit, None
        self._gate.rate.give_back(permit)
        self._permit = await self._gate.rate.permit(self._stopping)
        self._had_at = self._clock.monotonic()
        return self._permit is not None

    # -- just before the bytes leave ----------------------------------------------------------------------------------

    async def enter(self, sink: Sink, claim: Claim) -> bool:
        """Tell whether a claim is still this worker's, with all that it takes to send it.

        Raises:
            NotSent: It was asked to stop first, or the seat was lost.
            RequestLimitReached: The hour has no place.
            JournalError: The database failed.
        """
        gate = self._gate
        if gate.open:
            return await sink.hold(claim)
        self._fresh = not (self._tried or claim.unanswered)
        if self._left:
            self._permit, self._left = None, False
            await self._end_place()
        if not await self._permitted(urgent=False):
            raise NotSent(_STOPPED)
        if gate.hour is not None:
            await self._take_place(gate.hour)
        if not await sink.hold(claim):
            return False
        if not await gate.seats.assure(self.seat):
            msg = "The seat among all requests in flight was lost; nothing was sent."
            raise NotSent(msg)
        if not gate.asked:  # as far as is known nobody asks later: this is the last moment
            await self._leave()
        self._tried = True
        departure.set(self._depart)
        return True

    async def _depart(self) -> None:
        """Be asked by the transport as the last thing before it writes.

        Raises:
            NotSent: Nothing may be written.
        """
        departure.set(None)
        self._gate.asked = True
        if self._permit is not OPEN:
            self._gate.rate.took(self._clock.monotonic() - self._had_at)
        if self._left:  # it was not known that it would be asked here: what was had for that moment is used
            self._permit = None
        try:
            await self._leave()
        except asyncio.CancelledError:
            if self._stopping.is_set() and self._fresh:  # the grace is over, and nothing was written
                raise NotSent(_STOPPED) from None
            raise
        except JournalError as error:
            msg = f"What limits all machines together could not be asked ({type(error).__name__}); nothing was sent."
            raise NotSent(msg) from error

    async def _leave(self) -> None:
        """Leave once everything is had at one and the same moment: what lapsed is taken anew."""
        gate = self._gate
        while True:
            now, permit = self._clock.monotonic(), self._permit
            if permit is None or permit.lapses < now:
                if not await self._permitted(urgent=True):
                    raise NotSent(_STOPPED)
            elif not gate.seats.stands(self.seat):
                if not await gate.seats.assure(self.seat):
                    msg = "The seat among all requests in flight was lost; nothing was sent."
                    raise NotSent(msg)
            elif gate.hour is not None and now - self._place_at > FRESH_SECONDS:
                await self._take_place(gate.hour)
            elif permit.starts > now:
                await self._clock.sleep(permit.starts - now)
            else:
                gate.rate.used(permit)
                self._left = True
                return

    async def _permitted(self, *, urgent: bool) -> bool:
        """Have a permit that has not lapsed; False if asked to stop first, what was tried before is not stopped."""
        if self._permit is None or self._permit.lapses < self._clock.monotonic():
            self._permit, lapsed = None, self._permit
            self._gate.rate.give_back(lapsed)
            self._permit = await self._gate.rate.permit(self._stopping if self._fresh else None, urgent=urgent)
            self._had_at = self._clock.monotonic()
        return self._permit is not None

    # -- the hour -----------------------------------------------------------------------------------------------------

    async def _take_place(self, hour: Hour) -> None:
        """Have a place in the hour.

        Raises:
            RequestLimitReached: There is none.
        """
        now = self._clock.monotonic()
        if self._place is not None and (now - self._place_at <= FRESH_SECONDS or await hour.confirm(self._place)):
            self._place_at = now if now - self._place_at > FRESH_SECONDS else self._place_at
            return
        self._place, wait = await hour.take()
        self._place_at = now
        if self._place is None:
            msg = "The gateway's request limit is reached by all machines together; nothing was sent."
            raise RequestLimitReached(msg, retry_after=wait)

    async def _end_place(self, *, left: bool = True) -> None:
        """Let the hour of a place begin, whose request is over, or give one back whose request did not leave."""
        place, self._place = self._place, None
        hour = self._gate.hour
        if place is not None and hour is not None:
            with contextlib.suppress(JournalError):  # its place is held as long as the request could take
                await (hour.end(place) if left else hour.cancel(place))

    # -- afterwards ---------------------------------------------------------------------------------------------------

    async def answered(self) -> None:
        """Take note that the chunk's request is over, however it ended."""
        left, self._left, self._tried = self._left, False, False
        departure.set(None)
        if left:
            self._permit = None
        if self._place is not None:
            await self._end_place(left=left)

    async def leave(self, *, clean: bool = True) -> None:
        """Give back what is still had.

        Args:
            clean: Whether nothing is in flight any more; if not, the seat rests.
        """
        await self.answered()
        permit, self._permit = self._permit, None
        self._gate.rate.give_back(permit)
        await self._gate.seats.give(self.seat, clean=clean)


class Gated:
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
            if self._stopping.is_set() and not claim.unanswered:
                raise NotSent(_STOPPED) from None
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
