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

    async def attempt() -> SendReceipt:
        # A clock that was put back meanwhile tells nothing of the key's age.
        if attempts.unanswered and not began - CLOCK_SECONDS <= clock.now().timestamp() <= attempts.key_until:
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
        attempt, seconds, error = state.attempt_number, state.upcoming_sleep, attempts.error
        _log.warning(
            "attempt %d: %s Next one in %.1f s.",
            *(attempt, error, seconds),
            extra=logs.fields("retry", error=error, attempt=attempt, seconds=seconds),
        )

    try:
        receipt = await repeated(
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
        if isinstance(error, QuietHoursError) and event is ChunkEvent.LOSE:
            error = _night_fell(error)
        stops = isinstance(error, _STOPS)
        return Delivery(event=event, error=error, stop=stops, attempts=attempts.made)
    return _delivered(receipt, attempts.made)


def _night_fell(error: QuietHoursError) -> QuietHoursError:
    """Return the error of a request that may have been sent, and may not be repeated for now: its words say no more."""
    msg = "Quiet hours began before the request could be repeated to learn what became of it; it may have been sent."
    return QuietHoursError(msg, next_legal=error.next_legal)


def _delivered(receipt: SendReceipt, attempts: int) -> Delivery:
    """Return how a request ended that was answered after so many attempts."""
    if receipt.warning:
        _log.warning("%s", receipt.warning, extra=logs.fields("receipt_odd"))
    return Delivery(receipt=receipt, attempts=attempts)
