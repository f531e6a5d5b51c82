"""When to try again: nothing else in the library repeats anything.

What an answer means for the next attempt is one pure function, ``verdict.judge``; tenacity does the repeating.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import argument
from allmysms_async.backend import Replay
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.verdict import Delivery, judge
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CannotPass,
    DuplicateRequest,
    InsufficientCredit,
    InvalidRequest,
    JournalError,
    MediaRefused,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    RequestLimitReached,
    ScheduleRefused,
    StillProcessing,
)
from allmysms_async.model import SendReceipt
from allmysms_async.redaction import Shown

if TYPE_CHECKING:
    import tenacity

__all__ = [
    "REPLAY_SECONDS",
    "RetryPolicy",
    "deliver",
    "repeat",
]

T = TypeVar("T")

REPLAY_SECONDS = 23 * 3600.0
"""How long after its first send a key may be repeated; the gateway keeps it for 24 hours.

Source: HTTPS API v9, §7.2.
"""

_STOPS = (AuthenticationFailed, NotPermitted, InsufficientCredit, ScheduleRefused, MediaRefused, CannotPass)
"""What is wrong with the account, the campaign or the way to the gateway, and so with every request of it."""

_log = logging.getLogger("allmysms_async")


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


class _Attempts:
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


async def _repeated(
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


async def deliver(
    send: Callable[[], Awaitable[SendReceipt]],
    *,
    keyed: bool,
    policy: RetryPolicy,
    clock: Clock,
    rng: random.Random,
    unanswered: bool = False,
    limit_waited: int = 0,
    budget: float = REPLAY_SECONDS,
    pause: Callable[[float], Awaitable[None]] | None = None,
    halted: Callable[[], bool] = lambda: False,
) -> Delivery:
    """Make as many attempts at one request as the policy allows, and say how it ended.

    Args:
        send: Makes one attempt.
        keyed: Whether each attempt carries the same idempotency key.
        policy: How long to keep trying.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
        unanswered: Whether an earlier attempt with the same key may have been taken.
        limit_waited: How often this request has waited already because the server spoke of a request limit.
        budget: Seconds for which the key may still be repeated.
        pause: Waits between attempts; the clock's sleep by default.
        halted: Whether the campaign was asked to stop: then nothing is begun that was not begun before.

    Raises:
        JournalError: An attempt found that the record failed.
    """
    until, key_until = clock.monotonic() + policy.deadline, clock.now().timestamp() + budget
    ended: AllMySmsError | None = None
    if not unanswered:
        try:
            return _delivered(await send(), 1)
        except JournalError:
            raise
        except AllMySmsError as error:
            ended = error
    attempts = _Attempts(policy, keyed=keyed, unanswered=unanswered, until=until, key_until=key_until)
    if ended is not None:
        attempts.made = 1
        attempts.note(ended)

    async def attempt() -> SendReceipt:
        if attempts.unanswered and clock.now().timestamp() > attempts.key_until:
            attempts.error = attempts.error or AllMySmsError("The key is too old to be repeated.")
            attempts.event = ChunkEvent.LOSE
            raise attempts.error
        if attempts.error is not None and halted() and not attempts.unanswered:
            raise attempts.error
        attempts.made += 1
        try:
            return await send()
        except JournalError:
            raise
        except AllMySmsError as error:
            attempts.note(error)
            raise

    def again(error: BaseException) -> bool:
        told = isinstance(error, AllMySmsError) and not isinstance(error, JournalError)
        return told and attempts.event is None

    def wait(state: tenacity.RetryCallState) -> float:
        return attempts.wait(state.attempt_number, rng)

    def stop(state: tenacity.RetryCallState) -> bool:
        spent = state.attempt_number >= policy.attempts and not isinstance(attempts.error, StillProcessing)
        if spent or (halted() and not attempts.unanswered):
            return True
        if clock.monotonic() + state.upcoming_sleep > attempts.until:
            return True
        return clock.now().timestamp() + state.upcoming_sleep > attempts.key_until

    def tell(state: tenacity.RetryCallState) -> None:
        _log.warning("attempt %d: %s Next one in %.1f s.", state.attempt_number, attempts.error, state.upcoming_sleep)

    try:
        receipt = await _repeated(
            attempt, ended=ended, again=again, stop=stop, wait=wait, sleep=pause or clock.sleep, before_sleep=tell
        )
    except JournalError:  # says nothing of the request
        raise
    except AllMySmsError as error:
        event = attempts.event
        if event is None:
            surely = ChunkEvent.RELEASE if halted() else ChunkEvent.FAIL
            event = ChunkEvent.LOSE if attempts.unanswered else surely
        if isinstance(error, RequestLimitReached) and error.told and limit_waited >= policy.limit_waits:
            event = ChunkEvent.LOSE if attempts.unanswered else ChunkEvent.FAIL
        stops = isinstance(error, _STOPS)
        return Delivery(event=event, error=error, stop=stops, attempts=attempts.made)
    return _delivered(receipt, attempts.made)


def _delivered(receipt: SendReceipt, attempts: int) -> Delivery:
    """Return how a request ended that was answered after so many attempts."""
    if receipt.warning:
        _log.warning("%s", receipt.warning)
    return Delivery(receipt=receipt, attempts=attempts)


async def repeat(
    ask: Callable[[], Awaitable[T]],
    *,
    replay: Replay,
    key: str | None,
    attempts: int | None,
    policy: RetryPolicy,
    clock: Clock,
    rng: random.Random,
) -> T:
    """Make as many attempts at one of a protocol's own operations as its class of replay and the policy allow.

    Args:
        ask: Makes one attempt.
        replay: The operation's own word: ``safe`` is repeated after any lost answer, ``key`` only with a key (without
            one only while it was surely not sent), ``never`` is not repeated at all.
        key: What makes repeating it safe, or None.
        attempts: Attempts at most, the first included; by default the policy's, and one for ``never``.
        policy: How long to keep trying.
        clock: Where the time comes from.
        rng: Where the jitter comes from.

    Raises:
        InvalidRequest: Several attempts are asked for of an operation that is never repeated; nothing was sent.
        OutcomeUnknown: An attempt went unanswered, and none after it learnt what became of it; it carries the key.
    """
    if attempts is not None and argument.count("attempts", attempts) > 1 and replay == "never":
        msg = f"attempts is {attempts}, it must be 1: this operation is never repeated. Nothing was sent."
        raise InvalidRequest(msg)
    if replay == "never":
        return await ask()
    keyed = replay == "safe" or key is not None
    until, key_until = clock.monotonic() + policy.deadline, clock.now().timestamp() + REPLAY_SECONDS
    series = _Attempts(policy, keyed=keyed, unanswered=False, until=until, key_until=key_until)
    open_before = False
    most = policy.attempts if attempts is None else attempts

    async def attempt() -> T:
        nonlocal open_before
        open_before = series.unanswered
        try:
            return await ask()
        except OutcomeUnknown as error:
            error.idempotency_key = key
            series.note(error)
            raise
        except AllMySmsError as error:
            series.note(error)
            raise

    def stop(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= most or clock.monotonic() + state.upcoming_sleep > series.until

    def again(error: BaseException) -> bool:
        return isinstance(error, AllMySmsError) and series.event is None

    def wait(state: tenacity.RetryCallState) -> float:
        return series.wait(state.attempt_number, rng)

    try:
        return await attempt()
    except AllMySmsError as error:
        ended = error
    try:
        return await _repeated(attempt, ended=ended, again=again, stop=stop, wait=wait, sleep=clock.sleep)
    except AllMySmsError as error:
        settled = series.event in {ChunkEvent.REJECT, ChunkEvent.RELEASE} or isinstance(error, OutcomeUnknown)
        if replay == "safe" or settled or not open_before:
            raise
        raise _left_open(error, key) from error


def _left_open(error: AllMySmsError, key: str | None) -> OutcomeUnknown:
    """Return the error of an operation whose last attempt failed and tells nothing about an earlier one."""
    unknown = OutcomeUnknown(
        f"An attempt went unanswered and may have been taken; what came after it does not tell. Last: {error}",
        request=error.request,
        code=error.code,
        remedy="Ask again with the same identifier within 23 hours: it returns what happened, without doing it twice.",
    )
    unknown.idempotency_key = key
    return unknown
