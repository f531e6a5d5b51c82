"""The journal's database: SQLite by a path, PostgreSQL by a URL; whatever goes wrong with it is a ``JournalError``.

On SQLite writes are grouped: what several tasks want written while a commit is under way is committed together by the
next one, since a durable commit takes a millisecond or more, whatever is in it. PostgreSQL does that itself.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from allmysms_async.errors import InvalidRequest, JournalError
from allmysms_async.journal.schema import ensure

__all__ = ["Database"]

T = TypeVar("T")

_BUSY_SECONDS = 5.0
_CONNECT_SECONDS = 10.0
_COMMAND_SECONDS = 60.0
_READING = "allmysms_reading"

_SQLITE_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "it may not be written",
    sqlite3.SQLITE_BUSY: "another process keeps it locked",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk failed",
}


class Database:
    """A database that several processes may use at once.

    Args:
        where: A path for SQLite, or a URL such as ``postgresql://user@host/name``.
        busy_timeout: Seconds to wait for another process that is writing, on SQLite.

    Raises:
        InvalidRequest: The URL is of a kind that is not supported, or its driver is not installed.
    """

    def __init__(self, where: str | os.PathLike[str], *, busy_timeout: float = _BUSY_SECONDS) -> None:
        self._url = _url(where)
        self.label = str(where) if self._url.drivername.startswith("sqlite") else _shown(self._url)
        try:
            self._engine = _engine(self._url, busy_timeout)
        except ModuleNotFoundError as error:
            extra = "journal" if error.name == "aiosqlite" else "postgres"
            msg = f'This journal needs {error.name}: run pip install "allmysms_async[{extra}]"; nothing was sent.'
            raise InvalidRequest(msg) from error
        self._grouped = self._url.drivername.startswith("sqlite")
        self._waiting: list[tuple[Callable[[AsyncConnection], Awaitable[Any]], asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self, *, create: bool) -> None:
        """Make sure that it is a journal.

        Args:
            create: Whether a database that does not exist, or is empty, becomes one.

        Raises:
            JournalError: It cannot be opened, or is something else.
        """
        path = self._url.database or ""
        is_path = self._grouped and not path.startswith("file:")
        if is_path and not create and not os.path.isfile(path):  # noqa: ASYNC240  # one look at one path
            msg = f"There is no journal {self.label}."
            raise JournalError(msg)
        if self._grouped:
            # The driver leaves a thread behind where a file cannot be opened: find that out without it.
            [name], options = self._engine.dialect.create_connect_args(self._url)
            with self._translated():
                sqlite3.connect(name, uri=bool(options.get("uri"))).close()
        opening = self.writing() if create else self.reading()
        async with opening as connection:
            await ensure(connection, self.label, create=create)

    async def close(self) -> None:
        """Close every connection."""
        while self._writing is not None:
            await asyncio.wait({self._writing})
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection, None]:
        """Open a transaction that only reads.

        Raises:
            JournalError: The database failed.
        """
        with self._translated():
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_READING: True})
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection, None]:
        """Open a transaction of its own; it is committed when the block ends.

        Raises:
            JournalError: The database failed; nothing of the block is recorded.
        """
        with self._translated():
            async with self._engine.begin() as connection:
                yield connection

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do something in a transaction, perhaps together with what other tasks want written; return once committed.

        Args:
            work: What is done; whatever it raises undoes all that is written with it.

        Raises:
            JournalError: The database failed; nothing is recorded, or at worst nobody can tell whether it is.
        """
        if not self._grouped:
            async with self.writing() as connection:
                return await work(connection)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="journal")
        return await future

    async def _write_all(self) -> None:
        """Commit what waits, a group at a time, until nothing does."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(
        self, group: list[tuple[Callable[[AsyncConnection], Awaitable[Any]], asyncio.Future[Any]]]
    ) -> None:
        """Commit a group; all of it, or nothing."""
        results: list[Any] = []
        try:
            async with self.writing() as connection:
                for work, _ in group:
                    results.append(await work(connection))  # one after the other, in one transaction
        except BaseException as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)

    @contextmanager
    def _translated(self) -> Generator[None, None, None]:
        """Turn whatever the database raises into one error, which tells no credentials and no data."""
        try:
            yield
        except exc.DBAPIError as error:
            raise self._failed(_words(error.orig)) from error
        except (exc.SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            raise self._failed(_words(error)) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "asyncpg":
                raise
            raise self._failed(_words(error)) from error

    def _failed(self, words: str) -> JournalError:
        """Return the error of a database that failed."""
        msg = f"The journal {self.label} failed: {words}. Nothing is sent that is not recorded."
        return JournalError(msg, remedy="Put that right, then run the campaign again to continue it.")


def _url(where: str | os.PathLike[str]) -> sa.URL:
    """Return the address of a journal."""
    text = os.fspath(where)
    if "://" not in text:
        if not text.strip():
            msg = "The journal needs a path or a URL."
            raise InvalidRequest(msg)
        return sa.URL.create("sqlite+aiosqlite", database=text)
    try:
        url = sa.make_url(text)
    except (exc.ArgumentError, ValueError):
        msg = "The journal's URL cannot be read; it looks like postgresql://user:password@host/name."
        raise InvalidRequest(msg) from None
    drivers = {"postgresql": "asyncpg", "postgres": "asyncpg", "sqlite": "aiosqlite"}
    kind = url.drivername.partition("+")[0]
    if kind not in drivers:
        msg = f"A journal is a path (SQLite) or a postgresql:// URL, not {kind}://."
        raise InvalidRequest(msg)
    return url.set(drivername=f"{'postgresql' if kind == 'postgres' else kind}+{drivers[kind]}")


def _shown(url: sa.URL) -> str:
    """Return a URL without user and password."""
    return f"{url.drivername.partition('+')[0]}://{url.host or ''}/{url.database or ''}"


def _engine(url: sa.URL, busy_timeout: float) -> AsyncEngine:
    """Return the engine, set up so that what is committed stays, also when the machine loses its power."""
    if not url.drivername.startswith("sqlite"):
        options = {"timeout": _CONNECT_SECONDS, "command_timeout": _COMMAND_SECONDS}
        return create_async_engine(url, pool_size=4, max_overflow=0, hide_parameters=True, connect_args=options)
    # One connection: with several the slowest commits took hundreds of milliseconds.
    engine = create_async_engine(
        url,
        poolclass=sa.pool.AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=3600,
        # Every use ends its transaction itself; a rollback after each would cost as much again.
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"timeout": busy_timeout},
    )

    def connected(connection: Any, _: object) -> None:
        # The driver must not begin transactions of its own accord.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout * 1000)}")
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:  # it can still be read
                raise
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    def begins(connection: sa.Connection) -> None:
        # What reads and then writes must have the lock from the start, or it may find itself refused in between.
        only_reads = connection.get_execution_options().get(_READING, False)
        raw: Any = connection.connection.dbapi_connection

        def begin(driver: Any) -> Any:
            return driver.execute("BEGIN" if only_reads else "BEGIN IMMEDIATE")

        # Straight to the driver: as a statement like any other this takes several turns of its thread.
        raw.run_async(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begins)
    return engine


def _words(error: BaseException | None) -> str:
    """Return what went wrong, in words that hold neither data nor credentials."""
    cause: BaseException | None = error
    while cause is not None:
        code = getattr(cause, "sqlite_errorcode", None)
        if isinstance(code, int):
            return _SQLITE_WORDS.get(code & 0xFF, f"SQLite says {getattr(cause, 'sqlite_errorname', code)}")
        state = getattr(cause, "sqlstate", None)
        if isinstance(state, str):
            return f"PostgreSQL refused with {type(cause).__name__} ({state})"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__
    return f"it cannot be reached or used ({type(error).__name__})"
