"""The gateway's status tables: which number or word stands for which error.

Statuses are per protocol; the same number means something else elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    NotPermitted,
    NoValidNumber,
    ProtocolError,
    ScheduleRefused,
    TextRefused,
)
from allmysms_async.model import DeliveryStatus
from allmysms_async.protocols.refusal import Meaning

__all__ = [
    "ACCOUNT",
    "ACCOUNT_ACTIVE",
    "CANCEL",
    "DELIVERY",
    "LIST",
    "LIST_SUCCESS",
    "PARTLY_SENT",
    "SEND",
    "SEND_SUCCESS",
    "SUB_ACCOUNT",
    "SUB_ACCOUNT_SUCCESS",
    "unlisted",
]

_LOGIN = "Check the login and the password."
_TOP_UP = "Top the account up, then send again."

SEND_SUCCESS = frozenset({"100", "101"})
"""Sent; accepted and scheduled for later. Both are success. Source: SOAP API, annex 1."""

PARTLY_SENT = "113"
"""Some numbers are not valid: sent to the others. Source: SOAP API, annex 1."""

# Source: SOAP API, annex 1.
SEND: Mapping[str, Meaning] = {
    "102": (AuthenticationFailed, "no account has this login and password; nothing was sent.", _LOGIN),
    "103": (InsufficientCredit, "the account has no credit left; nothing was sent.", _TOP_UP),
    "104": (
        InsufficientCredit,
        "there is not enough credit for this request; nothing of it was sent.",
        _TOP_UP,
    ),
    "105": (FlowRefused, "the gateway found the request empty; nothing was sent.", None),
    "106": (FlowRefused, "the gateway found the request incomplete or invalid; nothing was sent.", None),
    "109": (FlowRefused, "the gateway found the text invalid; nothing was sent.", None),
    "110": (FlowRefused, "the gateway found no text in the request; nothing was sent.", None),
    "111": (
        TextRefused,
        "the gateway found the text, or one recipient's expanded text, too long; nothing was sent.",
        "Shorten it: 640 characters at most, 160 with lowcost.",
    ),
    "112": (NoValidNumber, "the gateway found the number invalid; nothing was sent.", None),
    "114": (NoValidNumber, "the gateway found no valid number in the request; nothing was sent.", None),
    "115": (ScheduleRefused, "the gateway refused the sending date; nothing was sent.", "Give a date in the future."),
}

LIST_SUCCESS = frozenset({"0", "1"})
"""There is something; there is nothing, which is an empty list. Source: SOAP API, B (AckAnswer, PullAnswer)."""

# Source: SOAP API, B (AckAnswer, PullAnswer).
LIST: Mapping[str, Meaning] = {
    "2": (NotPermitted, "the gateway refuses access: the login, the password or the campaign is not right.", _LOGIN),
    "3": (GatewayError, "the gateway cannot reach its own service.", "Ask again later."),
    "102": SEND["102"],
}

# Source: SOAP API, annex 2.
DELIVERY: Mapping[str, DeliveryStatus] = {
    "1": DeliveryStatus.DELIVERED,
    "2": DeliveryStatus.UNDELIVERED,
    "3": DeliveryStatus.HANDED_TO_OPERATOR,
    "4": DeliveryStatus.REJECTED,
    "5": DeliveryStatus.UNKNOWN_NUMBER,
}

ACCOUNT_ACTIVE = frozenset({"300", "active account", "compte actif"})
"""The account may send; printed as a number in the table and in words in the sample. Source: SOAP API, annex 3."""

_NO_ACCOUNT: Meaning = (AuthenticationFailed, "no account has this login and password.", _LOGIN)
_NO_ACCESS: Meaning = (NotPermitted, "this login may not ask about the account.", None)
_INACTIVE: Meaning = (NotPermitted, "the account is not active.", "Ask the provider.")

# Source: SOAP API, annex 3, numbers and words.
ACCOUNT: Mapping[str, Meaning] = {
    "102": _NO_ACCOUNT,
    "301": _NO_ACCOUNT,
    "compte inexistant": _NO_ACCOUNT,
    "302": _NO_ACCESS,
    "vous n'avez pas accès aux informations concernant ce compte": _NO_ACCESS,
    "303": _INACTIVE,
    "compte inactif": _INACTIVE,
    "inactive account": _INACTIVE,
}

_CANNOT = "the campaign cannot be cancelled:"

# Source: SOAP API, annex 4; the spellings of v9's annex 4 are read as well.
CANCEL: Mapping[str, Meaning] = {
    "102": SEND["102"],
    "CAMPIDNOTFOUND": (GatewayError, "the login is unknown, or no campaign id was given; nothing was cancelled.", None),
    "CAMPNOTFOUND": (CampaignNotFound, "the gateway does not know this campaign.", None),
    "BADCAMPAIGNSENDINGTYPE": (CampaignNotCancellable, f"{_CANNOT} it was not scheduled.", None),
    "CAMPAIGNALREADYDELETED": (CampaignNotCancellable, f"{_CANNOT} it was cancelled before.", None),
    "BADCAMPAIGNSTATUS": (CampaignNotCancellable, f"{_CANNOT} its status does not allow it.", None),
    "BCAMPAIGNSTATUS": (CampaignNotCancellable, f"{_CANNOT} its status does not allow it.", None),
    "BADDATETOSEND": (CampaignNotCancellable, f"{_CANNOT} its date is corrupt at the gateway.", None),
    "CAMPALREADYSENT": (CampaignNotCancellable, f"{_CANNOT} it was sent already.", None),
}

SUB_ACCOUNT_SUCCESS = frozenset({"1", "sub-account successfully created"})
"""Source: SOAP API, B (SubAccount_Answer) and annex 5."""


def _bad(field: str) -> Meaning:
    return (FlowRefused, f"the gateway refused the {field}; nothing was created.", None)


# Source: SOAP API, annex 5, in lower case.
SUB_ACCOUNT: Mapping[str, Meaning] = {
    "102": SEND["102"],
    "bad parameters": (FlowRefused, "the gateway misses something it needs; nothing was created.", None),
    "bad firstname format": _bad("first name"),
    "bad lastname format": _bad("last name"),
    "bad login format": _bad("login"),
    "bad password format": _bad("password"),
    "bad email format": _bad("e-mail address"),
    "the login already exists": (FlowRefused, "the login exists already; nothing was created.", "Choose another."),
    "0": (GatewayError, "the gateway did not create the sub-account.", None),
}

_is_number = re.compile(r"-?\d{1,3}", re.ASCII).fullmatch


def unlisted(code: str, request: str) -> ProtocolError:
    """Return the error of a status that no table has; it is shown only if it is a number, since it may be anything."""
    shown = code if _is_number(code) else None
    what = f"status {shown}" if shown else "status, if there is one,"
    msg = f"{request}: the answer's {what} is not one that the manual lists; the request may have been taken."
    return ProtocolError(msg, request=request, code=shown)
