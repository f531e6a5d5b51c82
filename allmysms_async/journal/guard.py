"""What a run does to find out that its journal was lost under it, and about it at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from allmysms_async.batch.record import Claim
from allmysms_async.errors import JournalError, JournalLost
from allmysms_async.journal.database import Database
from allmysms_async.journal.epoch import Epoch, compare
from allmysms_async.journal.loss import Known, concluded

__all__ = ["Guard"]

T = TypeVar("T")


class Guard:
    """Looks, for one run, whether the journal is still the one that was opened.

    Args:
        database: The journal.
        owner: How the journal names this process.

    Attributes:
        tell: Told of a loss that is noticed while nothing is claimed.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self.tell: Callable[[Exception], None] = lambda _: None
        self._database = database
        self._owner = owner
        self._epoch = Epoch()
        # Chunks that were claimed a moment ago: the claim itself looked.
        self._fresh: set[int] = set()

    async def claim(self, work: Callable[[sa.Connection], T], values: dict[str, Any], *, apart: bool) -> T:
        """Commit a claim, if the journal is the one that was opened.

        Args:
            work: The claim.
            values: What names the chunk and the time; what names this process's row is added.
            apart: Whether each of its statements may as well be committed by itself.

        Raises:
            JournalLost: It is not.
        """
        values["p_epoch"] = self._epoch.known

        def counted(connection: sa.Connection) -> tuple[int, T]:
            return self._epoch.count(connection, values), work(connection)

        epoch, claim = await self._database.write(counted, apart=apart, watched=True)
        self._epoch.counted(epoch, values["p_now"])
        self._fresh.discard(values["p_seq"])
        if isinstance(claim, Claim) and not self._database.unsure:
            self._fresh.add(values["p_seq"])
        return claim

    async def check(self, seq: int) -> None:
        """Look again before an attempt at a chunk's request, unless its claim just looked.

        Raises:
            JournalLost: The journal is no longer the one that was opened.
        """
        if seq in self._fresh:
            self._fresh.discard(seq)
        elif (lost := await self._database.look()) is not None:
            raise lost

    def compare(self, connection: sa.Connection) -> None:
        """Look into the journal itself, in a transaction.

        Raises:
            JournalLost: It is no longer the one that was opened.
        """
        compare(connection, {"p_owner": self._owner, "p_epoch": self._epoch.known})

    async def end(self, leave: Sequence[Callable[[], Awaitable[None]]], known: Callable[[], Known]) -> None:
        """Leave the journal as others should find it, or keep what can be kept of it.

        Args:
            leave: What leaves it, one after the other.
            known: Returns what it must hold.

        Raises:
            JournalLost: It is no longer the one that was opened; this says what was saved.
        """
        try:
            lost = await self._database.look()
            if lost is not None:
                raise lost
            await self._database.read(self.compare)
            for step in leave:
                await step()
        except JournalLost as lost:
            held = known()
            for step in leave:
                with suppress(JournalError):
                    await step()
            raise await concluded(self._database, lost, held) from None
