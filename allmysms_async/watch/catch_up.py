"""Asking once for all that came back in the last 72 hours, for a receiver that was away."""

from __future__ import annotations

from collections.abc import Sequence

from allmysms_async.backend import Backend, ListsCampaigns, ReceivesReplies, ReportsDelivery
from allmysms_async.clock import Clock
from allmysms_async.errors import CampaignPending, InvalidRequest, NoReplies, UnsupportedFeature
from allmysms_async.inbox import WatchStore
from allmysms_async.watch.ask import HORIZON
from allmysms_async.watch.replies import ReplyPoll
from allmysms_async.watch.reports import ReportPoll

__all__ = ["catch_up"]


async def catch_up(backend: Backend, store: WatchStore, clock: Clock, sends: Sequence[str] | None = None) -> int:
    """Ask for the reports and replies of sends, and keep those that are new; return how many there were.

    Args:
        backend: Who is asked.
        store: Where they are kept.
        clock: Where the time comes from.
        sends: The gateway's identifiers; by default the sends of the last 72 hours, where the backend lists them.

    Raises:
        InvalidRequest: No sends are named, and the protocol lists none.
        UnsupportedFeature: The backend has neither reports nor replies.
        AllMySmsError: A question failed. What the others brought is kept, and what it would have brought is found when
            this is called again.
    """
    if not isinstance(backend, ReceivesReplies | ReportsDelivery):
        msg = f"The backend {backend.name} has neither reports nor replies to catch up with."
        raise UnsupportedFeature(msg)
    if sends is None and not isinstance(backend, ListsCampaigns):
        msg = f"The backend {backend.name} lists no sends: name those to catch up with; nothing was asked."
        raise InvalidRequest(msg)
    news, trouble = 0, None
    if isinstance(backend, ReceivesReplies):
        poll = ReplyPoll(backend, sends, store, clock)
        news += await poll.ask()
        if sends is None:
            news += await poll.rescue()  # also what the first question did not bring
        else:
            trouble = poll.trouble
    if isinstance(backend, ReportsDelivery):
        if sends is None and isinstance(backend, ListsCampaigns):
            now = clock.now()
            sends = [send.campaign_id async for send in backend.campaigns(now - HORIZON, now)]
        rounds = ReportPoll(backend, sends or (), store, clock, None)
        async for new in rounds.round():
            news += new
        trouble = trouble or rounds.trouble
    if trouble is not None and not isinstance(trouble, CampaignPending | NoReplies):
        raise trouble
    return news
