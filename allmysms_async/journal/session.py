"""A lock of a PostgreSQL session, which the server frees when the connection ends, however it ends.

Whoever holds it must notice sooner than others do that it is lost: the server is asked just before anything is sent,
and every few seconds; a connection that is silent it keeps for longer than that.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.journal.failure import ANOTHERS_SESSION

__all__ = [
    "BEAT_SECONDS",
    "SETTINGS",
    "SILENT_SECONDS",
    "Pooled",
    "SessionLock",
    "keys_of",
    "prepare",
    "session_of",
]

BEAT_SECONDS = 5.0
"""How often a lock is asked for."""

_ANSWER_SECONDS = 5.0
_LOOKS = 5
# As they are set, and not asked for as the connection opens: a pooler refuses one that asks for what it does not know.
_SETTINGS = {
    # A role or a database may be set to lose what was committed last when the machine loses its power.
    "synchronous_commit": "on",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
    # A process that stands still within a transaction, behind a pooler that answers for it, holds rows that others wait
    # for. A campaign's run waits for twice as long; what waits for less tries again.
    "idle_in_transaction_session_timeout": "30000",
}
_GIVEN = ", ".join(f"({name!r}, {given!r})" for name, given in _SETTINGS.items())
SETTINGS = (
    f"select set_config(name, given, false) from (values {_GIVEN}) as t (name, given)"  # noqa: S608  # constants
    " where current_setting(name, true) is not null"  # of this server's version
)
"""The statement that every connection begins with; it is one word of the protocol, and prepares nothing."""

SILENT_SECONDS = 60.0
"""After so long the server gives up a connection that nothing comes over, and lets go of what is locked on it."""

# Likewise, on this side: after 30 seconds.
_KEEPALIVES = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30_000}
_PID = "select pg_backend_pid()"
# No session that holds a lock ends because it was idle; servers before 14 have no such setting.
_IDLE = (
    "select pg_backend_pid() as pid, inet_client_port() as port,"
    " (select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout')"
)
_TAKE = "select pg_advisory_lock($1::int, $2::int)"
_HELD = (
    "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 2 and granted"
    " and database = (select oid from pg_database where datname = current_database())"
    " and classid = $1::int::oid and objid = $2::int::oid and pid = pg_backend_pid())"
)

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
        (session,) = await connection.fetch(_IDLE, timeout=_ANSWER_SECONDS)
        link = _link(connection)
        direct = link is not None and link.getsockname()[1] == session["port"]
        # The session must be this connection's alone also while another one is in a transaction. A pooler that many
        # use at once may give it the same one by chance.
        for _ in range(1 if direct else _LOOKS):
            async with transaction() as other:
                await other.execute(_SOMETHING)  # only now does it begin
                during = await _asked(connection, direct=direct)
            if session["pid"] != during:
                raise Pooled
    except BaseException as error:
        connection.terminate()
        if getattr(error, "sqlstate", None) in ANOTHERS_SESSION:
            raise Pooled from error
        raise
    return connection


async def _asked(connection: Any, *, direct: bool) -> int | None:
    """Return a connection's session while another one is in a transaction.

    Raises:
        TimeoutError: The server does not answer.
    """
    try:
        pid: int = await connection.fetchval(_PID, timeout=_ANSWER_SECONDS)
    except TimeoutError:
        if direct:
            raise
        return None  # a pooler that has one session in all waits for that transaction to end
    return pid


async def prepare(connection: Any) -> None:
    """Have either side of a new connection notice when the other one is gone, and commits be durable.

    Args:
        connection: Of the driver.

    Raises:
        Exception: The server refuses, or does not answer.
    """
    if (link := _link(connection)) is not None:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVES.items():
            if (option := getattr(socket, name, None)) is not None:  # whatever this system has
                link.setsockopt(socket.IPPROTO_TCP, option, value)
    await connection.execute(SETTINGS, timeout=_ANSWER_SECONDS)


def _link(connection: Any) -> Any:
    """Return a connection's socket; None if it is no TCP."""
    transport = getattr(connection, "_transport", None)  # the driver does not give it otherwise
    link = None if transport is None else transport.get_extra_info("socket")
    return None if link is None or link.family == getattr(socket, "AF_UNIX", None) else link


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
