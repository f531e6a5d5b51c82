"""Seats: as many as requests may be in flight at once over all machines, each a lock that dies with its connection.

A worker's seats are on a connection of their own. Whether they still are its own is asked of the server whenever it
was not heard of for a few seconds: the server gives a silent connection up much later.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

from allmysms_async import logs
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError
from allmysms_async.journal.database import Database

__all__ = ["Seat", "Seats"]

_FRESH_SECONDS = 4.0
_ANSWER_SECONDS = 5.0
_AGAIN_SECONDS = 0.1
# Taken one after the other until one is free, and never one that this connection has: locks of a session add up.
_TAKE = (
    "select n from generate_series(0, $2::int - 1) as n where case when n = any($3::int[]) then false"
    " else pg_try_advisory_lock($1::int, n) end limit 1"
)
_GIVE = "select pg_advisory_unlock($1::int, $2::int)"
_log = logging.getLogger("allmysms_async.runner")


class Seat:
    """Leave to have one request in flight.

    Attributes:
        number: Which seat it is; None while there is no limit, or none is had.
        standing: That of the connection when it was taken.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.standing = -1


class Seats:
    """The seats of this worker.

    Args:
        database: The journal.
        line: The account whose requests are counted.
        clock: Where the time comes from.

    Attributes:
        limit: How many there are over all machines; None for any number.
    """

    def __init__(self, database: Database, line: str, clock: Clock) -> None:
        self.limit: int | None = None
        self._database = database
        # One of two keys, the other is the seat's number; the space of two keys is shared with the journal's holders,
        # whose keys are random.
        self._key = int.from_bytes(hashlib.sha256(f"seats of {line}".encode()).digest()[:4], "big", signed=True)
        self._clock = clock
        self._connection: Any = None
        self._heard = float("-inf")
        self._standing = 0
        self._held: set[int] = set()
        self._turn = asyncio.Lock()

    @property
    def held(self) -> int:
        """How many seats this worker has."""
        return len(self._held)

    async def take(self, seat: Seat, seconds: float) -> bool:
        """Take a seat, unless it is had already; False if none was free in so many seconds.

        Raises:
            JournalError: The database failed.
        """
        until = self._clock.monotonic() + seconds
        while not await self._try(seat):
            left = until - self._clock.monotonic()
            if left <= 0:
                return False
            await self._clock.sleep(min(_AGAIN_SECONDS, left))
        return True

    async def assure(self, seat: Seat) -> bool:
        """Tell whether a seat is had at this moment; take another one if it was lost."""
        try:
            return await self._try(seat)
        except JournalError:
            return False

    async def give(self, seat: Seat) -> None:
        """Give a seat back, if one is had."""
        number, seat.number = seat.number, None
        if number is None or seat.standing != self._standing or number not in self._held:
            return
        async with self._turn:
            connection = self._connection
            if connection is None or seat.standing != self._standing:
                return
            await self._unlock(connection, number)

    async def _unlock(self, connection: Any, number: int) -> None:
        """Unlock one seat; where that fails, all that is locked on the connection."""
        self._held.discard(number)
        try:
            await connection.fetchval(_GIVE, self._key, number, timeout=_ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001, RUF100  # whatever it is, the server frees them with the connection
            _log.info(
                "a seat could not be given back (%s)",
                type(error).__name__,
                extra=logs.fields("seat_kept", error=error),
            )
            self._drop()
        except BaseException:
            self._drop()
            raise

    async def aclose(self) -> None:
        """Give every seat back."""
        async with self._turn:
            connection = self._connection
            if connection is not None and not connection.is_closed():
                try:
                    await connection.close(timeout=_ANSWER_SECONDS)
                except (TimeoutError, OSError):
                    connection.terminate()
            self._drop()

    async def _try(self, seat: Seat) -> bool:
        if self.limit is None:
            return True
        if seat.number is not None and self._is_mine(seat) and self._is_fresh():
            return True
        async with self._turn:
            with self._database.translated():
                try:
                    return await self._look(seat)
                except BaseException:
                    self._drop()
                    raise

    async def _look(self, seat: Seat) -> bool:
        limit = self.limit
        if limit is None:
            return True
        connection = self._connection
        if connection is None or connection.is_closed():
            self._drop()
            connection = self._connection = await self._database.session()
            self._heard = self._clock.monotonic()
        if seat.number is not None and self._is_mine(seat):
            if not self._is_fresh():
                asked = self._clock.monotonic()
                await connection.fetchval("select 1", timeout=_ANSWER_SECONDS)
                self._heard = asked
            return True
        if seat.number is not None and seat.standing == self._standing and seat.number in self._held:
            await self._unlock(connection, seat.number)  # there are fewer now
            seat.number = None
            if self._connection is None:
                return False
        asked = self._clock.monotonic()
        number = await connection.fetchval(_TAKE, self._key, limit, sorted(self._held), timeout=_ANSWER_SECONDS)
        self._heard = asked
        if number is None:
            return False
        self._held.add(number)
        seat.number, seat.standing = number, self._standing
        return True

    def _is_mine(self, seat: Seat) -> bool:
        """Tell whether a seat is on the present connection, and still one of as many as there are."""
        limit = self.limit
        fits = limit is None or (seat.number is not None and seat.number < limit)
        return fits and seat.standing == self._standing and seat.number in self._held

    def _is_fresh(self) -> bool:
        connection = self._connection
        heard = self._clock.monotonic() - self._heard < _FRESH_SECONDS
        return connection is not None and not connection.is_closed() and heard

    def _drop(self) -> None:
        """Let go of the connection: the server frees what was locked on it."""
        connection, self._connection = self._connection, None
        self._held.clear()
        self._standing += 1
        if connection is not None:
            _log.info("the session that seats are on was let go of", extra=logs.fields("seats_lost"))
            connection.terminate()
