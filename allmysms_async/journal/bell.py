"""Notifications between the processes on one PostgreSQL journal: whoever waits is told that there is something to see.

A notification is a hint and decides nothing: it may be lost, late or doubled, and whoever waits for one looks from time
to time all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from allmysms_async import logs

__all__ = ["LOOK_SECONDS", "Bell"]

LOOK_SECONDS = 0.02
"""Between two looks at the journal at least, whatever is rung or written."""

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
        # Whether there is something to ring; and whether there is anything to do at all.
        self._wanted = False
        self._stirred = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self._looked = float("-inf")
        self._connection: Any = None
        self._lost = self._over = False
        self._again = _AGAIN_SECONDS
        self._failed = False
        self._keeper = asyncio.create_task(self._keep(), name="journal bell")

    def ring(self) -> None:
        """Let other processes look at the journal, soon; what is asked for meanwhile is one notification."""
        self._wanted = True
        self._stirred.set()

    async def rung(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until another process has rung since this was waited for last.

        Args:
            sleep: Waits where the last look was a moment ago: however many ring, nobody looks all the time.
        """
        await self._heard.wait()
        if (left := self._looked + LOOK_SECONDS - self._now()) > 0:
            await sleep(left)
        self._looked = self._now()
        self._heard.clear()

    async def close(self) -> None:
        """Let go of the connection, once what is to be rung has been; that is not waited for where none is had."""
        self._over = True
        self._stirred.set()
        if self._connection is not None or (self._wanted and not self._failed):
            await asyncio.wait({self._keeper}, timeout=_ANSWER_SECONDS)
        self._keeper.cancel()
        await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        """Keep a connection for as long as it takes."""
        while self._wanted or not self._over:
            try:
                await self._serve(await self._connect())
            except Exception as error:  # noqa: BLE001, RUF100  # whatever it is, those who wait look all the same
                _log.info(
                    "the session that the journal notifies by failed (%s)",
                    type(error).__name__,
                    extra=logs.fields("journal_bell_failed", error=error),
                )
                if self._over:
                    return
                self._failed = True
                await asyncio.sleep(self._again)
                self._again = min(2 * self._again, _LONG_AGAIN_SECONDS)

    async def _serve(self, connection: Any) -> None:
        """Listen and ring on a connection until it is lost, or all is over.

        Raises:
            ConnectionError: It is lost.
        """
        try:
            self._lost = False
            connection.add_termination_listener(self._end)
            await connection.add_listener(_CHANNEL, self._hear)
            self._connection = connection
            self._heard.set()  # whatever was rung before was not heard
            while self._wanted or not self._over:
                if self._wanted:
                    await self._send(connection)
                    self._proved()
                    continue
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stirred.wait(), _BEAT_SECONDS)
                if not self._stirred.is_set():
                    await connection.fetchval("select 1", timeout=_ANSWER_SECONDS)
                    self._proved()
                self._stirred.clear()
                if self._lost:
                    raise ConnectionResetError
        finally:
            self._connection = None
            connection.terminate()

    def _proved(self) -> None:
        """Note that a connection works; one that is opened and lost at once is no reason to be quick with the next."""
        self._again, self._failed = _AGAIN_SECONDS, False

    async def _send(self, connection: Any) -> None:
        """Ring; what could not be rung is rung over the next connection."""
        self._wanted = False
        try:
            await connection.fetchval(_RING, _CHANNEL, self._campaign, timeout=_ANSWER_SECONDS)
        except BaseException:
            self._wanted = True
            raise

    def _end(self, connection: Any) -> None:
        """Notice that a connection is lost; one that was let go of here is not."""
        if connection is self._connection:
            self._lost = True
            self._stirred.set()

    def _hear(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        """Note a notification, unless it is one's own or of another campaign."""
        del channel
        # What was received before a connection was let go of may be told after it.
        if payload == self._campaign and not connection.is_closed() and pid != connection.get_server_pid():
            self._heard.set()
