"""A journal in SQLite: one connection, whose users take turns, and writes that are committed together.

What several tasks want written while a commit is under way is committed together by the next one, since a durable
commit takes a millisecond or more, whatever is in it. Such a group is one errand of the driver's thread: going there
and back for each statement costs the event loop more than the statement.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from allmysms_async.journal.quiet import LOGGING_NAME

__all__ = ["File"]

T = TypeVar("T")

_READING = "allmysms_reading"
_BUSY_PAUSE = 0.01


class _Member(NamedTuple):
    """One of those that are written together."""

    work: Callable[[sa.Connection], Any]
    done: asyncio.Future[Any]


class File:
    """A SQLite database.

    Args:
        url: Where it is.
        busy_timeout: Seconds to wait for another process that is writing.
    """

    def __init__(self, url: sa.URL, busy_timeout: float) -> None:
        self._url = url
        self._busy_timeout = busy_timeout
        # One connection: with several the slowest commits took hundreds of milliseconds.
        self._engine = create_async_engine(
            url,
            poolclass=sa.pool.AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            # Every use ends its transaction itself; a rollback after each would cost as much again.
            pool_reset_on_return=None,
            hide_parameters=True,
            logging_name=LOGGING_NAME,
            connect_args={"timeout": busy_timeout},
        )
        event.listen(self._engine.sync_engine, "begin", _begins)
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        # The same connection as the driver's own thread uses it.
        self._inside: sa.Connection
        self._waiting: list[_Member] = []
        self._writing: asyncio.Task[None] | None = None

    @property
    def path(self) -> str | None:
        """Where the file is; None if the database has none, or is not to be written."""
        name = self._url.database or ":memory:"
        if name.startswith("file:"):
            name = unquote(urlsplit(name).path)
        return None if name == ":memory:" or self._url.query.get("mode") in {"ro", "memory"} else name

    def probe(self, *, create: bool) -> None:
        """Open the file and close it: the driver leaves a thread behind where it cannot.

        Args:
            create: Whether one that does not exist is created, for its owner alone: what it holds names people.

        Raises:
            sqlite3.Error: It cannot be opened.
        """
        if create and self.path is not None:
            with suppress(OSError):  # it is there, or SQLite finds out
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        [name], options = self._engine.dialect.create_connect_args(self._url)
        sqlite3.connect(name, uri=bool(options.get("uri"))).close()

    async def settle(self) -> None:
        """Set the file up for several processes, once it is known to be a journal."""
        async with self._turn:
            await self._opened()
            await self._driver._execute(self._write_ahead, self._driver._conn)

    async def close(self) -> None:
        """Close the connection, once what is being written is committed."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait({self._writing})
        async with self._turn:
            await self._disconnect()
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self, *, reading: bool) -> AsyncGenerator[AsyncConnection, None]:
        """Open a transaction; what reads and then writes has the lock from the start."""
        async with self._turn:
            connection = await self._opened()
            await connection.execution_options(**{_READING: reading})
            async with connection.begin():
                yield connection

    async def write(self, work: Callable[[sa.Connection], T], *, apart: bool = False) -> T:
        """Do something in a transaction, in the driver's thread; return once committed."""
        del apart  # whatever waits shares a transaction
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(work, done))
        if self._writing is None or self._writing.done():  # done as well if cancelled before it began
            self._writing = asyncio.create_task(self._write_all(), name="journal")
        return await done

    async def _write_all(self) -> None:
        """Commit what waits, a group at a time, until nothing does."""
        try:
            while self._waiting:
                await self._write_group()
        finally:
            self._writing = None

    async def _write_group(self) -> None:
        """Commit what waits; if the database fails, nothing of it is recorded."""
        group = self._waiting
        try:
            async with self._turn:  # until it comes, more may join
                self._waiting = []
                await self._opened()
                results = await self._driver._execute(self._commit, [member.work for member in group])
        except BaseException as error:
            if self._waiting is group:
                self._waiting = []
            for member in group:
                if not member.done.done():
                    member.done.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for member, (value, problem) in zip(group, results, strict=True):
            if member.done.done():
                continue
            if problem is None:
                member.done.set_result(value)
            else:
                member.done.set_exception(problem)

    async def _opened(self) -> AsyncConnection:
        """Return the connection, opened if there is none."""
        if self._connection is not None and self._connection.invalidated:
            await self._disconnect()
        if self._connection is None:
            connection = await self._engine.connect()
            try:
                self._driver = (await connection.get_raw_connection()).driver_connection
                await self._driver._execute(self._enter, self._driver._conn)
            except BaseException:  # the next one needs it: there is only one
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _disconnect(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    # -- in the driver's thread ---------------------------------------------------------------------------------------

    def _enter(self, raw: sqlite3.Connection) -> None:
        """Set a new connection up, and take it for use in this thread."""
        raw.isolation_level = None  # the driver must not begin transactions of its own accord
        raw.execute(f"PRAGMA busy_timeout={int(self._busy_timeout * 1000)}")
        raw.execute("PRAGMA synchronous=FULL")  # what is committed stays, also when the machine loses its power
        engine = sa.create_engine(
            "sqlite://",
            creator=lambda: raw,
            poolclass=sa.pool.StaticPool,
            pool_reset_on_return=None,
            hide_parameters=True,
            logging_name=LOGGING_NAME,
        )

        def begins(_: sa.Connection) -> None:
            _begin(raw, reading=False)

        event.listen(engine, "begin", begins)
        self._inside = engine.connect()

    def _write_ahead(self, raw: sqlite3.Connection) -> None:
        """Let readers and a writer not wait for each other; a mode of the file, which stays."""
        until = time.monotonic() + self._busy_timeout
        while True:
            try:
                raw.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                code = error.sqlite_errorcode & 0xFF
                if code == sqlite3.SQLITE_READONLY:  # whatever is written next finds out
                    return
                # While another process begins the same journal it is busy at once, and does not wait.
                if code != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
                time.sleep(_BUSY_PAUSE)
            else:
                return

    def _commit(self, works: Sequence[Callable[[sa.Connection], Any]]) -> list[tuple[Any, Exception | None]]:
        """Do what is to be written, one after the other, in one transaction; return what each returned or raised."""
        with self._inside.begin():
            if len(works) == 1:
                return [(works[0](self._inside), None)]
            return [_apart(self._inside, work) for work in works]


def _apart(connection: sa.Connection, work: Callable[[sa.Connection], Any]) -> tuple[Any, Exception | None]:
    """Do something so that what it raises undoes nothing else; a database that fails is everybody's matter."""
    with connection.begin_nested() as savepoint:
        try:
            return work(connection), None
        except Exception as error:
            if isinstance(error, exc.DBAPIError) and not isinstance(error, exc.IntegrityError):
                raise
            savepoint.rollback()
            return None, error


def _begins(connection: sa.Connection) -> None:
    """Begin a transaction from the event loop."""
    reading = bool(connection.get_execution_options().get(_READING, False))
    raw: Any = connection.connection.dbapi_connection

    def begin(driver: Any) -> Any:
        return driver._execute(_begin, driver._conn, reading=reading)

    # Straight to the driver: as a statement like any other this takes several turns of its thread.
    raw.run_async(begin)


def _begin(raw: sqlite3.Connection, *, reading: bool) -> None:
    """Begin a transaction; what a task that was cancelled left of an earlier one is undone."""
    if raw.in_transaction:
        raw.rollback()
    raw.execute("BEGIN" if reading else "BEGIN IMMEDIATE")
