"""How many requests a server takes per time: a sliding window that never sends more.

The window is a log of moments in SQLite, one for each request: in a file it outlives the process, else it is in memory.
A place is free again so long after its request *ended*, since nobody knows when in between the server counted it. So a
place is held at the latest end that the request can have, is moved to the true end when that is known, and stays where
it is if the process dies. Nothing here waits: whoever is refused a place is told for how long.

The file survives the death of any process, which is the promise; it is not flushed to the disk for each request, so
that after a failure of the machine itself the last seconds may be missing from the count.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path

from allmysms_async.errors import InvalidRequest, NotSent, RequestLimitReached

__all__ = ["DEFAULT_LIMIT", "RequestWindow", "Turn", "window_of"]

DEFAULT_LIMIT = 100
"""Requests in a window, unless the server states another number. Source: Envoyer SMS Pro, "Les limites"."""

_log = logging.getLogger("allmysms_async")

_OPEN_SECONDS = 5.0
# The event loop stands still meanwhile; whoever holds the file longer is waited for without it.
_BUSY_SECONDS = 0.05
_BUSY_AGAIN = 0.5
_REMEMBERED_SECONDS = 24 * 3600.0
"""How long a limit that the server stated is taken for granted."""
_STATED_TABLE = """CREATE TABLE IF NOT EXISTS windows (
    account TEXT PRIMARY KEY, stated INTEGER, ask_after REAL DEFAULT 0, closed_until REAL DEFAULT 0,
    closed_for REAL DEFAULT 0
)"""
_REQUESTS_TABLE = "CREATE TABLE IF NOT EXISTS {} (name VARCHAR, item_timestamp INTEGER)"
"""One for each account; a moment is in milliseconds since 1970."""


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
            _log.warning("The end of a request could not be noted: %s", error)

    def give_back(self) -> None:
        """Note that the request surely never left: its place is free at once."""
        try:
            self._window.free_place(self._name)
        except (NotSent, RequestLimitReached) as error:
            _log.warning("A request that never left holds its place: %s", error)


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
        self._path = path
        self._inherited = False
        # Every use is under the lock, so that any thread may use the one connection.
        self._connection = sqlite3.connect(path or ":memory:", timeout=_OPEN_SECONDS, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_STATED_TABLE)
        self._connection.execute("INSERT OR IGNORE INTO windows (account) VALUES (?)", (account,))
        self._connection.execute(_REQUESTS_TABLE.format(self._table))
        self._connection.execute(f"CREATE INDEX IF NOT EXISTS times_{account} ON {self._table} (item_timestamp)")
        self._connection.commit()
        self._connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_SECONDS * 1000)}")
        self._lock = threading.RLock()
        self._limit = DEFAULT_LIMIT
        self._in_flight: dict[str, int] = {}
        self._wished: int | None = None
        self._ask_after = self._closed_until = self._closed_for = 0.0
        self._read()
        _all.add(self)

    def hold_still(self) -> None:
        """Let no thread use the connection, while the process is forked."""
        self._lock.acquire()

    def go_on(self) -> None:
        """Let every thread use it again, in the parent process."""
        self._lock.release()

    def part(self) -> None:
        """Go on in a child process, where what the parent has in flight is the parent's to follow.

        A window in memory goes on from what was counted so far.
        """
        self._in_flight = {}
        self._inherited = self._path is not None
        self._lock.release()

    def _reopen(self) -> None:
        """Open the file anew: SQLite forbids a process to use, or to close, what its parent opened."""
        if self._path is not None:
            _of_the_parent.append(self._connection)
            self._connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._inherited = False

    def _read(self) -> None:
        """Take in what the server said, to whatever process."""
        query = "SELECT stated, ask_after, closed_until, closed_for FROM windows WHERE account = ?"
        stated, self._ask_after, self._closed_until, self._closed_for = self._connection.execute(
            query, (self._account,)
        ).fetchone()
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
        with self._locked():
            self._wished = limit
            self._read()

    def state(self, limit: int | None, now: datetime) -> None:
        """Take the limit as the server states it, for a day.

        None, or one that cannot be, leaves it as it is: the server is asked again one window later.
        """
        fits = limit is not None and limit > 0
        ask_after = now.timestamp() + (_REMEMBERED_SECONDS if fits else self._interval)
        with self._alone():
            if fits:
                query = "UPDATE windows SET stated = ?, ask_after = ? WHERE account = ?"
                self._connection.execute(query, (limit, ask_after, self._account))
            else:
                query = "UPDATE windows SET ask_after = ? WHERE account = ?"
                self._connection.execute(query, (ask_after, self._account))
            self._read()

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other threads and other processes out: looking and taking are one step."""
        with self._locked(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Keep other threads out, and say it where the file cannot be used."""
        with self._lock:
            try:
                if self._inherited:
                    self._reopen()
                yield
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                    msg = "The file that counts requests is busy and cannot be used just now; nothing was sent."
                    raise RequestLimitReached(msg, retry_after=_BUSY_AGAIN) from error
                msg = f"The file that counts requests cannot be used ({_named(error)}); nothing was sent."
                raise NotSent(msg) from error

    # -- places -------------------------------------------------------------------------------------------------------

    def free(self, now: datetime) -> int:
        """Return how many places are free."""
        with self._locked():
            self._hold(now)
            return max(0, self.limit - self._count(self._begun(now)))

    def turn_in(self, now: datetime) -> float:
        """Return the seconds until a place is free, 0 if one is."""
        with self._locked():
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
        with self._locked():
            self._read()
            if closed := self._closed(now):
                return Turn(self, "", closed)
            if self.free(now) <= keep:
                return Turn(self, "", max(1.0 if keep else 0.001, self._wait(now)))
            # One that takes longer than the window is held on below.
            latest = _milliseconds(now) + round(min(timeout, self._interval) * 1000)
            if not self._put(name, latest, self._begun(now)):
                return Turn(self, "", max(0.001, self._wait(now)))
            self._in_flight[name] = latest
        return Turn(self, name)

    def _put(self, name: str, latest: int, begun: int) -> bool:
        """Write a place down, if one is free: others may have taken it since it was looked for."""
        query = f"DELETE FROM {self._table} WHERE item_timestamp < ?"  # noqa: S608  a digest, no input
        with self._alone():
            self._connection.execute(query, (begun,))
            if self._count(begun) >= self.limit:
                return False
            self._insert(name, latest)
            return True

    def _insert(self, name: str, milliseconds: int) -> None:
        """Write a place down."""
        query = f"INSERT INTO {self._table} (name, item_timestamp) VALUES (?, ?)"  # noqa: S608  likewise
        self._connection.execute(query, (name, milliseconds))

    def _begun(self, now: datetime) -> int:
        """Return when the window that ends now began: what is older counts no more."""
        return _milliseconds(now) - round(self._interval * 1000)

    def _count(self, begun: int) -> int:
        """Return how many places count in the window that began then."""
        query = f"SELECT COUNT(*) FROM {self._table} WHERE item_timestamp >= ?"  # noqa: S608  likewise
        count: int = self._connection.execute(query, (begun,)).fetchone()[0]
        return count

    def _newest(self, index: int) -> int | None:
        """Return the moment of a place, the newest being 0; None if there are not so many."""
        query = f"SELECT item_timestamp FROM {self._table} ORDER BY item_timestamp DESC LIMIT 1 OFFSET ?"  # noqa: S608
        row: tuple[int] | None = self._connection.execute(query, (index,)).fetchone()
        return None if row is None else row[0]

    def _wait(self, now: datetime) -> float:
        """Return the seconds until the place that is free next."""
        # Of more requests than the limit (which may have been lowered), those beyond it must leave as well.
        oldest_that_counts = self._newest(self.limit - 1)
        if oldest_that_counts is None:
            return 0.0
        return max(0, oldest_that_counts + 1 - self._begun(now)) / 1000

    def move(self, name: str, now: datetime) -> None:
        """Count a place from this moment on."""
        with self._locked():
            self._in_flight.pop(name, None)
            self._stamp(name, _milliseconds(now))

    def _stamp(self, name: str, milliseconds: int) -> None:
        """Move a place in time, also one that another process took for long over."""
        query = f"UPDATE {self._table} SET item_timestamp = ? WHERE name = ?"  # noqa: S608  likewise
        with self._alone():
            if not self._connection.execute(query, (milliseconds, name)).rowcount:
                self._insert(name, milliseconds)

    def _hold(self, now: datetime) -> None:
        """Keep the places of requests that take longer than they can: the machine slept, or the clock was set.

        Where the clock was set back, what lies further ahead than any place can is counted from now on.
        """
        moment = _milliseconds(now)
        furthest = moment + round(self._interval * 1000)
        for name, latest in self._in_flight.items():
            if latest < moment or latest > furthest:
                self._in_flight[name] = moment
                self._stamp(name, moment)
        if (self._newest(0) or 0) > furthest:
            query = f"UPDATE {self._table} SET item_timestamp = ? WHERE item_timestamp > ?"  # noqa: S608  likewise
            with self._alone():
                self._connection.execute(query, (moment, furthest))

    def _closed(self, now: datetime) -> float:
        """Return the seconds until the server's own refusal is over; never more than it was for, whatever the clock."""
        return min(max(0.0, self._closed_until - now.timestamp()), self._closed_for)

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
        query = "UPDATE windows SET closed_until = ?, closed_for = ? WHERE account = ?"
        longest = max(self._closed(now), wait)
        self._closed_until, self._closed_for = now.timestamp() + longest, longest
        try:
            with self._alone():
                self._connection.execute(query, (self._closed_until, self._closed_for, self._account))
        except (NotSent, RequestLimitReached) as error:
            _log.warning("The server's refusal could not be noted for others: %s", error)
        return wait

    def least_seconds(self, requests: int, now: datetime) -> float:
        """Return how long so many requests take at least, from now; 0 if there are places for all of them."""
        if not requests:
            return 0.0
        with self._locked():
            self._read()
            closed = self._closed(now)
            more = requests - self.free(now)
            if more <= 0:
                return closed
            held = self._count(self._begun(now))
            oldest = self._newest(held - 1) if held else None
        passed = max(0.0, now.timestamp() - oldest / 1000) if oldest is not None else 0.0
        return max(closed, -(-more // self.limit) * self._interval - passed)


def _milliseconds(moment: datetime) -> int:
    """Return a moment as the table has it."""
    return round(moment.timestamp() * 1000)


_all: weakref.WeakSet[RequestWindow] = weakref.WeakSet()
_of_the_parent: list[sqlite3.Connection] = []
_held: list[RequestWindow] = []


def _before_fork() -> None:
    """Wait until no thread is at work on a window: the child would find it half done for ever."""
    _windows_lock.acquire()
    _held.extend(_all)
    for window in _held:
        window.hold_still()


def _after_fork(end: Callable[[RequestWindow], None]) -> None:
    """Go on, in the parent or in the child."""
    for window in _held:
        end(window)
    _held.clear()
    _windows_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(RequestWindow.go_on),
        after_in_child=lambda: _after_fork(RequestWindow.part),
    )


_windows: dict[str, tuple[RequestWindow, Path | None]] = {}
_windows_lock = threading.Lock()


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
                msg = f"The file that is to count requests cannot be used ({_named(error)}); nothing was sent."
                raise InvalidRequest(msg) from error
            _windows[account] = window, place
        return window


def _named(error: sqlite3.Error) -> str:
    """Return what SQLite calls an error; its words may quote what stands in the file."""
    return str(getattr(error, "sqlite_errorname", type(error).__name__))
