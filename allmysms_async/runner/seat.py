"""Seats: as many as requests may be in flight at once over all machines.

Each is a lock that dies with its connection, so that one that nobody has is found at once, and a row that says until
when a request may be in flight under it, whatever becomes of whoever has it: a lock is free milliseconds after its
worker was killed, while the gateway still works on the request. So a seat that was not given back rests until the
time-out of the last request that may have left under it has passed. One that is given back is free at once.

A worker's seats are on a connection of their own. Whether they still are its own is asked of the server whenever it
was not heard of for a few seconds, and the rows are written anew with that: no request takes a statement of its own.
The server gives a silent connection up much later.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
from typing import Any

from allmysms_async import logs
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError
from allmysms_async.journal.database import Database
from allmysms_async.runner import seat_statement as statements

__all__ = ["FRESH_SECONDS", "REQUEST_SECONDS", "Seat", "Seats"]

FRESH_SECONDS = 4.0
"""For so long after its row was written a request may leave under a seat."""

REQUEST_SECONDS = 120.0
"""How long a request of a backend may take that does not say."""

_MARGIN_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_AGAIN_SECONDS = 0.1
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
        request_seconds: How long a request may take, from leaving until it is given up.
    """

    def __init__(self, database: Database, line: str, clock: Clock) -> None:
        self.limit: int | None = None
        self.request_seconds = REQUEST_SECONDS
        self._database = database
        self._line = line
        self._holder = secrets.token_hex(8)
        # One of two keys, the other is the seat's number; the space of two keys is shared with the journal's holders,
        # whose keys are random.
        self._key = int.from_bytes(hashlib.sha256(f"seats of {line}".encode()).digest()[:4], "big", signed=True)
        self._clock = clock
        self._connection: Any = None
        self._standing = 0
        # When the row of each was written, by this machine's monotonic time.
        self._held: dict[int, float] = {}
        # Those whose lock was lost while something here was in flight under them, and until when others rest.
        self._adrift: set[int] = set()
        self._resting: dict[int, float] = {}
        # Those that were given back, and whose rows do not say so yet: the database was away.
        self._over: set[int] = set()
        self._turn = asyncio.Lock()

    @property
    def held(self) -> int:
        """How many seats this worker has."""
        return len(self._held)

    def stands(self, seat: Seat | None) -> bool:
        """Tell whether a request may leave under a seat at this moment, as far as can be told without asking."""
        if self.limit is None or seat is None:
            return True
        connection = self._connection
        return self._is_mine(seat) and self._is_fresh(seat) and connection is not None and not connection.is_closed()

    async def take(self, seat: Seat, seconds: float, stopping: asyncio.Event | None = None) -> bool:
        """Take a seat, unless it is had already; False if none was free in so many seconds, or asked to stop first.

        Raises:
            JournalError: The database failed.
        """
        if self.stands(seat):
            return True
        until = self._clock.monotonic() + seconds
        while not await self._try(seat):
            left = until - self._clock.monotonic()
            if left <= 0 or (stopping is not None and stopping.is_set()):
                return False
            await self._clock.sleep(min(_AGAIN_SECONDS, left))
        return True

    async def assure(self, seat: Seat) -> bool:
        """Tell whether a seat is had at this moment; take another one if it was lost."""
        try:
            return self.stands(seat) or await self._try(seat)
        except JournalError:
            return False

    async def give(self, seat: Seat, *, clean: bool = True) -> None:
        """Give a seat back, if one is had.

        Args:
            seat: The seat.
            clean: Whether nothing is in flight under it any more; if not, it rests.
        """
        if seat.number is None:
            return
        async with self._turn:
            number, seat.number = seat.number, None  # only now: who is cancelled before can try again
            connection = self._connection
            if seat.standing == self._standing and number in self._held:
                await self._unlock(connection, number, clean=clean)
            else:
                self._adrift.discard(number)
                if clean and number not in self._held:
                    self._over.add(number)
                    if connection is not None:
                        await self._clear(connection)
            if not clean:
                self._resting[number] = self._clock.monotonic() + self._span

    async def tidy(self) -> None:
        """Let others have the seats that could not be given back when they were over: the database was away.

        Where somebody is at the seats already, or it fails, the next look does it.

        Raises:
            JournalError: The database cannot be reached.
        """
        if not self._over or self._turn.locked():
            return
        async with self._turn:
            with self._database.translated():
                try:
                    await self._clear(await self._connected())
                except BaseException:
                    self._drop()
                    raise

    async def aclose(self) -> None:
        """Let go of the connection; what was not given back rests."""
        with contextlib.suppress(JournalError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.tidy()
        async with self._turn:
            connection = self._connection
            if connection is not None and not connection.is_closed():
                try:
                    await connection.close(timeout=_ANSWER_SECONDS)
                except (TimeoutError, OSError):
                    connection.terminate()
            self._drop()

    @property
    def _span(self) -> float:
        """For how many seconds a row is written: until the last request has ended that may leave under it."""
        return FRESH_SECONDS + self.request_seconds + _MARGIN_SECONDS

    async def _unlock(self, connection: Any, number: int, *, clean: bool = True) -> None:
        """Unlock one seat; where that fails, all that is locked on the connection."""
        del self._held[number]
        if clean:
            self._over.add(number)
        statement = statements.GIVE if clean else statements.LEAVE
        if await self._run(connection, statement, self._line, self._holder, number, self._key):
            self._over.discard(number)

    async def _clear(self, connection: Any) -> None:
        """Have the rows of the seats that are over say so."""
        over = list(self._over)
        if over and await self._run(connection, statements.CLEAR_ALL, self._line, self._holder, over):
            self._over.difference_update(over)

    async def _run(self, connection: Any, statement: str, *values: object) -> bool:
        """Run a statement; where it fails, let go of the connection, and return False."""
        try:
            await connection.execute(statement, *values, timeout=_ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001, RUF100  # whatever it is, the server frees them with the connection
            _log.info(
                "a seat could not be given back (%s)",
                type(error).__name__,
                extra=logs.fields("seat_kept", error=error),
            )
            self._drop()
            return False
        except BaseException:
            self._drop()
            raise
        return True

    async def _connected(self) -> Any:
        """Return the connection, a new one if it was lost."""
        connection = self._connection
        if connection is None or connection.is_closed():
            self._drop()
            connection = self._connection = await self._database.session()
        return connection

    async def _try(self, seat: Seat) -> bool:
        async with self._turn:
            with self._database.translated():
                try:
                    return await self._look(seat)
                except BaseException:
                    self._drop()
                    raise

    async def _look(self, seat: Seat) -> bool:
        limit = self.limit
        if limit is None or self.stands(seat):
            return True
        connection = await self._connected()
        if self._is_mine(seat):
            await self._keep(connection)
            if self._is_mine(seat):
                return True
        former, seat.number = seat.number, None
        if former is not None:  # there are fewer now, or it was lost; nothing is in flight under it any more
            if seat.standing == self._standing and former in self._held:
                await self._unlock(connection, former)
            self._adrift.discard(former)
            if self._connection is None:
                return False
        taken = await self._take(connection, seat, limit)
        if taken and former is not None and former not in self._held:
            self._over.add(former)  # not before: what was lost can be had again, and by this worker alone
        return taken

    async def _keep(self, connection: Any) -> None:
        """Write the rows of all seats that are had anew, which asks at once whether the connection is still there."""
        asked, held = self._clock.monotonic(), list(self._held)
        rows = await connection.fetch(
            statements.KEEP, self._line, self._holder, held, self._span, timeout=_ANSWER_SECONDS
        )
        kept = {row["number"] for row in rows}
        for number in held:
            if number in kept:
                self._held[number] = asked
            else:  # the row is gone: somebody emptied the table
                await self._unlock(connection, number)
                if self._connection is None:
                    return

    async def _take(self, connection: Any, seat: Seat, limit: int) -> bool:
        """Take any seat that is free."""
        asked = self._clock.monotonic()
        self._resting = {number: until for number, until in self._resting.items() if until > asked}
        mine = sorted({*self._held, *self._adrift, *self._resting})
        values = (self._key, limit, mine, self._line, self._holder, self._span)
        row = await connection.fetchrow(statements.TAKE, *values, timeout=_ANSWER_SECONDS)
        if row is None:
            return False
        number: int = row["n"]
        self._held[number] = asked
        self._over.discard(number)
        if not row["had"]:  # left behind this very moment
            await self._unlock(connection, number)
            return False
        seat.number, seat.standing = number, self._standing
        return True

    def _is_mine(self, seat: Seat) -> bool:
        """Tell whether a seat is on the present connection, and still one of as many as there are."""
        limit, number = self.limit, seat.number
        fits = number is not None and (limit is None or number < limit)
        return fits and seat.standing == self._standing and number in self._held

    def _is_fresh(self, seat: Seat) -> bool:
        written = self._held.get(-1 if seat.number is None else seat.number, float("-inf"))
        return self._clock.monotonic() - written < FRESH_SECONDS

    def _drop(self) -> None:
        """Let go of the connection: the server frees what was locked on it."""
        connection, self._connection = self._connection, None
        self._adrift |= self._held.keys()
        self._held.clear()
        self._standing += 1
        if connection is not None:
            _log.info("the session that seats are on was let go of", extra=logs.fields("seats_lost"))
            connection.terminate()
