"""What French rules ask of a message: how to opt out, and a sender that operators let through.

Source: HTTPS API v9, §7.2 (TPOA, ALERTING), glossary (STOP); Envoyer SMS Pro, "Détails sur le STOP SMS"; ``law``.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from datetime import datetime

import msgspec

from allmysms_async import logs
from allmysms_async.backend import AppendsStop, Sends, added_to
from allmysms_async.errors import InvalidNumber, InvalidRequest, InvalidSender, InvalidText
from allmysms_async.law import ELSEWHERE, STOP, has_stop, lint_sender, with_stop, zone_of
from allmysms_async.model import Campaign, MmsMessage, Recipient, SmsMessage
from allmysms_async.numbers import canonical_number, name_shown
from allmysms_async.prepare.schedule import check_date

__all__ = ["lacks_stop", "lawful_campaign", "lawful_message"]

_log = logging.getLogger("allmysms_async")


def lawful_campaign(backend: Sends, campaign: Campaign, now: datetime) -> Campaign:
    """Return a campaign whose text says how to opt out, where it must; whom its list holds is not known yet.

    Raises:
        InvalidSchedule: Its date is none that the gateway can be told; whether it is past is not looked at.
        InvalidRequest: As for ``lawful_message``.
    """
    message = campaign.message
    if message.send_at is not None:
        check_date(message.send_at, now)
    if isinstance(message, MmsMessage):
        return campaign
    lawful = lawful_message(backend, message, None)
    return campaign if lawful is message else msgspec.structs.replace(campaign, message=lawful)


def lawful_message(backend: Sends, message: SmsMessage, to: Iterable[str | Recipient] | None) -> SmsMessage:
    """Return a message whose text says how to opt out, where it must.

    Without a sender the answer STOP goes to the number that the text comes from, and the manual asks for no words.

    Args:
        backend: What is to send it.
        message: The message; its fields are of the types that they must be.
        to: To whom, or None where that is not known yet. Nobody in France: nothing is asked of the text.

    Raises:
        InvalidText: With reason ``missing_stop``: it is marketing with a sender, and does not say how to opt out.
        InvalidSender: Operators may refuse its sender, and ``strict_sender`` is asked for.
        InvalidRequest: It is marketing, and asks for the channel of urgent messages.
    """
    marketing = message.purpose == "marketing"
    if marketing and message.priority:
        msg = "The channel for urgent messages is not for marketing; nothing was sent."
        raise InvalidRequest(msg, remedy="Leave priority out, or say another purpose if it is none.")
    if not message.text.strip():
        return message  # which is refused as empty
    lawful = message
    # Of the others nothing is asked, and looking takes its time.
    said = not (marketing or message.add_stop) or _says_stop(backend, message)
    if message.add_stop and not said:
        lawful, said = msgspec.structs.replace(message, text=with_stop(message.text)), True
    sender = _sender_of(backend, message)
    if not isinstance(sender, str):
        return lawful
    missing = marketing and not said and not (to is None and message.add_stop is False)
    doubtful = bool(lint_sender(sender))
    if not (missing or doubtful) or (to is not None and not any(map(_in_france, to))):
        return lawful
    backend.check(message)  # what the gateway itself refuses is told first
    if doubtful:
        _doubt(sender, strict=message.strict_sender)
    if missing:
        msg = "A marketing text with a sender must tell people in France how to opt out; nothing was sent."
        by_hand = f"or end the text with a space and {STOP!r}."
        remedy = "or the backend stop_sms=True." if isinstance(backend, AppendsStop) else by_hand
        raise InvalidText(msg, reason="missing_stop", remedy=f"Give the message add_stop=True, {remedy}")
    return lawful


def lacks_stop(backend: Sends, message: SmsMessage | MmsMessage) -> bool:
    """Tell whether a message must reach nobody in France: it is marketing with a sender, and says no way to opt out.

    Args:
        backend: What is to send it.
        message: As ``lawful_campaign`` leaves it: only with ``add_stop=False`` can that be.
    """
    if isinstance(message, MmsMessage) or message.purpose != "marketing" or message.add_stop is not False:
        return False
    return isinstance(_sender_of(backend, message), str) and not _says_stop(backend, message)


def _says_stop(backend: Sends, message: SmsMessage) -> bool:
    """Tell whether a text says how to opt out by itself, or the backend makes it so."""
    return backend.appends_stop(message) if isinstance(backend, AppendsStop) else has_stop(message.text)


def _sender_of(backend: Sends, message: SmsMessage) -> object:
    """Return the sender that people are shown, if there is one."""
    return message.sender or added_to(backend, message).get("default_sender")


def _in_france(recipient: object) -> bool:
    """Tell whether a recipient has a French number; what is no number is for others to refuse."""
    phone = recipient.phone if isinstance(recipient, Recipient) else recipient
    if not isinstance(phone, str):
        return False
    try:
        return zone_of(int(canonical_number(phone))) is not ELSEWHERE
    except InvalidNumber:
        return False


def _doubt(sender: str, *, strict: bool) -> None:
    """Warn of a sender that operators may refuse, or refuse it.

    Raises:
        InvalidSender: Their rules are to be kept.
    """
    if strict:
        reasons, sources = _told(sender)
        msg = f"French operators may refuse the sender {name_shown(sender)!r}: {reasons} Nothing was sent."
        raise InvalidSender(msg, remedy=f"Source: {sources}.")
    _warn(sender)


def _told(sender: str) -> tuple[str, str]:
    """Return why operators may refuse a sender, and where that stands."""
    found = lint_sender(sender)
    sources = dict.fromkeys(warning.source for warning in found)
    return " ".join(warning.reason for warning in found), "; ".join(sources)


@functools.lru_cache(maxsize=256)
def _warn(sender: str) -> None:
    """Log why operators may refuse a sender, once for each."""
    shown = name_shown(sender)
    _log.warning(
        "French operators may refuse the sender %r: %s Source: %s.",
        *(shown, *_told(sender)),
        extra=logs.fields("sender_doubtful", sender=shown),
    )
