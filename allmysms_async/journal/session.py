"""A lock of a PostgreSQL session, which the server frees when the connection ends, however it ends.

Whoever holds it must notice sooner than others do that it is lost: the server is asked just before anything is sent,
and every few seconds; a connection that is silent it keeps for longer than that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from allmysms_async import logs

__all__ = ["BEAT_SECONDS", "Pooled", "SessionLock", "keys_of", "session_of"]

BEAT_SECONDS = 5.0
"""How often a lock is asked for."""

_ANSWER_SECONDS = 5.0
# The server gives a silent connection up after 30 + 3 * 10 seconds.
_SETTINGS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "idle_session_timeout": "0",
}
_SET = (
    "select set_config(name, given, false), pg_backend_pid()"
    " from unnest($1::text[], $2::text[]) as t (name, given) join pg_settings using (name)"  # of this server's version
)
_PID = "select pg_backend_pid()"
_TAKE = "select pg_advisory_lock($1::int, $2::int)"
_HELD = (
    "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 2 and granted"
    " and database = (select oid from pg_database where datname = current_database())"
    " and classid = $1::int::oid and objid = $2::int::oid and pid = pg_backend_pid())"
)

# What was prepared a moment ago is not there, or was prepared by somebody else.
_STATEMENT_OF_ANOTHER = ("26000", "42P05")
_SOMETHING = sa.text("select 1")

Transaction = Callable[[], AbstractAsyncContextManager[Any]]

_log = logging.getLogger("allmysms_async")


class Pooled(Exception):  # a finding, not a failure
    """The connection is one of a pooler's, which gives a session to one transaction after the other."""


async def session_of(connect: Callable[[], Awaitable[Any]], transaction: Transaction) -> Any:
    """Return a new connection on which locks can be held: silent for long, and nobody else's.

    Args:
        connect: Opens a connection of the driver.
        transaction: Opens a transaction on another connection.

    Raises:
        Pooled: A lock would not be this connection's.
        Exception: The server cannot be reached, or refuses.
    """
    connection = await connect()
    try:
        settings = (list(_SETTINGS), list(_SETTINGS.values()))
        rows = await connection.fetch(_SET, *settings, timeout=_ANSWER_SECONDS)
        # The session must be this connection's alone also while another one is in a transaction.
        async with transaction() as other:
            await other.execute(_SOMETHING)  # only now does it begin
            during = await connection.fetchval(_PID, timeout=_ANSWER_SECONDS)
        if rows[0][1] != during:
            raise Pooled
    except BaseException as error:
        connection.terminate()
        if getattr(error, "sqlstate", None) in _STATEMENT_OF_ANOTHER:
            raise Pooled from error
        raise
    return connection


def keys_of(owner: str) -> tuple[int, int]:
    """Return the two keys of a holder's lock: 64 random bits, so that it clashes with nobody's."""
    first, second = (int(owner[start : start + 8], 16) for start in (0, 8))
    return _signed(first), _signed(second)


def _signed(value: int) -> int:
    """Return 32 bits as PostgreSQL's integers have them."""
    return value - (1 << 32) if value >= 1 << 31 else value


class SessionLock:
    """A holder's lock, on a connection of its own.

    Args:
        connect: Opens a connection of the driver.
        transaction: Opens a transaction on another connection.
        owner: Whose it is.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], transaction: Transaction, owner: str) -> None:
        self._connect = connect
        self._transaction = transaction
        self._keys = keys_of(owner)
        self._connection: Any = None
        self._asking: asyncio.Task[bool] | None = None

    async def take(self) -> None:
        """Open a connection and lock on it.

        Raises:
            Pooled: A lock would not be this connection's.
            Exception: The server cannot be reached, or refuses.
        """
        connection = await session_of(self._connect, self._transaction)
        try:
            await connection.fetchval(_TAKE, *self._keys, timeout=_ANSWER_SECONDS)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def confirm(self) -> bool:
        """Ask the server whether it is still held; if not, or if no answer comes, let go of the connection.

        Those who ask at once share a question, which is put after they came.
        """
        asked = self._asking
        if asked is not None and not asked.done():
            await asyncio.wait({asked})
        asking = self._asking
        if asking is None or asking is asked:
            asking = self._asking = asyncio.create_task(self._ask(), name="journal lock asked for")
        await asyncio.wait({asking})  # whoever gives up leaves it to the others
        return asking.result()

    async def _ask(self) -> bool:
        """Ask the server."""
        connection = self._connection
        if connection is None:
            return False
        held = False
        try:
            held = bool(await connection.fetchval(_HELD, *self._keys, timeout=_ANSWER_SECONDS))
        except Exception as error:  # noqa: BLE001, RUF100  # whatever it is, the lock cannot be relied on
            _log.info(
                "the session that the journal's lock is on failed (%s)",
                type(error).__name__,
                extra=logs.fields("journal_session_lost", error=error),
            )
        finally:
            if not held:
                self._drop(connection)
        return held

    def _drop(self, connection: Any) -> None:
        """Let go of a connection."""
        connection.terminate()
        if self._connection is connection:
            self._connection = None

    def abandon(self) -> None:
        """Let go of the connection as the end of the process does."""
        if self._connection is not None:
            self._drop(self._connection)

    async def release(self) -> None:
        """Let go of the lock."""
        if self._asking is not None and not self._asking.done():
            await asyncio.wait({self._asking})
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=_ANSWER_SECONDS)
            except (TimeoutError, OSError):
                connection.terminate()
