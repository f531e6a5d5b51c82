"""The transitions of chunks as single statements: each changes a chunk only if it is where the change may begin.

Which states a change may begin in, and where it leads, is taken from the one table of ``batch/state.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from allmysms_async.batch.state import TRANSITIONS, ChunkEvent, ChunkState
from allmysms_async.journal import schema
from allmysms_async.journal.epoch import stands

__all__ = [
    "ADD",
    "AGAIN",
    "AHEAD",
    "ASK",
    "CLAIM",
    "EXPIRE",
    "FENCE",
    "FORGET",
    "INSERT",
    "KEY",
    "LOST",
    "NO_RESULT",
    "RELEASE",
    "RENEW",
    "SETTLE",
    "UNRECORDED",
    "among",
    "bind",
    "free",
    "gone",
    "held_still",
    "move",
    "repeatable",
    "this",
]

_c = schema.chunk.c

LOST = "The process that was sending ended before its answer was recorded."
"""What is said of a chunk whose holder is gone."""

UNRECORDED = "The journal failed before it was recorded what became of a request."
"""What is said of a chunk that its holder gave up at its own end."""

AHEAD = 60.0
"""Seconds by which clocks may differ; the gateway keeps a key for an hour longer than it is repeated here."""

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
    return sa.update(schema.chunk).where(among(*targets)).values(state=target.value)


def among(*states: ChunkState) -> sa.ColumnElement[bool]:
    """Return whether a chunk is in one of some states; unlike IN, it has a text that never changes."""
    return sa.or_(*(_c.state == state.value for state in states))


def held_still(row: Any, now: float) -> bool:
    """Tell whether somebody holds a chunk that was read."""
    return row.owner is not None and now <= row.lease_until <= now + 2 * row.lease


def this(statement: sa.Update) -> sa.Update:
    """Return a statement for one chunk, given as ``p_campaign`` and ``p_seq``."""
    return statement.where(_c.campaign == bind("campaign"), _c.seq == bind("seq"))


def gone(now: Any) -> sa.ColumnElement[bool]:
    """Return whether a chunk's lease is over: run out, or so far ahead that a clock was wrong when it was taken."""
    return sa.or_(_c.lease_until < now, _c.lease_until > now + 2 * _c.lease)


def free(now: Any) -> sa.ColumnElement[bool]:
    """Return whether nobody holds a chunk."""
    return sa.or_(_c.owner.is_(None), gone(now))


def repeatable(now: Any) -> sa.ColumnElement[bool]:
    """Return whether a chunk was first sent so recently, after ``p_since``, that its key can be repeated."""
    # A first send that lies ahead was noted by a clock that was wrong: nobody knows how old its key is.
    return sa.and_(_c.first_sent_at >= bind("since", sa.Float), _c.first_sent_at <= now + AHEAD)


_now = bind("now", sa.Float)
_mine = (_c.owner == bind("owner"), _c.generation == bind("generation"))
CLAIM = (
    this(move(ChunkEvent.CLAIM))
    .where(stands())
    .values(
        owner=bind("owner"),
        lease_until=bind("until"),
        lease=bind("lease"),
        # A key that was noted is kept; the one given is that of a generation which may be over.
        idem=sa.case((_c.generation == bind("generation"), sa.func.coalesce(_c.idem, bind("key"))), else_=_c.idem),
        first_sent_at=sa.func.coalesce(_c.first_sent_at, bind("now", sa.Float)),
        attempts=_c.attempts + 1,
    )
    .returning(_c.generation, _c.first_sent_at, _c.attempts, _c.idem)
)
# An unknown chunk stays unknown while it is asked about; the lease keeps others, and operators, away from it.
ASK = (
    this(sa.update(schema.chunk))
    .where(
        _c.state == ChunkState.UNKNOWN.value,
        _c.gateway_id.is_(None),
        repeatable(_now),
        free(_now),
        stands(),
    )
    .values(owner=bind("owner"), lease_until=bind("until"), lease=bind("lease"), attempts=_c.attempts + 1)
    .returning(_c.generation, _c.first_sent_at, _c.attempts, _c.idem)
)
RENEW = (
    this(sa.update(schema.chunk))
    .where(*_mine, among(ChunkState.IN_FLIGHT, ChunkState.UNKNOWN))
    .values(lease_until=bind("until"))
)
RELEASE = (
    this(move(ChunkEvent.RELEASE))
    .where(*_mine)
    .values(
        owner=None,
        lease_until=None,
        first_sent_at=None,
        generation=_c.generation + bind("more", sa.Integer),
        idem=sa.case((bind("more", sa.Integer) > 0, None), else_=_c.idem),
    )
)


_result = {name: bind(name, _c[name].type) for name in NO_RESULT}
_free: dict[str, Any] = {"owner": None, "lease_until": None}
_same_key = _c.generation == bind("generation")
# Nobody claimed the chunk after this one did: what happened to its own attempts is all that happened.
_last = _c.attempts == bind("claims")
_first_refused = sa.and_(_c.state == ChunkState.REJECTED.value, _same_key)
_first_failed = sa.and_(_c.state != ChunkState.REJECTED.value, _c.generation >= bind("generation"))


def _ends(event: ChunkEvent) -> sa.Update:
    """Return the statement by which whoever holds a chunk in flight records how it ended."""
    return this(move(event, since=ChunkState.IN_FLIGHT)).where(*_mine).values(**_free, **_result)


def _turns_out(event: ChunkEvent) -> sa.Update:
    """Return the statement by which an unknown chunk turns out to have ended in some way."""
    return this(move(event, since=ChunkState.UNKNOWN)).values(**_result)


SETTLE: Mapping[tuple[ChunkEvent, bool], Sequence[tuple[ChunkState | None, sa.Update]]] = {
    # That people were texted is true whoever says it, and whatever is known since of later keys.
    (ChunkEvent.ACCEPT, True): [
        (ChunkState.IN_FLIGHT, _ends(ChunkEvent.ACCEPT)),
        (
            ChunkState.UNKNOWN,
            _turns_out(ChunkEvent.ACCEPT).where(_c.generation >= bind("generation")).values(**_free),
        ),
        (
            None,
            this(sa.update(schema.chunk))
            .where(
                among(ChunkState.PENDING, ChunkState.FAILED, ChunkState.REJECTED),
                sa.or_(_first_refused, _first_failed),
            )
            .values(state=ChunkState.ACCEPTED.value, **_free, **_result),
        ),
    ],
    # An answer that tells of some rows only: whoever asks meanwhile still does.
    (ChunkEvent.LOSE, True): [
        (ChunkState.IN_FLIGHT, _ends(ChunkEvent.LOSE)),
        (
            ChunkState.UNKNOWN,
            _turns_out(ChunkEvent.LOSE)
            .where(_same_key)
            .values(
                owner=sa.case((_c.owner == bind("owner"), None), else_=_c.owner),
                lease_until=sa.case((_c.owner == bind("owner"), None), else_=_c.lease_until),
            ),
        ),
    ],
    # Still no answer: whatever an earlier one said of some rows stays.
    (ChunkEvent.LOSE, False): [
        (ChunkState.IN_FLIGHT, _ends(ChunkEvent.LOSE)),
        (
            ChunkState.UNKNOWN,
            this(move(ChunkEvent.LOSE, since=ChunkState.UNKNOWN))
            .where(_same_key, _last)
            .values(**_free, problem=bind("problem")),
        ),
    ],
    # That nothing was sent is true of a claim's own attempts; another process may have sent the chunk after it.
    (ChunkEvent.REJECT, True): [
        (ChunkState.IN_FLIGHT, _ends(ChunkEvent.REJECT)),
        (ChunkState.UNKNOWN, _turns_out(ChunkEvent.REJECT).where(_same_key, _last).values(**_free)),
    ],
    # The gateway would say the same of this key again: the next request needs another.
    (ChunkEvent.FAIL, False): [
        (ChunkState.IN_FLIGHT, _ends(ChunkEvent.FAIL)),
        (
            ChunkState.UNKNOWN,
            _turns_out(ChunkEvent.FAIL)
            .where(_same_key, _last)
            .values(**_free, generation=_c.generation + 1, idem=None),
        ),
    ],
}
"""How what is learnt of a chunk is recorded: the statements to try in turn, each with the state that it begins in.

By the event, and whether it is the gateway's answer.
"""
_k = schema.campaign.c
# Only the one that reads the source adds chunks; each addition renews its hold.
FENCE = (
    sa.update(schema.campaign)
    .where(_k.id == bind("campaign"), _k.reader == bind("owner"))
    .values(next_seq=_k.next_seq + bind("count", sa.Integer), reader_until=bind("until"))
    .returning(_k.next_seq)
)
_fenced = FENCE.cte("fenced")
_new = ("state", "generation", "attempts", "written_off", "n", "planned_parts", "numbers", "payload")
INSERT = sa.insert(schema.chunk).values(
    {name: bind(name, _c[name].type) for name in ("campaign", "seq", *_new, *NO_RESULT)}
)
# Both in one statement, which SQLite does not have.
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
    .where(_c.campaign == bind("campaign"), gone(_now))
    .values(owner=None, lease_until=None, unknown=_c.n, problem=LOST)
)
# Once the clock is right such a moment would look recent one day, when the key is long dead: it is forgotten now.
FORGET = (
    sa.update(schema.chunk)
    .where(
        _c.campaign == bind("campaign"),
        among(ChunkState.IN_FLIGHT, ChunkState.UNKNOWN),
        _c.first_sent_at > _now + AHEAD,
    )
    .values(first_sent_at=None)
)
KEY = this(sa.update(schema.chunk)).values(idem=bind("key"))
AGAIN = (
    move(ChunkEvent.RESUME)
    .where(_c.campaign == bind("campaign"))
    .values(owner=None, lease_until=None, first_sent_at=None, **NO_RESULT)
)
