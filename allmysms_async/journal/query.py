"""What the journal holds, asked without changing anything: sums, without reading any recipient back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from allmysms_async import plausible
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Spent
from allmysms_async.batch.state import ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.errors import LimitReached
from allmysms_async.journal import schema
from allmysms_async.journal.direct import rows
from allmysms_async.journal.transition import bind, gone
from allmysms_async.model import OutcomeState, Reason

__all__ = ["STATES", "summed", "too_dear"]

STATES = (OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.FAILED, OutcomeState.UNKNOWN)
"""Those that are counted in columns; what is in none of them is pending."""

_c, _r = schema.chunk.c, schema.refused_row.c
_reasons = msgspec.json.Decoder(dict[str, int])


# A journal may hold figures that were recorded before they were looked at: those that cannot be right count as none
# here as well, and what was measured takes their place. Compared with what stands in the index, so that no packed
# recipient is read for it.
_PARTS = sa.case(
    (_c.parts.between(0, plausible.RANGES["parts of a text"][1] * _c.planned_parts), _c.parts), else_=_c.planned_parts
)
_euros = sa.cast(_c.cost, sa.Float)
_is_cost = sa.and_(_c.cost != "0", _euros.between(0, plausible.RANGES["euros a part"][1] * _c.planned_parts))
_COST = sa.case((_is_cost, _euros), else_=0.0)
_UNPRICED = sa.case((_is_cost, 0), else_=_PARTS)


def _in_doubt(flying: Any) -> sa.ColumnElement[int]:
    """Return the parts of a chunk that may have been billed, of those in flight only some."""
    states = sa.or_(_c.state == ChunkState.UNKNOWN.value, sa.and_(_c.state == ChunkState.IN_FLIGHT.value, flying))
    return _c.written_off + sa.case((sa.and_(states, _c.gateway_id.is_(None)), _c.planned_parts), else_=0)


def _sum(*columns: Any) -> sa.Select[Any]:
    """Return a question for sums over a campaign's chunks."""
    return sa.select(*(sa.func.coalesce(sa.func.sum(each), 0) for each in columns)).where(_of_it)


# Written once: to build the questions for each look at a campaign takes several times as long as to answer them.
_of_it = _c.campaign == bind("campaign")
_flies = _c.state == ChunkState.IN_FLIGHT.value
_COUNTS = _sum(*(_c[state.value] for state in STATES), _c.n, _PARTS, _UNPRICED)
_LEFT_FLYING = _sum(_c.n).where(_flies, gone(bind("now", sa.Float)))
_FLYING = {
    (owned, timed): _sum(_c.n).where(
        _flies,
        _c.owner != bind("owner") if owned else sa.true(),
        _c.lease_until >= bind("now", sa.Float) if timed else sa.true(),
    )
    for owned in (False, True)
    for timed in (False, True)
}
"""What is in flight: by whether it is that of others than an owner, and whether leases that are over are left out."""
# What is text or rare is added up here; none of these columns lies behind the packed recipients.
_DETAILS = (
    sa.select(_c.cost, _c.planned_parts, _c.reasons, _c.problem, _c.gateway_id, _c.state).where(_of_it).order_by(_c.seq)
)
_REFUSED = sa.select(_r.reason, sa.func.count()).where(_r.campaign == bind("campaign")).group_by(_r.reason)
_COMPLETE = sa.select(schema.campaign.c.source_complete).where(schema.campaign.c.id == bind("campaign"))
_EXPOSED = {
    False: _sum(_in_doubt(sa.true())),
    True: _sum(_in_doubt(sa.or_(_c.owner.is_(None), _c.owner != bind("owner")))),
}
"""Text parts that are in flight, unknown without an answer, or were when an operator had them resent.

By whether what an owner has in flight is left out.
"""
_SPENT = _sum(_PARTS, _COST, _UNPRICED, _in_doubt(sa.true()))


def summed(connection: sa.Connection, campaign: int, owner: str | None = None, *, now: float | None = None) -> Sums:
    """Return a campaign's sums.

    Args:
        connection: In a transaction.
        campaign: Its number in the journal.
        owner: Whose chunks in flight are not counted as exposed; None counts all.
        now: Unix time; what is in flight since before its lease ran out counts as unknown. None counts it as pending.
    """
    sums = Sums()
    values = {"p_campaign": campaign, "p_owner": owner, "p_now": now}
    [(*counts, size, parts, unpriced)] = rows(connection, _COUNTS, values)
    for state, count in zip(STATES, counts, strict=True):
        sums.states[state] = int(count)
    sums.pending = int(size) - sum(sums.states.values())
    sums.parts, sums.unpriced = int(parts), int(unpriced)
    if now is not None:
        [(left,)] = rows(connection, _LEFT_FLYING, values)
        sums.states[OutcomeState.UNKNOWN] += int(left)
        sums.pending -= int(left)
    [(flying,)] = rows(connection, _FLYING[owner is not None, now is not None], values)
    sums.in_flight = int(flying)
    for cost, measured, reasons, problem, gateway_id, ended in rows(connection, _DETAILS, values):
        if cost != "0":
            sums.cost += plausible.cost(cost, measured) or Decimal(0)
        if reasons is not None:
            sums.reasons.update({Reason(reason): count for reason, count in _reasons.decode(reasons).items()})
        if problem is not None and ended in {ChunkState.FAILED, ChunkState.UNKNOWN, ChunkState.REJECTED}:
            sums.problems[problem] += 1
        if gateway_id is not None:
            sums.campaign_ids[gateway_id] = None
    for reason, count in rows(connection, _REFUSED, values):
        sums.states[OutcomeState.REJECTED] += count
        sums.reasons[Reason(reason)] += count
    [(complete,)] = rows(connection, _COMPLETE, values)
    sums.complete = bool(complete)
    [(exposed,)] = rows(connection, _EXPOSED[owner is not None], values)
    sums.exposed = int(exposed)
    return sums


def _spent(connection: sa.Connection, campaign: int, more: int) -> Spent:
    """Return what all processes spent on a campaign, with so many parts more; right to a millionth of a euro."""
    [row] = rows(connection, _SPENT, {"p_campaign": campaign})
    return Spent(
        parts=int(row[0]),
        cost=Decimal(str(round(float(row[1]), 6))),
        unpriced=int(row[2]),
        exposed=int(row[3]) + more,
    )


def too_dear(
    connection: sa.Connection, campaign: int, chunk: Chunk, afford: Callable[[Spent], None]
) -> LimitReached | None:
    """Return why a pending chunk may not be claimed, and keep others from claiming under a limit meanwhile.

    Raised here, it would undo what others write along with it.
    """
    of_it = (_c.campaign == campaign, _c.seq == chunk.seq)
    connection.execute(sa.select(schema.campaign.c.id).where(schema.campaign.c.id == campaign).with_for_update())
    state = connection.execute(sa.select(_c.state).where(*of_it)).scalar_one_or_none()
    if state == ChunkState.PENDING.value:
        try:
            afford(_spent(connection, campaign, chunk.parts))
        except LimitReached as reached:
            return reached
    return None
