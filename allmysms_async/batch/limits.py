"""What stops a campaign before its end: what it may cost, how many parts it may take, how much may go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal

from allmysms_async import argument, plausible
from allmysms_async.backend import CAPABILITIES, SendRequest, Sends, Simulates
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Sink, Spent
from allmysms_async.errors import InvalidRequest, LimitReached, UnsupportedFeature
from allmysms_async.model import Outcome, OutcomeState, Reason
from allmysms_async.redaction import Shown

__all__ = ["Limits", "StopConditions", "check_failures"]

_ITS_NUMBERS = frozenset({Reason.INVALID_AT_GATEWAY})
"""Why a request is refused whole that holds nothing but bad numbers. A duplicate is none of them: nobody knows who
texts those people, and a gateway that says so of every request must not go through a whole campaign."""

_LEAST_REQUESTS = 5
"""A rate over fewer requests says nothing."""


class StopConditions(Shown, frozen=True, kw_only=True):
    """What stops a campaign before its end.

    Attributes:
        max_cost: Euros without tax that the campaign may cost: what was reported, plus an estimate for all that is in
            flight or unknown, and for what was accepted without a cost. Only where the protocol reports a cost.
        max_parts: Text parts that it may take, counted likewise.
        max_failure_rate: Share of this run's recipients that may end as failed or unknown, or be in a request that the
            gateway refuses whole, as a duplicate too, but for its numbers; looked at from the fifth request on.
    """

    max_cost: Decimal | None = None
    max_parts: int | None = None
    max_failure_rate: float | None = None

    def check(self, backend: Sends) -> None:
        """Refuse limits that make no sense, or that the backend cannot keep.

        Raises:
            InvalidRequest: A limit is out of its range.
            UnsupportedFeature: ``max_cost`` on a protocol that reports no cost.
        """
        if self.max_cost is not None:
            argument.given("max_cost", self.max_cost, Decimal, "a Decimal, so that no cent is lost")
        if self.max_cost is not None and not (self.max_cost.is_finite() and self.max_cost > 0):
            msg = f"max_cost is {self.max_cost}, it must be over 0; nothing was sent."
            raise InvalidRequest(msg)
        if self.max_parts is not None:
            argument.count("max_parts", self.max_parts)
        if self.max_failure_rate is not None:
            argument.share("max_failure_rate", self.max_failure_rate)
        if self.max_cost is not None and not backend.limits.reports_cost:
            msg = f"The backend {backend.name} reports no cost: say max_parts in place of max_cost; nothing was sent."
            raise UnsupportedFeature(msg, backends=CAPABILITIES[Simulates][1])


def check_failures(most: float, requests: int, rows: int, lost: int) -> None:
    """Refuse to go on where too much went wrong.

    Args:
        most: The share that may.
        requests: How many requests ended.
        rows: Their recipients.
        lost: Those of them that failed, are unknown or were refused with their whole request.

    Raises:
        LimitReached: It is more.
    """
    if requests >= _LEAST_REQUESTS and lost > most * rows:
        msg = f"max_failure_rate is {most:g}: {lost} of {rows} recipients failed, are unknown or were "
        msg += "refused with their whole request."
        raise LimitReached(msg, remedy="Find out why, then run the campaign again to continue.")


class Limits:
    """Keeps a campaign within its limits.

    Args:
        conditions: What stops it.
        backend: What sends, and may tell a price beforehand.
        sink: What knows the sums so far.
        failures: Told of each request's recipients and of those of them that are lost, in place of the run's own count.
    """

    def __init__(
        self,
        conditions: StopConditions,
        backend: Sends,
        sink: Sink,
        failures: Callable[[int, int], None] | None = None,
    ) -> None:
        self._failures = failures
        self._conditions = conditions
        self._backend = backend
        self._sink = sink
        self._reserved: dict[int, int] = {}
        self._price: Decimal | None = None
        self._turn = asyncio.Condition()
        self._requests = self._rows = self._lost = 0

    async def admit(self, chunk: Chunk, request: Callable[[], SendRequest]) -> None:
        """Reserve what a chunk may cost, before it is claimed.

        Raises:
            LimitReached: It may cost more than is left.
        """
        if self._conditions.max_cost is not None:
            await self._learn_price(request)
        if self.afford is not None:
            totals = self._sink.totals()
            exposed = self._sink.exposed + sum(self._reserved.values()) + chunk.parts
            self._check(
                Spent(parts=totals.parts, cost=totals.cost, unpriced=self._sink.unpriced, exposed=exposed),
            )
        self._reserved[chunk.seq] = chunk.parts

    @property
    def afford(self) -> Callable[[Spent], None] | None:
        """The check that a claim makes before other processes can spend more; None without a limit."""
        conditions = self._conditions
        return None if conditions.max_parts is None and conditions.max_cost is None else self._check

    def _check(self, spent: Spent) -> None:
        """Refuse to spend more than is allowed.

        Raises:
            LimitReached: The campaign may cost more than it may.
        """
        most = self._conditions.max_parts
        if most is not None and spent.parts + spent.exposed > most:
            msg = f"max_parts is {most}, and the next request may take the campaign over it; it was not sent."
            raise LimitReached(msg, remedy="Run the campaign again with a higher limit to send the rest.")
        ceiling = self._conditions.max_cost
        unpaid = spent.exposed + spent.unpriced
        if ceiling is not None and spent.cost + unpaid * (self._price or Decimal(0)) > ceiling:
            msg = f"max_cost is {ceiling} €, and the next request may take the campaign over it; it was not sent."
            raise LimitReached(msg, remedy="Run the campaign again with a higher limit to send the rest.")

    async def _learn_price(self, request: Callable[[], SendRequest]) -> None:
        """Learn what a part costs: the dearest price reported, else the gateway's word, else that of one request."""
        async with self._turn:
            self._raise_price()
            if self._price is None and isinstance(self._backend, Simulates):
                estimate = await self._backend.simulate(request())
                cost = plausible.cost(estimate.cost, estimate.parts)
                if cost and estimate.parts > 0:  # 0 is no price to reckon with: it would be no ceiling
                    self._price = cost / estimate.parts
            if self._price is None:
                # Nobody knows yet what a part costs: one request goes alone, and tells.
                await self._turn.wait_for(lambda: not self._reserved or self._price is not None)
                self._raise_price()  # it may have been told while the gateway was asked
            if self._price is None and self._sink.unpriced:
                msg = (
                    f"max_cost is {self._conditions.max_cost} €, and the gateway tells no cost, or none that can be "
                    "right, neither beforehand nor of what it took; the next request was not sent."
                )
                raise LimitReached(msg, remedy="Say max_parts in place of max_cost to send the rest.")

    def _raise_price(self) -> None:
        """Raise the price to what the parts so far cost on average."""
        totals = self._sink.totals()
        priced = totals.parts - self._sink.unpriced
        if priced > 0 and totals.cost:
            price = totals.cost / priced
            self._price = price if self._price is None else max(self._price, price)

    async def answered(self, chunk: Chunk) -> None:
        """Give back what is still reserved for a chunk, and let those who wait for a price look again."""
        if self._conditions.max_cost is None:  # nobody waits for one
            self._reserved.pop(chunk.seq, None)
            return
        async with self._turn:
            self._reserved.pop(chunk.seq, None)
            self._raise_price()
            self._turn.notify_all()

    def note(self, chunk: Chunk, outcomes: Iterable[Outcome], *, refused: bool = False) -> None:
        """Take in how a request of this run ended; what it cost is among the sums from this moment on.

        Args:
            chunk: What was sent.
            outcomes: What became of its rows.
            refused: Whether the gateway refused it whole.

        Raises:
            LimitReached: Too much went wrong.
        """
        self._reserved.pop(chunk.seq, None)
        most = self._conditions.max_failure_rate
        if most is None:
            return
        rows = list(outcomes)
        lost = sum(
            row.state in {OutcomeState.FAILED, OutcomeState.UNKNOWN} or (refused and row.reason not in _ITS_NUMBERS)
            for row in rows
        )
        if self._failures is not None:
            self._failures(len(rows), lost)
            return
        self._requests += 1
        self._rows += len(rows)
        self._lost += lost
        check_failures(most, self._requests, self._rows, self._lost)
