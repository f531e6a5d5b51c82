"""Errors: the tree as it is drawn, each one picklable, each sentence with its remedy."""

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from allmysms_async import errors
from tests.cases import each

# Each class and its parent, as the docstring of the module draws them.
TREE = {
    "InvalidRequest": "AllMySmsError",
    "InvalidNumber": "InvalidRequest",
    "InvalidText": "InvalidRequest",
    "InvalidSender": "InvalidRequest",
    "InvalidSchedule": "InvalidRequest",
    "InvalidSource": "InvalidRequest",
    "SourceIncomplete": "InvalidSource",
    "EmptyCampaign": "InvalidRequest",
    "CampaignTooLong": "InvalidRequest",
    "QuietHoursError": "InvalidRequest",
    "CampaignChanged": "InvalidRequest",
    "UnsupportedFeature": "InvalidRequest",
    "TransportError": "AllMySmsError",
    "NotSent": "TransportError",
    "MailDeferred": "NotSent",
    "CannotPass": "NotSent",
    "CertificateRefused": "CannotPass",
    "ServiceClosed": "CannotPass",
    "OutcomeUnknown": "TransportError",
    "RequestTimeout": "OutcomeUnknown",
    "ConnectionLost": "OutcomeUnknown",
    "ServerFailure": "OutcomeUnknown",
    "ProtocolError": "OutcomeUnknown",
    "HttpRefused": "AllMySmsError",
    "RateLimited": "HttpRefused",
    "RequestLimitReached": "RateLimited",
    "FaultRefused": "AllMySmsError",
    "GatewayError": "AllMySmsError",
    "AuthenticationFailed": "GatewayError",
    "NotPermitted": "GatewayError",
    "InsufficientCredit": "GatewayError",
    "FlowRefused": "GatewayError",
    "TextRefused": "GatewayError",
    "NoValidNumber": "GatewayError",
    "NumbersRefused": "GatewayError",
    "OptedOut": "NumbersRefused",
    "SenderRefused": "GatewayError",
    "ScheduleRefused": "GatewayError",
    "MediaRefused": "GatewayError",
    "MailRefused": "GatewayError",
    "DuplicateRequest": "GatewayError",
    "StillProcessing": "GatewayError",
    "CampaignNotFound": "GatewayError",
    "CampaignPending": "GatewayError",
    "NoReplies": "GatewayError",
    "CampaignNotCancellable": "GatewayError",
    "ListStopped": "AllMySmsError",
    "JournalError": "AllMySmsError",
    "JournalLost": "JournalError",
    "WorkerOutdated": "JournalError",
    "LimitReached": "AllMySmsError",
    "CampaignStopped": "AllMySmsError",
}
# What some constructors take of their own.
OWN: dict[str, dict[str, Any]] = {
    "InvalidNumber": {"reason": "malformed"},
    "InvalidText": {"reason": "placeholders"},
    "InvalidSource": {"line": 7},
    "SourceIncomplete": {"line": 7},
    "UnsupportedFeature": {"backends": ("rest", "soap")},
    "RateLimited": {"retry_after": 3.5},
    "RequestLimitReached": {"retry_after": 3.5, "told": True},
    "CertificateRefused": {"host": "gateway.example", "reason": "expired"},
    "CampaignTooLong": {"seconds": 7204.0},
    "QuietHoursError": {"next_legal": datetime(2027, 3, 3, 7, tzinfo=UTC), "remedy": "Wait."},
    "InsufficientCredit": {"needed": Decimal("1.5"), "available": Decimal(0)},
    "ListStopped": {"reason": errors.NotSent("no"), "done": ("rows", 3), "rows_done": 3, "rows_unknown": 2},
    "CampaignStopped": {"reason": errors.NotSent("no"), "result": ("rows", 3)},
}
NOT_PLAIN = {
    "InvalidNumber",
    "InvalidText",
    "InvalidSource",
    "SourceIncomplete",
    "UnsupportedFeature",
    "QuietHoursError",
} | {*("RateLimited", "RequestLimitReached", "CampaignTooLong", "CampaignStopped", "ListStopped")}
PLAIN = sorted(set(errors.__all__) - NOT_PLAIN)


def made(name: str) -> errors.AllMySmsError:
    """Return an error with everything that it can hold."""
    kind = getattr(errors, name)
    common = {"request": "sendSms", "code": "104", "remedy": "Top up."} if name in PLAIN else {}
    error: errors.AllMySmsError = kind("What happened.", **common, **OWN.get(name, {}))
    if isinstance(error, errors.OutcomeUnknown):
        error.idempotency_key = "key-1"
    if isinstance(error, errors.NoValidNumber):
        error.numbers = ("336****78",)
    if isinstance(error, errors.NumbersRefused):
        error.positions = (0, 7)
    error.add_note("a note")
    return error


def state(error: BaseException) -> dict[str, Any]:
    """Return all that an error holds, its inner error as its text."""
    return {name: str(value) if isinstance(value, Exception) else value for name, value in vars(error).items()}


def test_tree_is_the_one_that_is_drawn() -> None:
    """Every exported class is where the drawing has it, and only those are exported."""
    assert set(errors.__all__) == {"AllMySmsError", *TREE}
    for name, parent in TREE.items():
        assert getattr(errors, name).__bases__[0] is getattr(errors, parent), name
        assert name in (errors.__doc__ or "")


def test_refusals_before_sending_are_value_errors() -> None:
    """What is refused here can be caught as the ValueError it is; nothing else is one."""
    assert {name for name in errors.__all__ if issubclass(getattr(errors, name), ValueError)} == {
        "InvalidRequest",
        *(name for name, parent in TREE.items() if parent in {"InvalidRequest", "InvalidSource"}),
    }


@each("name", errors.__all__)
@each("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_error_survives_pickling(name: str, protocol: int) -> None:
    """An error that went through another process is the same class with the same contents."""
    error = made(name)
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  its own bytes
    assert (type(back), str(back), back.args) == (type(error), str(error), error.args)
    assert state(back) == state(error)


@each("name", errors.__all__)
@each("how", [copy.copy, copy.deepcopy])
def test_error_survives_copying(name: str, how: Any) -> None:
    """A copy of an error is the same class with the same contents."""
    error = made(name)
    back = how(error)
    assert (type(back), str(back), state(back)) == (type(error), str(error), state(error))


@each("name", PLAIN)
def test_sentence_ends_with_the_remedy(name: str) -> None:
    """What to do about it follows what happened; without a remedy there is only the sentence."""
    assert str(made(name)) == "What happened. Top up."
    assert str(getattr(errors, name)("What happened.")) == "What happened."


def test_unsupported_feature_names_the_backends_that_can() -> None:
    """What another backend can do is said."""
    assert str(made("UnsupportedFeature")) == "What happened. Backends that can: rest, soap."
    assert str(errors.UnsupportedFeature("What happened.")) == "What happened."


def test_key_is_none_until_it_is_known() -> None:
    """Setting the key of one error leaves the others alone."""
    assert made("RequestTimeout").idempotency_key == "key-1"  # type: ignore[attr-defined]
    assert errors.RequestTimeout("late").idempotency_key is None
