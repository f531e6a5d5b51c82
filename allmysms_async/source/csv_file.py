"""Reading recipients from a CSV file as spreadsheets, shops and databases write them.

Encoding, separator and columns are told from the whole file's bytes and from parsed records; rows are read lazily, each
with its line number. A row that was not read as it was meant would text one person another's text: it is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from allmysms_async import argument
from allmysms_async.border import border, bordered
from allmysms_async.errors import InvalidSource
from allmysms_async.model import People, Reason, Recipient, RefusedRow
from allmysms_async.source.encoding import check_said, encoding_of, known_encoding
from allmysms_async.source.form import SEPARATORS, Form, form_of
from allmysms_async.source.letters import may_hold_wrong_letters, wrong_letters, wrong_values
from allmysms_async.source.list_file import MOST_ROWS, ListFile
from allmysms_async.source.quote import unclosed_quote
from allmysms_async.source.records import Records

__all__ = ["CsvSource", "read_csv"]

_NULL = "\\N"  # what databases write for a cell without a value
_LEAST_WRONG = 100
"""Rows of another width after which the file is given up, if they are a tenth of those read."""


@bordered
class CsvSource(ListFile):
    """The recipients of a CSV file; can be iterated over again and again, from the start each time.

    Attributes:
        path: The file.
        encoding: What it is read as, by Python's name.
        separator: ``;``, ``,``, ``|`` or a tab.
        header: The names of its columns, or None if its first record is a row.
        columns: The positions, from 1, of the number's column and of the parameters'.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        phone: str | int,
        params: Sequence[str | int] = (),
        encoding: str | None = None,
        separator: str | None = None,
        header: bool | None = None,
        short_rows: bool = False,
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
        argument.given("short_rows", short_rows, bool, "true or false")
        if separator is not None and (len(argument.text("separator", separator)) != 1 or separator not in SEPARATORS):
            msg = f"The separator {separator[:20]!r} is none of semicolon, comma, tab or |."
            raise InvalidSource(msg)
        known = known_encoding(encoding) if encoding else None
        try:
            self.encoding = encoding_of(self.path) if known is None else known
            check_said(self.path, self.encoding)
            form = form_of(
                self.path,
                self.encoding,
                columns=self._wanted,
                separator=separator,
                header=header,
                short_rows=short_rows,
            )
            suspect = known is None and may_hold_wrong_letters(self.path, self.encoding)
        except OSError as error:
            msg = f"{self.path} cannot be read: {error.strerror or type(error).__name__}."
            raise InvalidSource(msg, line=None) from error
        self.separator = form.separator
        self.header = form.header
        self.columns = (form.phone + 1, *(position + 1 for position in form.params))
        self._form = form
        if suspect:
            self._refuse_wrong_letters()

    def __repr__(self) -> str:
        """Show the file and how it is read."""
        return f"<CsvSource {self.path} {self.encoding} separator={self.separator!r}>"

    def _blocks(self) -> Iterator[Sequence[Recipient]]:
        form = self._form
        look = form.exact != form.width  # at every row: one that lacks a separator has as many cells as the header
        records = Records(
            self.path,
            self.encoding,
            form.separator,
            skip=form.skip,
            width=form.width,
            phone=form.phone,
            header=form.header is not None,
        )
        judged, rows = _Judge(self.path, form), list[Recipient]()
        width, phone, params = form.width, form.phone, form.params
        try:
            for found in records.read(tables=not look):
                if isinstance(found, tuple):
                    line, cells = found
                    if look or len(cells) != width or _NULL in cells:
                        rows.append(judged.row(line, cells, look=look))
                    else:
                        judged.count += 1
                        rows.append(Recipient(cells[phone], tuple([cells[position] for position in params]), line))
                    if len(rows) >= MOST_ROWS:
                        yield rows
                        rows = []
                    continue
                if rows:
                    yield rows
                    rows = []
                judged.count += len(found.lines)
                yield People(found.column(form.phone), found.lines, list(map(found.column, form.params)))
        except Exception:
            if rows:  # whoever came before an error is told before it
                yield rows
            raise
        if rows:
            yield rows

    def _refuse_wrong_letters(self) -> None:
        """Refuse letters that were encoded twice, or lost, in a column that is sent.

        Raises:
            InvalidSource: There are some; saying the encoding has them sent as they stand.
        """
        try:
            found = next(wrong_values(self._recipients()), None)
        except InvalidSource:  # whoever reads the rows is told
            return
        if found is not None:
            line, number, value = found
            raise wrong_letters(self.path, self.encoding, line, self.columns[number], value)


class _Judge:
    """Makes recipients of records, of whose cells any may be where it does not belong.

    Args:
        path: The file.
        form: How it is read.

    Attributes:
        count: The rows so far.
    """

    def __init__(self, path: Path, form: Form) -> None:
        self.count = 0
        self._wrong = 0
        self._path = path
        self._form = form

    def row(self, line: int, cells: list[str], *, look: bool) -> Recipient:
        """Return the recipient of a record, or a row that is refused.

        Args:
            line: Where it starts.
            cells: What it holds.
            look: Whether one of the usual width may lack a cell.

        Raises:
            InvalidSource: A quote was not closed, or too many rows are of another width.
        """
        form, width = self._form, self._form.width
        self.count += 1
        if _NULL in cells:
            cells = ["" if cell == _NULL else cell for cell in cells]
        if (not look and len(cells) == width) or form.fits(cells):
            return Recipient(cells[form.phone], tuple([cells[position] for position in form.params]), line)
        if any("\n" in cell for cell in cells):
            what = f"a quoted cell goes on over lines, and the row has not the {width} cells of the others"
            raise unclosed_quote(self._path, line, what)
        self._wrong += 1
        if self._wrong >= _LEAST_WRONG and self._wrong * 10 > self.count:
            msg = (
                f"{self._path}, line {line}: {self._wrong} of {self.count} rows have another number of cells than the "
                f"{width} columns: the file is not read any further."
            )
            raise InvalidSource(msg, line=line)
        phone = cells[form.phone] if form.phone < len(cells) else ""
        return RefusedRow(phone, (), line, reason=Reason.WRONG_WIDTH)


@border
def read_csv(
    path: str | os.PathLike[str],
    *,
    phone: str | int = 1,
    params: Sequence[str | int] = (),
    encoding: str | None = None,
    separator: str | None = None,
    header: bool | None = None,
    short_rows: bool = False,
    default_country: str | None = None,
    check_numbers: bool = False,
) -> CsvSource:
    """Read recipients from a CSV file, lazily.

    Telling the encoding reads the whole file, some 25 ms for 10 MB: in an event loop that serves others give
    ``encoding``, or call it in a thread.

    Args:
        path: The file.
        phone: Column of the numbers: a name of the first record (case, accents and blanks do not matter), or a
            position from 1.
        params: Columns of ``#param_1#``, ``#param_2#``…, likewise.
        encoding: ``utf-8``, ``cp1252`` (Windows), ``mac_roman``, ``cp850`` or ``utf-16``; told from the file by
            default.
        separator: Semicolon, comma, tab or ``|``; told from the records, or a first line ``sep=;``, by default.
        header: Whether the first record holds names; by default if any column is given by name.
        short_rows: Whether a row may leave cells at its end out, as some spreadsheets do where they are empty. By
            default such a row is rejected as ``wrong_width``: a separator that is missing shifts all cells after it.
        default_country: ISO code of the country whose numbers are written without ``+``, such as ``BE``; France by
            default. Needs the extra ``numbers``.
        check_numbers: Whether a number of another country must be valid for a mobile there, as phonenumbers knows it;
            by default the gateway decides. Needs the extra ``numbers``.

    Returns:
        The recipients, each with the line it starts on. A row with a bad number is one too: the campaign rejects it
        with its reason.

    Raises:
        InvalidSource: The file cannot be read, a column is not there, or nothing tells its encoding; a letter in a
            column that is sent was encoded twice (``ZoÃ©``) or lost, and ``encoding`` is not said; while iterating
            also a quote or a line without end, or an encoding that changes, naming the line.
    """
    return CsvSource(
        path,
        phone=phone,
        params=params,
        encoding=encoding,
        separator=separator,
        header=header,
        short_rows=short_rows,
        default_country=default_country,
        check_numbers=check_numbers,
    )
