"""Requests a second over all machines: one row says when the next may leave, and workers take some at once.

A permit is for its moment, and lapses a little later: however workers come, stall or die, what is late does not leave,
and what lapses is lost. The moments are so far apart that whatever second is looked at, at the gateway, has no more
requests than the limit, as long as the ways to it differ by no more than ``WAY_SECONDS``.
"""

from __future__ import annotations

import asyncio
import bisect
import math
from collections import deque

import msgspec

from allmysms_async.clock import Clock
from allmysms_async.runner.control import Control

__all__ = ["OPEN", "USE_SECONDS", "WAY_SECONDS", "Permit", "Rate", "apart", "window"]

USE_SECONDS = 0.03
"""How long after its moment a permit may be used, for each second of the window."""

WAY_SECONDS = 0.05
"""How much longer one request may be on its way to the gateway than another, likewise."""

_BATCH_SECONDS = 0.1
"""For so long permits are taken at once."""

_AHEAD_SECONDS = 0.05
"""So long before the last permit is due the next ones are taken."""

_LOOK_SECONDS = 0.25
_LEAST_USE_SECONDS = 0.01
_LONGEST_LEAD = 1.0
_FORGET = 0.98
_DRIFT = 0.001
"""How fast two clocks may drift apart: ten times as fast as they do."""

# What is told is the clock of the moment after the row was had, also where it was waited for.
_TAKE = (
    "update runner_line set tat = greatest(tat, clock_timestamp()) + make_interval(secs => $2::int * $3::float8)"
    " where line = $1 returning extract(epoch from tat)::float8 as ends,"
    " extract(epoch from clock_timestamp())::float8 as now"
)


class Permit(msgspec.Struct, frozen=True):
    """Leave to send one request.

    Attributes:
        starts: Monotonic time from which it may leave.
        lapses: Until when.
    """

    starts: float
    lapses: float


OPEN = Permit(-math.inf, math.inf)
"""Leave where there is no limit."""


def window(limit: float) -> float:
    """Return over how many seconds a limit is counted: one, or as many as one request takes if that is more."""
    return max(1.0, 1.0 / limit)


def apart(limit: float) -> float:
    """Return how many seconds the moments of permits are apart.

    So that of moments that lie within a window, the use of a permit and the difference of the ways there are no more
    than the limit.
    """
    return window(limit) * (1.0 + USE_SECONDS + WAY_SECONDS) / max(1.0, limit)


class _Difference:
    """How far the monotonic clock is ahead of the database's: bounds, which each answer narrows."""

    def __init__(self) -> None:
        self.low, self.high = -math.inf, math.inf
        self._at = 0.0

    def learn(self, asked: float, heard: float, theirs: float) -> None:
        """Take in an answer.

        Args:
            asked: Monotonic time at which it was asked for.
            heard: And had.
            theirs: The database's time in between.
        """
        spread = _DRIFT * max(0.0, heard - self._at)
        low, high = asked - theirs, heard - theirs
        self.low, self.high, self._at = max(low, self.low - spread), min(high, self.high + spread), heard
        if self.low > self.high:  # a clock was set
            self.low, self.high = low, high


class _Waiter(msgspec.Struct, eq=False):
    """Who waits for a permit, until it is asked to stop, and how long before its moment it wants it."""

    future: asyncio.Future[Permit | None]
    stopping: asyncio.Event | None
    lead: float


class Rate:
    """The permits of this worker.

    Args:
        control: Where they are taken.
        line: The account whose requests are counted.
        clock: Where the time comes from.

    Attributes:
        limit: Requests a second over all machines; None for any number.
        lead: How long before its moment a permit is handed out: what it takes here until a request can leave.
    """

    def __init__(self, control: Control, line: str, clock: Clock) -> None:
        self.limit: float | None = None
        self.lead = 0.0
        self._control = control
        self._line = line
        self._clock = clock
        self._moments: list[Permit] = []
        self._limit_of_moments: float | None = None
        self._difference = _Difference()
        self._urgent: deque[_Waiter] = deque()
        self._usual: deque[_Waiter] = deque()
        self._woken = asyncio.Event()
        self._giving: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None

    async def permit(self, stopping: asyncio.Event | None = None, *, urgent: bool = False) -> Permit | None:
        """Wait for leave to send one request; None if asked to stop first.

        Args:
            stopping: Ends the wait.
            urgent: Whether all else is ready: it goes before those that are not, and has its permit at its moment.

        Raises:
            JournalError: The database failed.
        """
        if stopping is not None and stopping.is_set():
            return None
        if self.limit is None:
            return OPEN
        waiter = _Waiter(asyncio.get_running_loop().create_future(), stopping, 0.0 if urgent else self.lead)
        waiting = self._urgent if urgent else self._usual
        waiting.append(waiter)
        if self._giving is None or self._giving.done():
            self._giving = asyncio.create_task(self._give(), name="runner permits")
        self._woken.set()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                self.give_back(waiter.future.result())
            raise
        finally:
            if waiter in waiting:
                waiting.remove(waiter)

    def give_back(self, permit: Permit | None) -> None:
        """Let another request have a permit that was not used."""
        if permit is None or permit is OPEN or self.limit != self._limit_of_moments:
            return
        if permit.lapses > self._clock.monotonic():
            bisect.insort(self._moments, permit, key=lambda each: each.starts)
            self._woken.set()

    def took(self, seconds: float) -> None:
        """Take in how long it took from a permit until its request could leave."""
        self.lead = min(_LONGEST_LEAD, max(seconds, _FORGET * self.lead))

    async def aclose(self) -> None:
        """Hand out nothing more."""
        for task in (self._giving, self._taking):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})

    # -- handing out --------------------------------------------------------------------------------------------------

    async def _give(self) -> None:
        """Hand out permits for as long as somebody waits for one."""
        try:
            while (waiter := self._first()) is not None:
                self._woken.clear()
                permit, seconds = self._due(waiter)
                if permit is not None:
                    waiter.future.set_result(permit)
                elif seconds > 0:
                    await self._pause(min(seconds, _LOOK_SECONDS))
                elif (taking := self._take_more()) is not None:
                    await asyncio.wait({taking})
                    self._taking = None
                    taking.result()
        except Exception as error:  # whatever it is, those who wait are to know
            for waiting in (self._urgent, self._usual):
                while waiting:
                    if not (future := waiting.popleft().future).done():
                        future.set_exception(error)

    def _first(self) -> _Waiter | None:
        """Return who is next; those that are to stop are let go."""
        for waiting in (self._urgent, self._usual):
            for waiter in list(waiting):
                if not waiter.future.done() and waiter.stopping is not None and waiter.stopping.is_set():
                    waiter.future.set_result(None)
                if waiter.future.done():
                    waiting.remove(waiter)
                else:
                    return waiter
        return None

    def _due(self, waiter: _Waiter) -> tuple[Permit | None, float]:
        """Return a permit for who waits, or else the seconds until one is due, 0 if none is there."""
        limit, now, moments = self.limit, self._clock.monotonic(), self._moments
        if limit is None:
            moments.clear()
            return OPEN, 0.0
        if limit != self._limit_of_moments:
            moments.clear()
            self._limit_of_moments = limit
        while moments and moments[0].lapses <= now:
            moments.pop(0)
        if not moments:
            return None, 0.0
        waiting = len(self._usual) + len(self._urgent)
        if len(moments) < waiting and moments[-1].starts - waiter.lead - now < _AHEAD_SECONDS:
            self._take_more()
        seconds = moments[0].starts - waiter.lead - now
        return (moments.pop(0), 0.0) if seconds <= 0 else (None, seconds)

    async def _pause(self, seconds: float) -> None:
        """Wait, or until something else is to be looked at."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            woken.cancel()

    # -- taking -------------------------------------------------------------------------------------------------------

    def _take_more(self) -> asyncio.Task[None] | None:
        """Take permits beside all else, unless that is being done; None if there is no limit any more."""
        if self._taking is not None and (not self._taking.done() or self._taking.exception() is not None):
            return self._taking
        limit = self.limit
        if limit is None:
            return None
        self._taking = asyncio.create_task(self._take(limit), name="runner takes permits")
        return self._taking

    async def _take(self, limit: float) -> None:
        """Take permits for a moment, or for those who wait."""
        spacing = apart(limit)
        waiting = len(self._usual) + len(self._urgent) - len(self._moments)
        count = max(1, min(waiting, int(_BATCH_SECONDS / spacing)))
        asked = self._clock.monotonic()
        rows = await self._control.fetch(_TAKE, self._line, count, spacing)
        if not rows:  # the account's limits were removed; the next look around will say so
            await self._clock.sleep(_LOOK_SECONDS)
            return
        difference, ends = self._difference, float(rows[0]["ends"])
        difference.learn(asked, self._clock.monotonic(), float(rows[0]["now"]))
        use = USE_SECONDS * window(limit)
        if limit != self._limit_of_moments:
            return
        for index in range(count):
            moment = ends - (count - index) * spacing
            # Surely not before its moment, and surely not later after it than it may be used; where the database is so
            # far away that nobody can tell, for a moment all the same.
            starts = moment + difference.high
            self._moments.append(Permit(starts, max(moment + difference.low + use, starts + _LEAST_USE_SECONDS)))
        self._moments.sort(key=lambda each: each.starts)
        self._woken.set()
