"""The background task that pushes what becomes known, and pushes again what was not answered `OK`.

A number always has the same hand, and a hand does one thing at a time, so that without faults and failures the events
of a number arrive in order.

Source: HTTPS API v9, §42 (the address must answer `OK` within 5 seconds). Assumed: what is not answered so is pushed
three times in all, 2 and then 10 seconds later by the sandbox's clock, and then given up.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import TypedDict

from starlette.types import ASGIApp

from allmysms_async.sandbox.fault import FaultBook
from allmysms_async.sandbox.state import World

from .carrier import Carrier, address_of
from .outbox import NEVER, Known, Outbox, Source
from .variables import query

__all__ = ["HANDS", "PushCounts", "Pusher"]

HANDS = 64
"""How many pushes are under way at once, at most."""

_SECONDS = 5.0
_AGAIN_AFTER = (2.0, 10.0)
_AHEAD = 16
_TURN = 256
_LOOK_EVERY = 0.25


class PushCounts(TypedDict):
    """What became of the events.

    `pushed` counts events, and each ends as `ok` or `given_up`; `retried` counts further attempts; `waiting` are known
    and have not ended; `duplicated` and `lost` is what faults did; the address of the `uncalled` is gone, or not on
    this machine.
    """

    pushed: int
    ok: int
    retried: int
    given_up: int
    waiting: int
    duplicated: int
    lost: int
    uncalled: int


class Pusher:
    """Pushes, from its first event until it is stopped."""

    def __init__(self, world: World, faults: FaultBook, applications: Mapping[str, ASGIApp]) -> None:
        """Prepare; nothing runs before there is something to push."""
        self._world = world
        self._faults = faults
        self._applications = applications
        self._outbox = Outbox()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._hands: list[asyncio.Queue[Known]] = []
        self._held = 0
        self._idle: list[asyncio.Future[None]] = []
        self._counts = PushCounts(pushed=0, ok=0, retried=0, given_up=0, waiting=0, duplicated=0, lost=0, uncalled=0)

    def counts(self) -> PushCounts:
        """Return what became of the events; the ones that are known and have no outcome yet are waiting."""
        return {**self._counts, "waiting": self._held + self._outbox.waiting(self._world.settle())}

    def campaigns(self) -> set[int]:
        """Return the numbers of the campaigns whose reports are under way."""
        return self._outbox.campaigns()

    def add(self, source: Source) -> None:
        """Push what a source comes to know."""
        self._outbox.add(source)
        self.start()

    def start(self) -> None:
        """Look whether there is something to push; the first time, begin to."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._hands = [asyncio.Queue(_AHEAD) for _ in range(HANDS)]
            self._tasks = [loop.create_task(self._work(hand)) for hand in self._hands]
            self._tasks.append(loop.create_task(self._feed()))
        self._news.set()

    def wake(self) -> None:
        """The clock was moved: look again."""
        self._news.set()

    def cancel(self) -> list[asyncio.Task[None]]:
        """Push no more; return the tasks that are about to end."""
        for task in self._tasks:
            task.cancel()
        self._outbox, self._held = Outbox(), 0
        self._tell_idle()
        return self._tasks

    async def settled(self) -> None:
        """Wait until all that is due by the clock was answered, given up, or put off to a later moment."""
        while self._tasks and (self._held or self._outbox.due <= self._world.settle()):
            waiter = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            await waiter

    async def _feed(self) -> None:
        """Hand out what is due, whenever it is."""
        taken = 0
        while True:
            self._news.clear()
            now = self._world.settle()
            while (known := self._outbox.take(now)) is not None:
                await self._hand_out(known, now)
                taken += 1
                if taken % _TURN == 0:
                    await asyncio.sleep(0)
                    now = self._world.settle()
            if not self._held:
                self._tell_idle()
            due = min(self._outbox.due, self._world.next_moment or NEVER)
            # The clock is another's: it may run faster than time does, or stand still until it is moved.
            wait = None if due == NEVER else min(max(due - now, 0.001), _LOOK_EVERY)
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _hand_out(self, known: Known, now: float) -> None:
        """Give an event to its hand, unless a fault says otherwise."""
        if known.faults is None:
            known.faults = self._faults.strike_push(f"/webhook/{known.kind}")
            kinds = {fault.fault: fault for fault in known.faults}
            if "push_lost" in kinds:
                self._counts["lost"] += 1
                _tell(known, "lost")
                return
            if "push_late" in kinds:
                self._outbox.again(now + kinds["push_late"].seconds, known)
                return
        self._held += 1
        await self._hands[zlib.crc32(known.phone.encode()) % HANDS].put(known)

    async def _work(self, hand: asyncio.Queue[Known]) -> None:
        """Push what one hand is given."""
        carrier = Carrier(self._applications)
        try:
            while True:
                known = await hand.get()
                await self._push(carrier, known)
                self._held -= 1
                if not self._held:
                    self._news.set()
        finally:
            carrier.close()

    async def _push(self, carrier: Carrier, known: Known) -> None:
        """Push one event, and see what becomes of it."""
        address = address_of(known.account.webhooks.get(known.kind, ""))
        if address is None or not carrier.reaches(address):
            self._counts["uncalled"] += 1
            _tell(known, "uncalled")
            return
        self._counts["retried" if known.tries else "pushed"] += 1
        known.tries += 1
        faults = {fault.fault: fault for fault in known.faults or ()}
        known.faults = ()
        written = query(known.variables, faults)
        pause = faults["push_drip"].seconds if "push_drip" in faults else None
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await carrier.get(address, written, pause)
                if "push_twice" in faults:
                    self._counts["duplicated"] += 1
                    answer = await carrier.get(address, written) or answer
        except (OSError, TimeoutError):
            answer = b""
        if answer.strip() == b"OK":
            self._counts["ok"] += 1
            _tell(known, "ok")
        elif known.tries <= len(_AGAIN_AFTER):
            self._outbox.again(self._world.clock.now() + _AGAIN_AFTER[known.tries - 1], known)
            self._news.set()
        else:
            self._counts["given_up"] += 1
            _tell(known, "given_up")

    def _tell_idle(self) -> None:
        """Tell those who wait for it that nothing is left to do for now."""
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        self._idle.clear()


def _tell(known: Known, outcome: str) -> None:
    """Tell who wants to know what became of an event."""
    if known.told is not None:
        known.told(known, outcome)
