"""The recipients of one send as callers give them, and what is said of those that cannot be sent to."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterable, Iterable
from typing import Any, cast

from allmysms_async.batch.param import param_problem, written
from allmysms_async.errors import InvalidNumber, InvalidRequest, InvalidText, OutcomeUnknown
from allmysms_async.model import Reason, Recipient
from allmysms_async.numbers import canonical_number, mask
from allmysms_async.text import Coding, units

__all__ = ["few", "iterable", "refuse", "unanswered"]

# Recipients that one send looks at, duplicates included; no protocol takes more than 2,000 in a request.
_MAX_GIVEN = 20_000


def iterable(recipients: object) -> Any:
    """Return recipients that can be iterated over, and are not one text, which would be read letter by letter.

    Raises:
        InvalidRequest: They are something else.
    """
    if isinstance(recipients, Iterable | AsyncIterable) and not isinstance(recipients, str | bytes):
        return cast("Any", recipients)
    msg = f"Recipients are numbers as text, or an iterable of them, not {type(recipients).__name__}; nothing was sent."
    raise InvalidRequest(msg)


def few(to: object) -> list[Any]:
    """Return the recipients of one request, refusing a list that cannot be one: it may have no end.

    Raises:
        InvalidRequest: They are no iterable, one that is asynchronous, or too many.
    """
    if isinstance(to, AsyncIterable):
        msg = "send() takes a number, a recipient or an ordinary iterable of a few, not an asynchronous one."
        raise InvalidRequest(msg, remedy="Use run() or stream() with a Campaign; nothing was sent.")
    found: list[Any] = list(itertools.islice(iterable(to), _MAX_GIVEN + 1))
    if len(found) > _MAX_GIVEN:
        msg = f"send() takes a few recipients, and these are over {_MAX_GIVEN}; nothing was sent."
        raise InvalidRequest(msg, remedy="Use run() or stream() with a Campaign.")
    return found


def refuse(row: int, item: str | Recipient, reason: Reason | None) -> None:
    """Raise the error that says why a recipient of ``send`` cannot be sent to."""
    phone = item.phone if isinstance(item, Recipient) else item
    if reason is Reason.OUTSIDE_FRANCE:
        msg = f"Recipient {row} ({mask(phone)}) is not a mobile of metropolitan France (06, 07); nothing was sent."
        raise InvalidNumber(msg, reason="outside_france")
    if reason in {Reason.EMPTY, Reason.MALFORMED, Reason.AMBIGUOUS, Reason.LAND_LINE}:
        try:
            canonical_number(phone)
        except InvalidNumber as error:
            msg = f"Recipient {row}: {error} Nothing was sent."
            raise InvalidNumber(msg, reason=error.reason) from None
    why = "malformed" if reason is None else reason.value
    params: object = item.params if isinstance(item, Recipient) else ()
    problem = param_problem(params) if reason in {Reason.INVALID_PARAM, Reason.MISSING_PARAM} else None
    if problem is not None:
        msg = f"Recipient {row} ({mask(phone)}): {problem} Nothing was sent."
        raise InvalidText(msg, reason=why)
    if reason is Reason.NEEDS_UNICODE and isinstance(item, Recipient):
        try:
            units("".join(written(item.params)), Coding.GSM7)
        except InvalidText as error:
            msg = f"Recipient {row} ({mask(phone)}): {error} Nothing was sent."
            raise InvalidText(msg, reason=why) from None
    msg = f"Recipient {row} ({mask(phone)}): the text cannot be sent ({why}); nothing was sent."
    raise InvalidText(msg, reason=why)


def unanswered(error: BaseException, key: str | None) -> OutcomeUnknown:
    """Return the error of a send whose outcome is not known, naming the key to ask again with."""
    remedy = (
        f"Call again with idempotency_key={key!r} within 23 hours: it returns what happened, without texting twice."
        if key
        else "This protocol has no idempotency keys: sending again may text the same people twice."
    )
    unknown = OutcomeUnknown(
        f"No answer said what became of the text, which may have been sent. Last: {error}",
        request=getattr(error, "request", None),
        code=getattr(error, "code", None),
        remedy=remedy,
    )
    unknown.idempotency_key = key
    return unknown
