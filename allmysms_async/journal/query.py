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
from allmysms_async.journal.transition import gone
from allmysms_async.model import OutcomeState, Reason

__all__ = ["STATES", "summed", "too_dear"]

STATES = (OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.FAILED, OutcomeState.UNKNOWN)
"""Those that are counted in columns; what is in none of them is pending."""

_c, _r = schema.chunk.c, schema.refused_row.c
_reasons = msgspec.json.Decoder(dict[str, int])


def summed(connection: sa.Connection, campaign: int, owner: str | None = None, *, now: float | None = None) -> Sums:
    """Return a campaign's sums.

    Args:
        connection: In a transaction.
        campaign: Its number in the journal.
        owner: Whose chunks in flight are not counted as exposed; None counts all.
        now: Unix time; what is in flight since before its lease ran out counts as unknown. None counts it as pending.
    """
    sums = Sums()
    of_it = _c.campaign == campaign
    counts = [sa.func.coalesce(sa.func.sum(_c[state.value]), 0).label(state.value) for state in STATES]
    rows = sa.func.coalesce(sa.func.sum(_c.n), 0).label("rows")
    parts = sa.func.coalesce(sa.func.sum(_PARTS), 0).label("parts")
    unpriced = sa.func.coalesce(sa.func.sum(_UNPRICED), 0).label("unpriced")
    row = connection.execute(sa.select(*counts, rows, parts, unpriced).where(of_it)).one()
    for state in STATES:
        sums.states[state] = int(getattr(row, state.value))
    sums.pending = int(row.rows) - sum(sums.states.values())
    sums.parts, sums.unpriced = int(row.parts), int(row.unpriced)
    if now is not None:
        left = sa.select(sa.func.coalesce(sa.func.sum(_c.n), 0)).where(
            of_it, _c.state == ChunkState.IN_FLIGHT.value, gone(now)
        )
        lost = int(connection.execute(left).scalar_one())
        sums.states[OutcomeState.UNKNOWN] += lost
        sums.pending -= lost
    others = sa.select(sa.func.coalesce(sa.func.sum(_c.n), 0)).where(
        of_it,
        _c.state == ChunkState.IN_FLIGHT.value,
        sa.true() if owner is None else _c.owner != owner,
        sa.true() if now is None else _c.lease_until >= now,
    )
    sums.in_flight = int(connection.execute(others).scalar_one())
    # What is text or rare is added up here; none of these columns lies behind the packed recipients.
    details = sa.select(_c.cost, _c.planned_parts, _c.reasons, _c.problem, _c.gateway_id, _c.state)
    found = connection.execute(details.where(of_it).order_by(_c.seq))
    for cost, measured, reasons, problem, gateway_id, state in found:
        if cost != "0":
            sums.cost += plausible.cost(cost, measured) or Decimal(0)
        if reasons is not None:
            sums.reasons.update({Reason(reason): count for reason, count in _reasons.decode(reasons).items()})
        if problem is not None and state in {ChunkState.FAILED, ChunkState.UNKNOWN, ChunkState.REJECTED}:
            sums.problems[problem] += 1
        if gateway_id is not None:
            sums.campaign_ids[gateway_id] = None
    refused = sa.select(_r.reason, sa.func.count()).where(_r.campaign == campaign).group_by(_r.reason)
    for reason, count in connection.execute(refused):
        sums.states[OutcomeState.REJECTED] += count
        sums.reasons[Reason(reason)] += count
    complete = sa.select(schema.campaign.c.source_complete).where(schema.campaign.c.id == campaign)
    sums.complete = bool(connection.execute(complete).scalar_one())
    sums.exposed = _exposed(connection, campaign, owner)
    return sums


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


def _exposed(connection: sa.Connection, campaign: int, owner: str | None) -> int:
    """Return the text parts that are in flight, unknown without an answer, or were when an operator had them resent."""
    elsewhere: Any = sa.true() if owner is None else sa.or_(_c.owner.is_(None), _c.owner != owner)
    parts = sa.func.coalesce(sa.func.sum(_in_doubt(elsewhere)), 0)
    return int(connection.execute(sa.select(parts).where(_c.campaign == campaign)).scalar_one())


_SPENT = sa.select(
    *(sa.func.coalesce(sa.func.sum(column), 0) for column in (_PARTS, _COST, _UNPRICED, _in_doubt(sa.true())))
).where(_c.campaign == sa.bindparam("p_campaign"))


def _spent(connection: sa.Connection, campaign: int, more: int) -> Spent:
    """Return what all processes spent on a campaign, with so many parts more; right to a millionth of a euro."""
    row: Any = connection.execute(_SPENT, {"p_campaign": campaign}).one()
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
