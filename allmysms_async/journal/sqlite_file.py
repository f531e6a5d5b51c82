"""A SQLite file: where it is, and how a connection to it is made and set up."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

import sqlalchemy as sa

from allmysms_async.clock import SYSTEM
from allmysms_async.journal.address import LOGGING_NAME

__all__ = ["absolute", "connected", "name_of", "over", "set_up", "write_ahead"]

_BUSY_PAUSE = 0.01

_opening = threading.local()

# One for all files: what it has compiled for one journal it need not compile for the next. It keeps no connection.
_engine = sa.create_engine(
    "sqlite://",
    creator=lambda: _opening.connect(),
    poolclass=sa.pool.NullPool,
    # Every use ends its transaction itself; a rollback after each would cost as much again.
    pool_reset_on_return=None,
    hide_parameters=True,
    logging_name=LOGGING_NAME,
)


def absolute(url: sa.URL) -> sa.URL:
    """Return where a file is whatever becomes the working directory."""
    name = url.database or ""
    if not name.startswith("file:"):
        return url.set(database=os.path.abspath(name))
    parts = urlsplit(name)
    if parts.path.startswith("/"):
        return url
    return url.set(database=parts._replace(path=quote(os.path.abspath(unquote(parts.path)))).geturl())


def name_of(url: sa.URL) -> str:
    """Return the path of a file."""
    name = url.database or ""
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def connected(url: sa.URL, busy_timeout: float) -> sqlite3.Connection:
    """Return a connection to a file as the standard library makes it.

    Args:
        url: Where the file is.
        busy_timeout: Seconds to wait for another process that is writing.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    [name], options = _engine.dialect.create_connect_args(url)
    # Used in one thread alone, and closed in any by whatever finds it forgotten.
    return sqlite3.connect(name, uri=bool(options.get("uri")), timeout=busy_timeout, check_same_thread=False)


def set_up(raw: sqlite3.Connection) -> sqlite3.Connection:
    """Return a new connection, set up; it is closed if that fails."""
    try:
        raw.isolation_level = None  # the driver must not begin transactions of its own accord
        raw.execute("PRAGMA synchronous=FULL")  # what is committed stays, also when the machine loses its power
    except BaseException:
        raw.close()
        raise
    return raw


def over(make: Callable[[], sqlite3.Connection]) -> sa.Connection:
    """Return a connection of SQLAlchemy's over one that is made by this."""
    _opening.connect = make
    try:
        return _engine.connect()
    finally:
        del _opening.connect


def write_ahead(raw: sqlite3.Connection, busy_timeout: float) -> None:
    """Let readers and a writer not wait for each other; a mode of the file, which stays.

    Args:
        raw: A connection to it.
        busy_timeout: Seconds to try again for while another process is busy with it.
    """
    until = SYSTEM.monotonic() + busy_timeout
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_READONLY:  # whatever is written next finds out
                return
            # While another process begins the same journal it is busy at once, and does not wait.
            if code != sqlite3.SQLITE_BUSY or SYSTEM.monotonic() >= until:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return
