"""Asking once for all that came back in the last 72 hours, for a receiver that was away."""

from __future__ import annotations

from collections.abc import Sequence

from allmysms_async.backend import Backend, ListsCampaigns, ReceivesReplies, ReportsDelivery
from allmysms_async.clock import Clock
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
        AllMySmsError: A question failed that no other would fare better than.
    """
    news = 0
    if isinstance(backend, ReceivesReplies):
        poll = ReplyPoll(backend, sends, store, clock)
        news += await poll.round()
        if sends is None:
            news += await poll.rescue()
    if isinstance(backend, ReportsDelivery):
        if sends is None and isinstance(backend, ListsCampaigns):
            now = clock.now()
            sends = [send.campaign_id async for send in backend.campaigns(now - HORIZON, now)]
        rounds = ReportPoll(backend, sends or (), store, clock, None)
        async for new in rounds.round():
            news += new
    return news
