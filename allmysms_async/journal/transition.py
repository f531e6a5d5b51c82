"""The transitions of chunks as single statements: each changes a chunk only if it is where the change may begin.

Which states a change may begin in, and where it leads, is taken from the one table of ``batch/state.py``.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from allmysms_async.batch.state import TRANSITIONS, ChunkEvent, ChunkState
from allmysms_async.journal import schema

__all__ = [
    "ADD",
    "AGAIN",
    "ASK",
    "CLAIM",
    "EXPIRE",
    "FENCE",
    "LEFT",
    "NO_RESULT",
    "PAGE",
    "RELEASE",
    "RENEW",
    "SETTLE",
    "STILL_UNKNOWN",
    "STRANDED",
    "bind",
    "move",
    "this",
]

_LOST = "The process that was sending ended before its answer was recorded."
_c = schema.chunk.c

PAGE = 16
"""Chunks that are read back at once."""

NO_RESULT: dict[str, Any] = {
    "accepted": 0,
    "rejected": 0,
    "failed": 0,
    "unknown": 0,
    "parts": 0,
    "cost": "0",
    "reasons": None,
    "problem": None,
    "result": None,
    "gateway_id": None,
}
"""What a chunk holds that has not ended."""


def bind(name: str, kind: Any = None) -> sa.BindParameter[Any]:
    """Return a parameter, named apart from the columns."""
    return sa.bindparam(f"p_{name}", type_=kind)


def move(event: ChunkEvent, *, since: ChunkState | None = None) -> sa.Update:
    """Return the statement by which something happens to chunks.

    Args:
        event: What happens.
        since: The one state to begin in; all that the table has by default.
    """
    targets = {
        state: target for (state, what), target in TRANSITIONS.items() if what is event and since in {None, state}
    }
    (target,) = set(targets.values())
    begins = sa.or_(*(_c.state == state.value for state in targets))
    return sa.update(schema.chunk).where(begins).values(state=target.value)


def this(statement: sa.Update) -> sa.Update:
    """Return a statement for one chunk, given as ``p_campaign`` and ``p_seq``."""
    return statement.where(_c.campaign == bind("campaign"), _c.seq == bind("seq"))


_mine = (_c.owner == bind("owner"), _c.generation == bind("generation"))
CLAIM = (
    this(move(ChunkEvent.CLAIM))
    .values(
        owner=bind("owner"),
        lease_until=bind("until"),
        first_sent_at=sa.func.coalesce(_c.first_sent_at, bind("now", sa.Float)),
        attempts=_c.attempts + 1,
    )
    .returning(_c.generation, _c.first_sent_at)
)
# An unknown chunk stays unknown while it is asked about; the lease keeps others, and operators, away from it.
ASK = (
    this(sa.update(schema.chunk))
    .where(
        _c.state == ChunkState.UNKNOWN.value,
        _c.gateway_id.is_(None),
        _c.first_sent_at >= bind("since"),
        sa.or_(_c.owner.is_(None), _c.lease_until < bind("now")),
    )
    .values(owner=bind("owner"), lease_until=bind("until"), attempts=_c.attempts + 1)
    .returning(_c.generation, _c.first_sent_at)
)
RENEW = (
    this(sa.update(schema.chunk))
    .where(*_mine, _c.state.in_([ChunkState.IN_FLIGHT.value, ChunkState.UNKNOWN.value]))
    .values(lease_until=bind("until"))
)
RELEASE = (
    this(move(ChunkEvent.RELEASE))
    .where(*_mine)
    .values(owner=None, lease_until=None, first_sent_at=None, generation=_c.generation + bind("more", sa.Integer))
)


def _settle(event: ChunkEvent, since: ChunkState) -> sa.Update:
    """Return the statement that records how a chunk ended that is in flight here, or unknown."""
    statement = this(move(event, since=since)).where(_c.generation == bind("generation"))
    if since is ChunkState.IN_FLIGHT:
        statement = statement.where(_c.owner == bind("owner"))
    columns = {name: bind(name, _c[name].type) for name in NO_RESULT}
    # A late "nothing was sent" is the gateway's own word on this key: it would say the same of it again.
    more = int(since is ChunkState.UNKNOWN and event is ChunkEvent.FAIL)
    return statement.values(owner=None, lease_until=None, generation=_c.generation + more, **columns)


_ENDS = (ChunkEvent.ACCEPT, ChunkEvent.REJECT, ChunkEvent.FAIL, ChunkEvent.LOSE)
SETTLE = {
    (event, since): _settle(event, since) for event in _ENDS for since in (ChunkState.IN_FLIGHT, ChunkState.UNKNOWN)
}
# Still no answer: whatever an earlier one said of some rows stays.
STILL_UNKNOWN = (
    this(move(ChunkEvent.LOSE, since=ChunkState.UNKNOWN))
    .where(_c.generation == bind("generation"))
    .values(owner=None, lease_until=None, problem=bind("problem"))
)
_k = schema.campaign.c
# Only the one that reads the source adds chunks; each addition renews its hold.
FENCE = (
    sa.update(schema.campaign)
    .where(_k.id == bind("campaign"), _k.reader == bind("owner"))
    .values(next_seq=_k.next_seq + bind("count", sa.Integer), reader_until=bind("until"))
    .returning(_k.next_seq)
)
_fenced = FENCE.cte("fenced")
_new = ("state", "generation", "attempts", "n", "planned_parts", "numbers", "payload")
# The same, and the chunk with it: one statement, which SQLite does not have.
ADD = (
    sa.insert(schema.chunk)
    .from_select(
        ["campaign", "seq", *_new, *NO_RESULT],
        sa.select(
            bind("campaign", sa.Integer),
            _fenced.c.next_seq - bind("count", sa.Integer),
            *(bind(name, _c[name].type) for name in (*_new, *NO_RESULT)),
        ).select_from(_fenced),
    )
    .returning(_c.seq)
)
EXPIRE = (
    move(ChunkEvent.LOSE, since=ChunkState.IN_FLIGHT)
    .where(_c.campaign == bind("campaign"), _c.lease_until < bind("now"))
    .values(owner=None, lease_until=None, unknown=_c.n, problem=_LOST)
)
AGAIN = (
    move(ChunkEvent.RESUME)
    .where(_c.campaign == bind("campaign"))
    .values(owner=None, lease_until=None, first_sent_at=None, **NO_RESULT)
)
LEFT = (
    sa.select(_c.seq, _c.numbers, _c.payload, _c.planned_parts, _c.generation, _c.first_sent_at, _c.state)
    .where(
        _c.campaign == bind("campaign"),
        _c.seq > bind("after"),
        sa.or_(
            _c.state == ChunkState.PENDING.value,
            sa.and_(
                _c.state == ChunkState.UNKNOWN.value,
                _c.gateway_id.is_(None),
                _c.first_sent_at >= bind("since"),
                sa.or_(_c.owner.is_(None), _c.lease_until < bind("now")),
            ),
        ),
    )
    .order_by(_c.seq)
    .limit(PAGE)
)
STRANDED = (
    sa.select(schema.chunk)
    .where(
        _c.campaign == bind("campaign"),
        _c.state == ChunkState.UNKNOWN.value,
        # What an answer left open the same answer would leave open again.
        sa.or_(_c.gateway_id.is_not(None), _c.first_sent_at < bind("since"), _c.first_sent_at.is_(None)),
        sa.or_(_c.owner.is_(None), _c.lease_until < bind("now")),
    )
    .order_by(_c.seq)
)
