"""Events that wait in the process's memory, where there is no journal: in order for each number."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import count

from allmysms_async import telemetry
from allmysms_async.clock import Clock
from allmysms_async.inbox import lane
from allmysms_async.model import Event, identity
from allmysms_async.model.event import Kept
from allmysms_async.webhooks.room import Room, places

__all__ = ["Memory", "Recent"]


class Recent:
    """The last so many of something, to tell what comes again.

    Args:
        most: How many are remembered.
    """

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[bytes, None] = {}

    def __contains__(self, name: object) -> bool:
        """Tell whether it is remembered."""
        return name in self._known

    def add(self, name: bytes) -> None:
        """Remember one more, and forget the oldest."""
        self._known[name] = None
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]


class Memory:
    """A ``Source`` of events in memory; nothing in it is ever dropped, and all of it ends with the process.

    Args:
        most: Places for events.
        clock: What says when an event is tried again.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self.room = Room(most)
        self._clock = clock
        self._recent = Recent(2 * most)
        self._numbers = count(1)
        self._lanes: dict[str, deque[Kept]] = {}
        self._ready: deque[str] = deque()
        self._later: list[tuple[datetime, int, str]] = []
        self._large: dict[int, int] = {}
        self._waiting = 0

    async def admit(self, event: Event, size: int, wake: Callable[[], None]) -> int | None:
        """Take an event in, and say so.

        Returns:
            How many are new: 0 if it came before, among the last ones. None if there is no place for it.
        """
        name = identity(event)
        if name in self._recent:
            return 0
        wanted = places(size)
        if not self.room.enter_at_once(wanted):
            if not await self.room.enter(wanted):
                return None
            if name in self._recent:  # it came again while it waited
                self.room.leave(wanted)
                return 0
        self._recent.add(name)
        self._waiting += 1
        key = lane(event)
        observer = telemetry.observer
        cause = None if observer is None else observer.arriving()
        kept = Kept(id=next(self._numbers), event=event, cause=cause)
        if wanted > 1:
            self._large[kept.id] = wanted
        waiting = self._lanes.get(key)
        if waiting is None:
            self._lanes[key] = deque((kept,))
            self._ready.append(key)
        else:
            waiting.append(kept)
        wake()
        return 1

    async def take(self, most: int, busy: Collection[str]) -> Sequence[Kept]:
        """Return the oldest events of numbers of which none is being handled."""
        del busy  # a number whose event is handled is not ready
        now = self._clock.now() if self._later else None
        while now is not None and self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        return [self._lanes[self._ready.popleft()][0] for _ in range(min(most, len(self._ready)))]

    def holds(self, kept: Kept) -> bool:
        """Tell that it is: nobody else can take it."""
        del kept
        return True

    async def done(self, kept: Sequence[Kept]) -> None:
        """Let go of events."""
        for one in kept:
            key = lane(one.event)
            waiting = self._lanes[key]
            waiting.popleft()
            if waiting:
                self._ready.append(key)
            else:
                del self._lanes[key]
            self._waiting -= 1
            self.room.leave(self._large.pop(one.id, 1))

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Keep an event, and all that came after it from its number, until a moment."""
        key = lane(kept.event)
        self._lanes[key][0] = Kept(kept.id, kept.event, kept.attempts + 1, kept.cause)
        heapq.heappush(self._later, (at, kept.id, key))

    def is_empty(self) -> bool:
        """Tell whether nothing is here, nor being taken in."""
        return not self.room.taken

    async def waiting(self) -> int:
        """Return how many events are not handled."""
        return self._waiting
