"""How many requests a server takes per time: a sliding window that never sends more.

The window is a log of moments, one for each request. A place is free again so long after its request *ended*, since
nobody knows when in between the server counted it. So a place is held at the latest end that the request can have, is
moved to the true end when that is known, and stays where it is if the process dies. Nothing here waits: whoever is
refused a place is told for how long.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
from datetime import datetime
from pathlib import Path

from allmysms_async import logs
from allmysms_async.errors import InvalidRequest, NotSent, RequestLimitReached
from allmysms_async.protocols.envoyersmspro.place import MemoryPlaces, Places
from allmysms_async.protocols.envoyersmspro.place_file import FilePlaces, named

__all__ = ["DEFAULT_LIMIT", "RequestWindow", "Turn", "window_of"]

DEFAULT_LIMIT = 100
"""Requests in a window, unless the server states another number. Source: Envoyer SMS Pro, "Les limites"."""

_log = logging.getLogger("allmysms_async")

_REMEMBERED_SECONDS = 24 * 3600.0
"""How long a limit that the server stated is taken for granted."""


class Turn:
    """A place in the window, held by one request.

    Args:
        window: The window.
        name: Names the place.
        wait: If there was no place: seconds until there may be one; else 0.
    """

    def __init__(self, window: RequestWindow, name: str, wait: float = 0.0) -> None:
        self._window = window
        self._name = name
        self.wait = wait

    def end(self, now: datetime) -> None:
        """Note that the request ended, however: its place is free again one window later."""
        try:
            self._window.move(self._name, now)
        except (NotSent, RequestLimitReached) as error:
            # The answer is worth more than the place, which is held a little longer now.
            _log.warning(
                "The end of a request could not be noted: %s",
                error,
                extra=logs.fields("limit_end_unnoted", error=error),
            )

    def give_back(self) -> None:
        """Note that the request surely never left: its place is free at once."""
        try:
            self._window.free_place(self._name)
        except (NotSent, RequestLimitReached) as error:
            _log.warning(
                "A request that never left holds its place: %s",
                error,
                extra=logs.fields("limit_place_held", error=error),
            )


class RequestWindow:
    """The requests of one account, of this process and, with a file, of those before it and beside it.

    Args:
        account: Names the account; a digest, since it is written to the file.
        path: A SQLite file on a local disk, or None for memory.
        seconds: Length of the window.
        margin: Seconds more before a place is free again, for clocks that differ.
    """

    def __init__(self, account: str, *, path: Path | None = None, seconds: float = 3600.0, margin: float = 2.0) -> None:
        self._interval = seconds + margin
        self._places: Places = MemoryPlaces() if path is None else FilePlaces(account, path)
        self._limit = DEFAULT_LIMIT
        self._wished: int | None = None
        self._ask_after = self._closed_until = self._closed_for = 0.0
        self._read()

    def _read(self) -> None:
        """Take in what the server said, to whatever process."""
        stated, self._ask_after, self._closed_until, self._closed_for = self._places.said()
        self._limit = min((limit for limit in (stated, self._wished) if limit), default=DEFAULT_LIMIT)

    @property
    def limit(self) -> int:
        """Requests in a window: the less of what the server states and what the caller wishes."""
        return self._limit

    def known(self, now: datetime) -> bool:
        """Tell whether the limit need not be asked: the caller said it, or the server was asked not long ago."""
        ahead = self._ask_after - now.timestamp()
        return self._wished is not None or 0 < ahead <= _REMEMBERED_SECONDS

    def wish(self, limit: int) -> None:
        """Take a limit of the caller's own, for this process alone; the one that is wished last counts."""
        with self._places.locked():
            self._wished = limit
            self._read()

    def state(self, limit: int | None, now: datetime) -> None:
        """Take the limit as the server states it, for a day.

        None, or one that cannot be, leaves it as it is: the server is asked again one window later.
        """
        fits = limit is not None and limit > 0
        ask_after = now.timestamp() + (_REMEMBERED_SECONDS if fits else self._interval)
        with self._places.alone():
            self._places.state(limit if fits else None, ask_after)
            self._read()

    # -- places -------------------------------------------------------------------------------------------------------

    def free(self, now: datetime) -> int:
        """Return how many places are free."""
        with self._places.locked():
            self._hold(now)
            return max(0, self.limit - self._places.count(self._begun(now)))

    def turn_in(self, now: datetime) -> float:
        """Return the seconds until a place is free, 0 if one is."""
        with self._places.locked():
            self._read()
            closed = self._closed(now)
            if self.free(now):
                return closed
            return max(closed, self._wait(now))

    def take(self, now: datetime, timeout: float, *, keep: int = 0) -> Turn:
        """Take a place, or say with ``wait`` when there may be one.

        Args:
            now: The present moment.
            timeout: Seconds that the request takes at most.
            keep: Places to leave free.
        """
        name = secrets.token_hex(8)
        with self._places.locked():
            self._read()
            if closed := self._closed(now):
                return Turn(self, "", closed)
            if self.free(now) <= keep:
                return Turn(self, "", max(1.0 if keep else 0.001, self._wait(now)))
            # One that takes longer than the window is held on below.
            latest = _milliseconds(now) + round(min(timeout, self._interval) * 1000)
            if not self._places.put(name, latest, self._begun(now), self.limit):
                return Turn(self, "", max(0.001, self._wait(now)))
            self._places.in_flight[name] = latest
        return Turn(self, name)

    def _begun(self, now: datetime) -> int:
        """Return when the window that ends now began: what is older counts no more."""
        return _milliseconds(now) - round(self._interval * 1000)

    def _wait(self, now: datetime) -> float:
        """Return the seconds until the place that is free next."""
        # Of more requests than the limit (which may have been lowered), those beyond it must leave as well.
        oldest_that_counts = self._places.newest(self.limit - 1)
        if oldest_that_counts is None:
            return 0.0
        return max(0, oldest_that_counts + 1 - self._begun(now)) / 1000

    def move(self, name: str, now: datetime) -> None:
        """Count a place from this moment on."""
        with self._places.locked():
            self._places.in_flight.pop(name, None)
            self._places.stamp(name, _milliseconds(now))

    def _hold(self, now: datetime) -> None:
        """Keep the places of requests that take longer than they can: the machine slept, or the clock was set.

        Where the clock was set back, what lies further ahead than any place can is counted from now on.
        """
        moment = _milliseconds(now)
        furthest = moment + round(self._interval * 1000)
        for name, latest in self._places.in_flight.items():
            if latest < moment or latest > furthest:
                self._places.in_flight[name] = moment
                self._places.stamp(name, moment)
        if (self._places.newest(0) or 0) > furthest:
            self._places.shift(furthest, moment)

    def _closed(self, now: datetime) -> float:
        """Return the seconds until the server's own refusal is over; never more than it was for, whatever the clock."""
        return min(max(0.0, self._closed_until - now.timestamp()), self._closed_for)

    def free_place(self, name: str) -> None:
        """Free a place at once."""
        self._places.remove(name)

    # -- what the server says, and what is to be expected -------------------------------------------------------------

    def close(self, now: datetime, seconds: float | None = None) -> float:
        """Note that the server refused a request because of its limit; return the seconds that nothing is sent.

        The server's window began at the latest with that request, so it is over one window later at the latest. What
        the server says is taken; else it is half a window, so that the second time is surely late enough.
        """
        wait = seconds if seconds is not None else self._interval / 2
        longest = max(self._closed(now), wait)
        self._closed_until, self._closed_for = now.timestamp() + longest, longest
        try:
            with self._places.alone():
                self._places.close(self._closed_until, self._closed_for)
        except (NotSent, RequestLimitReached) as error:
            _log.warning(
                "The server's refusal could not be noted for others: %s",
                error,
                extra=logs.fields("limit_close_unnoted", error=error),
            )
        return wait

    def least_seconds(self, requests: int, now: datetime) -> float:
        """Return how long so many requests take at least, from now; 0 if there are places for all of them."""
        if not requests:
            return 0.0
        with self._places.locked():
            self._read()
            closed = self._closed(now)
            more = requests - self.free(now)
            if more <= 0:
                return closed
            held = self._places.count(self._begun(now))
            oldest = self._places.newest(held - 1) if held else None
        passed = max(0.0, now.timestamp() - oldest / 1000) if oldest is not None else 0.0
        return max(closed, -(-more // self.limit) * self._interval - passed)


def _milliseconds(moment: datetime) -> int:
    """Return a moment as the table has it."""
    return round(moment.timestamp() * 1000)


_windows: dict[str, tuple[RequestWindow, Path | None]] = {}
_windows_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    # So that a child never finds it held by a thread that it does not have.
    os.register_at_fork(
        before=_windows_lock.acquire, after_in_parent=_windows_lock.release, after_in_child=_windows_lock.release
    )


def window_of(account: str, path: Path | None) -> RequestWindow:
    """Return the one window of an account in this process.

    Args:
        account: What tells the account from others, hashed: hexadecimal digits.
        path: A file that keeps the window beyond the process; None joins the window that there is, wherever it is kept.

    Raises:
        InvalidRequest: The file cannot be opened, is something else, or is another than the account's window is kept
            in: two counts of one account would allow twice its limit.
    """
    place = path.resolve() if path is not None else None
    with _windows_lock:
        window, kept = _windows.get(account, (None, None))
        if window is not None and place not in {None, kept}:
            msg = (
                "The requests of this account are counted already, in another file or in memory: give each backend of "
                "an account the same limit_path, the first one above all; nothing was sent."
            )
            raise InvalidRequest(msg)
        if window is None:
            try:
                window = RequestWindow(account, path=place)
            except sqlite3.Error as error:
                msg = f"The file that is to count requests cannot be used ({named(error)}); nothing was sent."
                raise InvalidRequest(msg) from error
            _windows[account] = window, place
        return window
