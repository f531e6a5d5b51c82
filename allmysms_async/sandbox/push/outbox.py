"""What becomes known when, in the order in which it does.

A campaign's reports are not made before they are pushed: of a text that waits for its report, four bytes are kept.

Source: HTTPS API v9, §6.2, §9 and annex 3. Assumed: the operator's intermediate report (3) comes at the moment of
delivery, and is pushed like the final one.
"""

import heapq
import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from allmysms_async.sandbox.fault import Fault
from allmysms_async.sandbox.state import HANDED_OVER, Account, Campaign, Reply, ack_delay, fate

from .variables import Variables, reply_variables, report_variables

__all__ = ["NEVER", "CampaignReports", "Known", "Once", "Outbox", "Source", "known_reply"]

NEVER = math.inf
"""When a source has something that has nothing more."""

_MOST_AGAIN = 10_000


@dataclass(slots=True, eq=False)
class Known:
    """One report or reply that is known and has to be pushed.

    Attributes:
        kind: `dlr` or `mo`.
        account: Whose address is called.
        phone: The handset.
        variables: What the address is told.
        told: Is called with the outcome.
        tries: How often it was pushed without success.
        faults: What goes wrong with it; None until that is drawn.
    """

    kind: str
    account: Account
    phone: str
    variables: Variables
    told: Callable[["Known", str], None] | None = None
    tries: int = 0
    faults: Sequence[Fault] | None = None


class Source(Protocol):
    """Something that comes to be known."""

    @property
    def due(self) -> float:
        """The moment of the next event, `NEVER` where there is none."""
        ...

    def take(self) -> Known:
        """Return the next event."""
        ...

    def waiting(self, now: float) -> int:
        """Count the events that are known by now and were not taken."""
        ...


class Once:
    """One event at one moment."""

    def __init__(self, due: float, known: Known) -> None:
        """Keep it until then."""
        self.due = due
        self._known = known

    def take(self) -> Known:
        """Return it."""
        self.due = NEVER
        return self._known

    def waiting(self, now: float) -> int:
        """Count it: it is known, and only waits."""
        return 1


class CampaignReports:
    """The reports on a campaign's texts: all handed over at once, then by the delay of each number."""

    def __init__(self, account: Account, campaign: Campaign, after: float = -NEVER) -> None:
        """Work out when they come.

        Args:
            account: Whose campaign it is.
            campaign: One that was delivered.
            after: What became known by this moment is passed over.
        """
        self._account = account
        self._campaign = campaign
        delays: dict[int, array[int]] = {}
        for index, phone in enumerate(campaign.phones):
            delays.setdefault(ack_delay(phone), array("I")).append(index)
        stages: list[tuple[float, Sequence[int]]] = [(campaign.send_at, range(len(campaign.phones)))]
        stages += [(campaign.send_at + delay, delays[delay]) for delay in sorted(delays)]
        self._stages = [stage for stage in stages if stage[0] > after and stage[1]][::-1]
        self._place = 0

    @property
    def number(self) -> int:
        """The campaign's number."""
        return self._campaign.number

    @property
    def due(self) -> float:
        """The moment of the next report."""
        return self._stages[-1][0] if self._stages else NEVER

    def take(self) -> Known:
        """Return the next report."""
        at, indexes = self._stages[-1]
        index = indexes[self._place]
        self._place += 1
        if self._place == len(indexes):
            self._stages.pop()
            self._place = 0
        campaign = self._campaign
        phone = campaign.phones[index]
        status = HANDED_OVER if at == campaign.send_at else fate(phone)
        variables = report_variables(campaign.sms_id(index), status, at, phone, campaign.id)
        return Known("dlr", self._account, phone, variables)

    def waiting(self, now: float) -> int:
        """Count the reports that are known by now."""
        known = sum(len(indexes) for at, indexes in self._stages if at <= now)
        return known - self._place if known else 0


def known_reply(account: Account, reply: Reply) -> Known:
    """Return a reply as an event."""
    campaign = reply.campaign
    sms_id = campaign.sms_id(reply.index)
    variables = reply_variables(sms_id, str(reply.id), reply.at, reply.phone, campaign.id, reply.text)
    return Known("mo", account, reply.phone, variables)


class Outbox:
    """All sources, and what has to be pushed again."""

    def __init__(self) -> None:
        """Start empty."""
        self._sources: list[tuple[float, int, Source]] = []
        self._again: list[tuple[float, int, Source]] = []
        self._order = count()

    def add(self, source: Source) -> None:
        """Take in what will be known."""
        if source.due < NEVER:
            heapq.heappush(self._sources, (source.due, next(self._order), source))

    def again(self, due: float, known: Known) -> None:
        """Take back what has to be pushed at a later moment."""
        heapq.heappush(self._again, (due, next(self._order), Once(due, known)))

    @property
    def due(self) -> float:
        """The moment of the next event.

        While as much has to be pushed again as is kept, nothing new is: it stays where it is until there is room.
        """
        return min((heap[0][0] for heap in self._open() if heap), default=NEVER)

    def take(self, now: float) -> Known | None:
        """Return the next event that is known by now, if there is one."""
        while True:
            heap = min((heap for heap in self._open() if heap), key=lambda heap: heap[0][:2], default=None)
            if heap is None or heap[0][0] > now:
                return None
            due, order, source = heap[0]
            # A source may have ended meanwhile.
            known = source.take() if source.due == due else None
            if source.due == NEVER:
                heapq.heappop(heap)
            elif source.due != due:
                heapq.heapreplace(heap, (source.due, order, source))
            if known is not None:
                return known

    def waiting(self, now: float) -> int:
        """Count what is known by now and was not taken."""
        return sum(source.waiting(now) for heap in (self._sources, self._again) for _, _, source in heap)

    def campaigns(self) -> set[int]:
        """Return the numbers of the campaigns whose reports are under way."""
        return {source.number for _, _, source in self._sources if isinstance(source, CampaignReports)}

    def _open(self) -> Iterator[list[tuple[float, int, Source]]]:
        """Return the heaps that may be taken from."""
        yield self._again
        if len(self._again) < _MOST_AGAIN:
            yield self._sources
