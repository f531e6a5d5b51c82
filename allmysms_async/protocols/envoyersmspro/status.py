"""The provider's errors: which number, with which detail, stands for which error.

Numbers are per protocol; the same one means something else elsewhere. There is no 6.

Source: Envoyer SMS Pro, "Messages d'erreur".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    CampaignPending,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    NoReplies,
    NoValidNumber,
    NumbersRefused,
    ScheduleRefused,
    TextRefused,
)
from allmysms_async.model import DeliveryStatus
from allmysms_async.redaction import one_line

__all__ = ["DELIVERY", "ERRORS", "Meaning", "listed_numbers", "refusal"]

Meaning = tuple[type[GatewayError], str, str | None]
"""An error class, what the number means in plain words, and what to do about it."""

_NOTHING = "nothing was done"

ERRORS: Mapping[str, Meaning] = {
    "1": (
        AuthenticationFailed,
        f"no account has this login, password and account id; {_NOTHING}.",
        "Check the three of them.",
    ),
    "2": (FlowRefused, f"a parameter is missing; {_NOTHING}.", None),
    "3": (FlowRefused, f"a parameter has a bad value; {_NOTHING}.", None),
    "4": (TextRefused, f"the provider found the text too long; {_NOTHING}.", "Shorten it: 459 characters at most."),
    "5": (
        InsufficientCredit,
        f"the account has not enough SMS; {_NOTHING}.",
        "Buy SMS or transfer some to the account, then send again.",
    ),
    "7": (CampaignNotFound, "the provider does not know this message.", None),
    "8": (CampaignPending, "the message was not sent yet, so there is nothing to report.", "Ask again later."),
    "9": (CampaignNotCancellable, "the message is just being sent and cannot be cancelled.", None),
    "10": (CampaignNotCancellable, "the message was sent already and cannot be cancelled.", None),
    "11": (CampaignNotCancellable, "the message was cancelled already.", None),
    "12": (NoReplies, "the message cannot be answered: it was sent without asking for replies.", None),
}

_WRONG_NUMBERS = "wrong numbers"
_DETAILS: Mapping[str, tuple[type[GatewayError], str | None]] = {
    "no number found": (NoValidNumber, None),
    "debit account has not enough sms": (InsufficientCredit, None),
    "senddate is missing": (ScheduleRefused, None),
    "sendtime is missing": (ScheduleRefused, None),
    "senddate must contains 8 digits": (ScheduleRefused, None),
    "unrecognized date": (ScheduleRefused, "Give a date in the future."),
    "sendtime must contains 4 digits": (ScheduleRefused, None),
    "bad hour value for sendtime": (ScheduleRefused, None),
    "bad minute value for sendtime": (ScheduleRefused, None),
}
"""Details of 2 and 3 that say more than that a parameter is missing or bad."""

DELIVERY: Mapping[str, DeliveryStatus] = {
    "1": DeliveryStatus.DELIVERED,
    "2": DeliveryStatus.UNDELIVERED,
    "3": DeliveryStatus.HANDED_TO_OPERATOR,
    "4": DeliveryStatus.PENDING,
    "5": DeliveryStatus.OPTED_OUT,
}
"""Source: Envoyer SMS Pro, "Les statuts de réception des SMS"."""

# Both dashes are printed, with and without spaces.
_dash = re.compile(r"\s[-\u2013\u2014]\s*|\s*[\u2013\u2014]\s*").search
_separator = re.compile(r"[\s,;|]+")


def _detail(message: str) -> str:
    """Return what follows the dash, on one line."""
    dash = _dash(message)
    return " ".join(message[dash.end() :].split()) if dash else ""


def listed_numbers(message: str) -> tuple[str, ...]:
    """Return the numbers that "Wrong numbers : …" lists, as they are written."""
    detail = _detail(message)
    if not detail.lower().startswith(_WRONG_NUMBERS):
        return ()
    listed = detail[len(_WRONG_NUMBERS) :].lstrip(" :")
    return tuple(number for number in _separator.split(listed) if number)


def refusal(error_id: str, message: str, request: str) -> GatewayError | None:
    """Return the error that a number stands for, or None if the manual does not list it.

    Args:
        error_id: The number.
        message: The provider's words; their detail is repeated without long figures, which may be phone numbers.
        request: Name of the operation.
    """
    meaning = ERRORS.get(error_id)
    if meaning is None:
        return None
    kind, words, remedy = meaning
    detail = _detail(message) if error_id in {"2", "3"} else ""
    if error_id == "3" and detail.lower().startswith(_WRONG_NUMBERS):
        words = (
            f"the provider finds {len(listed_numbers(message))} of the numbers wrong, and refused them all with them"
        )
        msg = f"{request}: {words}; nothing was sent (error {error_id})."
        return NumbersRefused(msg, request=request, code=error_id, remedy="Send to the others again.")
    kind, remedy = _DETAILS.get(detail.lower().rstrip("."), (kind, remedy))
    told = one_line(detail)
    shown = f"error {error_id}: {told}" if told else f"error {error_id}"
    return kind(f"{request}: {words.removesuffix('.')} ({shown}).", request=request, code=error_id, remedy=remedy)
