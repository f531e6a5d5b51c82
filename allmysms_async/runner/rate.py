"""Requests a second over all machines: as many slots as requests may leave in a second, each a row of the journal.

Whoever has a slot sends one request under it, and says when that left: a second and ``WAY_SECONDS`` later the slot is
free for the next one, of whichever worker. So whatever second is looked at at the gateway has no more requests than
there are slots, as long as the ways of two requests to it differ by less, however workers come, stall or die. A slot
that was taken and not given back is free again once a request that it may have been used for is over a second old. All
is counted in durations: neither the machines' clocks nor how far away the database is matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
from collections import deque

import msgspec

from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError
from allmysms_async.runner.control import Control

__all__ = ["OPEN", "WAY_SECONDS", "Permit", "Rate", "slots"]

WAY_SECONDS = 0.05
"""How much longer one request may be on its way to the gateway than another."""

_HAD_SECONDS = 3.0
"""For so long after it was taken a slot may be used; who needs longer takes another one."""

_ASK_SECONDS = 0.05
"""No more often than this slots are asked for."""

_AHEAD_SECONDS = 0.06
"""So long before they are free slots are taken, beside what it takes here until a request can leave."""

_LOOK_SECONDS = 0.25
_LONGEST_LEAD = 0.5
_FORGET = 0.98
_SPREAD = 0.8
"""Requests of one worker leave no closer to each other than this share of what they are apart on average."""

# At first they are free one after the other.
_ENTER = (
    "insert into runner_slot (line, number, holder, free_at)"
    " select $1, n, '', clock_timestamp() + make_interval(secs => n * $3::float8)"
    " from generate_series(0, $2::int - 1) as n on conflict do nothing"
)
_TAKE = (
    "with soon as materialized (select number, free_at from runner_slot where line = $1 and number < $2"
    " and free_at <= clock_timestamp() + make_interval(secs => $3::float8) order by free_at limit $4"
    " for update skip locked)"
    " update runner_slot s set holder = $5, free_at = greatest(soon.free_at, clock_timestamp())"
    " + make_interval(secs => $6::float8) from soon where s.line = $1 and s.number = soon.number"
    " returning s.number, extract(epoch from soon.free_at - clock_timestamp())::float8 as seconds"
)
_NEXT = (
    "select count(*) as slots, extract(epoch from min(free_at) - clock_timestamp())::float8 as seconds from runner_slot"
    " where line = $1 and number < $2"
)
_GIVE = (
    "update runner_slot s set holder = '', free_at = clock_timestamp() + make_interval(secs => u.seconds)"
    " from unnest($3::int[], $4::float8[]) as u (number, seconds)"
    " where s.line = $1 and s.holder = $2 and s.number = u.number"
)


class Permit(msgspec.Struct, frozen=True):
    """Leave to send one request.

    Attributes:
        slot: Its slot.
        starts: Monotonic time from which it may leave.
        lapses: Until when.
    """

    slot: int
    starts: float
    lapses: float


OPEN = Permit(-1, -math.inf, math.inf)
"""Leave where there is no limit."""


def slots(limit: float) -> tuple[int, float]:
    """Return how many slots a limit has, and over how many seconds each may be used once: one, or a little more."""
    count = math.ceil(limit)
    return count, count / limit


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
        self._holder = secrets.token_hex(8)
        self._clock = clock
        self._had: deque[Permit] = deque()
        # Slots that are given back with the next statement, and when they are free.
        self._over: dict[int, float] = {}
        self._not_before = 0.0
        self._asked = -math.inf
        self._urgent: deque[_Waiter] = deque()
        self._usual: deque[_Waiter] = deque()
        self._woken = asyncio.Event()
        self._giving: asyncio.Task[None] | None = None

    async def permit(self, stopping: asyncio.Event | None = None, *, urgent: bool = False) -> Permit | None:
        """Wait for leave to send one request; None if asked to stop first.

        Whoever has it says what becomes of it: ``used`` as the request leaves, or ``give_back``.

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
        self._wake()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                self.give_back(waiter.future.result())
            raise
        finally:
            if waiter in waiting:
                waiting.remove(waiter)

    def used(self, permit: Permit) -> None:
        """Take note that the request of a permit leaves now."""
        limit = self.limit
        if permit is not OPEN:
            period = 1.0 if limit is None else slots(limit)[1]
            self._over[permit.slot] = self._clock.monotonic() + period + WAY_SECONDS
            self._wake()

    def give_back(self, permit: Permit | None) -> None:
        """Let another request have a permit that was not used.

        The slot of one that has lapsed is free by itself soon, or was taken anew since then, perhaps by this worker.
        """
        if permit is not None and permit is not OPEN and permit.lapses > self._clock.monotonic():
            self._had.appendleft(permit)
            self._wake()

    def took(self, seconds: float) -> None:
        """Take in how long it took from a permit until its request could leave."""
        self.lead = min(_LONGEST_LEAD, max(seconds, _FORGET * self.lead))

    async def aclose(self) -> None:
        """Hand out nothing more, and let others have what is had."""
        if self._giving is not None:
            self._giving.cancel()
            await asyncio.wait({self._giving})
        with contextlib.suppress(JournalError):  # they are free a little later
            await self._give_over(everything=True)

    # -- handing out --------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._woken.set()
        if self._giving is None or self._giving.done():
            self._giving = asyncio.create_task(self._give(), name="runner permits")

    async def _give(self) -> None:
        """Hand out permits for as long as somebody waits for one, and give back what is over."""
        try:
            while True:
                self._woken.clear()
                waiter = self._first()
                if waiter is None:
                    await self._give_over(everything=True)
                    if self._first() is None:
                        return
                elif (seconds := await self._serve(waiter)) > 0:
                    await self._pause(min(seconds, _LOOK_SECONDS))
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

    async def _serve(self, waiter: _Waiter) -> float:
        """Hand a permit to who waits, if one is due; return the seconds until it is worth looking again."""
        limit, now = self.limit, self._clock.monotonic()
        if limit is None:
            waiter.future.set_result(OPEN)
            return 0.0
        count, period = slots(limit)
        while self._had and (self._had[0].lapses < now + waiter.lead or self._had[0].slot >= count):
            self._over.setdefault((lost := self._had.popleft()).slot, lost.starts)
        if not self._had:
            return await self._take(count, period)
        permit = self._had[0]
        starts = max(permit.starts, self._not_before)
        if (seconds := starts - waiter.lead - now) > 0:
            return seconds
        self._had.popleft()
        self._not_before = max(now, starts) + _SPREAD * period / count
        waiter.future.set_result(Permit(permit.slot, starts, permit.lapses))
        return 0.0

    async def _pause(self, seconds: float) -> None:
        """Wait, or until something else is to be looked at."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            woken.cancel()

    # -- taking and giving back ---------------------------------------------------------------------------------------

    async def _take(self, count: int, period: float) -> float:
        """Take slots for those who wait; return the seconds until it is worth asking again."""
        if (wait := self._asked + _ASK_SECONDS - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
        await self._give_over()
        ahead = _AHEAD_SECONDS + self.lead
        waiting = len(self._usual) + len(self._urgent)
        asked = self._asked = self._clock.monotonic()
        longest = _HAD_SECONDS + period + WAY_SECONDS
        rows = await self._control.fetch(_TAKE, self._line, count, ahead, max(1, waiting), self._holder, longest)
        heard = self._clock.monotonic()
        had = [Permit(row["number"], heard + max(0.0, row["seconds"]), asked + _HAD_SECONDS) for row in rows]
        self._had.extend(sorted(had, key=lambda each: each.starts))
        if had:
            return 0.0
        (row,) = await self._control.fetch(_NEXT, self._line, count)
        if row["slots"] < count:
            await self._control.fetch(_ENTER, self._line, count, period / count)
            return 0.0
        return max(_ASK_SECONDS, float(row["seconds"]) - ahead)

    async def _give_over(self, *, everything: bool = False) -> None:
        """Give back the slots that were used; everything that is had as well, if nobody waits for it."""
        while everything and self._had:
            self._over.setdefault((permit := self._had.popleft()).slot, permit.starts)
        if not self._over:
            return
        over, self._over = self._over, {}
        now = self._clock.monotonic()
        seconds = [max(0.0, free - now) for free in over.values()]
        try:
            await self._control.fetch(_GIVE, self._line, self._holder, list(over), seconds)
        except BaseException:
            # Nobody knows whether, or when: it is not to change what is taken from now on.
            self._holder = secrets.token_hex(8)
            raise
