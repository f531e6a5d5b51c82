"""Asking for replies, none of which may be lost: the gateway hands each one out once only."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

from allmysms_async.backend import HandsOutReplies, ListsCampaigns, ReceivesReplies
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CampaignNotFound,
    CampaignPending,
    GatewayError,
    NoReplies,
    NotPermitted,
    OutcomeUnknown,
)
from allmysms_async.inbox import WatchStore
from allmysms_async.model import Reply
from allmysms_async.watch.ask import HORIZON, Asker, Pace, handed_out, rest_of

__all__ = ["ReplyPoll", "watch_replies"]

_ASKED = "replies.asked"
"""Noted before replies are handed out and forgotten when they are kept: whoever finds it looks for what was lost."""

_log = logging.getLogger("allmysms_async")


class ReplyPoll:
    """Rounds of questions for replies.

    Args:
        backend: Who is asked.
        sends: The gateway's identifiers of the sends whose replies are asked for; None for all that are new, where the
            backend hands those out.
        store: Where the replies go.
        clock: Where the time comes from.

    Raises:
        InvalidRequest: No sends are named, and the protocol needs them.
    """

    def __init__(self, backend: ReceivesReplies, sends: Sequence[str] | None, store: WatchStore, clock: Clock) -> None:
        self._backend = backend
        self._sends = None if sends is None else list(dict.fromkeys(sends))
        self._store = store
        self._clock = clock
        self._asker = Asker(backend, clock)
        self._missed = ""  # what is noted as long as the replies of some sends could not be read again

    @property
    def trouble(self) -> AllMySmsError | None:
        """The first question of the last round that failed, or None."""
        return self._asker.trouble

    async def round(self) -> int:
        """Ask once; return how many replies were new.

        Raises:
            AllMySmsError: No other question would fare better.
        """
        backend = self._backend
        self._asker.trouble = None
        try:
            if self._sends is None and isinstance(backend, HandsOutReplies):
                return await self._new(backend)
        except AllMySmsError as error:
            await self._asker.stumbled(error)
            self._asker.rounded()
            return 0
        news = await self._of_sends(self._sends or ())
        self._asker.rounded()
        if self._sends == [] and self.trouble is not None:
            raise self.trouble  # there is no send left to ask about
        return news

    async def _new(self, backend: HandsOutReplies) -> int:
        """Have what is new handed out, and look for what was handed out and never came."""
        news = await self.rescue() if await self._store.watch_state(_ASKED) else 0
        while True:
            await self._asker.turn()
            await self._store.keep_watch_state(_ASKED, self._clock.now().isoformat())
            try:
                page = await backend.new_replies()
            except OutcomeUnknown:
                _log.warning("Replies may have been handed out in an answer that did not come; looking for them.")
                return news + await self.rescue()
            except AllMySmsError:
                await self._store.keep_watch_state(_ASKED, self._missed)  # surely not handed out
                raise
            news += await self._store.store(page)
            await self._store.keep_watch_state(_ASKED, self._missed)
            self._asker.well()
            if len(page) < backend.replies_at_once:
                return news

    async def rescue(self) -> int:
        """Read the replies to every send of the last 72 hours, handed out before or not; return how many were new.

        A send that the gateway refuses to tell of costs the others nothing, and is asked about again in later rounds.

        Raises:
            AllMySmsError: A question failed; the next round looks again.
        """
        now = self._clock.now()
        news, refused = 0, ""
        if isinstance(self._backend, ListsCampaigns):
            async for send in self._backend.campaigns(now - HORIZON, now):
                await self._asker.turn()
                try:
                    replies = [reply async for reply in self._backend.replies(send.campaign_id)]
                except (CampaignNotFound, CampaignPending, NoReplies):
                    continue  # it has none
                except (AuthenticationFailed, NotPermitted):
                    raise
                except GatewayError as error:
                    await self._asker.stumbled(error)
                    refused = self._clock.now().isoformat()
                    continue
                news += await self._store.store(replies)
        self._missed = refused
        await self._store.keep_watch_state(_ASKED, refused)
        return news

    async def _of_sends(self, sends: Sequence[str]) -> int:
        """Ask for the replies to each of some sends."""
        news = 0
        for send in tuple(sends):
            await self._asker.turn()
            try:
                replies = [reply async for reply in self._backend.replies(send)]
            except AllMySmsError as error:
                if not await self._asker.stumbled(error) and self._sends is not None:
                    self._sends.remove(send)
                continue
            self._asker.well()
            news += await self._store.store(replies)
        return news


async def watch_replies(
    poll: ReplyPoll, store: WatchStore, *, clock: Clock, pace: Pace, until: datetime | None = None
) -> AsyncGenerator[Reply]:
    """Iterate over replies as they come, one round of questions after the other.

    Args:
        poll: The rounds.
        store: Where they put the replies.
        clock: Where the time comes from.
        pace: How long is waited between rounds.
        until: When to end at the latest; never by default.
    """
    wait = 0.0
    while True:
        async with aclosing(handed_out(store, clock)) as left_before:
            async for event in left_before:
                if isinstance(event, Reply):
                    yield event
        news = await poll.round()
        async with aclosing(handed_out(store, clock)) as new:
            async for event in new:
                if isinstance(event, Reply):
                    yield event
        wait = pace.after(wait, news=news > 0)
        left = wait if until is None else rest_of(until, clock)
        if left <= 0:
            return
        await clock.sleep(min(wait, left))
