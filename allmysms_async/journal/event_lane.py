"""Who may handle what waits: never two processes at once for one number, and no clock decides it.

Of a file one process handles events of a kind, and keeps a small file beside it locked. Of a server each handles the
lanes of numbers that it has locked, in a session of its own, and it asks for what is to be handled in that very
session: whoever lost it gets nothing more. Whatever ends the process frees its locks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Generator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, Protocol, get_args

import msgspec
import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError
from allmysms_async.inbox import EventKind
from allmysms_async.journal.database import Database
from allmysms_async.journal.event_row import lane_of
from allmysms_async.journal.event_schema import LANES
from allmysms_async.journal.event_take import Taking, taking
from allmysms_async.journal.lock import FileLock

__all__ = ["FileHand", "Hand", "ServerHand"]

_AGAIN_SECONDS, _LONG_AGAIN_SECONDS = 0.05, 2.0
"""How long it takes until a file that another process handles is tried again: ever longer."""

_LANES_AT_FIRST = 8
_ANSWER_SECONDS = 60.0
_TO_INDEXES = (
    # Statistics of a table that has just filled say that it is empty, and plans made by them stay for the session.
    "select set_config(name, 'off', false) from unnest(array['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin',"
    " 'enable_material', 'jit']) as t (name)"
)

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("allmysms_async")


class Hand(Protocol):
    """What takes events in hand, for one process."""

    async def take(self, most: int, busy: AbstractSet[str], now: float) -> list[Any]:
        """Return rows of what is to be handled now, which no other process gets meanwhile.

        Args:
            most: How many at most.
            busy: What is being handled here; its lanes stay this process's.
            now: Unix time.

        Raises:
            JournalError: The database failed.
        """
        ...

    def holds(self, key: str) -> bool:
        """Tell whether what was taken may be begun with, as far as is known without asking.

        Args:
            key: What it is handled in order with.
        """
        ...

    async def release(self) -> None:
        """Let others handle what this one did."""
        ...


class FileHand:
    """Handles the events of a file, if no other process does.

    Args:
        database: The journal.
        path: Its file.
        clock: Tells when to try again.
        kind: What it handles; all by default. Each kind has a lock, so that one can be handled here and another there.
    """

    def __init__(self, database: Database, path: str, clock: Clock, kind: EventKind | None = None) -> None:
        self._taking = taking(kind)
        self._database = database
        start = os.path.realpath(path)
        self._paths = [f"{start}.events-{each}-lock" for each in (get_args(EventKind) if kind is None else [kind])]
        self._clock = clock
        self._locks: list[FileLock] = []
        self._again = _AGAIN_SECONDS
        self._not_before = float("-inf")

    async def take(self, most: int, busy: AbstractSet[str], now: float) -> list[Any]:
        """Return rows of what is to be handled now, if this is the process that handles."""
        if not self._locks and self._clock.monotonic() < self._not_before:
            return []
        names = _encode(sorted(busy)).decode()

        def work(connection: sa.Connection) -> list[Any]:
            if not self._is_mine():
                return []
            return list(connection.exec_driver_sql(self._taking.from_file, (names, most, now)).all())

        return await self._database.read(work)

    def holds(self, key: str) -> bool:
        """Tell whether the files were not let go of; whether they stand is looked at when something is taken."""
        del key
        return bool(self._locks)

    def is_here(self) -> bool:
        """Tell, in the journal's thread, whether this is the process that handles; a lock that fails is none."""
        if not self._locks and self._clock.monotonic() < self._not_before:
            return False
        try:
            return self._is_mine()
        except OSError:  # whoever takes is told
            return False

    async def release(self) -> None:
        """Let another process handle them; the database is closed."""
        self._let_go()

    def _is_mine(self) -> bool:
        """Tell whether this is the process that handles; if there is none, become it."""
        if not all(lock.stands for lock in self._locks):  # somebody removed one
            self._let_go()
        if not self._locks:
            self._lock()
            self._not_before = self._clock.monotonic() + self._again
            self._again = _AGAIN_SECONDS if self._locks else min(2 * self._again, _LONG_AGAIN_SECONDS)
        return bool(self._locks)

    def _lock(self) -> None:
        """Lock all files, or none."""
        for path in self._paths:
            try:
                lock = FileLock.alone(path)
            except OSError:
                self._let_go()
                raise
            if lock is None:
                self._let_go()
                return
            self._locks.append(lock)

    def _let_go(self) -> None:
        """Let go of all files; one that stands is removed."""
        for lock in self._locks:
            lock.release()
        self._locks.clear()


class ServerHand:
    """Handles the events of lanes that have some, as many as it needs, beside other processes.

    Args:
        database: The journal.
        taking: What it asks.
    """

    def __init__(self, database: Database, taking: Taking) -> None:
        self._taking = taking
        self._database = database
        self._connection: Any = None
        self._lanes = set[int]()
        self._turn = asyncio.Lock()

    async def take(self, most: int, busy: AbstractSet[str], now: float) -> list[Any]:
        """Return rows of what is to be handled now; also if the caller gives up, it is known which lanes are held."""
        return await asyncio.shield(asyncio.ensure_future(self._take(most, busy, now)))

    def holds(self, key: str) -> bool:
        """Tell whether the session that its lane is locked in is still there."""
        connection = self._connection
        return connection is not None and not connection.is_closed() and lane_of(key) in self._lanes

    async def release(self) -> None:
        """Let go of the session, and of all lanes with it."""
        async with self._turn:
            connection = self._connection
            self._forget()
            if connection is not None:
                connection.terminate()

    def _forget(self) -> None:
        """Know nothing of a session any more."""
        self._connection = None
        self._lanes.clear()

    async def _take(self, most: int, busy: AbstractSet[str], now: float) -> list[Any]:
        async with self._turn:
            if self._connection is not None:
                try:
                    return await self._look(most, busy, now)
                except JournalError as error:  # whatever it is, the locks cannot be relied on
                    _log.info(
                        "the session that the journal's lanes are locked in failed (%s)",
                        error,
                        extra=logs.fields("journal_lanes_failed", error=error),
                    )
            connection = self._connection = await self._database.session()
            with self._database.translated(), self._relied_on():
                await connection.fetch(_TO_INDEXES, timeout=_ANSWER_SECONDS)
                # What is being handled was another session's, which was lost: nobody else had better begin with it.
                lanes = sorted({lane_of(name) for name in busy})
                found = await connection.fetch(self._taking.locking, lanes, timeout=_ANSWER_SECONDS)
                self._lanes.update(row[0] for row in found)
            return await self._look(most, busy, now)

    @contextmanager
    def _relied_on(self) -> Generator[None, None, None]:
        """Let go of the session, and of its locks, whatever goes wrong with it."""
        try:
            yield
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        """Let go of a session that cannot be relied on."""
        connection = self._connection
        self._forget()
        connection.terminate()

    async def _look(self, most: int, busy: AbstractSet[str], now: float) -> list[Any]:
        """Return what is due, in the session that is open."""
        with self._database.translated(), self._relied_on():
            return await self._found(self._connection, most, busy, now)

    async def _found(self, connection: Any, most: int, busy: AbstractSet[str], now: float) -> list[Any]:
        """Return what is due in the lanes that are held, and in as many more as it takes."""
        rows: list[Any] = []
        looked, gained, step = set[int](), set(self._lanes), _LANES_AT_FIRST
        while True:
            if gained:
                rows += await self._due(connection, gained, most - len(rows), busy, now)
                looked |= gained
            others = [lane for lane in range(LANES) if lane not in looked]
            if len(rows) >= most or not others:
                break
            random.shuffle(others)  # so that processes that begin at once do not ask for the same ones
            found = await connection.fetch(self._taking.lanes_taken, others, now, step, timeout=_ANSWER_SECONDS)
            gained, step = {row[0] for row in found}, 2 * step
            if not gained:
                break
            self._lanes |= gained
        idle = self._lanes - {row[5] for row in rows} - {lane_of(name) for name in busy}
        if idle:
            await connection.fetch(self._taking.unlocking, list(idle), timeout=_ANSWER_SECONDS)
            self._lanes -= idle
        return rows

    async def _due(
        self, connection: Any, lanes: AbstractSet[int], most: int, busy: AbstractSet[str], now: float
    ) -> list[Any]:
        """Return what is due in lanes that are held."""
        each = -(-most // len(lanes)) + 1
        while True:
            found: list[Any] = await connection.fetch(
                self._taking.from_lanes, list(lanes), list(busy), each, now, most, timeout=_ANSWER_SECONDS
            )
            counts = [0] * LANES
            for row in found:
                counts[row[5]] += 1
            if len(found) >= most or each >= most or max(counts) < each:
                return found
            each = most  # few lanes have most of it
