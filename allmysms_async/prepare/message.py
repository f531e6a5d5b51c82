"""A message as callers give it, and the recipients beside it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any, cast

from allmysms_async.backend import Sends, SendsMms, capable
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import MmsMessage, SmsMessage, as_sms, check_message
from allmysms_async.prepare.schedule import check_ahead

__all__ = ["MAX_KEY", "check_fields", "iterable", "text_message"]

MAX_KEY = 64
"""Length of an idempotency key, and of a reference, at most."""


def text_message(message: SmsMessage | MmsMessage | str, sender: str | None = None) -> SmsMessage | MmsMessage:
    """Return a message, made of the text where it is a plain one.

    Raises:
        InvalidRequest: It has a sender of its own, and another is given.
    """
    if isinstance(message, str):
        return SmsMessage(message, sender=sender)
    if sender is not None:
        msg = "Give the sender either in the message or as sender=, not both; nothing was sent."
        raise InvalidRequest(msg)
    return message


def check_fields(backend: Sends, message: SmsMessage | MmsMessage, clock: Clock | None) -> SmsMessage:
    """Return a message's text and options; refuse fields right for no backend, and media that are not for this one."""
    check_message(message)
    if isinstance(message, MmsMessage):
        capable(backend, SendsMms).check_mms(message)
    sms = message if isinstance(message, SmsMessage) else as_sms(message)
    if sms.reference is not None and (not sms.reference.isprintable() or len(sms.reference) > MAX_KEY):
        msg = f"reference must be at most {MAX_KEY} printable characters; nothing was sent."
        raise InvalidRequest(msg)
    when = sms.send_at
    if when is not None and clock is not None:
        check_ahead(when, clock.now())
    return sms


def iterable(recipients: object) -> Any:
    """Return recipients that can be iterated over, and are not one text, which would be read letter by letter.

    Raises:
        InvalidRequest: They are something else.
    """
    if isinstance(recipients, Iterable | AsyncIterable) and not isinstance(recipients, str | bytes):
        return cast("Any", recipients)
    msg = f"Recipients are numbers as text, or an iterable of them, not {type(recipients).__name__}; nothing was sent."
    raise InvalidRequest(msg)
