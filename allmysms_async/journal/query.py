"""What the journal holds, asked without changing anything: sums, without reading any recipient back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from allmysms_async import plausible
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.sink import Settlement, Spent, Tally
from allmysms_async.batch.state import ChunkState
from allmysms_async.errors import LimitReached
from allmysms_async.journal import schema
from allmysms_async.journal.transition import gone
from allmysms_async.model import CampaignResult, OutcomeState, Reason, Totals

__all__ = ["STATES", "Sums", "summed", "too_dear"]

STATES = (OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.FAILED, OutcomeState.UNKNOWN)
"""Those that are counted in columns; what is in none of them is pending."""

_c, _r = schema.chunk.c, schema.refused_row.c
_reasons = msgspec.json.Decoder(dict[str, int])


class Sums:
    """Running sums of one campaign: read from the journal, then kept up with what happens here.

    Args:
        tally: Rows that ended.
        pending: Rows that did not.
        in_flight: Those of them that other processes are sending.
        complete: Whether the source was read to its end.
        exposed: Text parts that may have been billed and are not in the tally.
        campaign_ids: The gateway's identifiers.
        problems: What went wrong, with how often.
    """

    def __init__(
        self,
        tally: Tally,
        pending: int,
        *,
        complete: bool,
        in_flight: int = 0,
        exposed: int = 0,
        campaign_ids: tuple[str, ...] = (),
        problems: Counter[str] | None = None,
    ) -> None:
        self.tally = tally
        self.pending = pending
        self.in_flight = in_flight
        self.complete = complete
        self.exposed = exposed
        self._campaign_ids = dict.fromkeys(campaign_ids)
        self._problems = problems or Counter()

    def end(self, chunk: Chunk, settlement: Settlement, tally: Tally, *, was_unknown: bool, silent: bool) -> None:
        """Take in how a chunk ended that was claimed here.

        Args:
            chunk: The chunk.
            settlement: How it ended.
            tally: The same, added up.
            was_unknown: Whether it was asked about; else it was pending.
            silent: Whether it is unknown because there was no answer at all.
        """
        if silent and not was_unknown:
            self.exposed += chunk.parts
        if was_unknown and not silent:
            self.exposed -= chunk.parts
        if was_unknown and silent:
            return
        if was_unknown:
            self.tally.states[OutcomeState.UNKNOWN] -= len(chunk.rows)
        else:
            self.pending -= len(chunk.rows)
        self.tally.merge(tally)
        if settlement.campaign_id:
            self._campaign_ids[settlement.campaign_id] = None
        if settlement.problem:
            self._problems[settlement.problem] += 1

    @property
    def impossible(self) -> bool:
        """Whether they count less than nothing of something."""
        return self.pending < 0 or self.exposed < 0 or any(count < 0 for count in self.tally.states.values())

    def totals(self) -> Totals:
        """Return the sums."""
        return self.tally.totals(pending=self.pending, in_flight=self.in_flight, complete=self.complete)

    def result(self, name: str, run_id: str) -> CampaignResult:
        """Return the sums with what goes with them."""
        return CampaignResult(
            **msgspec.structs.asdict(self.totals()),
            name=name,
            run_id=run_id,
            campaign_ids=tuple(self._campaign_ids),
            problems=dict(self._problems),
        )


def summed(connection: sa.Connection, campaign: int, owner: str | None = None, *, now: float | None = None) -> Sums:
    """Return a campaign's sums.

    Args:
        connection: In a transaction.
        campaign: Its number in the journal.
        owner: Whose chunks in flight are not counted as exposed; None counts all.
        now: Unix time; what is in flight since before its lease ran out counts as unknown. None counts it as pending.
    """
    tally, problems = Tally(), Counter[str]()
    of_it = _c.campaign == campaign
    counts = [sa.func.coalesce(sa.func.sum(_c[state.value]), 0).label(state.value) for state in STATES]
    rows = sa.func.coalesce(sa.func.sum(_c.n), 0).label("rows")
    parts = sa.func.coalesce(sa.func.sum(_PARTS), 0).label("parts")
    unpriced = sa.func.coalesce(sa.func.sum(_UNPRICED), 0).label("unpriced")
    row = connection.execute(sa.select(*counts, rows, parts, unpriced).where(of_it)).one()
    for state in STATES:
        tally.states[state] = int(getattr(row, state.value))
    pending = int(row.rows) - sum(tally.states.values())
    tally.parts, tally.unpriced = int(row.parts), int(row.unpriced)
    if now is not None:
        left = sa.select(sa.func.coalesce(sa.func.sum(_c.n), 0)).where(
            of_it, _c.state == ChunkState.IN_FLIGHT.value, gone(now)
        )
        lost = int(connection.execute(left).scalar_one())
        tally.states[OutcomeState.UNKNOWN] += lost
        pending -= lost
    others = sa.select(sa.func.coalesce(sa.func.sum(_c.n), 0)).where(
        of_it,
        _c.state == ChunkState.IN_FLIGHT.value,
        sa.true() if owner is None else _c.owner != owner,
        sa.true() if now is None else _c.lease_until >= now,
    )
    in_flight = int(connection.execute(others).scalar_one())
    ids: list[str] = []
    # What is text or rare is added up here; none of these columns lies behind the packed recipients.
    details = sa.select(_c.cost, _c.planned_parts, _c.reasons, _c.problem, _c.gateway_id, _c.state)
    found = connection.execute(details.where(of_it).order_by(_c.seq))
    for cost, measured, reasons, problem, gateway_id, state in found:
        if cost != "0":
            tally.cost += plausible.cost(cost, measured) or Decimal(0)
        if reasons is not None:
            tally.reasons.update({Reason(reason): count for reason, count in _reasons.decode(reasons).items()})
        if problem is not None and state in {ChunkState.FAILED, ChunkState.UNKNOWN, ChunkState.REJECTED}:
            problems[problem] += 1
        if gateway_id is not None:
            ids.append(gateway_id)
    refused = sa.select(_r.reason, sa.func.count()).where(_r.campaign == campaign).group_by(_r.reason)
    for reason, count in connection.execute(refused):
        tally.states[OutcomeState.REJECTED] += count
        tally.reasons[Reason(reason)] += count
    complete = sa.select(schema.campaign.c.source_complete).where(schema.campaign.c.id == campaign)
    return Sums(
        tally,
        pending,
        complete=bool(connection.execute(complete).scalar_one()),
        in_flight=in_flight,
        exposed=_exposed(connection, campaign, owner),
        campaign_ids=tuple(dict.fromkeys(ids)),
        problems=problems,
    )


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
