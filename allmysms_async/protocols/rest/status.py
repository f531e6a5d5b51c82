"""The gateway's status tables: which number or word stands for which error.

Each protocol has its own: the same number means something else elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    DuplicateRequest,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    MediaRefused,
    NotPermitted,
    NoValidNumber,
    ScheduleRefused,
    SenderRefused,
    StillProcessing,
    TextRefused,
)
from allmysms_async.model import DeliveryStatus
from allmysms_async.protocols.refusal import Meaning

SEND_SUCCESS = frozenset({"100", "101"})
"""Sent; accepted and scheduled for later. Both are success. Source: HTTPS API v9, annex 2."""

# Source: HTTPS API v9, annex 2.
SEND: Mapping[str, Meaning] = {
    "102": (
        AuthenticationFailed,
        "no account has this login and API key; nothing was sent.",
        "Check the login and the key (customer area, API section).",
    ),
    "104": (
        InsufficientCredit,
        "there is not enough credit for this request; nothing of it was sent.",
        "Top the account up, then send again.",
    ),
    "105": (FlowRefused, "the gateway found the request empty; nothing was sent.", None),
    "109": (FlowRefused, "the gateway found the request invalid or incomplete; nothing was sent.", None),
    "110": (FlowRefused, "the gateway found no text in the request; nothing was sent.", None),
    "111": (
        TextRefused,
        "the gateway found the text, or one recipient's expanded text, too long; nothing was sent.",
        "Shorten it: 8 parts at most.",
    ),
    "114": (NoValidNumber, "the gateway found no valid number in the request; nothing was sent.", None),
    "115": (
        ScheduleRefused,
        "the gateway refused the sending date or the request's form; nothing was sent.",
        "Give a date in the future.",
    ),
    "121": (
        DuplicateRequest,
        "the gateway accepted an identical request less than 10 seconds ago and refused this one.",
        "If a second text is meant, wait over 10 seconds.",
    ),
    "160": (
        StillProcessing,
        "the gateway is still handling the first request with this idempotency key.",
        "Repeat the same request with the same key to learn its outcome.",
    ),
}

_CANNOT = "the campaign cannot be cancelled:"

# Source: HTTPS API v9, annex 4. BADCAMPAIGNSTATUS is the SOAP table's spelling of BCAMPAIGNSTATUS; CAMPIDNOTFOUND is
# printed for two causes.
CANCEL: Mapping[str, Meaning] = {
    "CAMPIDNOTFOUND": (GatewayError, "the login is unknown, or no campaign id was given; nothing was cancelled.", None),
    "CAMPNOTFOUND": (CampaignNotFound, "the gateway does not know this campaign.", None),
    "BADCAMPAIGNSENDINGTYPE": (CampaignNotCancellable, f"{_CANNOT} it was not scheduled.", None),
    "CAMPAIGNALREADYDELETED": (CampaignNotCancellable, f"{_CANNOT} it was cancelled before.", None),
    "BCAMPAIGNSTATUS": (CampaignNotCancellable, f"{_CANNOT} its status does not allow it.", None),
    "BADCAMPAIGNSTATUS": (CampaignNotCancellable, f"{_CANNOT} its status does not allow it.", None),
    "BADDATETOSEND": (CampaignNotCancellable, f"{_CANNOT} its date is corrupt at the gateway.", None),
    "CAMPALREADYSENT": (CampaignNotCancellable, f"{_CANNOT} it was sent already.", None),
}

# Source: HTTPS API v9, annex 13. The same numbers as in annex 2 mean other things from 110 on.
VOICE: Mapping[str, Meaning] = {
    **{code: SEND[code] for code in ("102", "104", "105", "114", "121", "160")},
    "110": (FlowRefused, "the gateway found no sound's address in the request; nothing was sent.", None),
    "111": (ScheduleRefused, "the gateway refused the sending date; nothing was sent.", "Give a date in the future."),
    "112": (
        SenderRefused,
        "the gateway refused the sender's number; nothing was sent.",
        "Give a French number that begins with 01 to 05 or 09.",
    ),
    "113": (MediaRefused, "the sound is not one; nothing was sent.", "Give a WAV or MP3 file that anybody can fetch."),
    "115": (MediaRefused, "the sound is too small or too large; nothing was sent.", "Give 1 KB to 5 MB."),
    "116": (MediaRefused, "the sound is too short or too long; nothing was sent.", "Give 5 to 35 seconds."),
}

DONE = frozenset({"1"})
"""Done, for most methods that change something."""

# Source: HTTPS API v9, annex 6 and §25.
SUB_ACCOUNT: Mapping[str, Meaning] = {
    "0": (
        GatewayError,
        "the gateway refused; the sub-account is as it was.",
        "Check that the login is free, the e-mail address whole and the password of 6 characters or more.",
    ),
}

# Source: HTTPS API v9, §24.2. Any figure is a refusal, 1 included.
CREDITS: Mapping[str, Meaning] = {
    "0": (NotPermitted, "the sub-account does not belong to the account that asks; no credit was moved.", None),
    "1": (FlowRefused, "the gateway found no sub-account in the request; no credit was moved.", None),
    "2": (FlowRefused, "the gateway found no credits in the request; no credit was moved.", None),
    "3": (
        NotPermitted,
        "the sub-account is billed by subscription and has no credits of its own; no credit was moved.",
        None,
    ),
    "4": (
        InsufficientCredit,
        "the sub-account has less than the credits to take back; no credit was moved.",
        "Take back what it has, or less.",
    ),
    "5": (
        InsufficientCredit,
        "the main account has less than the credits to give; no credit was moved.",
        "Top the main account up.",
    ),
}

# Source: HTTPS API v9, §26.3 and §29.2.
LIST: Mapping[str, Meaning] = {
    "0": (GatewayError, "the gateway refused; no list was created or deleted.", "Check the list's name with getLists."),
}

# Source: HTTPS API v9, annexes 9 and 11.
CONTACTS: Mapping[str, Meaning] = {
    "0": (GatewayError, "the gateway refused; the list is as it was.", "Check the list's name with getLists."),
}

# Source: HTTPS API v9, §19.
UNLIST: Mapping[str, Meaning] = {
    "0": (
        NotPermitted,
        "the gateway did not take the number off the opt-out list.",
        "Only numbers that were invalid or added by hand can be taken off; after a STOP, their owner texts START.",
    ),
}

# Source: HTTPS API v9, §38 to §40.
MEDIA: Mapping[str, Meaning] = {
    "0": (GatewayError, "the gateway refused; there is no such voice message.", "Check the code and its recording."),
}

# Source: HTTPS API v9, §42 and §43.
WEBHOOK: Mapping[str, Meaning] = {
    "0": (
        GatewayError,
        "the gateway refused; the webhook is as it was.",
        "The address must answer exactly OK within 5 seconds.",
    ),
}

# Source: HTTPS API v9, annex 3; 0 is getCampaignStats' word for no report yet (§11.2).
DELIVERY: Mapping[str, DeliveryStatus] = {
    "0": DeliveryStatus.PENDING,
    "1": DeliveryStatus.DELIVERED,
    "2": DeliveryStatus.UNDELIVERED,
    "3": DeliveryStatus.HANDED_TO_OPERATOR,
    "4": DeliveryStatus.REJECTED,
    "5": DeliveryStatus.UNKNOWN_NUMBER,
}
