"""The attempts at one of a protocol's own operations."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import argument
from allmysms_async.backend import Replay
from allmysms_async.batch.policy import REPLAY_SECONDS, Attempts, RetryPolicy, repeated
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.clock import Clock
from allmysms_async.errors import AllMySmsError, InvalidRequest, OutcomeUnknown

if TYPE_CHECKING:
    import tenacity

__all__ = ["repeat"]

T = TypeVar("T")


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
    series = Attempts(policy, keyed=keyed, unanswered=False, until=until, key_until=key_until)
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
        return await repeated(attempt, ended=ended, again=again, stop=stop, wait=wait, sleep=clock.sleep)
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
