"""How often is asked, and which refusals end the asking."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from allmysms_async import argument, logs
from allmysms_async.backend import Backend, LimitsQuestions
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CampaignNotFound,
    CampaignPending,
    CannotPass,
    GatewayError,
    HttpRefused,
    InvalidRequest,
    JournalError,
    NoReplies,
    NotPermitted,
    RateLimited,
    StillProcessing,
)
from allmysms_async.inbox import WatchStore
from allmysms_async.model import DeliveryReport, Kept, Reply

__all__ = ["HORIZON", "Asker", "Pace", "Poll", "watched"]

E = TypeVar("E", DeliveryReport, Reply)

HORIZON = timedelta(hours=72)
"""For how long after a send its reports may change. Source: HTTPS API v9, §9.1."""

_AT_ONCE = 500
_NOTED_AT_ONCE, _NOTED_SECONDS = 100, 1.0
_LONGEST_PAUSE = 3600.0
_ENDING = (AuthenticationFailed, NotPermitted, InvalidRequest, CannotPass, JournalError)
_IN_VAIN = (CampaignNotFound, NoReplies)
_NOT_YET = (CampaignPending, StillProcessing)
_log = logging.getLogger("allmysms_async")


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long is waited between two rounds of questions.

    Attributes:
        first: Seconds after the first round.
        factor: Each wait is so many times the one before.
        most: Seconds at most.
        eager: Whether news makes the next wait the first again.

    Raises:
        InvalidRequest: The waits would be none, or shorten: ``first`` and ``most`` are more than 0, ``factor`` is 1 or
            more.
    """

    first: float = 15.0
    factor: float = 1.5
    most: float = 1800.0
    eager: bool = False

    def __post_init__(self) -> None:
        """Refuse what would ask without a pause."""
        argument.seconds("first", self.first)
        argument.seconds("most", self.most)
        if not (argument.seconds("factor", self.factor) >= 1):
            msg = "factor must be 1 or more: the waits of a pace do not shorten."
            raise InvalidRequest(msg)

    def after(self, wait: float, *, news: bool) -> float:
        """Return the wait after another one."""
        if not wait or (news and self.eager):
            return min(self.first, self.most)
        return min(wait * self.factor, self.most)


class Poll(Protocol):
    """Rounds of questions."""

    @property
    def over(self) -> bool:
        """Whether no other round would bring anything, as far as is known."""
        ...

    def round(self) -> AsyncGenerator[int]:
        """Ask once; yield how much was new after each answer, which is in the store by then.

        Raises:
            AllMySmsError: No other question would fare better.
        """
        ...


class Asker:
    """Asks a backend's questions one after the other, no faster than its protocol leaves room for beside sends.

    Args:
        backend: Who is asked.
        clock: Where the time comes from.

    Attributes:
        trouble: The first question that failed in this round, or None.
    """

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self.trouble: AllMySmsError | None = None
        self._backend = backend
        self._clock = clock
        self._next: float | None = None
        self._answered = self._troubled = False
        self._refusal: GatewayError | None = None

    async def turn(self) -> None:
        """Wait until another question may be asked."""
        if not isinstance(self._backend, LimitsQuestions):
            return
        now = self._clock.monotonic()
        if self._next is not None and self._next > now:
            await self._clock.sleep(self._next - now)
        self._next = self._clock.monotonic() + 3600.0 / self._backend.questions_per_hour

    async def stumbled(self, error: AllMySmsError) -> bool:
        """Take in that a question failed; return whether its send is worth another question.

        Raises:
            AllMySmsError: No other question would fare better.
        """
        if isinstance(error, _ENDING):
            raise error
        if isinstance(error, GatewayError) and not isinstance(error, _NOT_YET):
            self._refusal = error
        self.trouble = self.trouble or error
        if isinstance(error, _IN_VAIN):
            _log.warning(
                "Nothing can be asked about a send that is watched: %s",
                error,
                extra=logs.fields("question_in_vain", error=error),
            )
            return False
        if isinstance(error, RateLimited) and error.retry_after:
            await self._clock.sleep(min(error.retry_after, _LONGEST_PAUSE))
        elif not self._troubled:
            level = logging.WARNING if isinstance(error, HttpRefused) else logging.INFO
            _log.log(
                level,
                "A question failed and is asked again in the next round: %s",
                error,
                extra=logs.fields("question_failed", error=error),
            )
            self._troubled = True
        return True

    def well(self) -> None:
        """Take in that a question was answered."""
        self._answered, self._troubled = True, False

    def rounded(self) -> None:
        """Take in that a round is over.

        Raises:
            GatewayError: Nothing was ever answered and something refused: a login, or a send, that is not right.
        """
        if self._refusal is not None and not self._answered:
            raise self._refusal
        self._refusal = None


async def watched(
    poll: Poll, store: WatchStore, kind: type[E], *, clock: Clock, pace: Pace, until: datetime | None
) -> AsyncGenerator[E]:
    """Iterate over events as they come, one round of questions after the other.

    Args:
        poll: The rounds.
        store: Where they put what comes.
        kind: What is watched for.
        clock: Where the time comes from.
        pace: How long is waited between rounds.
        until: When to end at the latest; None for never.
    """
    wait = 0.0
    while True:
        news = 0
        async with aclosing(_handed_out(store, kind, clock)) as left_before:
            async for event in left_before:
                yield event
        async with aclosing(poll.round()) as answers:
            async for new in answers:
                news += new
                async with aclosing(_handed_out(store, kind, clock)) as told:
                    async for event in told:
                        yield event
        left = math.inf if until is None else (until - clock.now()).total_seconds()
        if poll.over or left <= 0:
            return
        wait = pace.after(wait, news=news > 0)
        await clock.sleep(min(wait, left))


async def _handed_out(store: WatchStore, kind: type[E], clock: Clock) -> AsyncGenerator[E]:
    """Hand out what a store holds of one kind, each event done with when the next one is asked for.

    That is noted for several at once, since each note is a transaction; whoever is killed is told some of them again.
    """
    noted = clock.monotonic()
    dealt_with: list[Kept] = []
    try:
        while some := await store.take(_AT_ONCE, ()):
            for kept in some:
                if isinstance(kept.event, kind):
                    yield kept.event
                dealt_with.append(kept)
                now = clock.monotonic()
                if len(dealt_with) >= _NOTED_AT_ONCE or now - noted >= _NOTED_SECONDS:
                    done, dealt_with, noted = dealt_with, [], now
                    await store.done(done)
            done, dealt_with, noted = dealt_with, [], clock.monotonic()
            await store.done(done)
    finally:
        if dealt_with:
            await store.done(dealt_with)
