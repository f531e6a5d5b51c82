"""What is written by the one process that reads a campaign's source, and refused to any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from allmysms_async.errors import JournalError
from allmysms_async.journal import schema
from allmysms_async.journal.direct import changed, first_row, on_sqlite
from allmysms_async.journal.transition import ADD, FENCE, INSERT

__all__ = ["add", "begin", "fence"]

_k, _r = schema.campaign.c, schema.refused_row.c


def begin(connection: sa.Connection, campaign: int, now: float) -> float:
    """Note that a campaign begins of which nothing was read yet; return when it was begun.

    Args:
        connection: In a transaction that writes.
        campaign: The campaign's number in the journal.
        now: Unix time.
    """
    refused = sa.exists().where(_r.campaign == campaign)
    fresh = sa.update(schema.campaign).where(_k.id == campaign, _k.next_seq == 1, ~refused)
    connection.execute(fresh.values(created_at=now))
    return float(connection.execute(sa.select(_k.created_at).where(_k.id == campaign)).scalar_one())


def fence(connection: sa.Connection, held: dict[str, Any], count: int) -> int:
    """Reserve ordinals for the one that reads the source; return the first of them.

    Args:
        connection: In a transaction.
        held: Names the campaign, who reads it, and until when.
        count: How many.

    Raises:
        JournalError: Another process reads it now.
    """
    return _reserved(first_row(connection, FENCE, held | {"p_count": count})) - count


def add(connection: sa.Connection, held: dict[str, Any], packed: dict[str, Any]) -> int:
    """Insert a chunk; return the ordinal that it was given.

    Args:
        connection: In a transaction.
        held: Names the campaign, who reads it, and until when.
        packed: The chunk's columns.

    Raises:
        JournalError: Another process reads the source now.
    """
    values = {f"p_{name}": value for name, value in packed.items()}
    if not on_sqlite(connection):  # one round trip
        return _reserved(connection.execute(ADD, held | values | {"p_count": 1}).one_or_none())
    seq = fence(connection, held, 1)
    changed(connection, INSERT, held | values | {"p_seq": seq})
    return seq


def _reserved(row: Sequence[Any] | None) -> int:
    """Return what was reserved for the one that reads the source."""
    if row is None:
        msg = "Another process reads this campaign's source now; what this one read was not sent by it."
        raise JournalError(msg)
    return int(row[0])
