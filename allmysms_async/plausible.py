"""Which figures from outside can be right: one table of ranges, for every protocol. Pure.

A figure outside of its range counts as none: it must neither defeat a ceiling nor break what is recorded. What the
library measured itself takes its place, and ``raw`` keeps it as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import cast

__all__ = [
    "RANGES",
    "Kept",
    "amount",
    "cost",
    "count",
    "dated",
    "figures",
    "holds",
    "identifier",
    "identifiers",
    "kept",
    "odd_in",
    "parts",
    "told",
]

RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "parts of a text": (0, 8),
        "euros a part": (0, 10),  # the dearest country costs less than one
        "amount": (0, 10**12),  # credits, euros, seconds
        "count": (0, 10**12),  # people, texts, clicks
        "requests an hour": (1, 10**6),
        "year": (2000, 2100),
        "characters of an identifier": (1, 128),
        "characters of a figure": (1, 30),
        "decimals": (0, 20),  # so many that a sum of millions is still exact
    }
)
"""The least and the most of each kind of figure."""

_MOST_AMOUNT = RANGES["amount"][1]
# From here on Python writes a float without an exponent, and with fewer decimals than an amount may have.
_PLAIN_FLOAT = 1e-4
_LONGEST = RANGES["characters of an identifier"][1]
_is_figure = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch

# Thousands may be set apart by a blank, as French does it, breaking or not.
_BLANKS = " \u00a0\u2009\u202f"
_FIGURE = re.compile(rf"(?:\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?!\d)|\d+)(?:[.,]\d+)?", re.ASCII)
_UNGROUPED = str.maketrans(",", ".", _BLANKS)
_MAX_READ = 400


def _within(kind: str, figure: Decimal | int, times: int = 1) -> bool:
    """Tell whether a figure is in its range; the most of it that many times."""
    least, most = RANGES[kind]
    return least <= figure <= most * times


def _figure(value: object) -> Decimal | None:
    """Return what is written as a figure, whatever its size; what is too long to be one is none."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool):
        return Decimal(int(value))
    if isinstance(value, int) and value.bit_length() > 128:
        return None  # writing it out could take long, and fails from 4,300 digits on
    if not isinstance(value, int | float | str):
        return None
    # A text is cut before it is looked at: a million digits cost nothing.
    text = (value[: 2 * RANGES["characters of a figure"][1]] if isinstance(value, str) else str(value)).strip()
    if not _within("characters of a figure", len(text)) or not _is_figure(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def amount(value: object) -> Decimal | None:
    """Return an amount of credits, euros or seconds, or None if it cannot be one."""
    if value is None:
        return None
    if type(value) is int and 0 <= value <= _MOST_AMOUNT:
        return Decimal(value)
    if type(value) is float and _PLAIN_FLOAT <= value <= _MOST_AMOUNT:
        return Decimal(repr(value))
    return _careful_amount(value)


def _careful_amount(value: object) -> Decimal | None:
    """Return what ``amount`` returns, of whatever stands where an amount should."""
    figure = _figure(value)
    if figure is None or not _within("amount", figure):
        return None
    exponent = figure.as_tuple().exponent
    return figure if isinstance(exponent, int) and _within("decimals", max(0, -exponent)) else None


def count(value: object, kind: str = "count") -> int | None:
    """Return a whole number, written as one or with a fraction of zero, or None if it cannot be one."""
    least, most = RANGES[kind]
    if type(value) is int and least <= value <= most:
        return value
    return _careful_count(value, kind)


def _careful_count(value: object, kind: str) -> int | None:
    """Return what ``count`` returns, of whatever stands where a count should."""
    figure = _figure(value)
    if figure is None or not _within(kind, figure) or figure != int(figure):
        return None
    return int(figure)


def parts(value: object, recipients: int) -> int | None:
    """Return the text parts of a request to so many recipients, or None if they cannot be right."""
    found = count(value)
    return found if found is not None and _within("parts of a text", found, recipients) else None


def cost(value: object, measured: int) -> Decimal | None:
    """Return the euros that a request of so many parts took, as measured here, or None if they cannot be right."""
    found = amount(value)
    return found if found is not None and _within("euros a part", found, measured) else None


def dated(moment: datetime | None) -> datetime | None:
    """Return a moment, or None if it lies before any gateway, or where no report can come from."""
    return moment if moment is not None and _within("year", moment.year) else None


def identifier(text: str | None) -> str | None:
    """Return a gateway's identifier, or None if it is too long for one or cannot be written down."""
    return text if text and len(text) <= _LONGEST and text.isprintable() else None


def identifiers(texts: Sequence[str | None]) -> list[str | None]:
    """Return what ``identifier`` returns of each, with one look at all of them where nothing is wrong with any."""
    if texts and all(texts):
        known = cast("Sequence[str]", texts)
        if max(map(len, known)) <= _LONGEST and "".join(known).isprintable():
            return list(known)
    return [identifier(text) for text in texts]


def holds(value: object) -> bool:
    """Tell whether something stands where a figure or a date should: not nothing, and not a database's zero date."""
    if isinstance(value, str):
        value = value.strip()
        return bool(value) and not value.startswith("0000-00-00")
    return value is not None and value != {}


class Kept(dict[str, object]):
    """A raw answer in which some figures cannot be right.

    Attributes:
        odd: Their names.
    """

    odd: tuple[str, ...] = ()


def kept(raw: Mapping[str, object], odd: Iterable[str]) -> dict[str, object]:
    """Return a raw answer that knows which of its figures cannot be right."""
    names = tuple(sorted(set(odd)))
    if not names:
        return raw if isinstance(raw, dict) else dict(raw)
    found = Kept(raw)
    found.odd = names
    return found


def odd_in(raw: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of a raw answer's figures that cannot be right."""
    return raw.odd if isinstance(raw, Kept) else ()


def told(request: str, names: Iterable[str]) -> str | None:
    """Return the warning that an answer's figures cannot be right, by their names, or None if there are none."""
    if not names:  # nearly always
        return None
    found = sorted(set(names))
    if not found:
        return None
    what = "figure" if len(found) == 1 else "figures"
    return (
        f"{request}: the answer's {what} {', '.join(found)} cannot be right and counts as none; what was measured here "
        "takes its place, and raw keeps it."
    )


def figures(text: str) -> list[Decimal]:
    """Return the figures of a sentence, such as the two of "A utiliser: 30 Crédits, Disponibles: 12 Crédits"."""
    return [Decimal(figure.translate(_UNGROUPED)) for figure in _FIGURE.findall(text[:_MAX_READ])]
