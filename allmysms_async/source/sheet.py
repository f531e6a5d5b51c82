"""Reading recipients from a spreadsheet's own file, by python-calamine: numbers stored as numbers, dates as days."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from allmysms_async import argument
from allmysms_async.border import border, bordered
from allmysms_async.errors import InvalidRequest, InvalidSource
from allmysms_async.model import Recipient
from allmysms_async.source.column import checked_columns, columns_at
from allmysms_async.source.form import trimmed
from allmysms_async.source.list_file import ListFile, in_blocks

__all__ = ["SheetSource", "read_xlsx"]

_MAX_CELL = 10_000
_iso_duration = re.compile(r"PT(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:[.]\d{1,9})?)S)?").fullmatch


@bordered
class SheetSource(ListFile):
    """The recipients of one sheet; can be iterated over again and again, from the start each time.

    Attributes:
        path: The file.
        sheet: The sheet's name.
        header: The names of its columns, or None if its first row is a person's.
        columns: The positions, from 1, of the number's column and of the parameters'.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sheet: str | None = None,
        phone: str | int,
        params: Sequence[str | int] = (),
        header: bool | None = None,
        default_country: str | None = None,
        check_numbers: bool = False,
    ) -> None:
        super().__init__(
            path,
            phone=phone,
            params=params,
            header=header,
            default_country=default_country,
            check_numbers=check_numbers,
        )
        if sheet is not None:
            argument.text("sheet", sheet)
        named = checked_columns(self._wanted) if header is None else header
        opened = _opened(self.path, sheet)
        self.sheet: str = opened.name
        rows = _rows(opened)
        nothing: list[str] = []
        line, first = next(rows, (1, nothing))
        if named and not first:
            msg = f"{self.path} is empty: it has no line with the names of its columns."
            raise InvalidSource(msg, line=1)
        self.header = tuple(trimmed(list(first))) if named else None
        known = len(first) if first else max(column for column in self._wanted if isinstance(column, int))
        self._positions = columns_at(self.path, line, self.header, self._wanted, known)
        self.columns = tuple(position + 1 for position in self._positions)

    def __repr__(self) -> str:
        """Show the file and the sheet."""
        return f"<SheetSource {self.path} sheet={self.sheet!r}>"

    def _blocks(self) -> Iterator[Sequence[Recipient]]:
        return in_blocks(self._rows())

    def _rows(self) -> Iterator[Recipient]:
        rows = _rows(_opened(self.path, self.sheet))
        if self.header is not None:
            next(rows, None)
        phone, *params = self._positions
        for line, cells in rows:
            if max(map(len, cells)) > _MAX_CELL:
                msg = f"{self.path}, line {line}: a cell is longer than {_MAX_CELL} characters."
                raise InvalidSource(msg, line=line)
            yield Recipient(cells[phone], tuple([cells[position] for position in params]), line)


@border
def read_xlsx(
    path: str | os.PathLike[str],
    *,
    sheet: str | None = None,
    phone: str | int = 1,
    params: Sequence[str | int] = (),
    header: bool | None = None,
    default_country: str | None = None,
    check_numbers: bool = False,
) -> SheetSource:
    """Read recipients from a sheet of an ``xlsx``, ``xls`` or ``ods`` file (extra ``xlsx``).

    The sheet is held in memory while it is read. A number that is stored as a number is read without its ``.0``, a
    fraction with a comma, a day as ``15/01/2027``, a moment as ``15/01/2027 08:30``, a time as ``08:30``, a duration
    as ``36:00``, an error such as ``#N/A`` as an empty cell, whatever format the sheet shows it in: format a column as
    text to have it word for word.

    Args:
        path: The file.
        sheet: The sheet's name; the first one by default.
        phone: Column of the numbers: a name of the first row (case, accents and blanks do not matter), or a position
            from 1.
        params: Columns of ``#param_1#``, ``#param_2#``…, likewise.
        header: Whether the first row holds names; by default if any column is given by name.
        default_country: ISO code of the country whose numbers are written without ``+``, such as ``BE``; France by
            default. Needs the extra ``numbers``.
        check_numbers: Whether a number of another country must be valid for a mobile there, as phonenumbers knows it;
            by default the gateway decides. Needs the extra ``numbers``.

    Returns:
        The recipients, each with its row's number as ``line``.

    Raises:
        InvalidSource: The file cannot be read or is protected, or the sheet or a column is not there.
        InvalidRequest: python-calamine is not installed.
    """
    return SheetSource(
        path,
        sheet=sheet,
        phone=phone,
        params=params,
        header=header,
        default_country=default_country,
        check_numbers=check_numbers,
    )


def _opened(path: Path, name: str | None) -> Any:
    """Return a sheet, whose library is imported now."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ModuleNotFoundError:
        msg = 'A spreadsheet\'s file needs python-calamine: run pip install "allmysms_async[xlsx]"; nothing was sent.'
        raise InvalidRequest(msg) from None
    try:
        workbook: Any = CalamineWorkbook
        book = workbook.from_path(path)
        names = book.sheet_names
        if name is not None and name not in names:
            shown = ", ".join(repr(each[:40]) for each in names[:20])
            msg = f"{path} has no sheet {name!r}. Sheets: {shown}."
            raise InvalidSource(msg)
        return book.get_sheet_by_name(name) if name is not None else book.get_sheet_by_index(0)
    except PasswordError:
        msg = f"{path} is protected by a password: save it without one, or as CSV."
        raise InvalidSource(msg) from None
    except CalamineError as error:
        msg = f"{path} cannot be read as a spreadsheet's file: {str(error)[:200]}."
        raise InvalidSource(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or type(error).__name__}."
        raise InvalidSource(msg) from error


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with its number and its cells as texts."""
    if sheet.start is None:
        return
    before = [""] * sheet.start[1]  # columns that are blank throughout count as well
    for line, row in enumerate(sheet.iter_rows(), 1):
        cells = before + [
            (cell if cell[:2] != "PT" else _written(cell)) if isinstance(cell, str) else _shown(cell) for cell in row
        ]
        if any(cell.strip() for cell in cells):
            yield line, cells


def _shown(cell: object) -> str:
    """Return what a cell that is no text shows in a French sheet."""
    if isinstance(cell, bool):
        return "VRAI" if cell else "FAUX"
    if isinstance(cell, float):
        # A sheet has 15 digits; those after them are of the way that it stores a number.
        return f"{cell:.0f}" if cell.is_integer() else f"{Decimal(f'{cell:.15g}'):f}".replace(".", ",")
    if isinstance(cell, datetime.datetime):
        return f"{cell:%d/%m/%Y}" if cell.time() == datetime.time() else f"{cell:%d/%m/%Y %H:%M}"
    if isinstance(cell, datetime.date):
        return f"{cell:%d/%m/%Y}"
    if isinstance(cell, datetime.time):
        return f"{cell:%H:%M}"
    if isinstance(cell, datetime.timedelta):
        return _duration(cell.total_seconds())
    return str(cell)


def _written(cell: str) -> str:
    """Return a cell that is a text; a duration of an ``ods`` file is one too."""
    found = _iso_duration(cell)
    if found is None:
        return cell
    hours, minutes, seconds = (float(each or 0) for each in found.groups())
    return _duration(hours * 3600 + minutes * 60 + seconds)


def _duration(seconds: float) -> str:
    """Return a duration in hours and minutes; days are hours too, and seconds are left out as a time's are."""
    minutes = round(abs(seconds)) // 60
    return f"{'-' if seconds < 0 else ''}{minutes // 60:02}:{minutes % 60:02}"
