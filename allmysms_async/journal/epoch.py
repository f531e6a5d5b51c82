"""How a process tells that its journal is still the one that it has written to: its own row counts, and stays.

Where a journal is put back from an older copy, or begun anew, the row of a process that still runs is missing, or
counts less than that process knows. Each claim compares; not each of them counts, for then those of one process would
wait for each other's commits.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from allmysms_async.journal import schema
from allmysms_async.journal.watch import Harmed

__all__ = ["Epoch", "compare", "stands"]

_EVERY = 1.0
"""Seconds; a copy that is put back within that time of being made is not noticed, and lacks no more than that."""

_h = schema.holder.c
_mine = (_h.owner == sa.bindparam("p_owner"), _h.epoch >= sa.bindparam("p_epoch", type_=sa.BigInteger))
_FOUND = sa.select(_h.epoch).where(*_mine)
_COUNT = sa.update(schema.holder).where(*_mine).values(epoch=_h.epoch + 1).returning(_h.epoch)


def stands() -> sa.ColumnElement[bool]:
    """Return whether the journal is still the one that ``p_owner`` knows, up to ``p_epoch``."""
    return sa.exists(_FOUND)


class Epoch:
    """What a process knows of its own row.

    Attributes:
        known: How far the row is known to have counted.
    """

    def __init__(self) -> None:
        self.known = 0
        self._at = float("-inf")

    def count(self, connection: sa.Connection, values: dict[str, Any]) -> int:
        """Count if it is time to; return how far the row has counted.

        Args:
            connection: In a transaction that writes.
            values: The owner, how far it knows its row to have counted, and the time.

        Raises:
            Harmed: The row is not there, or counts less.
        """
        if abs(values["p_now"] - self._at) < _EVERY:
            return int(values["p_epoch"])
        return _told(connection.execute(_COUNT, values))

    def counted(self, epoch: int, now: float) -> None:
        """Take in how far the row has counted, once that is committed."""
        if epoch > self.known:
            self.known, self._at = epoch, now


def compare(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Raise if the journal is no longer the one that is known here.

    Raises:
        Harmed: It is not.
    """
    _told(connection.execute(_FOUND, values))


def _told(found: sa.CursorResult[Any]) -> int:
    """Return how far the row has counted."""
    epoch = found.scalar_one_or_none()
    if epoch is None:
        raise Harmed("it was replaced, or put back from an older copy")
    return int(epoch)
