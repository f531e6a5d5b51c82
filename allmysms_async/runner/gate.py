"""What every request of a worker passes before it leaves: a permit, a place in the hour, its claim, a seat.

All of it may take a while, and so may the connection. So the transport asks once more as the last thing before it
writes: what has lapsed meanwhile is taken anew there, and nothing leaves without.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from allmysms_async.batch.record import Claim, Sink
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError, NotSent, RequestLimitReached
from allmysms_async.exchange import departure
from allmysms_async.runner.hour import FRESH_SECONDS, Hour
from allmysms_async.runner.rate import OPEN, Permit, Rate
from allmysms_async.runner.seat import Seat, Seats

__all__ = ["STOPPED", "Gate", "Passage"]

STOPPED = "The campaign was asked to stop; nothing was sent."


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


class Halts(Protocol):
    """What a passage may ask of what is sent."""

    @property
    def stopping(self) -> asyncio.Event:
        """Set when nothing new is to be sent."""
        ...

    def fail(self, error: Exception) -> None:
        """Stop because of an error."""
        ...


class Passage:
    """The way of one request at a time through the gate: one for each drain.

    Args:
        gate: The limits.
        clock: Where the time comes from.
        desk: Says when nothing new is to be sent, and is told where the database fails.

    Attributes:
        seat: The seat of this drain.
    """

    def __init__(self, gate: Gate, clock: Clock, desk: Halts) -> None:
        self.seat = Seat()
        self._gate = gate
        self._clock = clock
        self._desk = desk
        self._stopping = desk.stopping
        self._permit: Permit | None = None
        self._had_at = 0.0
        self._place: int | None = None
        self._place_at = 0.0
        # Whether an attempt was let through, whether it may have left, and whether none before it may have been taken.
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
        self._fresh = not claim.in_doubt
        if self._left:
            self._permit, self._left = None, False
            await self._end_place()
        try:
            if not await self._permitted(urgent=False):
                raise NotSent(STOPPED)
            if gate.hour is not None:
                await self._take_place(gate.hour)
        except JournalError as error:
            raise self._unasked(error) from error
        if not await sink.hold(claim):
            return False
        if not await gate.seats.assure(self.seat):
            msg = "The seat among all requests in flight was lost; nothing was sent."
            raise NotSent(msg)
        if not gate.asked:  # as far as is known nobody asks later: this is the last moment
            try:
                await self._leave()
            except JournalError as error:
                raise self._unasked(error) from error
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
                raise NotSent(STOPPED) from None
            raise
        except JournalError as error:
            raise self._unasked(error) from error

    def _unasked(self, error: JournalError) -> NotSent:
        """Stop, since the database failed; return the error of a request of which nothing was sent."""
        self._desk.fail(error)
        return NotSent(f"What limits all machines together could not be asked ({type(error).__name__}); not sent.")

    async def _leave(self) -> None:
        """Leave once everything is had at one and the same moment: what lapsed is taken anew."""
        gate = self._gate
        while True:
            now, permit = self._clock.monotonic(), self._permit
            if permit is None or permit.lapses < now:
                if not await self._permitted(urgent=True):
                    raise NotSent(STOPPED)
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
        """Have a permit that has not lapsed; False if asked to stop first, but what may have left is asked about."""
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
