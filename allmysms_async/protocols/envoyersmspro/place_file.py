"""The places of a window of requests in a file of SQLite's: processes share them, and they outlive each.

A process that is forked off opens the file anew. The file survives the death of any process, which is the promise; it
is not flushed to the disk for each request, so that after a failure of the machine itself the last seconds may be
missing from the count.
"""

from __future__ import annotations

import contextlib
import sqlite3
import weakref
from collections.abc import Generator
from pathlib import Path

from allmysms_async.errors import NotSent, RequestLimitReached
from allmysms_async.protocols.envoyersmspro.place import Places

__all__ = ["FilePlaces", "named"]

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


class FilePlaces(Places):
    """Places that processes share, and that outlive them.

    Args:
        account: Names the account; a digest, since it is written to the file.
        path: A SQLite file on a local disk.
    """

    def __init__(self, account: str, path: Path) -> None:
        self._account = account
        self._table = f"requests_{account}"
        self._path = path
        self._inherited = False
        self._connection = self._connected(_OPEN_SECONDS)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_STATED_TABLE)
        self._connection.execute("INSERT OR IGNORE INTO windows (account) VALUES (?)", (account,))
        self._connection.execute(_REQUESTS_TABLE.format(self._table))
        self._connection.execute(f"CREATE INDEX IF NOT EXISTS times_{account} ON {self._table} (item_timestamp)")
        self._connection.commit()
        self._connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_SECONDS * 1000)}")
        super().__init__()

    def _connected(self, seconds: float) -> sqlite3.Connection:
        """Return a connection to the file, which is closed when nobody uses it any more."""
        connection = sqlite3.connect(self._path, timeout=seconds, check_same_thread=False)
        self._closing = weakref.finalize(self, connection.close)
        self._closing.atexit = False
        return connection

    def part(self) -> None:
        """Go on in a child process, with the file opened anew when it is used."""
        self._closing.detach()
        self._inherited = True
        super().part()

    def _reopen(self) -> None:
        """Open the file anew: SQLite forbids a process to use, or to close, what its parent opened."""
        _of_the_parent.append(self._connection)
        self._connection = self._connected(_BUSY_SECONDS)
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


_of_the_parent: list[sqlite3.Connection] = []


def named(error: sqlite3.Error) -> str:
    """Return what SQLite calls an error; its words may quote what stands in the file."""
    return str(getattr(error, "sqlite_errorname", type(error).__name__))
