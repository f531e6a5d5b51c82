"""Claiming a chunk: to send it, or to ask about it with the key that was recorded when it was first claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from allmysms_async.batch.plan import Chunk
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.sink import Claim, Spent
from allmysms_async.errors import LimitReached
from allmysms_async.journal.query import too_dear
from allmysms_async.journal.transition import ASK, CLAIM, KEY

__all__ = ["take"]


def take(
    connection: sa.Connection,
    chunk: Chunk,
    values: dict[str, Any],
    key_of: Callable[[Chunk], str] | None,
    afford: Callable[[Spent], None] | None,
) -> Claim | LimitReached | None:
    """Claim a chunk; return it as recorded, or why it is too dear, or None if it is not to be had.

    Args:
        connection: In a transaction that writes.
        chunk: The chunk as it is known here.
        values: What names it, its owner and the lease.
        key_of: Computes a chunk's key; None on protocols without.
        afford: Refuses what is too dear.
    """
    if afford is not None:
        refused = too_dear(connection, values["p_campaign"], chunk, afford)
        if refused is not None:
            return refused
    values = values | {"p_generation": chunk.generation, "p_key": None if key_of is None else key_of(chunk)}
    row = connection.execute(CLAIM, values).one_or_none()
    unanswered = row is None
    if row is None and key_of is not None:
        since = values["p_now"] - REPLAY_SECONDS
        row = connection.execute(ASK, values | {"p_since": since}).one_or_none()
    if row is None:
        return None
    recorded = msgspec.structs.replace(
        chunk,
        generation=row.generation,
        first_sent_at=row.first_sent_at,
        key=row.idem,
        claims=row.attempts,
    )
    if key_of is not None and row.idem is None:  # of another generation than it was known here
        recorded = msgspec.structs.replace(recorded, key=key_of(recorded))
        connection.execute(KEY, values | {"p_key": recorded.key})
    return Claim(recorded, unanswered)
