"""The attempts at one request that sends."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from allmysms_async import logs
from allmysms_async.batch.policy import CLOCK_SECONDS, REPLAY_SECONDS, Attempts, RetryPolicy, repeated
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.verdict import Delivery
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CannotPass,
    InsufficientCredit,
    JournalError,
    MediaRefused,
    NotPermitted,
    QuietHoursError,
    RequestLimitReached,
    ScheduleRefused,
    StillProcessing,
)
from allmysms_async.model import SendReceipt

if TYPE_CHECKING:
    import tenacity

__all__ = ["deliver"]

_STOPS = (AuthenticationFailed, NotPermitted, InsufficientCredit, ScheduleRefused, MediaRefused, CannotPass)
"""What is wrong with the account, the campaign or the way to the gateway, and so with every request of it."""

_log = logging.getLogger("allmysms_async")


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
    began = clock.now().timestamp()
    until, key_until = clock.monotonic() + policy.deadline, began + budget
    ended: AllMySmsError | None = None
    if not unanswered:
        try:
            return _delivered(await send(), 1)
        except JournalError:
            raise
        except AllMySmsError as error:
            ended = error
    attempts = Attempts(policy, keyed=keyed, unanswered=unanswered, until=until, key_until=key_until)
    if ended is not None:
        attempts.made = 1
        attempts.note(ended)
    repetition = _Repetition(send, attempts, policy, clock, rng, halted, began)
    try:
        receipt = await repetition.run(ended, pause or clock.sleep)
    except JournalError:  # says nothing of the request
        raise
    except AllMySmsError as error:
        return _failed(error, attempts, halted=halted(), limit_spent=limit_waited >= policy.limit_waits)
    return _delivered(receipt, attempts.made)


class _Repetition:
    """What is asked before, between and after the attempts that follow the first.

    Args:
        send: Makes one attempt.
        attempts: What is known of those that were made.
        policy: How long to keep trying.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
        halted: Whether the campaign was asked to stop.
        began: When the first attempt was, in Unix time.
    """

    def __init__(
        self,
        send: Callable[[], Awaitable[SendReceipt]],
        attempts: Attempts,
        policy: RetryPolicy,
        clock: Clock,
        rng: random.Random,
        halted: Callable[[], bool],
        began: float,
    ) -> None:
        self._send = send
        self._attempts = attempts
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._halted = halted
        self._began = began

    async def run(self, ended: AllMySmsError | None, sleep: Callable[[float], Awaitable[None]]) -> SendReceipt:
        """Attempt until one is answered or nothing more may be tried; then raise the last error.

        Args:
            ended: The error of an attempt that was made already.
            sleep: Waits between attempts.
        """
        return await repeated(
            self._attempt,
            ended=ended,
            again=self._again,
            stop=self._stop,
            wait=self._wait,
            sleep=sleep,
            before_sleep=self._tell,
        )

    async def _attempt(self) -> SendReceipt:
        attempts, now = self._attempts, self._clock.now().timestamp()
        # A clock that was put back meanwhile tells nothing of the key's age.
        if attempts.unanswered and not self._began - CLOCK_SECONDS <= now <= attempts.key_until:
            attempts.error = attempts.error or AllMySmsError("The key is too old to be repeated.")
            attempts.event = ChunkEvent.LOSE
            raise attempts.error
        if attempts.error is not None and self._halted() and not attempts.unanswered:
            raise attempts.error
        attempts.made += 1
        try:
            return await self._send()
        except JournalError:
            raise
        except AllMySmsError as error:
            attempts.note(error)
            raise

    def _again(self, error: BaseException) -> bool:
        told = isinstance(error, AllMySmsError) and not isinstance(error, JournalError)
        return told and self._attempts.event is None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        return self._attempts.wait(state.attempt_number, self._rng)

    def _stop(self, state: tenacity.RetryCallState) -> bool:
        attempts, clock = self._attempts, self._clock
        spent = state.attempt_number >= self._policy.attempts and not isinstance(attempts.error, StillProcessing)
        if spent or (self._halted() and not attempts.unanswered):
            return True
        if clock.monotonic() + state.upcoming_sleep > attempts.until:
            return True
        return clock.now().timestamp() + state.upcoming_sleep > attempts.key_until

    def _tell(self, state: tenacity.RetryCallState) -> None:
        attempt, seconds, error = state.attempt_number, state.upcoming_sleep, self._attempts.error
        _log.warning(
            "attempt %d: %s Next one in %.1f s.",
            *(attempt, error, seconds),
            extra=logs.fields("retry", error=error, attempt=attempt, seconds=seconds),
        )


def _failed(error: AllMySmsError, attempts: Attempts, *, halted: bool, limit_spent: bool) -> Delivery:
    """Return how a request ended whose last attempt ended with an error.

    Args:
        error: The last one.
        attempts: What is known of all.
        halted: Whether the campaign was asked to stop.
        limit_spent: Whether it has waited for a request limit as often as it may.
    """
    event, lost_or = attempts.event, ChunkEvent.LOSE if attempts.unanswered else None
    if event is None:
        event = lost_or or (ChunkEvent.RELEASE if halted else ChunkEvent.FAIL)
    if isinstance(error, RequestLimitReached) and error.told and limit_spent:
        event = lost_or or ChunkEvent.FAIL
    if isinstance(error, QuietHoursError) and event is ChunkEvent.LOSE:
        error = _night_fell(error)
    return Delivery(event=event, error=error, stop=isinstance(error, _STOPS), attempts=attempts.made)


def _night_fell(error: QuietHoursError) -> QuietHoursError:
    """Return the error of a request that may have been sent, and may not be repeated for now: its words say no more."""
    msg = "Quiet hours began before the request could be repeated to learn what became of it; it may have been sent."
    return QuietHoursError(msg, next_legal=error.next_legal)


def _delivered(receipt: SendReceipt, attempts: int) -> Delivery:
    """Return how a request ended that was answered after so many attempts."""
    if receipt.warning:
        _log.warning("%s", receipt.warning, extra=logs.fields("receipt_odd"))
    return Delivery(receipt=receipt, attempts=attempts)
