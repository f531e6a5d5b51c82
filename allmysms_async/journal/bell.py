"""Notifications between the processes on one PostgreSQL journal: whoever waits is told that there is something to see.

A notification is a hint and decides nothing: it may be lost, late or doubled, and whoever waits for one looks from time
to time all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Bell"]

_CHANNEL = "allmysms_journal"
_RING = "select pg_notify($1::text, $2::text)"
_BEAT_SECONDS = 5.0
"""How often a connection that nothing went over is tried."""

_AGAIN_SECONDS, _LONG_AGAIN_SECONDS = 1.0, 60.0
"""How long it takes until another connection is opened in place of one that was lost: ever longer if none listens."""

_ANSWER_SECONDS = 5.0

_log = logging.getLogger("allmysms_async")


class Bell:
    """Rings for those who wait, and hears what they ring, on a connection of its own.

    Args:
        connect: Opens a connection of the driver.
        campaign: The campaign's number in the journal: nobody is woken for another one.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], campaign: int) -> None:
        self._connect = connect
        self._campaign = str(campaign)
        self._heard = asyncio.Event()
        self._wanted = asyncio.Event()
        self._connection: Any = None
        self._over = False
        self._again = _AGAIN_SECONDS
        self._keeper = asyncio.create_task(self._keep(), name="journal bell")

    def ring(self) -> None:
        """Let other processes look at the journal, soon; what is asked for meanwhile is one notification."""
        self._wanted.set()

    async def rung(self) -> None:
        """Wait until another process has rung since this was waited for last."""
        await self._heard.wait()
        self._heard.clear()

    async def close(self) -> None:
        """Let go of the connection, once what is to be rung has been."""
        self._over = True
        if self._connection is not None:
            self._wanted.set()
            await asyncio.wait({self._keeper}, timeout=_ANSWER_SECONDS)
        self._keeper.cancel()
        await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        """Keep a connection for as long as it takes."""
        while not self._over:
            try:
                await self._serve(await self._connect())
            except Exception as error:  # noqa: BLE001, RUF100  # whatever it is, those who wait look all the same
                _log.info("the session that the journal notifies by failed (%s)", type(error).__name__)
                if not self._over:
                    await asyncio.sleep(self._again)
                    self._again = min(2 * self._again, _LONG_AGAIN_SECONDS)

    async def _serve(self, connection: Any) -> None:
        """Listen and ring on a connection until it is lost, or all is over."""
        try:
            connection.add_termination_listener(self._end)
            await connection.add_listener(_CHANNEL, self._hear)
            self._connection, self._again = connection, _AGAIN_SECONDS
            self._heard.set()  # whatever was rung before was not heard
            while not (self._over and not self._wanted.is_set()):
                try:
                    await asyncio.wait_for(self._wanted.wait(), _BEAT_SECONDS)
                except TimeoutError:
                    await connection.fetchval("select 1", timeout=_ANSWER_SECONDS)
                else:
                    await self._send(connection)
        finally:
            self._connection = None
            connection.terminate()

    async def _send(self, connection: Any) -> None:
        """Ring; what could not be rung is rung over the next connection."""
        self._wanted.clear()
        try:
            await connection.fetchval(_RING, _CHANNEL, self._campaign, timeout=_ANSWER_SECONDS)
        except Exception:
            self._wanted.set()
            raise

    def _end(self, connection: Any) -> None:
        """Notice that a connection is lost."""
        del connection
        self._wanted.set()

    def _hear(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        """Note a notification, unless it is one's own or of another campaign."""
        del channel
        if payload == self._campaign and pid != connection.get_server_pid():
            self._heard.set()
