"""A journal in PostgreSQL: a few connections; it groups commits of its own accord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from allmysms_async.journal.address import LOGGING_NAME
from allmysms_async.journal.bell import Bell
from allmysms_async.journal.session import prepare

__all__ = ["Server", "insert"]

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_COMMAND_SECONDS = 60.0


class Server:
    """A PostgreSQL database.

    Args:
        url: Where it is.
        options: What goes to the driver beside it.
    """

    def __init__(self, url: sa.URL, options: Mapping[str, Any]) -> None:
        self._given: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": _COMMAND_SECONDS} | dict(options)
        self._url = url
        self._bell: Bell | None = None
        self._engine = create_async_engine(
            url, pool_size=4, max_overflow=0, hide_parameters=True, logging_name=LOGGING_NAME,
            async_creator=self._open,
        )  # fmt: skip
        self._apart = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def connect(self) -> Any:
        """Open a connection of the driver's own, beside the others."""
        return await self._open()

    async def _open(self) -> Any:
        driver: Any = import_module("asyncpg")  # which has no types
        places, options = self._engine.dialect.create_connect_args(self._url)
        connection = await driver.connect(*places, **(dict(options) | self._given))
        try:
            await prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        """Close every connection."""
        bell, self._bell = self._bell, None
        if bell is not None:
            await bell.close()
        await self._engine.dispose()

    def listen(self, campaign: int) -> None:
        """Hear from now on what other processes ring for a campaign."""
        self._bell = Bell(self.connect, campaign)

    def ring(self) -> None:
        """Let those who wait look at the journal."""
        if self._bell is not None:
            self._bell.ring()

    async def rung(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until another process has rung; without a connection to listen on that is never."""
        await (asyncio.Event().wait() if self._bell is None else self._bell.rung(sleep))

    @asynccontextmanager
    async def transaction(self, *, reading: bool) -> AsyncGenerator[AsyncConnection, None]:
        """Open a transaction."""
        del reading
        async with self._engine.begin() as connection:
            yield connection

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something in a transaction that only reads."""
        async with self.transaction(reading=True) as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[sa.Connection], T], *, apart: bool = False, watched: bool = False) -> T:
        """Do something in a transaction; return once committed."""
        del watched  # each claim compares for itself

        def whole(connection: sa.Connection) -> T:
            with connection.begin():
                return work(connection)

        async with (self._apart if apart else self._engine).connect() as connection:
            return await connection.run_sync(work if apart else whole)
