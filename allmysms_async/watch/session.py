"""One watch from its beginning to its end: whom it is about, where what comes is kept, and for how long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TypeAlias, TypedDict, cast

from allmysms_async import argument
from allmysms_async.backend import HandsOutReplies, ReceivesReplies, ReportsDelivery
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.inbox import EventKind, MemoryEvents, WatchStore, event_journal
from allmysms_async.model import CampaignResult, DeliveryReport, Reply, SendReceipt
from allmysms_async.watch.ask import Pace
from allmysms_async.watch.replies import ReplyPoll, watch_replies
from allmysms_async.watch.reports import ReportPoll, watch_reports

__all__ = ["WatchOptions", "Watched", "Watcher", "checked", "sends_for_replies", "sends_of"]

Watched: TypeAlias = str | SendReceipt | CampaignResult | Iterable[str]
"""Sends to watch: an identifier of the gateway's, several, a receipt, or the result of a campaign."""

_REPORTS = Pace()
_REPLIES = Pace(first=30.0, factor=1.5, most=300.0, eager=True)


class WatchOptions(TypedDict, total=False):
    """How something is watched; each has a default.

    Attributes:
        journal: A path or URL, as for a campaign: what came is durable before it is handed out, and a later watch hands
            out what this one did not. Whatever reports, or replies, wait there are handed out, of other sends as well,
            by one watch of a file at a time.
        pace: How long is waited between rounds of questions.
        until: When to end at the latest, aware.
    """

    journal: str | os.PathLike[str] | None
    pace: Pace | None
    until: datetime | None


class Watcher:
    """What a service watches. What came and was not asked for any more is kept for the next watch.

    Args:
        clock: Where the time comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # By the sends that are watched: what one watch tells is none of another's business.
        self._reports: dict[tuple[str, ...], MemoryEvents] = {}
        self._replies: dict[tuple[str, ...] | None, MemoryEvents] = {}

    async def reports(
        self,
        backend: ReportsDelivery,
        sends: Sequence[str],
        expected: int | None,
        *,
        journal: str | os.PathLike[str] | None = None,
        pace: Pace | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[DeliveryReport]:
        """Iterate over the reports of sends as they come."""
        store: WatchStore
        if journal is None:
            store = self._reports.setdefault(tuple(sends), MemoryEvents(self._clock, "report"))
        else:
            store = await self._opened(journal, "report")
        try:
            poll = ReportPoll(backend, sends, store, self._clock, expected)
            watch = watch_reports(poll, store, clock=self._clock, pace=pace or _REPORTS, until=until)
            async with aclosing(watch):
                async for report in watch:
                    yield report
        finally:
            await store.aclose()

    async def replies(
        self,
        backend: ReceivesReplies,
        sends: Sequence[str] | None,
        *,
        journal: str | os.PathLike[str] | None = None,
        pace: Pace | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[Reply]:
        """Iterate over replies as they come."""
        store: WatchStore
        if journal is None:
            key = None if sends is None else tuple(sends)
            store = self._replies.setdefault(key, MemoryEvents(self._clock, "reply"))
        else:
            store = await self._opened(journal, "reply")
        try:
            poll = ReplyPoll(backend, sends, store, self._clock)
            watch = watch_replies(poll, store, clock=self._clock, pace=pace or _REPLIES, until=until)
            async with aclosing(watch):
                async for reply in watch:
                    yield reply
        finally:
            await store.aclose()

    async def _opened(self, journal: str | os.PathLike[str], kind: EventKind) -> WatchStore:
        """Return where what comes is kept; a journal's libraries take long to import, and do so in a thread."""
        store: WatchStore = await asyncio.to_thread(event_journal, journal, self._clock, kind)
        await store.open()
        return store


def checked(options: WatchOptions) -> WatchOptions:
    """Return how something is watched, if it can be.

    Raises:
        InvalidRequest: An option cannot be right.
    """
    journal, pace, until = options.get("journal"), options.get("pace"), options.get("until")
    if journal is not None:
        argument.given("journal", journal, (str, os.PathLike), "a path or a URL")
    if pace is not None:
        argument.given("pace", pace, Pace, "a Pace")
    if until is not None:
        argument.moment("until", until)
    return options


def sends_of(sends: object) -> tuple[list[str], int | None]:
    """Return the gateway's identifiers of sends, and how many texts they have if that is known.

    Raises:
        InvalidRequest: It is nothing that names sends, or names none.
    """
    expected: int | None = None
    match sends:
        case str():
            named: list[object] = [sends]
        case SendReceipt():
            named, expected = [sends.campaign_id], len(sends.accepted)
        case CampaignResult():
            named, expected = list(sends.campaign_ids), sends.accepted if sends.complete else None
        case Iterable():
            named = list(cast("Iterable[object]", sends))
        case _:
            msg = f"A send's identifier, a receipt or a campaign's result is watched, not {type(sends).__name__}."
            raise InvalidRequest(msg)
    identifiers = [argument.text("campaign_id", each) for each in named]
    if not identifiers:
        msg = "No send is named that could be watched: its protocol gives sends no identifiers, or nobody was accepted."
        raise InvalidRequest(msg)
    return identifiers, expected


def sends_for_replies(backend: ReceivesReplies, sends: object) -> list[str] | None:
    """Return the gateway's identifiers of sends whose replies are watched; None for whatever is new.

    Raises:
        InvalidRequest: None are named, and the protocol knows replies by their send alone.
    """
    if sends is not None:
        return sends_of(sends)[0]
    if not isinstance(backend, HandsOutReplies):
        msg = f"The backend {backend.name} knows replies by their send alone: name the sends; nothing was asked."
        raise InvalidRequest(msg)
    return None
