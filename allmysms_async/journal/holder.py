"""The processes that hold leases: each has a row and something locked that dies with it, so that others can tell.

What a lease is for is with the sink, and what follows when its holder is dead with the rescue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec
import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.errors import JournalError
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.liveness import here
from allmysms_async.journal.lock import FileLock
from allmysms_async.journal.rescue import let_go
from allmysms_async.journal.session import BEAT_SECONDS, Pooled, SessionLock
from allmysms_async.journal.transition import UNRECORDED
from allmysms_async.journal.watch import Harmed

__all__ = ["Holder"]

_POOLED = (
    "The journal is behind a pooler that shares sessions, so that nobody can tell whether this process lives: if it is "
    "killed, others wait until its leases have run out. Give the journal a direct connection."
)
_DURABLE = sa.text("select reset_val from pg_settings where name = 'synchronous_commit'")
_h = schema.holder.c
_log = logging.getLogger("allmysms_async")


class Holder:
    """This process among the journal's holders.

    A file that is locked stays so while this process lives. A database's session may end before: then it is locked
    again, and leases are not relied on as they are remembered: each is looked up.

    Args:
        database: The journal.
        owner: How chunks and campaigns name it.

    Attributes:
        standing: Changes whenever others may have taken this process for dead in between.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self.owner = owner
        self.standing = 0
        self._database = database
        self._file: FileLock | None = None
        self._session: SessionLock | None = None
        self._pooled = False
        # Whether others were told that only time tells of this process.
        self._timed = False
        # Whether what others were told last is over, and they were not told anew.
        self._untold = False
        self._turn = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._entered = False

    async def open(self, now: float) -> None:
        """Lock what dies with this process, then enter it among the holders.

        Args:
            now: Unix time.
        """
        path = self._database.path
        if path is not None:
            self._file = await asyncio.to_thread(FileLock.taken, path, self.owner)
            name = None if self._file is None else self._file.name
        else:
            self._session = self._database.session_lock(self.owner)
            name = None if self._session is None else await self._take(self._session)
        self._timed = name is None
        values = msgspec.structs.asdict(here()) | {
            "owner": self.owner,
            "lock_name": name,
            "epoch": 0,
            "opened_at": now,
        }
        await self._database.write(lambda connection: connection.execute(schema.holder.insert(), values))
        self._entered = True
        if self._session is not None and not self._pooled:
            self._watch = asyncio.create_task(self._keep(), name="journal lock")

    @property
    def pooled(self) -> bool:
        """Whether sessions are a pooler's, and none is this process's own."""
        return self._pooled

    async def close(self) -> None:
        """Give up what is still held and leave the holders, then let go of the lock.

        If that cannot be recorded the lock is left as the end of the process leaves it: what proves that it is over.

        Raises:
            JournalError: The database failed.
        """
        await self._unwatch()
        if self._entered:
            self._entered = False
            try:
                await self._database.write(self._leave)
            except BaseException:
                await self.abandon()
                raise
        if self._file is not None:
            file, self._file = self._file, None
            await asyncio.to_thread(file.release)
        if self._session is not None:
            await self._session.release()

    def _leave(self, connection: sa.Connection) -> None:
        """Give up what is still held, without which nobody could tell that its holder is gone, and leave."""
        let_go(connection, self.owner, UNRECORDED)
        connection.execute(sa.delete(schema.holder).where(_h.owner == self.owner))

    async def abandon(self) -> None:
        """Let go of the lock as the end of the process does, and leave the row."""
        await self._unwatch()
        if self._file is not None:
            file, self._file = self._file, None
            file.abandon()
        if self._session is not None:
            self._session.abandon()

    async def assure(self) -> None:
        """Make sure that nobody takes this process for dead from now on.

        What was lost is locked again, or the others are told that only time tells; ``standing`` has changed then.

        Raises:
            JournalLost: The journal has no row of this process any more, and nobody removes those.
            JournalError: The database failed.
        """
        session = self._session
        if session is None or await self._as_told(session):
            return
        async with self._turn:
            if await self._as_told(session):
                return
            self.standing += 1
            self._untold = True
            await self._enter_again(await self._take(session))

    async def _as_told(self, session: SessionLock) -> bool:
        """Tell whether the others can tell of this process what they were told they can."""
        return not self._untold and (self._timed or await session.confirm())

    async def _enter_again(self, name: str | None) -> None:
        """Tell the others by what they can tell from now on."""
        statement = sa.update(schema.holder).where(_h.owner == self.owner).values(lock_name=name)

        def work(connection: sa.Connection) -> None:
            if connection.execute(statement).rowcount != 1:
                raise Harmed("it was replaced, or put back from an older copy")

        await self._database.write(work)
        self._timed, self._untold = name is None, False
        self.standing += 1

    async def _take(self, session: SessionLock) -> str | None:
        """Lock a session, unless one is; return what others know it by, or None if there is none to be had."""
        try:
            if not await session.confirm():  # it may be locked, and the others not told
                await session.take()
        except Pooled:
            self._pooled = True
            await self._check_durable()
            _log.warning(_POOLED, extra=logs.fields("journal_pooled"))
            return None
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001, RUF100  # the journal itself may well work; only time tells, then
            _log.info(
                "no session of the journal could be locked (%s)",
                type(error).__name__,
                extra=logs.fields("journal_session_missing", error=error),
            )
            return None
        return "session"

    async def _check_durable(self) -> None:
        """Make sure that commits are durable on any session: what one is set to does not hold for the next.

        Raises:
            JournalError: They are not, or the database failed.
        """
        if await self._database.read(lambda connection: connection.scalar(_DURABLE)) == "off":
            msg = (
                f"The journal {self._database.label} is behind a pooler that shares sessions, and its role or database "
                "has synchronous_commit off: what was recorded last could be lost. Nothing was sent."
            )
            raise JournalError(msg, remedy="Set it to on, or give the address of PostgreSQL itself.")

    async def _keep(self) -> None:
        """Lock again as soon as the lock is lost, also while nothing is sent."""
        while not self._pooled:
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(JournalError):  # whoever needs the journal next is told
                await self.assure()
                if self._timed and self._session is not None:
                    await self._try_again(self._session)

    async def _try_again(self, session: SessionLock) -> None:
        """Look whether there is a session to be had by now."""
        async with self._turn:
            name = await self._take(session)
            if name is not None:
                await self._enter_again(name)

    async def _unwatch(self) -> None:
        """Ask for the lock no more."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait({watch})
