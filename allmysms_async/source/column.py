"""Which column of a list is which: by name, or by position from 1."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from allmysms_async.errors import InvalidSource
from allmysms_async.numbers import mask

__all__ = ["checked_columns", "columns_at", "columns_given", "positions_of", "shown_name"]

_MOST_COLUMNS = 10**9
_DIGITS_OF_A_NUMBER = 6
_DIGITS_OF_SOMEBODY = 8


def columns_given(phone: object, params: object) -> list[str | int]:
    """Return the columns that a caller gives, the number's first.

    Raises:
        InvalidSource: Some are neither names nor positions.
    """
    if not isinstance(params, Sequence) or isinstance(params, str | bytes):
        msg = "params must be a list of columns, such as ['prenom'], not one text or anything else."
        raise InvalidSource(msg)
    columns = [phone, *cast("Sequence[object]", params)]
    for column in columns:
        if isinstance(column, bool) or not isinstance(column, str | int):
            msg = f"A column is named by a text, or by its position from 1, not by {type(column).__name__}."
            raise InvalidSource(msg)
    return cast("list[str | int]", columns)


def checked_columns(columns: Sequence[str | int]) -> bool:
    """Return whether any column is given by name.

    Raises:
        InvalidSource: A position is under 1, or one that no file has.
    """
    for column in columns:
        if isinstance(column, int) and column > _MOST_COLUMNS:
            msg = "No file has so many columns."
            raise InvalidSource(msg)
        if isinstance(column, int) and column < 1:
            msg = f"Column {column}: columns are counted from 1."
            raise InvalidSource(msg)
    return any(isinstance(column, str) for column in columns)


def columns_at(
    path: Path, line: int, header: tuple[str, ...] | None, columns: Sequence[str | int], width: int, how: str = ""
) -> list[int]:
    """Return the positions of columns, from 0.

    Args:
        path: The file.
        line: Where its header or its first row is.
        header: The names of its columns, or None.
        columns: By name or by position from 1.
        width: How many columns there are.
        how: What tells them apart, for the error.

    Raises:
        InvalidSource: A column is not there, or several fit.
    """
    found = positions_of(header, columns)
    positions = [_position(path, line, header or (), column, each) for column, each in zip(columns, found, strict=True)]
    last = max(positions) + 1
    if width < last:
        msg = f"{path}, line {line}: there is no column {last}, only {width}{how}."
        raise InvalidSource(msg, line=line)
    return positions


def positions_of(header: tuple[str, ...] | None, columns: Sequence[str | int]) -> list[int | list[str]]:
    """Return the position of each column, or those that might be meant where it is not one."""
    found: list[int | list[str]] = []
    folded = [_folded(name) for name in header or ()]
    for column in columns:
        if isinstance(column, int):
            found.append(column - 1)
            continue
        fits = [position for position, name in enumerate(folded) if name == _folded(column)]
        found.append(
            fits[0]
            if len(fits) == 1
            else [f"{shown_name((header or ())[position])} (column {position + 1})" for position in fits]
        )
    return found


def _position(path: Path, line: int, header: tuple[str, ...], column: str | int, found: int | list[str]) -> int:
    """Return a column's position.

    Raises:
        InvalidSource: None fits, or several.
    """
    if isinstance(found, int):
        return found
    shown = ", ".join(shown_name(name) for name in header[:20]) or "none"
    if any(map(_may_be_somebodys, header)):
        shown = "none, the first line is a row, with somebody's number or address"
    if found:
        twice = " and ".join(found)
        msg = f"{path}, line {line}: the column {column!r} is there more than once, as {twice}. Say its position."
    else:
        msg = f"{path}, line {line}: the column {column!r} is not there. Columns: {shown}."
    raise InvalidSource(msg, line=line)


def _may_be_somebodys(cell: str) -> bool:
    """Tell whether a cell of a first record may be a person's, of a list without names: then none of it is shown."""
    return "@" in cell or sum(map(str.isdigit, cell)) >= _DIGITS_OF_SOMEBODY


def shown_name(name: str) -> str:
    """Return a column's name as an error may show it: a list without names has people's numbers there."""
    several = sum(character.isdigit() for character in name) >= _DIGITS_OF_A_NUMBER
    return repr(mask(name) if several else name[:40])


def _folded(name: str) -> str:
    """Return a column's name as it is compared: without case, accents, blanks of any kind and invisible characters."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) not in {"Mn", "Cf", "Cc"})
