"""The places of a window of requests, in memory; those in a file are in ``place_file``.

Every use is under a lock, so that any thread may use them. What the places mean is ``window``'s business.
"""

from __future__ import annotations

import abc
import bisect
import contextlib
import os
import threading
import weakref
from collections.abc import Callable

__all__ = ["MemoryPlaces", "Places"]


class Places(abc.ABC):
    """The places of one account, and what the server said of its limit.

    Attributes:
        in_flight: Requests of this process that are under way, and the latest end of each in milliseconds.
    """

    def __init__(self) -> None:
        self.in_flight: dict[str, int] = {}
        self._lock = threading.RLock()
        _all.add(self)

    def hold_still(self) -> None:
        """Let no thread use them, while the process is forked."""
        self._lock.acquire()

    def go_on(self) -> None:
        """Let every thread use them again, in the parent process."""
        self._lock.release()

    def part(self) -> None:
        """Go on in a child process, where what the parent has in flight is the parent's to follow.

        A window in memory goes on from what was counted so far.
        """
        self.in_flight = {}
        self._lock.release()

    @abc.abstractmethod
    def alone(self) -> contextlib.AbstractContextManager[object]:
        """Keep other threads and other processes out: looking and taking are one step."""

    @abc.abstractmethod
    def locked(self) -> contextlib.AbstractContextManager[object]:
        """Keep other threads out."""

    # -- what the server said -----------------------------------------------------------------------------------------

    @abc.abstractmethod
    def said(self) -> tuple[int | None, float, float, float]:
        """Return its limit, when to ask again, until when it is closed and for how long, as any process heard it."""

    @abc.abstractmethod
    def state(self, limit: int | None, ask_after: float) -> None:
        """Note the limit that it states, or None to leave it as it is, and when to ask again."""

    @abc.abstractmethod
    def close(self, until: float, seconds: float) -> None:
        """Note that it refused because of its limit: until when, and for how long."""

    # -- places -------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def put(self, name: str, latest: int, begun: int, limit: int) -> bool:
        """Write a place down, if one is free: others may have taken it since it was looked for."""

    @abc.abstractmethod
    def count(self, begun: int) -> int:
        """Return how many places count in the window that began then."""

    @abc.abstractmethod
    def newest(self, index: int) -> int | None:
        """Return the moment of a place, the newest being 0; None if there are not so many."""

    @abc.abstractmethod
    def stamp(self, name: str, milliseconds: int) -> None:
        """Move a place in time, also one that another process took for long over."""

    @abc.abstractmethod
    def shift(self, furthest: int, milliseconds: int) -> None:
        """Move every place that is further ahead than that."""

    @abc.abstractmethod
    def remove(self, name: str) -> None:
        """Free a place at once."""


class MemoryPlaces(Places):
    """Places that this process alone knows."""

    def __init__(self) -> None:
        super().__init__()
        self._moments: dict[str, int] = {}
        # The same in their order.
        self._ordered: list[tuple[int, str]] = []
        self._said: tuple[int | None, float, float, float] = (None, 0.0, 0.0, 0.0)

    def alone(self) -> contextlib.AbstractContextManager[object]:
        """Keep other threads out."""
        return self._lock

    locked = alone

    def said(self) -> tuple[int | None, float, float, float]:
        """Return what the server said."""
        return self._said

    def state(self, limit: int | None, ask_after: float) -> None:
        """Note the limit that it states."""
        self._said = (limit or self._said[0], ask_after, *self._said[2:])

    def close(self, until: float, seconds: float) -> None:
        """Note that it refused because of its limit."""
        self._said = (*self._said[:2], until, seconds)

    def put(self, name: str, latest: int, begun: int, limit: int) -> bool:
        """Write a place down, if one is free."""
        with self._lock:
            over = bisect.bisect_left(self._ordered, (begun, ""))
            for _, old in self._ordered[:over]:
                del self._moments[old]
            del self._ordered[:over]
            if len(self._ordered) >= limit:
                return False
            self.stamp(name, latest)
            return True

    def count(self, begun: int) -> int:
        """Return how many places count in the window that began then."""
        return len(self._ordered) - bisect.bisect_left(self._ordered, (begun, ""))

    def newest(self, index: int) -> int | None:
        """Return the moment of a place, the newest being 0."""
        return self._ordered[-1 - index][0] if index < len(self._ordered) else None

    def stamp(self, name: str, milliseconds: int) -> None:
        """Move a place in time, or write it down."""
        with self._lock:
            before = self._moments.get(name)
            self._moments[name] = milliseconds
            bisect.insort(self._ordered, (milliseconds, name))
            if before is not None:
                del self._ordered[bisect.bisect_left(self._ordered, (before, name))]

    def shift(self, furthest: int, milliseconds: int) -> None:
        """Move every place that is further ahead than that."""
        with self._lock:
            for moment, name in self._ordered[:]:
                if moment > furthest:
                    self.stamp(name, milliseconds)

    def remove(self, name: str) -> None:
        """Free a place at once."""
        with self._lock:
            self.in_flight.pop(name, None)
            before = self._moments.pop(name, None)
            if before is not None:
                del self._ordered[bisect.bisect_left(self._ordered, (before, name))]


_all: weakref.WeakSet[Places] = weakref.WeakSet()
_held: list[Places] = []


def _before_fork() -> None:
    """Wait until no thread is at work on a connection: the child would find it half done for ever."""
    _held.extend(_all)
    for places in _held:
        places.hold_still()


def _after_fork(end: Callable[[Places], None]) -> None:
    """Go on, in the parent or in the child."""
    for places in _held:
        end(places)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(Places.go_on),
        after_in_child=lambda: _after_fork(Places.part),
    )
