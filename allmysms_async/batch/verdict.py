"""What the end of an attempt means for a request: for its next attempt, and for its chunk. Pure."""

from __future__ import annotations

from allmysms_async.batch.state import ChunkEvent
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CannotPass,
    DuplicateRequest,
    GatewayError,
    HttpRefused,
    InsufficientCredit,
    MediaRefused,
    NotPermitted,
    NotSent,
    OutcomeUnknown,
    QuietHoursError,
    RateLimited,
    RequestLimitReached,
    ScheduleRefused,
    StillProcessing,
)
from allmysms_async.model import SendReceipt
from allmysms_async.redaction import Shown

__all__ = ["Delivery", "judge"]


class Delivery(Shown, frozen=True, kw_only=True):
    """How a request ended, after as many attempts as it took.

    Attributes:
        event: What happened to its chunk; None if there is an answer, which tells it of each recipient.
        receipt: The answer, if there was one.
        error: What ended it otherwise.
        stop: Whether no other request would be sent either, so that the campaign must stop.
        attempts: How many were made.
    """

    event: ChunkEvent | None = None
    receipt: SendReceipt | None = None
    error: AllMySmsError | None = None
    stop: bool = False
    attempts: int = 1


def judge(error: AllMySmsError, *, keyed: bool, unanswered: bool) -> ChunkEvent | None:
    """Return what an error means for a request's chunk, or None if another attempt is to be made.

    Released is what surely was not sent and may be later: no request is allowed for a while (``error.retry_after`` says
    how long), or none is at all (login, permission, credit, date, media, the way there).

    Args:
        error: How the attempt ended.
        keyed: Whether the request carries an idempotency key.
        unanswered: Whether an earlier attempt with the same key may have been taken.
    """
    match error:
        case RequestLimitReached() if not unanswered:
            return ChunkEvent.RELEASE
        case CannotPass():
            # It was not even asked: this says nothing of an earlier attempt.
            return ChunkEvent.LOSE if unanswered else ChunkEvent.RELEASE
        case QuietHoursError():
            # This attempt was not made; an earlier one may have been taken.
            return ChunkEvent.LOSE if unanswered else ChunkEvent.RELEASE
        case NotSent() | RateLimited():
            return None
        case OutcomeUnknown() | StillProcessing():
            return None if keyed else ChunkEvent.LOSE
        case DuplicateRequest() if unanswered:
            return None if keyed else ChunkEvent.LOSE
        case DuplicateRequest():
            # Without an unanswered attempt, the identical request was somebody else's; it is for people to look whose.
            return ChunkEvent.REJECT
        case InsufficientCredit() | ScheduleRefused() | MediaRefused():
            return ChunkEvent.RELEASE
        case AuthenticationFailed() | NotPermitted():
            # The login is checked before the key is looked up: this says nothing of an earlier attempt.
            return ChunkEvent.LOSE if unanswered else ChunkEvent.RELEASE
        case GatewayError():
            return ChunkEvent.REJECT
        case HttpRefused():
            return ChunkEvent.LOSE if unanswered else ChunkEvent.FAIL
        case _:
            return ChunkEvent.LOSE if unanswered else ChunkEvent.FAIL
