"""When to try again: nothing else in the library repeats anything.

What an answer means for the next attempt is one pure function, ``verdict.judge``; tenacity does the repeating.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import argument
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.verdict import judge
from allmysms_async.errors import (
    AllMySmsError,
    DuplicateRequest,
    OutcomeUnknown,
    RateLimited,
    StillProcessing,
)
from allmysms_async.redaction import Shown

if TYPE_CHECKING:
    import tenacity

__all__ = ["CLOCK_SECONDS", "REPLAY_SECONDS", "Attempts", "RetryPolicy", "repeated"]

T = TypeVar("T")

CLOCK_SECONDS = 300.0
"""How far clocks may differ; a first send that lies further in the future was dated by one that was wrong."""

REPLAY_SECONDS = 23 * 3600.0
"""How long after its first send a key may be repeated; the gateway keeps it for 24 hours.

Source: HTTPS API v9, §7.2.
"""


class RetryPolicy(Shown, frozen=True, kw_only=True):
    """How long to keep trying.

    Attributes:
        attempts: Attempts at one request at most.
        deadline: Seconds from its first attempt after which no other is begun.
        base: Seconds that the first wait has at most; each further one has twice as many.
        cap: Seconds that any wait has at most, but for one that the server asks for.
        duplicate_wait: Seconds to wait after "identical request within 10 seconds".
        limit_waits: How often a campaign's request that the server refused because of a request limit waits for the
            limit to pass; then it has failed.
    """

    attempts: int = 8
    deadline: float = 300.0
    base: float = 0.5
    cap: float = 30.0
    duplicate_wait: float = 11.0
    limit_waits: int = 2

    def __post_init__(self) -> None:
        """Refuse figures that make no sense.

        Raises:
            InvalidRequest: Naming the figure.
        """
        argument.count("attempts", self.attempts)
        argument.count("limit_waits", self.limit_waits, least=0)
        for name in ("deadline", "base", "cap", "duplicate_wait"):
            argument.seconds(name, getattr(self, name), zero=True)


class Attempts:
    """The attempts at one request, as tenacity asks about them."""

    def __init__(self, policy: RetryPolicy, *, keyed: bool, unanswered: bool, until: float, key_until: float) -> None:
        self.policy = policy
        self.keyed = keyed
        self.unanswered = unanswered
        self.until = until
        self.key_until = key_until
        self.event: ChunkEvent | None = None
        self.error: AllMySmsError | None = None
        self.made = 0

    def note(self, error: AllMySmsError) -> None:
        """Take in how an attempt ended."""
        self.error = error
        self.event = judge(error, keyed=self.keyed, unanswered=self.unanswered)
        if isinstance(error, OutcomeUnknown | StillProcessing):
            self.unanswered = True

    def wait(self, attempt: int, rng: random.Random) -> float:
        """Return the seconds before the next attempt: exponential with full jitter, unless the answer says more."""
        ceiling = min(self.policy.cap, self.policy.base * 2.0 ** min(attempt - 1, 30))
        seconds = rng.uniform(0, ceiling)
        if isinstance(self.error, DuplicateRequest):
            return self.policy.duplicate_wait + seconds
        if isinstance(self.error, RateLimited) and self.error.retry_after is not None:
            return self.error.retry_after + seconds
        if isinstance(self.error, StillProcessing):
            return min(1.0, self.policy.cap) + seconds
        return seconds


async def repeated(
    attempt: Callable[[], Awaitable[T]],
    *,
    ended: Exception | None,
    again: Callable[[BaseException], bool],
    stop: Callable[[tenacity.RetryCallState], bool],
    wait: Callable[[tenacity.RetryCallState], float],
    sleep: Callable[[float], Awaitable[None]],
    before_sleep: Callable[[tenacity.RetryCallState], None] | None = None,
) -> T:
    """Let tenacity repeat what is to be tried again.

    Most requests are answered at once: whoever calls makes the first attempt, and tenacity, whose own work would be a
    good part of a send, is told how it ended as if it had made it.

    Args:
        attempt: Makes one.
        ended: How the first one ended, or None if it is still to be made.
        again: Tells whether another is to be made after an error.
        stop: Tells whether no other is.
        wait: Returns the seconds before the next one.
        sleep: Waits.
        before_sleep: Is told of the next one.
    """
    first = [] if ended is None else [ended]

    async def next_attempt() -> T:
        if first:
            raise first.pop()
        return await attempt()

    import tenacity  # takes long, and few runs and hardly any single send repeat anything

    retrying = tenacity.AsyncRetrying(
        sleep=sleep,
        stop=stop,
        wait=wait,
        retry=tenacity.retry_if_exception(again),
        before_sleep=before_sleep,
        reraise=True,
    )
    return await retrying(next_attempt)
