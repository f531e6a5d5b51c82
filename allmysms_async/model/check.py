"""Messages and campaigns as callers give them, looked at before anything else is done with them."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import TypeAlias

import msgspec

from allmysms_async import argument
from allmysms_async.errors import InvalidRequest, InvalidSchedule, InvalidText
from allmysms_async.model.message import Campaign, MmsMessage, SmsMessage
from allmysms_async.model.quiet_hours import quiet_hours_of

__all__ = ["check_campaign", "check_message"]

_Kinds: TypeAlias = type | tuple[type, ...]

# What the fields of a message may be, beside None where that is their default.
_FIELDS: dict[str, tuple[_Kinds, str]] = {
    "sender": (str, "a text"),
    "reference": (str, "a text"),
    "image": (str, "a text"),
    "video": (str, "a text"),
    "sound": (str, "a text"),
    "wants_replies": (bool, "true or false"),
    "track_links": (bool, "true or false"),
    "priority": (bool, "true or false"),
    "gsm_replacements": (bool, "true or false"),
    "notify": (bool, "true or false"),
    "add_stop": (bool, "true, false or None"),
    "strict_sender": (bool, "true or false"),
    "send_at": (datetime, "a datetime with a time zone"),
}


@functools.cache
def _defaults(kind: type[SmsMessage | MmsMessage]) -> tuple[tuple[str, object], ...]:
    """Return the fields of a kind of message with their defaults, each of which can be right."""
    return tuple((field.name, field.default) for field in msgspec.structs.fields(kind))


def check_message(message: object) -> None:
    """Refuse what is no message, or has fields of other types than they must be.

    Raises:
        InvalidText: Its text is none.
        InvalidSchedule: Its date is none, or no calendar has it.
        InvalidRequest: Something else of it is of another type.
    """
    if not isinstance(message, SmsMessage | MmsMessage):
        argument.given("The message", message, (SmsMessage, MmsMessage), "a text, an SmsMessage or an MmsMessage")
        return
    text: object = message.text
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers are not all typed
        msg = f"The text of a message must be a text, not {type(text).__name__}; nothing was sent."
        raise InvalidText(msg, reason="malformed")
    for name, default in _defaults(type(message)):
        value = getattr(message, name)
        if value is default:
            continue
        if name == "purpose" and value is not None:
            argument.one_of(name, value, ("marketing", "transactional", "otp"))
        elif name == "encoding":
            argument.one_of(name, value, ("auto", "gsm7", "unicode"))
        elif name == "send_at" and value is not None:
            argument.moment(name, value, error=InvalidSchedule)
        elif name in _FIELDS and value is not None:
            argument.given(name, value, *_FIELDS[name])


def check_campaign(campaign: object) -> None:
    """Refuse what is no campaign, or one without a message.

    Raises:
        InvalidRequest: Its name is no text, or it is something else.
        InvalidText, InvalidSchedule: As ``check_message`` says.
    """
    if not isinstance(campaign, Campaign):
        msg = f"The campaign must be a Campaign, not {type(campaign).__name__}; nothing was sent."
        raise InvalidRequest(msg)
    argument.text("A campaign's name", campaign.name)
    given: object = campaign.message
    if isinstance(given, str):
        msg = "A campaign takes an SmsMessage with its purpose, not a bare text; nothing was sent."
        raise InvalidRequest(msg)
    check_message(given)
    quiet_hours_of(None, campaign.quiet_hours)
