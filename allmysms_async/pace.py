"""How many requests a server takes per time: a sliding window that never sends more.

pyrate-limiter keeps the window, in SQLite: in a file it outlives the process, else it is in memory. What it cannot
express is that a place is free again so long after its request *ended* (it knows one moment for each request, when it
was let through), so a place is moved to that moment here; until then it is held at the latest end that the request can
have, and there it stays if the process dies. Nothing here waits: whoever is refused a place is told for how long.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pyrate_limiter import Rate, RateItem, SQLiteBucket

from allmysms_async.errors import InvalidRequest, NotSent

__all__ = ["DEFAULT_LIMIT", "RequestWindow", "Turn", "WallClock", "WallTime", "window_of"]

DEFAULT_LIMIT = 100
"""Requests in a window, unless the server states another number. Source: Envoyer SMS Pro, "Les limites"."""

_log = logging.getLogger("allmysms_async")

_BUSY_SECONDS = 5.0
_STATED_TABLE = "CREATE TABLE IF NOT EXISTS stated_limit (account TEXT PRIMARY KEY, requests INTEGER)"


class WallTime(Protocol):
    """Where the time of day comes from: a window that outlives the process needs one that does too."""

    def now(self) -> datetime:
        """Return the present moment, aware."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment, aware."""
        return datetime.now(UTC)


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
        except NotSent as error:
            # The answer is worth more than the place, which is held a little longer now.
            _log.warning("The end of a request could not be noted: %s", error)

    def give_back(self) -> None:
        """Note that the request surely never left: its place is free at once."""
        self._window.free_place(self._name)


class RequestWindow:
    """The requests of one account, of this process and, with a file, of those before it and beside it.

    Args:
        account: Names the account; a digest, since it is written to the file.
        path: A SQLite file on a local disk, or None for memory.
        seconds: Length of the window.
        margin: Seconds more before a place is free again, for clocks that differ.
    """

    def __init__(self, account: str, *, path: Path | None = None, seconds: float = 3600.0, margin: float = 2.0) -> None:
        self._account = account
        self._table = f"requests_{account}"
        self._interval = seconds + margin
        # Every use is under the lock, so that any thread may use the one connection.
        self._connection = sqlite3.connect(path or ":memory:", timeout=_BUSY_SECONDS, check_same_thread=False)
        self._connection.execute(_STATED_TABLE)
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {self._table} (name VARCHAR, item_timestamp INTEGER)")
        self._connection.execute(f"CREATE INDEX IF NOT EXISTS times_{account} ON {self._table} (item_timestamp)")
        self._connection.commit()
        query = "SELECT requests FROM stated_limit WHERE account = ?"
        row: tuple[int] | None = self._connection.execute(query, (account,)).fetchone()
        self._lock = threading.RLock()
        self._bucket = SQLiteBucket([self._rate(row[0] if row else DEFAULT_LIMIT)], self._connection, self._table)
        self._closed_until = 0.0
        self._in_flight: dict[str, int] = {}
        self.known = row is not None
        """Whether the limit was stated, by the server or by the caller; until then it is the default."""

    def _rate(self, limit: int) -> Rate:
        """Return pyrate-limiter's words for the limit."""
        return Rate(limit, round(self._interval * 1000))

    @property
    def limit(self) -> int:
        """Requests in a window."""
        return self._bucket.rates[0].limit

    def state(self, limit: int | None) -> None:
        """Take the limit as the server states it; None, or one that cannot be, leaves it as it is, for good."""
        with self._alone():
            self.known = True
            if limit is not None and limit > 0:
                self._bucket.rates = [self._rate(limit)]
                self._connection.execute("REPLACE INTO stated_limit VALUES (?, ?)", (self._account, limit))

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other threads and other processes out: looking and taking are one step."""
        with self._locked():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                self._connection.commit()

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Keep other threads out, and say it where the file cannot be used."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                msg = f"The file that counts requests cannot be used ({error}); nothing was sent."
                raise NotSent(msg) from error

    # -- places -------------------------------------------------------------------------------------------------------

    def free(self, now: datetime) -> int:
        """Return how many places are free."""
        with self._locked():
            self._hold(now)
            self._bucket.leak(_milliseconds(now))
            return max(0, self.limit - self._bucket.count())

    def turn_in(self, now: datetime) -> float:
        """Return the seconds until a place is free, 0 if one is."""
        closed = self._closed_until - now.timestamp()
        with self._locked():
            if self.free(now):
                return max(0.0, closed)
            return max(closed, self._wait(now))

    def take(self, now: datetime, timeout: float, *, keep: int = 0) -> Turn:
        """Take a place, or say with ``wait`` when there may be one.

        Args:
            now: The present moment.
            timeout: Seconds that the request takes at most.
            keep: Places to leave free.
        """
        closed = self._closed_until - now.timestamp()
        if closed > 0:
            return Turn(self, "", closed)
        name = secrets.token_hex(8)
        with self._locked():
            if self.free(now) <= keep:
                return Turn(self, "", max(1.0 if keep else 0.001, self._wait(now)))
            with self._alone():
                taken = self._bucket.put(RateItem(name, _milliseconds(now)))
            if not taken:
                return Turn(self, "", max(0.001, self._wait(now)))
            self._in_flight[name] = _milliseconds(now) + round(timeout * 1000)
            self._stamp(name, self._in_flight[name])
        return Turn(self, name)

    def _wait(self, now: datetime) -> float:
        """Return the seconds until the place that is free next."""
        # Of more requests than the limit (which may have been lowered), those beyond it must leave as well.
        oldest_that_counts = self._bucket.peek(self.limit - 1)
        if oldest_that_counts is None:
            return 0.0
        free_at = oldest_that_counts.timestamp + self._bucket.rates[0].interval + 1
        return max(0, free_at - _milliseconds(now)) / 1000

    def move(self, name: str, now: datetime) -> None:
        """Count a place from this moment on."""
        with self._locked():
            self._in_flight.pop(name, None)
            self._stamp(name, _milliseconds(now))

    def _stamp(self, name: str, milliseconds: int) -> None:
        """Move a place in time; the one thing that pyrate-limiter's bucket cannot do."""
        query = f"UPDATE {self._table} SET item_timestamp = ? WHERE name = ?"  # noqa: S608  a digest, no input
        with self._alone():
            self._connection.execute(query, (milliseconds, name))

    def _hold(self, now: datetime) -> None:
        """Keep the places of requests that take longer than they can: the machine slept, or the clock was set."""
        moment = _milliseconds(now)
        for name, latest in self._in_flight.items():
            if latest < moment:
                self._in_flight[name] = moment
                self._stamp(name, moment)

    def free_place(self, name: str) -> None:
        """Free a place at once."""
        with self._alone():
            self._in_flight.pop(name, None)
            self._connection.execute(f"DELETE FROM {self._table} WHERE name = ?", (name,))  # noqa: S608  likewise

    # -- what the server says, and what is to be expected -------------------------------------------------------------

    def close(self, now: datetime, seconds: float | None = None) -> float:
        """Note that the server refused a request because of its limit; return the seconds that nothing is sent.

        The server's window began at the latest with that request, so it is over one window later at the latest. What
        the server says is taken; else it is half a window, so that the second time is surely late enough.
        """
        wait = seconds if seconds is not None else self._interval / 2
        self._closed_until = max(self._closed_until, now.timestamp() + wait)
        return wait

    def least_seconds(self, requests: int, now: datetime) -> float:
        """Return how long so many requests take at least, from now; 0 if there are places for all of them."""
        more = requests - self.free(now)
        if more <= 0:
            return 0.0
        with self._locked():
            oldest = self._bucket.peek(self._bucket.count() - 1)
        passed = max(0.0, now.timestamp() - oldest.timestamp / 1000) if oldest is not None else 0.0
        return -(-more // self.limit) * self._interval - passed


def _milliseconds(moment: datetime) -> int:
    """Return a moment as pyrate-limiter has it."""
    return round(moment.timestamp() * 1000)


_windows: dict[tuple[str, Path | None], RequestWindow] = {}
_windows_lock = threading.Lock()


def window_of(account: str, path: Path | None) -> RequestWindow:
    """Return the one window of an account in this process.

    Args:
        account: What tells the account from others, hashed: hexadecimal digits.
        path: A file that keeps the window beyond the process, or None.

    Raises:
        InvalidRequest: The file cannot be opened, or is something else.
    """
    place = path.resolve() if path is not None else None
    with _windows_lock:
        window = _windows.get((account, place))
        if window is None:
            try:
                window = _windows[account, place] = RequestWindow(account, path=place)
            except sqlite3.Error as error:
                msg = f"The file that is to count requests cannot be used: {error}."
                raise InvalidRequest(msg) from error
        return window
