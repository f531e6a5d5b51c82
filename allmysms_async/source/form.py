"""Telling the form of a CSV file from its first records: separator, header, and which column is which."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import msgspec

from allmysms_async.errors import InvalidNumber, InvalidSource
from allmysms_async.numbers import canonical_number
from allmysms_async.source.column import checked_columns, columns_at, positions_of
from allmysms_async.source.records import Record, Records

__all__ = ["SEPARATORS", "Form", "form_of", "is_number", "trimmed"]

SEPARATORS = ";,\t|"
HEAD_RECORDS = 1000
_NAMES = {";": "semicolons", ",": "commas", "\t": "tabs", "|": "bars"}
_TOO_MANY = 0.1
"""The share of rows of another width over which the file, and not the rows, is taken to be wrong."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How a CSV file is read.

    Attributes:
        separator: Between two cells.
        skip: Lines before the first record that is one: ``sep=;``.
        header: The names in the first record, without empty ones at its end; None if it holds none.
        width: How many cells a row has.
        raw_width: How many most of the first records have, blank ones at the end included.
        phone: Position of the number's column, from 0.
        params: Positions of the parameters' columns.
        short_rows: Whether a row may leave cells at its end out.
    """

    separator: str
    skip: int
    header: tuple[str, ...] | None
    width: int
    raw_width: int
    phone: int
    params: tuple[int, ...]
    short_rows: bool

    @property
    def exact(self) -> int:
        """How many cells a row has: of fewer, one that lacks a separator would be read shifted."""
        return max(self.width, self.raw_width)

    def fits(self, cells: list[str]) -> bool:
        """Tell whether a row of another width has all its cells where they belong; make it as wide as the header."""
        given = len(cells)
        if given > self.exact:  # shifted, where its last cell is a blank one
            return False
        # Of fewer than the others it is shifted too, even if it has as many as the header has names.
        if len(trimmed(cells)) > self.width or (given < self.exact and not self.short_rows):
            return False
        cells.extend([""] * (self.width - len(cells)))
        return True


def trimmed(cells: list[str]) -> list[str]:
    """Return cells without the blank ones at their end."""
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number that can be texted."""
    try:
        canonical_number(cell)
    except InvalidNumber:
        return False
    return True


def form_of(
    path: Path,
    encoding: str,
    *,
    columns: Sequence[str | int],
    separator: str | None,
    header: bool | None,
    short_rows: bool,
) -> Form:
    """Return how a file is read.

    Args:
        path: The file.
        encoding: What it is read as.
        columns: The number's column, then the parameters', by name or by position from 1.
        separator: As the caller says, or None to tell it.
        header: Whether the first record holds names, or None: if any column is given by name.
        short_rows: Whether a row may leave cells at its end out.

    Raises:
        InvalidSource: A column is not there, or there twice, or many rows are of another width.
    """
    named = checked_columns(columns) if header is None else header
    said = _said(path, encoding)
    skip = 0 if said is None else 1
    candidates = [separator] if separator else [said] if said else list(SEPARATORS)
    candidates = _naming_most(candidates, path, encoding, skip, columns, named)
    readings = [_Reading(path, encoding, each, skip, columns, named) for each in candidates]
    best = max(readings, key=lambda reading: reading.rank)
    return best.form(path, short_rows)


def _naming_most(
    candidates: list[str], path: Path, encoding: str, skip: int, columns: Sequence[str | int], named: bool
) -> list[str]:
    """Return the separators by which the first record names the most columns: none of the others reads better.

    Only where each column is given by a name is that so; then it spares the reading of many records by the others.
    """
    if len(candidates) == 1 or not named or not all(isinstance(column, str) for column in columns):
        return candidates
    counts: list[int] = []
    for separator in candidates:
        header: tuple[str, ...] = ()
        with contextlib.suppress(InvalidSource):  # told by whatever reads best
            header = next((tuple(cells) for _, cells in Records(path, encoding, separator, skip=skip)), ())
        counts.append(
            sum(isinstance(position, int) for position in positions_of(tuple(trimmed(list(header))), columns))
        )
    return list(itertools.compress(candidates, [count == max(counts) for count in counts]))


def _said(path: Path, encoding: str) -> str | None:
    """Return the separator that a first line such as ``sep=;`` names for spreadsheets."""
    try:
        with path.open(encoding=encoding) as file:
            first = file.readline(20).strip().strip("\ufeff").strip('"')
    except (UnicodeError, OSError):  # told where the records are read
        return None
    name = first[4:] or "\t"
    return name if first[:4].lower() == "sep=" and len(name) == 1 and name in SEPARATORS else None


class _Reading:
    """The first records of a file as one separator reads them.

    Attributes:
        rank: How well it reads; the highest wins.
    """

    def __init__(
        self, path: Path, encoding: str, separator: str, skip: int, columns: Sequence[str | int], named: bool
    ) -> None:
        self.separator, self.skip, self._columns = separator, skip, columns
        self._error: InvalidSource | None = None
        self._records: list[Record] = []
        try:
            records = iter(Records(path, encoding, separator, skip=skip))
            self._records.extend(islice(records, HEAD_RECORDS))
        except InvalidSource as error:  # told if nothing reads better, once the rows before it are read
            self._error = error
        self.header: tuple[str, ...] | None = None
        raw = Counter(len(cells) for _, cells in self._records)
        self._raw_width = max(raw, key=lambda w: (raw[w], -w), default=0)
        rows = [trimmed(list(cells)) for _, cells in self._records]
        if named and rows:
            self.header = tuple(rows.pop(0))
        # Without a header a last column that is mostly empty is a column too.
        self.width = len(self.header) if self.header is not None else max(raw, key=lambda w: (raw[w], w), default=0)
        if self.header is not None and len(self._records[0][1]) == self._raw_width:  # the last may lack a name
            self.width = self._raw_width
        self.found = positions_of(self.header, columns)
        phone = self.found[0] if self.found and isinstance(self.found[0], int) else None
        numbers = sum(phone is not None and phone < len(row) and is_number(row[phone]) for row in rows)
        alike = sum(len(row) <= self.width for row in rows)
        self.rank = (
            sum(isinstance(position, int) and position < max(self.width, 1) for position in self.found),
            numbers,
            alike * (self.width > 1),
            self.width,
            -SEPARATORS.index(separator),
        )

    def _positions_said(self) -> list[int]:
        """Return the columns that are given by position; a file without any row tells no others."""
        return [column for column in self._columns if isinstance(column, int)] or [0]

    def form(self, path: Path, short_rows: bool) -> Form:
        """Return how the file is read.

        Raises:
            InvalidSource: See ``form_of``.
        """
        if self.header is None and any(isinstance(column, str) for column in self._columns):
            if self._error is not None:
                raise self._error
            msg = f"{path} is empty: it has no line with the names of its columns."
            raise InvalidSource(msg, line=1)
        first = self._records[0][0] if self._records else 1
        width = self.width if self._records else max(self.width, *self._positions_said())
        how = f", separated by {_NAMES.get(self.separator, self.separator)}"
        positions = columns_at(path, first, self.header, self._columns, width, how)
        form = Form(
            separator=self.separator,
            skip=self.skip,
            header=self.header,
            width=self.width,
            raw_width=self._raw_width,
            phone=positions[0],
            params=tuple(positions[1:]),
            short_rows=short_rows,
        )
        self._refuse_several_numbers(path)
        rows = self._records[self.header is not None :]
        wrong = [(line, len(cells)) for line, cells in rows if not form.fits(list(cells))]
        if len(wrong) > max(2, _TOO_MANY * len(rows)):
            line, cells = wrong[0]
            remedy = "a separator inside a cell needs quotes around the cell"
            if cells < form.exact:
                remedy = "say short_rows=True if cells at the end of a line are left out where they are empty"
            msg = (
                f"{path}, line {line}: {len(wrong)} of the first {len(rows)} rows have another number of cells than "
                f"the {form.exact} columns (this line has {cells}); {remedy}."
            )
            raise InvalidSource(msg, line=line)
        return form

    def _refuse_several_numbers(self, path: Path) -> None:
        """Refuse lines of numbers alone, of which only the first would be texted.

        Raises:
            InvalidSource: There are several in most lines, and no names or parameters say what they are.
        """
        if self.header is not None or len(self._columns) > 1:
            return
        several = [(line, count) for line, cells in self._records if (count := _numbers_alone(cells)) > 1]
        if several and len(several) * 2 > len(self._records):
            line, count = several[0]
            msg = f"{path}, line {line}: it holds {count} numbers, and a line is one person's; nothing was sent."
            remedy = "Put each number in a line of its own, or give the columns names and say whose numbers are meant."
            raise InvalidSource(msg, line=line, remedy=remedy)


def _numbers_alone(cells: list[str]) -> int:
    """Return how many different numbers a record holds, 0 if it holds anything else."""
    filled = {cell.strip() for cell in cells if cell.strip()}
    return len(set(map(canonical_number, filled))) if all(map(is_number, filled)) else 0
