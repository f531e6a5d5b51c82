"""The sums of a campaign, as its record keeps them: in memory, or read from a journal and kept up with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Settlement
from allmysms_async.model import AcceptedRows, CampaignResult, Outcome, OutcomeState, Reason, Totals

__all__ = ["Sums"]


class Sums:
    """Running sums over rows; adding a settlement and taking it away again are each other's inverse.

    Attributes:
        states: Rows that ended, by how they did.
        reasons: The rejected ones, by why.
        parts: Text parts that the gateway took.
        cost: Euros that it reported for them.
        unpriced: Those of the parts without a reported cost.
        pending: Rows that did not end.
        in_flight: Those of them that are being sent.
        complete: Whether the source was read to its end.
        exposed: Text parts that may have been billed and are not among the sums.
        campaign_ids: The gateway's identifiers, in their order.
        problems: What went wrong, with how often.
    """

    def __init__(self) -> None:
        self.states: Counter[OutcomeState] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.parts = self.unpriced = self.pending = self.in_flight = self.exposed = 0
        self.cost = Decimal(0)
        self.complete = False
        self.campaign_ids: dict[str, None] = {}
        self.problems: Counter[str] = Counter()

    def count(self, outcomes: Sequence[Outcome], sign: int = 1) -> None:
        """Add rows, or take them away with ``sign=-1``."""
        if isinstance(outcomes, AcceptedRows):
            self.states[OutcomeState.ACCEPTED] += sign * len(outcomes)
            return
        # Counted as texts first: the hash of an enumeration's member is a slow one.
        for state, count in Counter([str.__str__(outcome.state) for outcome in outcomes]).items():
            self.states[OutcomeState(state)] += sign * count
        for outcome in outcomes:
            if outcome.reason is not None and outcome.state is OutcomeState.REJECTED:
                self.reasons[outcome.reason] += sign

    def add(self, settlement: Settlement, sign: int = 1) -> None:
        """Add a chunk's end, or take it away with ``sign=-1``; the gateway's identifier stays."""
        self.count(settlement.outcomes, sign)
        self.parts += sign * settlement.parts
        self.cost += sign * settlement.cost
        if not settlement.cost:
            self.unpriced += sign * settlement.parts
        if settlement.problem:
            self.problems[settlement.problem] += sign
        if settlement.campaign_id:
            self.campaign_ids[settlement.campaign_id] = None

    def end(self, chunk: Chunk, ended: Sums, *, was_unknown: bool, silent: bool) -> None:
        """Take in the end of a chunk that was claimed here.

        Args:
            chunk: The chunk, until now among the pending, or the unknown.
            ended: How it ended, added up.
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
            self.states[OutcomeState.UNKNOWN] -= len(chunk.rows)
        else:
            self.pending -= len(chunk.rows)
        self.states.update(ended.states)
        self.reasons.update(ended.reasons)
        self.parts += ended.parts
        self.cost += ended.cost
        self.unpriced += ended.unpriced
        self.problems.update(ended.problems)
        self.campaign_ids |= ended.campaign_ids

    @property
    def impossible(self) -> bool:
        """Whether they count less than nothing of something."""
        return self.pending < 0 or self.exposed < 0 or any(count < 0 for count in self.states.values())

    def totals(self) -> Totals:
        """Return the sums."""
        states = self.states
        return Totals(
            rows=sum(states.values()) + self.pending,
            accepted=states[OutcomeState.ACCEPTED],
            rejected=states[OutcomeState.REJECTED],
            failed=states[OutcomeState.FAILED],
            unknown=states[OutcomeState.UNKNOWN],
            pending=self.pending,
            in_flight=self.in_flight,
            rejections={reason: count for reason, count in self.reasons.items() if count},
            parts=self.parts,
            cost=self.cost,
            complete=self.complete,
        )

    def result(self, name: str, run_id: str) -> CampaignResult:
        """Return the sums, the gateway's identifiers and what went wrong."""
        return CampaignResult(
            **msgspec.structs.asdict(self.totals()),
            name=name,
            run_id=run_id,
            campaign_ids=tuple(self.campaign_ids),
            problems={problem: count for problem, count in self.problems.items() if count > 0},
        )
