"""Where events are kept until they are handled: what a journal of events offers to a receiver."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import datetime
from importlib import import_module
from typing import Protocol

from allmysms_async.clock import Clock
from allmysms_async.model import Event, UnknownEvent, identity
from allmysms_async.model.event import Kept

__all__ = ["EventStore", "Source", "event_journal", "lane"]


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


def event_journal(journal: str | os.PathLike[str], clock: Clock) -> EventStore:
    """Return a journal of events; its library is imported only now.

    Args:
        journal: A path, or a ``postgresql://`` URL.
        clock: Where the time comes from.
    """
    store: EventStore = import_module("allmysms_async.journal.event_journal").EventJournal(journal, clock=clock)
    return store


def lane(event: Event) -> str:
    """Return what keeps an event in order with others: its number; what names nobody waits for nothing."""
    return f"?{identity(event).hex()}" if isinstance(event, UnknownEvent) else event.phone
