"""Claims: to send a chunk, or to ask about it with the key that was recorded when it was first claimed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.record import Claim, Spent
from allmysms_async.errors import LimitReached
from allmysms_async.journal import schema
from allmysms_async.journal.direct import first_row
from allmysms_async.journal.epoch import compare
from allmysms_async.journal.query import too_dear
from allmysms_async.journal.transition import ASK, CLAIM, KEY

__all__ = ["renew", "split", "take"]

_c, _k = schema.chunk.c, schema.campaign.c


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
        values: What names it, its owner, the lease, and how far the owner's row has counted.
        key_of: Computes a chunk's key; None on protocols without.
        afford: Refuses what is too dear.

    Raises:
        Harmed: The journal is no longer the one that the owner knows.
    """
    if afford is not None:
        refused = too_dear(connection, values["p_campaign"], chunk, afford)
        if refused is not None:
            return refused
    values = values | {"p_generation": chunk.generation, "p_key": None if key_of is None else key_of(chunk)}
    row = first_row(connection, CLAIM, values)
    unanswered = row is None
    if row is None and key_of is not None:
        since = values["p_now"] - REPLAY_SECONDS
        row = first_row(connection, ASK, values | {"p_since": since})
    if row is None:
        compare(connection, values)
        return None
    generation, first_sent_at, claims, key = row
    recorded = msgspec.structs.replace(
        chunk, generation=generation, first_sent_at=first_sent_at, key=key, claims=claims
    )
    if key_of is not None and key is None:  # of another generation than it was known here
        recorded = msgspec.structs.replace(recorded, key=key_of(recorded))
        connection.execute(KEY, values | {"p_key": recorded.key})
    return Claim(recorded, unanswered)


def renew(
    connection: sa.Connection, values: dict[str, Any], reader_until: float | None, *, any_held: bool
) -> Sequence[int]:
    """Renew all that a process holds of a campaign; return the ordinals of the chunks among it.

    Args:
        connection: In a transaction that writes.
        values: The campaign, the owner, the time, and until when the chunks are held.
        reader_until: Until when the source is held, or None if it is not.
        any_held: Whether it holds chunks at all.
    """
    campaign, owner = values["p_campaign"], values["p_owner"]
    # Statements that change many chunks take the campaign's row first, so that no two wait for each other.
    connection.execute(sa.select(_k.id).where(_k.id == campaign).with_for_update())
    if reader_until is not None:
        reads = sa.update(schema.campaign).where(_k.id == campaign, _k.reader == owner)
        connection.execute(reads.values(reader_until=reader_until))
    if not any_held:
        return ()
    renewed = connection.execute(
        sa.update(schema.chunk)
        .where(_c.campaign == campaign, _c.owner == owner, _c.lease_until >= values["p_now"])
        .values(lease_until=values["p_until"])
        .returning(_c.seq)
    )
    return renewed.scalars().all()


def split(connection: sa.Connection, values: dict[str, Any], packed: Sequence[dict[str, Any]]) -> int | None:
    """Replace a claimed chunk by pieces; return the first one's ordinal, or None if it was taken over.

    Args:
        connection: In a transaction that writes.
        values: The campaign, the chunk's ordinal, and its owner.
        packed: The columns of each piece.
    """
    campaign, seq = values["p_campaign"], values["p_seq"]
    following = sa.update(schema.campaign).where(_k.id == campaign).values(next_seq=_k.next_seq + len(packed))
    first = int(connection.execute(following.returning(_k.next_seq)).scalar_one()) - len(packed)
    of_it = (_c.campaign == campaign, _c.seq == seq, _c.owner == values["p_owner"])
    if connection.execute(sa.delete(schema.chunk).where(*of_it)).rowcount != 1:
        return None
    for index, piece in enumerate(packed):
        connection.execute(schema.chunk.insert(), piece | {"campaign": campaign, "seq": first + index})
    return first
