"""The processes that hold leases: each has a row and something locked that dies with it, so that others can tell.

What a lease is for is with the sink, and what follows when its holder is dead with the rescue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec
import sqlalchemy as sa

from allmysms_async.errors import JournalError
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.liveness import here
from allmysms_async.journal.lock import FileLock
from allmysms_async.journal.session import BEAT_SECONDS, Pooled, SessionLock

__all__ = ["Holder"]

_POOLED = (
    "The journal is behind a pooler that shares sessions, so that nobody can tell whether this process lives: if it is "
    "killed, others wait until its leases have run out. Give the journal a direct connection."
)
_h = schema.holder.c
_log = logging.getLogger("allmysms_async")


class Holder:
    """This process among the journal's holders.

    A file that is locked stays so while this process lives. A database's session may end before: from then on nobody
    may rely on leases as they are remembered, until something is locked again and each lease was looked up.

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
        self._told_pooled = False
        # Whether others were told that only time tells of this process.
        self._timed = False
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
            name = await self._take()
        self._timed = name is None
        values = msgspec.structs.asdict(here()) | {
            "owner": self.owner,
            "lock_name": name,
            "epoch": 0,
            "opened_at": now,
        }
        await self._database.write(lambda connection: connection.execute(schema.holder.insert(), values))
        self._entered = True
        if self._session is not None and not self._told_pooled:
            self._watch = asyncio.create_task(self._confirm(self._session), name="journal lock")

    async def close(self) -> None:
        """Leave the holders, then let go of the lock."""
        await self._unwatch()
        try:
            if self._entered:
                self._entered = False
                leave = sa.delete(schema.holder).where(_h.owner == self.owner)
                await self._database.write(lambda connection: connection.execute(leave))
        finally:
            if self._file is not None:
                file, self._file = self._file, None
                await asyncio.to_thread(file.release)
            if self._session is not None:
                await self._session.release()

    async def abandon(self) -> None:
        """Let go of the lock as the end of the process does, and leave the row."""
        await self._unwatch()
        if self._file is not None:
            file, self._file = self._file, None
            file.abandon()
        if self._session is not None:
            self._session.abandon()

    @property
    def sure(self) -> bool:
        """Whether nobody can have taken this process for dead since ``standing`` last changed."""
        return self._timed or self._session is None or self._session.sure

    async def assure(self) -> None:
        """Lock again what was lost, or tell the others that only time tells; what is held is to be looked up then.

        Raises:
            JournalError: The database failed.
        """
        session = self._session
        if session is None or self.sure:
            return
        async with self._turn:
            if self._timed or session.sure:
                return
            self.standing += 1
            if not await session.confirm():
                await self._enter_again(await self._take())

    async def _enter_again(self, name: str | None) -> None:
        """Tell the others by what they can tell from now on."""
        statement = sa.update(schema.holder).where(_h.owner == self.owner).values(lock_name=name)
        await self._database.write(lambda connection: connection.execute(statement))
        self._timed = name is None
        self.standing += 1

    async def _take(self) -> str | None:
        """Lock a session; return what others know it by, or None if there is none to be had."""
        if self._session is None:
            return None
        try:
            await self._session.take()
        except Pooled:
            self._told_pooled = True
            _log.warning(_POOLED)
            return None
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001, RUF100  # the journal itself may well work; only time tells, then
            _log.info("no session of the journal could be locked (%s)", type(error).__name__)
            return None
        return "session"

    async def _confirm(self, session: SessionLock) -> None:
        """Ask for the lock again and again, and take it again as soon as it is lost."""
        while not self._told_pooled:
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(JournalError):  # whoever needs the journal next is told
                if not self._timed and await session.confirm():
                    continue
                async with self._turn:
                    if self._timed or not session.sure:
                        self.standing += 1
                        name = await self._take()
                        if name is not None or not self._timed:
                            await self._enter_again(name)

    async def _unwatch(self) -> None:
        """Ask for the lock no more."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait({watch})
