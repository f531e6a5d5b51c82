"""What the words of a command may be: each that cannot be right is refused here, in one sentence."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import click
from click.core import ParameterSource

from allmysms_async.clock import PARIS, SYSTEM

__all__ = ["FilePath", "columns", "encoding", "euros", "moment", "place", "share", "unlike_nothing"]

_MOST_EUROS = 10**9
_MOST_DIGITS = 6
_YEARS = 10


def _is_text(value: str) -> bool:
    """Tell whether the system can be given a word: NUL ends one, and half a character is none."""
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return "\0" not in value


class FilePath(click.Path):
    """The path of a file; a name that no file can have is refused before anything is looked for."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a path."""
        if isinstance(value, str) and not (value and _is_text(value)):
            self.fail(f"{value[:80]!r} is no name of a file." if value else "The name of a file is empty.", param, ctx)
        return super().convert(value, param, ctx)


def unlike_nothing(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a value that is there and empty, as from a variable that was never set: it is not the same as none."""
    if value == "":
        msg = "It is empty: leave the option out, or give it a value."
        raise click.BadParameter(msg, ctx=context, param=param)
    return value


def columns(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """Read a column, or some: digits are a position from 1, anything else is a name."""
    if isinstance(value, tuple):
        return tuple(columns(context, param, each) for each in cast("tuple[str, ...]", value))
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
        return value
    if len(value) > _MOST_DIGITS:
        msg = f"No file has {value[:12]}… columns." if len(value) > 12 else f"No file has {value} columns."
        raise click.BadParameter(msg, ctx=context, param=param)
    return int(value)


def moment(context: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read a date and time in ISO 8601; without a zone it is Paris's."""
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(value)
        read = read if read.tzinfo else read.replace(tzinfo=PARIS)
        utc = read.astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"{value[:40]!r} is not a date and time such as 2027-03-02T10:00."
        raise click.BadParameter(msg, ctx=context, param=param) from None
    if utc.year > SYSTEM.now().year + _YEARS:
        msg = f"{value[:40]!r} is more than {_YEARS} years from now: check the year."
        raise click.BadParameter(msg, ctx=context, param=param)
    return read


def place(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read where a journal is; a password may come in the environment, and not where a process list shows it."""
    named = context.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    if value is not None and named and "://" in value and ":" in value.partition("://")[2].rpartition("@")[0]:
        msg = "A process list shows the password in this URL: leave it out, and set PGPASSWORD or use ~/.pgpass."
        raise click.BadParameter(msg, ctx=context, param=param)
    if value is not None and not _is_text(value):
        msg = "No journal can have this name: it holds NUL, or what is no text."
        raise click.BadParameter(msg, ctx=context, param=param)
    return value


def euros(context: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """Read an amount of money."""
    if value is None:
        return None
    try:
        amount = Decimal(value.replace(",", "."))
    except InvalidOperation:
        amount = Decimal(0)
    if not (amount.is_finite() and 0 < amount < _MOST_EUROS):
        msg = f"{value[:40]!r} is not an amount of euros such as 25.50."
        raise click.BadParameter(msg, ctx=context, param=param)
    return amount


def share(context: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no number, which is in every range."""
    if value is not None and math.isnan(value):
        msg = "It is no number."
        raise click.BadParameter(msg, ctx=context, param=param)
    return value


def encoding(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no name at all; which encodings there are the reader of the file knows."""
    if value and not value.isascii():
        msg = f"The encoding {value[:40]!r} is not known, or not one of files: try utf-8, cp1252 or utf-16."
        raise click.BadParameter(msg, ctx=context, param=param)
    return value or None
