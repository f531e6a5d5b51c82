"""The places of a window of requests, kept in SQLite: in a file they outlive the process, else they are in memory.

Every use is under a lock, so that any thread may use the one connection; a process that is forked off opens the file
anew. What the places mean is ``window``'s business.

The file survives the death of any process, which is the promise; it is not flushed to the disk for each request, so
that after a failure of the machine itself the last seconds may be missing from the count.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Generator
from pathlib import Path

from allmysms_async.errors import NotSent, RequestLimitReached

__all__ = ["Places", "named"]

_OPEN_SECONDS = 5.0
# The event loop stands still meanwhile; whoever holds the file longer is waited for without it.
_BUSY_SECONDS = 0.05
_BUSY_AGAIN = 0.5
_STATED_TABLE = """CREATE TABLE IF NOT EXISTS windows (
    account TEXT PRIMARY KEY, stated INTEGER, ask_after REAL DEFAULT 0, closed_until REAL DEFAULT 0,
    closed_for REAL DEFAULT 0
)"""
_REQUESTS_TABLE = "CREATE TABLE IF NOT EXISTS {} (name VARCHAR, item_timestamp INTEGER)"
"""One for each account; a moment is in milliseconds since 1970."""


class Places:
    """The places of one account, and what the server said of its limit.

    Args:
        account: Names the account; a digest, since it is written to the file.
        path: A SQLite file on a local disk, or None for memory.

    Attributes:
        in_flight: Requests of this process that are under way, and the latest end of each in milliseconds.
    """

    def __init__(self, account: str, path: Path | None) -> None:
        self.in_flight: dict[str, int] = {}
        self._account = account
        self._table = f"requests_{account}"
        self._path = path
        self._inherited = False
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", timeout=_OPEN_SECONDS, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_STATED_TABLE)
        self._connection.execute("INSERT OR IGNORE INTO windows (account) VALUES (?)", (account,))
        self._connection.execute(_REQUESTS_TABLE.format(self._table))
        self._connection.execute(f"CREATE INDEX IF NOT EXISTS times_{account} ON {self._table} (item_timestamp)")
        self._connection.commit()
        self._connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_SECONDS * 1000)}")
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
        self.in_flight = {}
        self._inherited = self._path is not None
        self._lock.release()

    def _reopen(self) -> None:
        """Open the file anew: SQLite forbids a process to use, or to close, what its parent opened."""
        if self._path is not None:
            _of_the_parent.append(self._connection)
            self._connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._inherited = False

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Keep other threads and other processes out: looking and taking are one step."""
        with self.locked(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
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
                msg = f"The file that counts requests cannot be used ({named(error)}); nothing was sent."
                raise NotSent(msg) from error

    # -- what the server said -----------------------------------------------------------------------------------------

    def said(self) -> tuple[int | None, float, float, float]:
        """Return its limit, when to ask again, until when it is closed and for how long, as any process heard it."""
        query = "SELECT stated, ask_after, closed_until, closed_for FROM windows WHERE account = ?"
        row: tuple[int | None, float, float, float] = self._connection.execute(query, (self._account,)).fetchone()
        return row

    def state(self, limit: int | None, ask_after: float) -> None:
        """Note the limit that it states, or None to leave it as it is, and when to ask again."""
        query = "UPDATE windows SET stated = coalesce(?, stated), ask_after = ? WHERE account = ?"
        self._connection.execute(query, (limit, ask_after, self._account))

    def close(self, until: float, seconds: float) -> None:
        """Note that it refused because of its limit: until when, and for how long."""
        query = "UPDATE windows SET closed_until = ?, closed_for = ? WHERE account = ?"
        self._connection.execute(query, (until, seconds, self._account))

    # -- places -------------------------------------------------------------------------------------------------------

    def put(self, name: str, latest: int, begun: int, limit: int) -> bool:
        """Write a place down, if one is free: others may have taken it since it was looked for."""
        query = f"DELETE FROM {self._table} WHERE item_timestamp < ?"  # noqa: S608  a digest, no input
        with self.alone():
            self._connection.execute(query, (begun,))
            if self.count(begun) >= limit:
                return False
            self._insert(name, latest)
            return True

    def _insert(self, name: str, milliseconds: int) -> None:
        """Write a place down."""
        query = f"INSERT INTO {self._table} (name, item_timestamp) VALUES (?, ?)"  # noqa: S608  likewise
        self._connection.execute(query, (name, milliseconds))

    def count(self, begun: int) -> int:
        """Return how many places count in the window that began then."""
        query = f"SELECT COUNT(*) FROM {self._table} WHERE item_timestamp >= ?"  # noqa: S608  likewise
        count: int = self._connection.execute(query, (begun,)).fetchone()[0]
        return count

    def newest(self, index: int) -> int | None:
        """Return the moment of a place, the newest being 0; None if there are not so many."""
        query = f"SELECT item_timestamp FROM {self._table} ORDER BY item_timestamp DESC LIMIT 1 OFFSET ?"  # noqa: S608
        row: tuple[int] | None = self._connection.execute(query, (index,)).fetchone()
        return None if row is None else row[0]

    def stamp(self, name: str, milliseconds: int) -> None:
        """Move a place in time, also one that another process took for long over."""
        query = f"UPDATE {self._table} SET item_timestamp = ? WHERE name = ?"  # noqa: S608  likewise
        with self.alone():
            if not self._connection.execute(query, (milliseconds, name)).rowcount:
                self._insert(name, milliseconds)

    def shift(self, furthest: int, milliseconds: int) -> None:
        """Move every place that is further ahead than that."""
        query = f"UPDATE {self._table} SET item_timestamp = ? WHERE item_timestamp > ?"  # noqa: S608  likewise
        with self.alone():
            self._connection.execute(query, (milliseconds, furthest))

    def remove(self, name: str) -> None:
        """Free a place at once."""
        with self.alone():
            self.in_flight.pop(name, None)
            self._connection.execute(f"DELETE FROM {self._table} WHERE name = ?", (name,))  # noqa: S608  likewise


_all: weakref.WeakSet[Places] = weakref.WeakSet()
_of_the_parent: list[sqlite3.Connection] = []
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


def named(error: sqlite3.Error) -> str:
    """Return what SQLite calls an error; its words may quote what stands in the file."""
    return str(getattr(error, "sqlite_errorname", type(error).__name__))
