"""Where what comes back is kept until it was handled: what a store of events can do, and one in memory."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from importlib import import_module
from typing import Literal, NamedTuple, Protocol, TypeAlias

from allmysms_async.clock import Clock
from allmysms_async.model import Event, Kept, UnknownEvent, identity

__all__ = [
    "EventKind",
    "EventStore",
    "MemoryEvents",
    "Received",
    "Source",
    "WatchStore",
    "event_journal",
    "lane",
    "opened",
]

EventKind: TypeAlias = Literal["report", "reply", "unknown"]


def lane(event: Event) -> str:
    """Return what keeps an event in order with others: its number; what names nobody waits for nothing."""
    return f"?{identity(event).hex()}" if isinstance(event, UnknownEvent) else event.phone


class Held(Protocol):
    """Events that wait."""

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

    async def waiting(self) -> int:
        """Return how many events are not handled."""
        ...


class Source(Held, Protocol):
    """Where events that wait are taken from by whoever may fail at one of them."""

    def holds(self, kept: Kept) -> bool:
        """Tell whether handling an event that was taken may still begin here; if not, another process may have it."""
        ...

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Note that an event was tried once more in vain, and is not to be taken before a moment."""
        ...


class WatchStore(Held, Protocol):
    """A place for events that keeps notes beside them, for whoever asks from time to time."""

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
        """Keep events, as safely as it can when this returns, and return how many were new.

        An event that is held already is passed over.

        Raises:
            JournalError: They cannot be written; none of them was.
        """
        ...

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        ...

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name, as safely as events are kept."""
        ...


class Received(NamedTuple):
    """What became of events that were stored.

    Attributes:
        new: How many were not held before.
        handled: How many of these are handled already, since nobody is to be told of them.
    """

    new: int
    handled: int


class EventStore(Source, WatchStore, Protocol):
    """A durable place for events: a journal."""

    async def receive(self, events: Sequence[Event], unheard: Callable[[Event], bool]) -> Received:
        """Keep events as ``store`` does, and those that nobody is to be told of as handled.

        Args:
            events: The events, the first that came first.
            unheard: Tells, maybe in another thread, of which event nobody is to be told. Such a one is kept as handled
                if this process is the one that handles; otherwise whoever handles gets it, as any other.

        Raises:
            JournalError: They cannot be written; none of them was.
        """
        ...


def event_journal(journal: str | os.PathLike[str], clock: Clock, kind: EventKind | None = None) -> EventStore:
    """Return a journal of events; its library is imported only now, which takes long.

    Args:
        journal: A path, or a ``postgresql://`` URL.
        clock: Where the time comes from.
        kind: What it hands out; all by default.
    """
    module = import_module("allmysms_async.journal.event_journal")
    store: EventStore = module.EventJournal(journal, clock=clock, kind=kind)
    return store


async def opened(make: Callable[[], EventStore]) -> EventStore:
    """Return a journal of events, open; it is made in a thread, since its library may take long to import.

    Args:
        make: Makes it, such as ``event_journal``.

    Raises:
        JournalError: It cannot be opened.
    """
    store = await asyncio.to_thread(make)
    await store.open()
    return store


class MemoryEvents:
    """What a watch without a journal keeps; it ends with its process. Each event that it held takes about 150 bytes."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._seen: set[bytes] = set()
        self._open: dict[int, Kept] = {}
        self._notes: dict[str, str] = {}

    async def open(self) -> None:
        """Do nothing: it is ready."""

    async def aclose(self) -> None:
        """Do nothing: what is not handled stays for the next who looks."""

    async def store(self, events: Sequence[Event]) -> int:
        """Keep those events that were not here before."""
        before = len(self._seen)
        for event in events:
            known = identity(event)
            if known not in self._seen:
                self._seen.add(known)
                place = next(self._ids)
                self._open[place] = Kept(id=place, event=event)
        return len(self._seen) - before

    async def take(self, most: int, busy: Collection[str] = ()) -> Sequence[Kept]:
        """Return the oldest event of each number but of those."""
        oldest: dict[str, Kept] = {}
        for kept in self._open.values():
            if len(oldest) == most:
                break
            name = lane(kept.event)
            if name not in busy:
                oldest.setdefault(name, kept)
        return list(oldest.values())

    async def done(self, kept: Sequence[Kept]) -> None:
        """Forget events but for that they were here."""
        for each in kept:
            self._open.pop(each.id, None)

    async def waiting(self) -> int:
        """Return how many are not handled."""
        return len(self._open)

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        return self._notes.get(name)

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name."""
        self._notes[name] = state
