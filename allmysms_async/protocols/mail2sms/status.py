"""The statuses that an error is mailed back with.

Source: Mail2SMS, §2.2.
"""

from __future__ import annotations

from collections.abc import Mapping

from allmysms_async.errors import (
    AuthenticationFailed,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    NoValidNumber,
    ScheduleRefused,
    TextRefused,
)
from allmysms_async.protocols.refusal import Meaning, refusal
from allmysms_async.redaction import one_line

__all__ = ["ERRORS", "meaning", "read"]

ERRORS: Mapping[str, Meaning] = {
    "102": (
        AuthenticationFailed,
        "no account has this login and API key; nothing was sent.",
        "Check the login and the key (customer area, API section).",
    ),
    "104": (
        InsufficientCredit,
        "there is not enough credit for this mail; nothing of it was sent.",
        "Top the account up, then send again.",
    ),
    "105": (FlowRefused, "the gateway found the request empty; nothing was sent.", None),
    "109": (FlowRefused, "the gateway found the request invalid or incomplete; nothing was sent.", None),
    "110": (FlowRefused, "the gateway found no text in the mail; nothing was sent.", None),
    "111": (TextRefused, "the gateway found the text too long; nothing was sent.", "Shorten it: 8 parts at most."),
    "114": (NoValidNumber, "the gateway found no valid number in the subject; nothing was sent.", None),
    "115": (
        ScheduleRefused,
        "the gateway refused the sending date or the request's form; nothing was sent.",
        "Give a date in the future.",
    ),
}


def read(code: str, words: str) -> GatewayError:
    """Return the error that a status stands for; one that the table lacks says the gateway's own words.

    Args:
        code: The status.
        words: Its ``StatusText``; 104's figures are read from it.
    """
    known = refusal(ERRORS, code, "mail2sms", words)
    if known is not None:
        return known
    msg = f"mail2sms: the gateway refused a mail with the status {code}, which its manual does not list"
    said = one_line(words)
    return GatewayError(f"{msg}: {said.rstrip('.')}." if said else f"{msg}.", request="mail2sms", code=code)


def meaning(code: str) -> str:
    """Return what a status stands for, in one sentence."""
    return ERRORS[code][1] if code in ERRORS else "a status that the manual does not list."
