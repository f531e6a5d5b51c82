"""What came back to one campaign: how far its texts came, who answered, and who wants no more of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from allmysms_async.border import bordered
from allmysms_async.journal import event_query as query
from allmysms_async.journal.event_record import DeliveryState, EventRecord
from allmysms_async.journal.event_row import moment, stored
from allmysms_async.model import CampaignResult, DeliveryStatus
from allmysms_async.model.event import opt_out_of
from allmysms_async.redaction import Shown

__all__ = ["EventReport", "ReportFigures"]


class ReportFigures(Shown, frozen=True, kw_only=True):
    """What came back to a campaign, counted.

    Attributes:
        delivery: How many texts are in each state; every state is there. Those of which no report came are pending,
            so that all together are those that were accepted.
        replies: Answers to its texts.
        opt_outs: People who opted out since it began: by answering STOP to one of its texts, or by what a delivery
            report of one says; also who may be texted again meanwhile.
        stops: Those of them who answered STOP.
        over_time: Texts by the hour, aware, in UTC, in which they came into the state that they are in.
        told: Whether anything came back.
    """

    delivery: Mapping[DeliveryStatus, int]
    replies: int
    opt_outs: int
    stops: int
    over_time: Mapping[datetime, Mapping[DeliveryStatus, int]]
    told: bool


@bordered
class EventReport(EventRecord):
    """Reads what came back to a campaign; in a journal that nothing was stored in yet nothing came back."""

    async def figures(self, result: CampaignResult) -> ReportFigures:
        """Return what came back to a campaign.

        Args:
            result: The campaign's, which names its sends.

        Raises:
            JournalError: The journal failed.
        """
        names = result.campaign_ids
        counted = await self.deliveries(names)
        delivery = {status: counted.get(status, 0) for status in DeliveryStatus}
        reported = sum(count for status, count in delivery.items() if status is not DeliveryStatus.PENDING)
        delivery[DeliveryStatus.PENDING] = max(result.accepted - reported, 0)
        replies, stops = 0, set[str]()
        async for reply in self.replies(names):
            replies += 1
            if opt_out_of(reply) is not None:
                stops.add(reply.phone)
        over_time = await self.over_time(names) if counted else {}
        return ReportFigures(
            delivery=delivery,
            replies=replies,
            opt_outs=len(stops) + await self._opted_out_besides(result, stops),
            stops=len(stops),
            over_time=over_time,
            told=bool(counted or replies),
        )

    async def states_of(self, texts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], DeliveryState]:
        """Return what became of certain texts; one of which no report came is not in it.

        Args:
            texts: The gateway's identifier of the send, and the canonical number, of each; some thousand at most.

        Raises:
            JournalError: The journal failed.
        """
        asked = [(stored(send), stored(phone)) for send, phone in texts]
        rows = await self._page(query.states_of, asked) if asked else ()
        return {
            (send, phone): DeliveryState(phone, DeliveryStatus(status), moment(at), send)
            for send, phone, status, at in rows
        }

    async def _opted_out_besides(self, result: CampaignResult, stops: set[str]) -> int:
        """Return how many people reports call opted out, without those who answered STOP."""
        names, found, after = sorted(set(result.campaign_ids)), set[str](), ("", "")
        while page := await self._page(query.opted_out_page, names, after):
            found.update(phone for _, _, phone in page if phone not in stops)
            after = page[-1][:2]
        return len(found)
