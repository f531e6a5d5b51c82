"""Reading one value whose type floats, as a number or a text, an empty text or nothing: each has one Python type."""

from __future__ import annotations

import base64
import binascii
import re
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from allmysms_async import plausible
from allmysms_async.clock import PARIS
from allmysms_async.model import Secret

Reader: TypeAlias = Callable[[object], Any]


class Unreadable(ValueError):
    """A field holds something that is not what the manual says; the message names the field, never its value."""


def text(value: object) -> str | None:
    """Read a text; a number is written out, nothing at all is None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping) and not value:
        return ""
    raise Unreadable


_is_whole = re.compile(r"(-?\d{1,9})\.0{1,9}", re.ASCII).fullmatch


def plain_status(written: str) -> str:
    """Return a status without blanks around it, and a figure without a fraction of zero."""
    written = written.strip()
    whole = _is_whole(written)
    return whole[1] if whole else written


def status(value: object) -> str | None:
    """Read a status as its tables have it."""
    found = text(value)
    return None if found is None else plain_status(found)


def _flag(value: object) -> bool | None:
    """Read yes or no in any of the forms the manual prints."""
    if value is None or value == "" or value == {}:
        return None
    match str(value).strip().lower():
        case "1" | "true":
            return True
        case "0" | "false":
            return False
        case _:
            raise Unreadable


def _moment(value: object) -> datetime | None:
    """Read a date of Paris; what is no date (zeros, nothing, another form) is None, since ``raw`` keeps it.

    Source: HTTPS API v9, §9.2, §12.2.
    """
    written = " ".join((text(value) or "").split())
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return plausible.dated(moment if moment.tzinfo else moment.replace(tzinfo=PARIS))


def _secret(value: object) -> Secret | None:
    if isinstance(value, Secret):
        return value
    secret = text(value)
    return Secret(secret) if secret else None


def _media(value: object) -> bytes | None:
    """Read bytes written in base64, line breaks allowed."""
    written = text(value)
    try:
        return base64.b64decode("".join(written.split()), validate=True) if written else None
    except (binascii.Error, ValueError):
        raise Unreadable from None


def _columns(value: object) -> dict[str, str]:
    """Read an object whose fields nobody knows beforehand; each is a text."""
    if not isinstance(value, Mapping):
        raise Unreadable
    columns = typing.cast("Mapping[str, object]", value)
    return {name: text(one) or "" for name, one in columns.items()}


SCALARS: dict[object, Reader] = {
    str: text,
    bytes: _media,
    Mapping[str, str]: _columns,
    # What is no figure, or cannot be right, is None: a send that was taken is taken, whatever stands where its cost
    # should, and ``raw`` keeps it. A comma is not guessed at: it may part thousands or decimals.
    int: plausible.count,
    Decimal: plausible.amount,
    bool: _flag,
    datetime: _moment,
    Secret: _secret,
    object: lambda value: value,
}
