"""The attempts at one of a protocol's own operations."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

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
    question = _Question(ask, replay, key, policy.attempts if attempts is None else attempts, policy, clock, rng)
    try:
        return await question.attempt()
    except AllMySmsError as error:
        ended = error
    try:
        return await repeated(
            question.attempt,
            ended=ended,
            again=question.again,
            stop=question.stop,
            wait=question.wait,
            sleep=clock.sleep,
        )
    except AllMySmsError as error:
        if replay == "safe" or question.is_settled_by(error):
            raise
        raise _left_open(error, key) from error


class _Question(Generic[T]):
    """An operation that is asked again and again.

    Args:
        ask: Makes one attempt.
        replay: The operation's own word.
        key: What makes repeating it safe, or None.
        most: Attempts at most, the first included.
        policy: How long to keep trying.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        replay: Replay,
        key: str | None,
        most: int,
        policy: RetryPolicy,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._ask = ask
        self._key = key
        self._most = most
        self._clock = clock
        self._rng = rng
        self._series = Attempts(
            policy,
            keyed=replay == "safe" or key is not None,
            unanswered=False,
            until=clock.monotonic() + policy.deadline,
            key_until=clock.now().timestamp() + REPLAY_SECONDS,
        )
        # Whether an attempt before the last one went unanswered.
        self._open_before = False

    async def attempt(self) -> T:
        """Make one attempt, and note how it failed."""
        self._open_before = self._series.unanswered
        try:
            return await self._ask()
        except OutcomeUnknown as error:
            error.idempotency_key = self._key
            self._series.note(error)
            raise
        except AllMySmsError as error:
            self._series.note(error)
            raise

    def again(self, error: BaseException) -> bool:
        return isinstance(error, AllMySmsError) and self._series.event is None

    def stop(self, state: tenacity.RetryCallState) -> bool:
        late = self._clock.monotonic() + state.upcoming_sleep > self._series.until
        return state.attempt_number >= self._most or late

    def wait(self, state: tenacity.RetryCallState) -> float:
        return self._series.wait(state.attempt_number, self._rng)

    def is_settled_by(self, error: AllMySmsError) -> bool:
        """Tell whether the last attempt's error says what became of all attempts, or itself that nobody knows."""
        settled = self._series.event in {ChunkEvent.REJECT, ChunkEvent.RELEASE} or isinstance(error, OutcomeUnknown)
        return settled or not self._open_before


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
