"""One watch from its beginning to its end: whom it is about, where what comes is kept, and for how long."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypedDict, TypeVar, cast

from allmysms_async import argument
from allmysms_async.backend import HandsOutReplies, ReceivesReplies, ReportsDelivery
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.inbox import EventKind, MemoryEvents, WatchStore, event_journal, opened
from allmysms_async.model import CampaignResult, DeliveryReport, Reply, SendReceipt
from allmysms_async.watch.ask import HORIZON, Pace, Poll, watched
from allmysms_async.watch.replies import ReplyPoll
from allmysms_async.watch.reports import ReportPoll

__all__ = ["WatchOptions", "Watched", "Watcher", "checked", "sends_for_replies", "sends_of"]

Watched: TypeAlias = str | SendReceipt | CampaignResult | Iterable[str]
"""Sends to watch: an identifier of the gateway's, several, a receipt, or the result of a campaign."""

E = TypeVar("E", DeliveryReport, Reply)

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
        self._kept: dict[tuple[str, ...], MemoryEvents] = {}

    async def reports(
        self, backend: ReportsDelivery, sends: Sequence[str], expected: int | None, options: WatchOptions
    ) -> AsyncGenerator[DeliveryReport]:
        """Iterate over the reports of sends as they come, for 72 hours at most."""
        key = ("report", *sends)
        store = await self._opened(key, "report", options)
        poll = ReportPoll(backend, sends, store, self._clock, expected)
        until = options.get("until") or self._clock.now() + HORIZON
        async with aclosing(
            self._watched(poll, store, DeliveryReport, options.get("pace") or _REPORTS, until)
        ) as watch:
            async for report in watch:
                yield report
        if poll.over or options.get("until") is None:  # it was watched to its end
            self._kept.pop(key, None)

    async def replies(
        self, backend: ReceivesReplies, sends: Sequence[str] | None, options: WatchOptions
    ) -> AsyncGenerator[Reply]:
        """Iterate over replies as they come."""
        store = await self._opened(("reply", *(sends or ())), "reply", options)
        poll = ReplyPoll(backend, sends, store, self._clock)
        pace, until = options.get("pace") or _REPLIES, options.get("until")
        async with aclosing(self._watched(poll, store, Reply, pace, until)) as watch:
            async for reply in watch:
                yield reply

    async def _watched(
        self, poll: Poll, store: WatchStore, kind: type[E], pace: Pace, until: datetime | None
    ) -> AsyncGenerator[E]:
        """Watch, and close the store at the end, whatever ends it."""
        try:
            async with aclosing(watched(poll, store, kind, clock=self._clock, pace=pace, until=until)) as watch:
                async for event in watch:
                    yield event
        finally:
            await store.aclose()

    async def _opened(self, key: tuple[str, ...], kind: EventKind, options: WatchOptions) -> WatchStore:
        """Return where what comes is kept."""
        journal = options.get("journal")
        if journal is None:
            return self._kept.setdefault(key, MemoryEvents())
        return await opened(partial(event_journal, journal, self._clock, kind))


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
