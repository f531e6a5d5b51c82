"""The processes that hold leases: each has a row and something locked that dies with it, so that others can tell.

What a lease is for, and what follows when its holder is dead, is with the sink.
"""

from __future__ import annotations

import asyncio

import msgspec
import sqlalchemy as sa

from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.liveness import here
from allmysms_async.journal.lock import FileLock

__all__ = ["Holder"]

_h = schema.holder.c


class Holder:
    """This process among the journal's holders.

    Args:
        database: The journal.
        owner: How chunks and campaigns name it.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self.owner = owner
        self._database = database
        self._lock: FileLock | None = None
        self._entered = False

    async def open(self, now: float) -> None:
        """Lock what dies with this process, then enter it among the holders.

        Args:
            now: Unix time.
        """
        path = self._database.path
        if path is not None:
            self._lock = await asyncio.to_thread(FileLock.taken, path, self.owner)
        values = msgspec.structs.asdict(here()) | {
            "owner": self.owner,
            "lock_name": None if self._lock is None else self._lock.name,
            "epoch": 0,
            "opened_at": now,
        }
        await self._database.write(lambda connection: connection.execute(schema.holder.insert(), values))
        self._entered = True

    async def close(self) -> None:
        """Leave the holders, then let go of the lock."""
        try:
            if self._entered:
                self._entered = False
                leave = sa.delete(schema.holder).where(_h.owner == self.owner)
                await self._database.write(lambda connection: connection.execute(leave))
        finally:
            lock, self._lock = self._lock, None
            if lock is not None:
                await asyncio.to_thread(lock.release)
