"""Where what comes back is kept until it was handled: what a store of events can do, and one in memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from importlib import import_module
from typing import Literal, Protocol, TypeAlias

from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.model import DeliveryReport, Event, Kept, Reply, UnknownEvent, identity

__all__ = ["EventKind", "EventStore", "MemoryEvents", "Source", "WatchStore", "event_journal", "kind_of", "lane"]

EventKind: TypeAlias = Literal["report", "reply", "unknown"]


def kind_of(event: Event) -> EventKind:
    """Return which kind an event is of."""
    if isinstance(event, DeliveryReport):
        return "report"
    return "reply" if isinstance(event, Reply) else "unknown"


def lane(event: Event) -> str:
    """Return what keeps an event in order with others: its number; what names nobody waits for nothing."""
    return f"?{identity(event).hex()}" if isinstance(event, UnknownEvent) else event.phone


class Source(Protocol):
    """Where events that wait are taken from."""

    async def take(self, most: int, busy: Collection[str]) -> Sequence[Kept]:
        """Return events that are to be handled: the oldest of each number, and one of each number alone.

        Exclusive between processes: another process never gets a number that this one is handling.

        Args:
            most: How many at most.
            busy: What ``lane`` gives of events that are being handled here: none of these numbers is taken.
        """
        ...

    async def done(self, kept: Sequence[Kept]) -> None:
        """Note that events were handled."""
        ...

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Note that an event was tried once more in vain, and is not to be taken before a moment."""
        ...

    async def waiting(self) -> int:
        """Return how many events are not handled."""
        ...


class EventStore(Source, Protocol):
    """A durable place for events."""

    async def open(self) -> None:
        """Open it.

        Raises:
            JournalError: It cannot be opened.
        """
        ...

    async def aclose(self) -> None:
        """Close it."""
        ...

    async def store(self, events: Sequence[Event]) -> int:
        """Keep events, which are durable when this returns, and return how many were new.

        An event that is held already is passed over.

        Raises:
            JournalError: They cannot be written; none of them was.
        """
        ...


class WatchStore(EventStore, Protocol):
    """A place for events that keeps notes beside them, for whoever asks from time to time."""

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        ...

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name, as safely as events are kept."""
        ...


def event_journal(journal: str | os.PathLike[str], clock: Clock, kind: EventKind | None = None) -> WatchStore:
    """Return a journal of events; its library is imported only now, which takes long.

    Args:
        journal: A path, or a ``postgresql://`` URL.
        clock: Where the time comes from.
        kind: What it hands out; all by default.
    """
    module = import_module("allmysms_async.journal.event_journal")
    store: WatchStore = module.EventJournal(journal, clock=clock, kind=kind)
    return store


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
            name = lane(kept.event)
            if name in passed or (self._kind is not None and kind_of(kept.event) != self._kind):
                continue
            passed.add(name)
            if self._later.get(name, now) <= now:
                taken.append(kept)
        return taken

    async def done(self, kept: Iterable[Kept]) -> None:
        """Forget events but for that they were here."""
        for each in kept:
            self._open.pop(each.id, None)
            self._later.pop(lane(each.event), None)

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Have a number wait."""
        if kept.id in self._open:
            self._open[kept.id] = Kept(id=kept.id, event=kept.event, attempts=kept.attempts + 1)
            self._later[lane(kept.event)] = at

    async def waiting(self) -> int:
        """Return how many are not handled."""
        return len(self._open)

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        return self._notes.get(name)

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name."""
        self._notes[name] = state
