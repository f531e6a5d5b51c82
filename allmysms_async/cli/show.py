"""What the gateway answered, for machines and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
from rich.table import Table

from allmysms_async.cli.ending import escaped
from allmysms_async.cli.screen import output_console
from allmysms_async.model import Secret

__all__ = ["as_json", "as_lines", "print_rows"]

_HIDDEN = "…"


def _told(value: object) -> object:
    """Return what JSON has no type for: a secret is hidden."""
    if isinstance(value, Secret):
        return _HIDDEN
    msg = f"{type(value).__name__} cannot be printed"
    raise NotImplementedError(msg)


_encoder = msgspec.json.Encoder(enc_hook=_told, decimal_format="number")


def as_json(value: object) -> str:
    """Return a value on one line of JSON; amounts are numbers, moments ISO 8601, and secrets hidden."""
    return _encoder.encode(value).decode()


def as_lines(value: object, indent: str = "") -> str:
    """Return an answer as lines that a terminal may be given: a name, and its value or what is in it."""
    lines: list[str] = []
    if isinstance(value, Mapping):
        for name, each in cast("Mapping[str, object]", value).items():
            lines += _lines(str(name), each, indent)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for place, each in enumerate(cast("Sequence[object]", value), 1):
            lines += _lines(str(place), each, indent)
    else:
        lines.append(f"{indent}{cell(value)}")
    return "\n".join(lines)


def _lines(name: str, value: object, indent: str) -> list[str]:
    """Return the lines of one name."""
    inner = isinstance(value, Mapping | Sequence) and not isinstance(value, str | bytes)
    whole = cast("Any", value)
    if inner and whole:
        return [f"{indent}{escaped(name)}:", as_lines(whole, f"{indent}  ")]
    return [f"{indent}{escaped(name)}: {'none' if inner else cell(whole)}"]


def cell(value: object) -> str:
    """Return a value on one line."""
    if value is None:
        return ""
    if isinstance(value, Secret):
        return _HIDDEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return escaped(str(value))


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """Print a table, or one sentence where it would have no row."""
    console = output_console()
    if not rows:
        console.print(nothing, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_plain(cell(each)) for each in row))
    console.print(table)


def _plain(text: str) -> Any:
    """Return a cell that no markup is read in."""
    from rich.text import Text

    return Text(text)
