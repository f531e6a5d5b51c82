"""Values on this wire: what may be written, and how what comes back is read.

Answers are read without their declared types, which lie (``xsd:int`` on ``OK``, ``xsd:boolean`` on a text): every
scalar is text, and each field has one Python type here.

Source: SOAP API, A and B; spec: reply types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, Union

from allmysms_async import plausible
from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidRequest, InvalidSchedule
from allmysms_async.model import Secret
from allmysms_async.redaction import Shown

__all__ = [
    "Fields",
    "Result",
    "Unreadable",
    "Value",
    "amount",
    "checked",
    "date",
    "items",
    "kept",
    "text",
    "wire_date",
    "without_secrets",
]

"""The gateway writes and reads wall-clock time of Paris."""

Value: TypeAlias = Union[str, list["Value"], dict[str, "Value"], None]  # noqa: UP007  # names itself, in quotes
"""What an element holds: a text, nothing (nil), a list, or fields by their names."""

Fields: TypeAlias = Mapping[str, Value]

# What XML 1.0 cannot hold, and the controls that PHP's parser refuses or a handset cannot show.
_unwritable = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]").search
_is_date = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII).fullmatch
_is_day_first = re.compile(r"(\d\d)-(\d\d)-(\d{4})[ T](\d\d):(\d\d):(\d\d)", re.ASCII).fullmatch
_SECRETS = frozenset({"apikey", "passcode", "password"})


class Unreadable(ValueError):
    """A field holds something that is not what the manual says; the message names the field, never its value."""


class Result(Shown, frozen=True, kw_only=True):
    """Base of the typed answers.

    Attributes:
        raw: The whole answer under the gateway's own names, with what this library does not know; secrets are wrapped.
    """

    raw: Mapping[str, object] = {}

    def __repr__(self) -> str:
        """Show what kind of answer it is: its fields hold numbers and texts."""
        return f"<{type(self).__name__}>"


# -- writing ----------------------------------------------------------------------------------------------------------


def checked(field: str, value: str) -> str:
    """Return a text that XML and PHP can carry.

    Raises:
        InvalidRequest: It holds a control character (other than LF, CR and tab), half of a character, or U+FFFE or
            U+FFFF; the message names the field and the character's code, not the text.
    """
    found = _unwritable(value)
    if found is not None:
        msg = f"{field} holds U+{ord(found[0]):04X}, which XML cannot carry; nothing was sent."
        raise InvalidRequest(msg)
    return value


def wire_date(moment: datetime) -> str:
    """Return an aware datetime as the gateway writes it, wall-clock time of Paris.

    The table of types says ``dd-mm-YYYY``; its own example and every printed answer say ``YYYY-MM-DD``, which is sent.

    Raises:
        InvalidSchedule: The datetime is naive.

    Source: SOAP API, A.
    """
    if moment.tzinfo is None:
        msg = "A date is without a time zone, so it is not known which moment is meant; nothing was sent."
        raise InvalidSchedule(msg)
    return moment.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")


# -- reading ----------------------------------------------------------------------------------------------------------


def text(fields: Fields, name: str) -> str | None:
    """Return a text, None if it is absent or nil.

    Raises:
        Unreadable: It is a list or has fields of its own.
    """
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if not value:
        return ""
    raise Unreadable(name)


def amount(fields: Fields, name: str) -> Decimal | None:
    """Return an amount; what is none is None, since a send that was taken is taken whatever it cost."""
    return plausible.amount(fields.get(name))


def date(fields: Fields, name: str) -> datetime | None:
    """Return a moment; an empty one, the database's zero and what is no date is None, since ``raw`` keeps it."""
    value = fields.get(name)
    written = " ".join(value.split()) if isinstance(value, str) else ""
    if not written or written.startswith("0000-00-00"):
        return None
    found = _is_date(written)
    parts = [int(part) for part in found.groups()] if found else []
    if not parts and (found := _is_day_first(written)):
        day, month, year, *rest = (int(part) for part in found.groups())
        parts = [year, month, day, *rest]
    try:
        year, month, day, hour, minute, second = parts
        return plausible.dated(datetime(year, month, day, hour, minute, second, tzinfo=PARIS))
    except ValueError:
        return None


def items(fields: Fields, *names: str) -> list[Fields]:
    """Return the elements of a list, under the first of some names that holds one; none at all is an empty list.

    Raises:
        Unreadable: It is no list of elements with fields.
    """
    for name in names:
        value = fields.get(name)
        if not value or (isinstance(value, str) and not value.strip()):
            continue
        found: list[Fields] = []
        for element in value if isinstance(value, list) else [value]:
            if not element or (isinstance(element, str) and not element.strip()):
                continue  # nil, or empty
            if not isinstance(element, dict):
                raise Unreadable(name)
            found.append(element)
        return found
    return []


def kept(fields: Fields, *amounts: str, dated: Iterable[tuple[Fields, str]] = ()) -> dict[str, object]:
    """Return an answer as it is kept: without secrets, and with the names of the figures that cannot be right.

    Args:
        fields: The answer.
        amounts: Names of its amounts.
        dated: Parts of it with a date each, and the name of that.
    """
    odd = [name for name in amounts if plausible.holds(fields.get(name)) and amount(fields, name) is None]
    odd += [name for part, name in dated if plausible.holds(part.get(name)) and date(part, name) is None]
    return plausible.kept(without_secrets(fields), odd)


def without_secrets(fields: Fields) -> dict[str, object]:
    """Return fields with what is secret among them wrapped."""
    return {
        name: Secret(value) if name.lower() in _SECRETS and isinstance(value, str) else value
        for name, value in fields.items()
    }
