"""What is left of a campaign, as questions: what waits, what can be asked about, and where a key is of no more use."""

from __future__ import annotations

import sqlalchemy as sa

from allmysms_async.batch.state import ChunkState
from allmysms_async.journal import schema
from allmysms_async.journal.transition import bind, free, gone, repeatable

__all__ = ["ASKABLE", "LEFT", "PAGE", "SPARE", "SPARE_CHUNKS", "STILL", "STRANDED"]

PAGE = 16
"""Chunks that are read back at once."""

_c = schema.chunk.c
_now = bind("now", sa.Float)
_planned = sa.select(
    _c.seq,
    _c.numbers,
    _c.payload,
    _c.planned_parts,
    _c.generation,
    _c.first_sent_at,
    _c.state,
    _c.attempts,
    _c.idem,
)
_following = _planned.where(_c.campaign == bind("campaign"), _c.seq > bind("after")).order_by(_c.seq).limit(PAGE)
_askable = sa.and_(_c.state == ChunkState.UNKNOWN.value, _c.gateway_id.is_(None), repeatable(_now), free(_now))
ASKABLE = _following.where(_askable)
LEFT = _following.where(sa.or_(_c.state == ChunkState.PENDING.value, _askable))
_waits = sa.and_(_c.campaign == bind("campaign"), _c.state == ChunkState.PENDING.value)
# The last ones first: whoever planned them sends the first ones next. It reads an index, and nothing that is packed.
SPARE = (
    sa.select(_c.seq)
    .where(_waits, _c.seq < bind("before", sa.BigInteger))
    .order_by(_c.seq.desc())
    .limit(bind("limit", sa.Integer))
)
_these = _c.seq.in_(sa.bindparam("p_seqs", expanding=True))
SPARE_CHUNKS = _planned.where(_waits, _these).order_by(_c.seq)
STILL = sa.select(_c.seq).where(_waits, _these)
STRANDED = (
    sa.select(schema.chunk)
    .where(
        _c.campaign == bind("campaign"),
        _c.seq > bind("after"),
        _c.state == ChunkState.UNKNOWN.value,
        # What an answer left open the same answer would leave open again.
        sa.or_(_c.gateway_id.is_not(None), _c.first_sent_at.is_(None), sa.not_(repeatable(_now))),
        sa.or_(_c.owner.is_(None), sa.and_(_c.owner != bind("owner"), gone(_now))),
    )
    .order_by(_c.seq)
    .limit(PAGE)
)
