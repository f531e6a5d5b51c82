"""The gateway's own answer to the requests of a plan, and where it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal

from allmysms_async.backend import SendRequest
from allmysms_async.batch.chunk import Chunk
from allmysms_async.errors import AuthenticationFailed, GatewayError, NotPermitted, NoValidNumber
from allmysms_async.model import Campaign, Estimate, MmsMessage, Reason, as_sms
from allmysms_async.preview.result import Difference, Simulation

__all__ = ["Simulated"]

_MOST_PROBLEMS = 20


class Simulated:
    """Asks the gateway about each request, and counts its answers.

    Args:
        campaign: The campaign.
        ask: Asks about one request, as often as needed.
    """

    def __init__(self, campaign: Campaign, ask: Callable[[SendRequest], Awaitable[Estimate]]) -> None:
        self._message = as_sms(campaign.message)
        self._mms = campaign.message if isinstance(campaign.message, MmsMessage) else None
        self._name = campaign.name
        self._ask = ask
        self._requests = self._recipients = self._parts = 0
        self._cost: Decimal | None = None
        self._rejections: Counter[Reason] = Counter()
        self._refused: Counter[str] = Counter()
        # For each figure what was planned, what the gateway says, how often they differ, and where first.
        self._sums: dict[str, tuple[Decimal, Decimal]] = {}
        self._differing: Counter[str] = Counter()
        self._where: dict[str, tuple[int, int]] = {}

    async def look_at(self, chunk: Chunk, cost: Decimal | None) -> None:
        """Ask about a chunk.

        Args:
            chunk: The chunk.
            cost: What it costs by the price list, or None where that cannot be told.

        Raises:
            AuthenticationFailed: The login is refused; likewise ``NotPermitted``.
            NotSent, OutcomeUnknown: No answer, after all attempts.
        """
        request = SendRequest(
            message=self._message,
            text=chunk.text,
            coding=chunk.coding,
            params=chunk.params,
            recipients=chunk.recipients,
            parts=chunk.parts,
            campaign_name=self._name,
            mms=self._mms,
        )
        try:
            estimate = await self._ask(request)
        except (AuthenticationFailed, NotPermitted):
            raise
        except NoValidNumber:
            self._rejections[Reason.INVALID_AT_GATEWAY] += len(chunk.rows)
            estimate = Estimate(recipients=0, parts=0, credits=None, cost=None)
        except GatewayError as error:
            problem = str(error)
            if problem in self._refused or len(self._refused) < _MOST_PROBLEMS:
                self._refused[problem] += 1
            estimate = Estimate(recipients=0, parts=0, credits=None, cost=None)
        self._count(chunk, cost, estimate)

    def _count(self, chunk: Chunk, cost: Decimal | None, estimate: Estimate) -> None:
        self._requests += 1
        self._recipients += estimate.recipients
        self._parts += estimate.parts
        self._rejections.update(rejected.reason for rejected in estimate.rejected)
        self._compare("recipients", chunk, Decimal(len(chunk.rows)), Decimal(estimate.recipients))
        self._compare("parts", chunk, Decimal(chunk.parts), Decimal(estimate.parts))
        if estimate.cost is not None:
            self._cost = (self._cost or Decimal(0)) + estimate.cost
            if cost is not None:
                self._compare("cost", chunk, cost, estimate.cost)

    def _compare(self, what: str, chunk: Chunk, here: Decimal, gateway: Decimal) -> None:
        before = self._sums.get(what, (Decimal(0), Decimal(0)))
        self._sums[what] = (before[0] + here, before[1] + gateway)
        if here != gateway:
            self._differing[what] += 1
            self._where.setdefault(what, _lines(chunk))

    def result(self) -> Simulation:
        """Return what the gateway said."""
        return Simulation(
            requests=self._requests,
            recipients=self._recipients,
            parts=self._parts,
            cost=self._cost,
            rejections=dict(self._rejections.most_common()),
            refused=dict(self._refused),
            differences=tuple(
                Difference(
                    what=what,
                    here=self._sums[what][0],
                    gateway=self._sums[what][1],
                    requests=count,
                    first=self._where[what],
                )
                for what, count in self._differing.items()
            ),
        )


def _lines(chunk: Chunk) -> tuple[int, int]:
    """Return the first and the last line of a chunk, or its rows where the source has no lines."""
    lines = [recipient.line for recipient in chunk.recipients]
    known = [line for line in lines if line is not None] if None not in lines else list(chunk.rows)
    return min(known), max(known)
