"""The module's status tables. The same numbers mean other things in the other protocols.

Source: MMS module, §2.2 (sending) and §3.3 (asking about an account).
"""

from __future__ import annotations

from collections.abc import Mapping

from allmysms_async.errors import (
    AuthenticationFailed,
    FlowRefused,
    InsufficientCredit,
    MediaRefused,
    NotPermitted,
    NoValidNumber,
    ScheduleRefused,
    TextRefused,
)
from allmysms_async.protocols.refusal import Meaning

__all__ = ["ACCOUNT", "ACCOUNT_SUCCESS", "SCHEDULED", "SEND", "SEND_SUCCESS"]

SCHEDULED = "101"
SEND_SUCCESS = frozenset({"100", SCHEDULED})
"""Sent; accepted and scheduled for later."""

ACCOUNT_SUCCESS = frozenset({"100", "300"})
"""An active account: 100 in the printed sample, 300 in the table."""

_NOTHING = "nothing was sent."
_LOGIN: Mapping[str, Meaning] = {
    "102": (
        AuthenticationFailed,
        f"no account has this login and password; {_NOTHING}",
        "Check the login and the password.",
    ),
    "200": (
        NotPermitted,
        f"the account may not use the MMS module; {_NOTHING}",
        "Ask the provider's support to open it.",
    ),
}

SEND: Mapping[str, Meaning] = {
    **_LOGIN,
    "103": (InsufficientCredit, f"the account has no credit left; {_NOTHING}", "Top the account up, then send again."),
    "104": (
        InsufficientCredit,
        "there is not enough credit for this request; nothing of it was sent.",
        "Top the account up, then send again.",
    ),
    "105": (FlowRefused, f"the gateway found the request empty; {_NOTHING}", None),
    "106": (FlowRefused, f"the gateway found the request invalid or incomplete; {_NOTHING}", None),
    "107": (FlowRefused, f"the gateway does not take the login in the flow; {_NOTHING}", None),
    "108": (FlowRefused, f"the gateway found no kind of MMS in the request; {_NOTHING}", None),
    "109": (FlowRefused, f"the gateway does not know this kind of MMS; {_NOTHING}", None),
    "110": (FlowRefused, f"the gateway found no text or no media in the request; {_NOTHING}", None),
    "111": (TextRefused, f"the gateway found the text too long; {_NOTHING}", "1000 characters alone, 100 with media."),
    "112": (MediaRefused, f"the gateway does not take this kind of file; {_NOTHING}", "GIF, JPG, 3GP, MIDI or AMR."),
    "113": (MediaRefused, f"the gateway does not take the media's address; {_NOTHING}", "Give http://… without &."),
    "114": (MediaRefused, f"the gateway had trouble fetching the media; {_NOTHING}", None),
    "115": (MediaRefused, f"the gateway found the media too large; {_NOTHING}", "600 KB at most."),
    "116": (MediaRefused, f"the gateway could not reach the server that holds the image; {_NOTHING}", None),
    "117": (MediaRefused, f"the gateway had trouble fetching the image; {_NOTHING}", None),
    "118": (MediaRefused, f"the gateway found no address of the video or sound; {_NOTHING}", None),
    "119": (MediaRefused, f"the gateway found no duration of the video or sound; {_NOTHING}", None),
    "120": (MediaRefused, f"the gateway refused the duration of the video or sound; {_NOTHING}", "0 to 1000 seconds."),
    "121": (
        ScheduleRefused,
        f"the gateway refused the sending date or the request's form; {_NOTHING}",
        "Give a date in the future.",
    ),
    "122": (FlowRefused, f"the gateway cannot read the numbers in the request; {_NOTHING}", None),
    "123": (NoValidNumber, f"the gateway found no valid number in the request; {_NOTHING}", None),
}

ACCOUNT: Mapping[str, Meaning] = {
    **_LOGIN,
    "301": (AuthenticationFailed, "the gateway knows no account of this login.", "Check the login."),
    "302": (NotPermitted, "this login may not see that account.", None),
    "303": (NotPermitted, "the account is not active.", "Ask the provider's support."),
}
