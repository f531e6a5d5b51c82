"""The connection over which the runner's tables are asked and changed, and changes are heard of."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from allmysms_async.errors import InvalidRequest
from allmysms_async.journal.database import Database
from allmysms_async.journal.failure import Use
from allmysms_async.runner import schema

__all__ = ["TELL", "Control", "opened_database"]

_CHANNEL = "allmysms_runner"
TELL = f"select pg_notify('{_CHANNEL}', '')"
"""The statement that has every worker look at the tables once it is committed."""

_SECONDS = 10.0
_WORKERS = Use(
    "workers were at work",
    "Nothing is sent that is not recorded.",
    "Nothing more is sent.",
    "Put that right; workers that run go on by themselves, and whatever else was begun can be begun again.",
)


async def opened_database(journal: str, *, create: bool = True) -> Database:
    """Return a journal that many machines can share, open.

    Args:
        journal: A ``postgresql://`` URL.
        create: Whether a database that is none becomes one.

    Raises:
        InvalidRequest: It is a file.
        JournalError: It cannot be used, or is none.
    """
    database = Database(journal, _WORKERS)
    if database.is_file:
        msg = "Several machines share a journal in PostgreSQL, not a file: give a postgresql:// URL; nothing was sent."
        raise InvalidRequest(msg)
    try:
        await database.open(create=create)
    except BaseException:
        await database.close()
        raise
    return database


class Control:
    """A connection that is opened anew when it is lost.

    Args:
        database: The journal.

    Attributes:
        database: The journal.
        changed: Set when something may have changed: an operator's word, or a connection that was away.
    """

    def __init__(self, database: Database) -> None:
        self.changed = asyncio.Event()
        self.database = database
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and make sure of the tables.

        Raises:
            JournalError: The database cannot be reached, is behind a pooler that shares sessions, or has tables that
                this release cannot work on.
        """
        async with self._turn:
            await self._connected()

    async def fetch(self, statement: str, *values: object) -> Sequence[Any]:
        """Run a statement by itself; return its rows.

        Raises:
            JournalError: The database failed; whether it took the statement nobody can tell.
        """
        async with self._turn:
            connection = await self._connected()
            with self.database.translated():
                try:
                    rows: Sequence[Any] = await connection.fetch(statement, *values, timeout=_SECONDS)
                except BaseException as error:
                    # Unless the server refused the statement itself, nobody knows what comes next over it.
                    if connection.is_closed() or (getattr(error, "sqlstate", None) or "08").startswith("08"):
                        self._drop()
                    raise
        return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Callable[..., Awaitable[Sequence[Any]]], None]:
        """Open a transaction; what it yields runs a statement in it.

        Raises:
            JournalError: The database failed.
        """
        async with self._turn:
            connection = await self._connected()
            with self.database.translated():
                try:
                    async with connection.transaction():
                        yield functools.partial(connection.fetch, timeout=_SECONDS)
                except BaseException:
                    self._drop()
                    raise

    async def tell(self) -> None:
        """Have every worker look at the tables now."""
        await self.fetch(TELL)

    async def aclose(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=5.0)
            except (TimeoutError, OSError):
                connection.terminate()

    async def _connected(self) -> Any:
        connection = self._connection
        if connection is not None and not connection.is_closed():
            return connection
        self._drop()
        connection = await self.database.session()  # which refuses a pooler that shares sessions
        try:
            with self.database.translated():
                await schema.ensure(connection, self.database.label)
                await connection.add_listener(_CHANNEL, self._hear)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        self.changed.set()  # whatever was told before was not heard
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _hear(self, *_: object) -> None:
        self.changed.set()
