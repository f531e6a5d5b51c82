"""Asking for replies, none of which may be lost: the gateway hands each one out once only."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence

from allmysms_async import logs
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
from allmysms_async.model import UnknownEvent
from allmysms_async.watch.ask import HORIZON, Asker

__all__ = ["ReplyPoll"]

_ASKED = "replies.asked of {}"
"""Noted, of an account, before replies are handed out, and forgotten when they are kept: whoever finds it looks for
what was lost."""

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

    over = False  # there may always be another one

    def __init__(self, backend: ReceivesReplies, sends: Sequence[str] | None, store: WatchStore, clock: Clock) -> None:
        self._backend = backend
        self._sends = None if sends is None else list(dict.fromkeys(sends))
        self._store = store
        self._clock = clock
        self._asker = Asker(backend, clock)
        self._asked = _ASKED.format(backend.identity)
        self._missed = ""  # what is noted as long as the replies of some sends could not be read again

    @property
    def trouble(self) -> AllMySmsError | None:
        """The first question of the last round that failed, or None."""
        return self._asker.trouble

    async def round(self) -> AsyncGenerator[int]:
        """Ask once; yield how many replies were new."""
        yield await self.ask()

    async def ask(self) -> int:
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
        news = await self.rescue() if await self._store.watch_state(self._asked) else 0
        while True:
            await self._asker.turn()
            await self._store.keep_watch_state(self._asked, self._clock.now().isoformat())
            try:
                page = await backend.new_replies()
            except OutcomeUnknown:
                _log.warning(
                    "Replies may have been handed out in an answer that did not come; looking for them.",
                    extra=logs.fields("replies_lost"),
                )
                return news + await self.rescue()
            except AllMySmsError:
                await self._store.keep_watch_state(self._asked, self._missed)  # surely not handed out
                raise
            news += await self._store.store(page)
            unknown = sum(isinstance(each, UnknownEvent) for each in page)
            if unknown:
                _log.warning(
                    "%d answers were handed out in another form than the manual's; they are kept as unknown events.",
                    unknown,
                    extra=logs.fields("replies_odd", count=unknown),
                )
            await self._store.keep_watch_state(self._asked, self._missed)
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
        await self._store.keep_watch_state(self._asked, refused)
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
