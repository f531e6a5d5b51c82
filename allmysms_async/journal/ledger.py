"""A campaign's sums as one process knows them: read from the journal, then kept up with what it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.sums import Sums
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.direct import rows
from allmysms_async.journal.query import summed
from allmysms_async.journal.transition import bind
from allmysms_async.model import Totals

__all__ = ["Ledger", "seen_here"]

T = TypeVar("T")
S = TypeVar("S", bound=Totals)


_NEXT = sa.select(schema.campaign.c.next_seq).where(schema.campaign.c.id == bind("campaign"))


class Ledger:
    """Keeps the sums true while several tasks write, and while other processes do.

    Args:
        database: The journal.
        owner: Who writes here.

    Attributes:
        campaign: The campaign's number in the journal.
        sums: The sums.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self.campaign = 0
        self.sums = Sums()
        self._database = database
        self._owner = owner
        # Chunks that the sums count: those below an ordinal when they were read, and those added here.
        self._below = 1
        self._added = BitMap64()
        self._begun = self._ended = 0
        self._turn = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the sums from the journal: other processes add to them, too."""
        begun = self._begun
        async with self._turn:
            if self._begun > begun:  # another read began after this one was asked for, and has ended
                return
            self._begun += 1
            try:
                self._below, self.sums = await self._database.read(self._read)
            finally:
                self._ended += 1

    def _read(self, connection: sa.Connection) -> tuple[int, Sums]:
        """Return the sums, after the ordinal below which they count every chunk."""
        [(below,)] = rows(connection, _NEXT, {"p_campaign": self.campaign})
        return int(below), summed(connection, self.campaign, self._owner)

    async def write(self, work: Callable[[sa.Connection], T], count: Callable[[T], None], *, apart: bool = False) -> T:
        """Commit something, and take it into the sums.

        If the sums are read meanwhile nobody can tell whether it is in them already: they are read again.

        Args:
            work: What is committed.
            count: Takes what it returned into the sums.
            apart: Whether each of its statements may as well be committed by itself.
        """
        before = self._ended
        value = await self._database.write(work, apart=apart)
        if self._ended != before or self._begun != self._ended:
            await self.refresh()
        else:
            count(value)
            if self.sums.impossible:  # another process, or an operator, changed a chunk since they were read
                await self.refresh()
        return value

    def add(self, seq: int, chunk: Chunk) -> None:
        """Take a new chunk into the sums."""
        self._added.add(seq)
        self.sums.pending += len(chunk.rows)

    def counts(self, seq: int) -> bool:
        """Tell whether a chunk is among the sums."""
        return seq < self._below or seq in self._added


def seen_here(sums: S, held: int, *, read_all: bool, over: bool) -> S:
    """Return sums with what only one process knows: its source, and its claims.

    The source is complete once it was read there, though another process may read its own. A claim is in flight; one
    whose end could not be recorded is unknown when all is over.

    Args:
        sums: As the journal has them.
        held: Rows that the process has claimed.
        read_all: Whether it read its source to the end.
        over: Whether its run is over.
    """
    # What is just being recorded, here or elsewhere, is counted where it ended already.
    others = min(sums.in_flight, sums.pending)
    held = min(held, sums.pending - others)
    complete = sums.complete or read_all
    if over:
        unknown, pending = sums.unknown + held, sums.pending - held
        return msgspec.structs.replace(sums, complete=complete, unknown=unknown, pending=pending, in_flight=others)
    return msgspec.structs.replace(sums, complete=complete, in_flight=others + held)
