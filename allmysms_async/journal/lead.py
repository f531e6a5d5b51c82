"""What is written by the one process that reads a campaign's source, and refused to any other."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from allmysms_async.errors import JournalError
from allmysms_async.journal import schema
from allmysms_async.journal.transition import ADD, FENCE

__all__ = ["add", "fence"]


def fence(connection: sa.Connection, held: dict[str, Any], count: int) -> int:
    """Reserve ordinals for the one that reads the source; return the first of them.

    Args:
        connection: In a transaction.
        held: Names the campaign, who reads it, and until when.
        count: How many.

    Raises:
        JournalError: Another process reads it now.
    """
    return _reserved(connection.execute(FENCE, held | {"p_count": count})) - count


def add(connection: sa.Connection, held: dict[str, Any], packed: dict[str, Any]) -> int:
    """Insert a chunk; return the ordinal that it was given.

    Args:
        connection: In a transaction.
        held: Names the campaign, who reads it, and until when.
        packed: The chunk's columns.

    Raises:
        JournalError: Another process reads the source now.
    """
    if connection.dialect.name == "postgresql":  # one round trip
        values = {f"p_{name}": value for name, value in packed.items()}
        return _reserved(connection.execute(ADD, held | values | {"p_count": 1}))
    seq = fence(connection, held, 1)
    connection.execute(schema.chunk.insert(), packed | {"campaign": held["p_campaign"], "seq": seq})
    return seq


def _reserved(found: sa.CursorResult[Any]) -> int:
    """Return what was reserved for the one that reads the source."""
    value = found.scalar_one_or_none()
    if value is None:
        msg = "Another process reads this campaign's source now; what this one read was not sent by it."
        raise JournalError(msg)
    return int(value)
