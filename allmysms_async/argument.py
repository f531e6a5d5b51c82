"""What callers give, looked at before anything is done with it: callers are not all typed.

Each of these returns what it was given, or raises ``InvalidRequest``, which names the argument and what it must be, and
never holds its value, since it may be a key; a setting alone (a count, seconds, a share) is told as it was given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from allmysms_async.errors import InvalidRequest

__all__ = ["LONGEST", "able", "count", "given", "moment", "one_of", "path", "seconds", "several", "share", "text"]

LONGEST = 1e10
"""Seconds at most, of whatever waits."""

_MAX_COUNT = 2**31 - 1
_MAX_PATH = 4096


def _refused(name: str, must: str, value: object) -> InvalidRequest:
    """Return the error of an argument that cannot be right."""
    return InvalidRequest(f"{name} must be {must}, not {_kind(value)}; nothing was sent.")


def _unset(name: str, must: str, value: object) -> InvalidRequest:
    """Return the error of a setting that cannot be right, which nobody keeps secret."""
    return InvalidRequest(f"{name} must be {must}, not {_figure(value)}; nothing was sent.")


def _figure(value: object) -> str:
    """Return what is told of a setting: a figure itself, of anything else its type."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) or abs(value) < _MAX_COUNT else "a figure so large"
    return _kind(value)


def _kind(value: object) -> str:
    """Return all that is told of a value that may be a key, a number or a code: its type."""
    return "None" if value is None else f"{_article(type(value).__name__)} {type(value).__name__}"


def _article(word: str) -> str:
    """Return the article that goes with a word."""
    return "an" if word[:1].lower() in "aeiou" else "a"


def given(name: str, value: object, kinds: type[Any] | tuple[type[Any], ...], must: str) -> None:
    """Refuse what is of none of some types."""
    if not isinstance(value, kinds):
        raise _refused(name, must, value)


def text(name: str, value: object) -> str:
    """Return a text; what may be in it is for the caller to see."""
    if not isinstance(value, str):
        raise _refused(name, "a text", value)
    return value


def seconds(name: str, value: object, *, zero: bool = False) -> float:
    """Return finite seconds: over 0, or 0 too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unset(name, "seconds", value)
    if not 0 <= value <= LONGEST or not (value or zero):  # which NaN is not, nor a figure that no float can hold
        raise _unset(name, f"seconds, {'not below' if zero else 'over'} 0 and finite", value)
    return value


def count(name: str, value: object, *, least: int = 1, most: int = _MAX_COUNT) -> int:
    """Return a whole number within its range."""
    bounds = f"at least {least}" if most == _MAX_COUNT else f"{least} to {most}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unset(name, f"a whole number, {bounds}", value)
    if not least <= value <= most:
        msg = f"{name} is {_figure(value)}, it must be {bounds}; nothing was sent."
        raise InvalidRequest(msg)
    return value


def share(name: str, value: object) -> float:
    """Return a share, over 0 and at most 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise _unset(name, "over 0 and at most 1", value)
    return value


def one_of(name: str, value: object, choices: Iterable[str]) -> None:
    """Refuse what is none of some words."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise InvalidRequest(f"{name} must be {', '.join(known[:-1])} or {known[-1]}; nothing was sent.")


def several(name: str, values: object, of: Callable[[object], bool], must: str) -> tuple[Any, ...]:
    """Return all of an iterable, each of which is what it must be."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise _refused(name, must, values)
    found = tuple(cast("Iterable[object]", values))
    for value in found:
        if not of(value):
            raise _refused(f"Each of {name}", must, value)
    return found


def path(name: str, value: object) -> Path:
    """Return a path that a file can have."""
    try:
        found = os.fspath(cast("str", value))
    except TypeError:
        raise _refused(name, "a path", value) from None
    if not isinstance(found, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # bytes are paths too
        raise _refused(name, "a path as text", value)
    try:
        known = "\0" not in found and len(os.fsencode(found)) <= _MAX_PATH
    except UnicodeEncodeError:
        known = False
    if not known:
        msg = f"{name} is no path that a file can have (a NUL, half of a character, or over {_MAX_PATH} bytes)."
        raise InvalidRequest(msg, remedy="Give the path of a file; nothing was sent.")
    return Path(found)


def able(name: str, value: object, methods: Iterable[str], must: str) -> None:
    """Refuse what lacks a method that is called on it."""
    if isinstance(value, type) or not all(callable(getattr(value, method, None)) for method in methods):
        raise _refused(name, must, value)


def moment(name: str, value: object, *, error: type[InvalidRequest] = InvalidRequest) -> datetime:
    """Return an aware moment that every calendar has, the years 1 and 9999 left out.

    Args:
        name: The argument.
        value: What was given.
        error: The error to raise.
    """
    if not isinstance(value, datetime):
        msg = f"{name} must be a datetime with a time zone, not {_kind(value)}; nothing was sent."
        raise error(msg)
    try:
        aware = value.utcoffset() is not None
        year = value.astimezone(UTC).year
    except Exception as problem:  # a time zone is the caller's code, and may raise anything
        msg = f"{name} cannot be told in another time zone ({type(problem).__name__}); nothing was sent."
        raise error(msg, remedy="Give a date of this age with a time zone of zoneinfo.") from None
    if not aware:
        msg = f"{name} has no time zone: give an aware datetime; nothing was sent."
        raise error(msg)
    if not 1 < year < 9999:
        msg = f"{name} is in the year {year}, which cannot be told in every time zone; nothing was sent."
        raise error(msg, remedy="Give a date of this age.")
    return value
