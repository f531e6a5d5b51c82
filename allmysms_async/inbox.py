"""Where what comes back is kept until it was handled: what a store of events can do, and one in memory."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.model import DeliveryReport, Event, Kept, Reply, identity

__all__ = ["EventKind", "EventStore", "MemoryEvents", "kind_of", "number_of"]

EventKind: TypeAlias = Literal["report", "reply", "unknown"]


def kind_of(event: Event) -> EventKind:
    """Return which kind an event is of."""
    if isinstance(event, DeliveryReport):
        return "report"
    return "reply" if isinstance(event, Reply) else "unknown"


def number_of(event: Event) -> str:
    """Return the number that an event is of; empty where none is known."""
    return event.phone if isinstance(event, DeliveryReport | Reply) else ""


class EventStore(Protocol):
    """Keeps events until they were handled; the same event is kept once."""

    async def open(self) -> None:
        """Make it ready."""
        ...

    async def aclose(self) -> None:
        """Close it; what is not handled stays where the store outlives its process."""
        ...

    async def store(self, events: Sequence[Event]) -> int:
        """Keep events, as safely as the store can when this returns; return how many were new."""
        ...

    async def take(self, most: int, busy: Collection[str] = ()) -> Sequence[Kept]:
        """Return what is to be handled now, which no other process gets meanwhile.

        Args:
            most: Events at most; one for each number, its oldest.
            busy: Numbers that are being handled, which get no other one.
        """
        ...

    async def done(self, kept: Sequence[Kept]) -> None:
        """Note that events were handled."""
        ...

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Note that handling an event failed, and when it is tried again; its number waits until then."""
        ...

    async def waiting(self) -> int:
        """Return how many are not handled."""
        ...

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        ...

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name, as safely as events are kept."""
        ...


class MemoryEvents:
    """A store that ends with its process. It remembers each event that it held, in about 150 bytes.

    Args:
        clock: Where the time comes from.
        kind: What is handed out: only those; all by default.
    """

    def __init__(self, clock: Clock = SYSTEM, kind: EventKind | None = None) -> None:
        self._clock = clock
        self._kind = kind
        self._ids = itertools.count(1)
        self._seen: set[bytes] = set()
        self._open: dict[int, Kept] = {}
        self._later: dict[str, datetime] = {}
        self._notes: dict[str, str] = {}

    async def open(self) -> None:
        """Do nothing: it is ready."""

    async def aclose(self) -> None:
        """Do nothing: what is not handled stays for the next who looks."""

    async def store(self, events: Sequence[Event]) -> int:
        """Keep those events that were not here before."""
        new = [event for event in events if self._is_new(event)]
        for event in new:
            place = next(self._ids)
            self._open[place] = Kept(id=place, event=event)
        return len(new)

    def _is_new(self, event: Event) -> bool:
        known = identity(event)
        if known in self._seen:
            return False
        self._seen.add(known)
        return True

    async def take(self, most: int, busy: Collection[str] = ()) -> Sequence[Kept]:
        """Return the oldest event of each number that is free."""
        now = self._clock.now()
        passed = set(busy)
        taken: list[Kept] = []
        for kept in self._open.values():
            if len(taken) >= most:
                break
            phone = number_of(kept.event)
            if phone in passed or (self._kind is not None and kind_of(kept.event) != self._kind):
                continue
            if phone:
                passed.add(phone)
            if self._later.get(phone, now) <= now:
                taken.append(kept)
        return taken

    async def done(self, kept: Iterable[Kept]) -> None:
        """Forget events but for that they were here."""
        for each in kept:
            self._open.pop(each.id, None)
            self._later.pop(number_of(each.event), None)

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Have a number wait."""
        if kept.id in self._open:
            self._open[kept.id] = Kept(id=kept.id, event=kept.event, attempts=kept.attempts + 1)
            self._later[number_of(kept.event)] = at

    async def waiting(self) -> int:
        """Return how many are not handled."""
        return len(self._open)

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        return self._notes.get(name)

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name."""
        self._notes[name] = state
