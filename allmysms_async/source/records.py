"""Parsing the records of a CSV file: one reader, strict, that believes no quote which swallows other people's rows.

The parser is Python's csv, strictly. clevercsv, measured beside it, told the separators right and took 0.09 seconds for
60 KB, which is minutes for a long list, and believes the quotes that are refused here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from allmysms_async.errors import InvalidSource
from allmysms_async.source.encoding import undecodable
from allmysms_async.source.table import MAX_PIECE, Table, table_of

__all__ = ["MAX_CELL", "Record", "Records", "looks_like_number", "unclosed_quote"]

MAX_CELL = 10_000
"""A longer cell is no name and no number; it is most likely a quote that was never closed."""

_MAX_LINE = 100_000
_BLOCK = 1 << 15
_BLANKS = " \t\xa0\u202f"
_MOST_LINES_OF_CELL = 200
_DIGITS_OF_A_NUMBER = 6
_NO_RECORD = ("", "\\.")
"""What is left of a line without blanks and DOS's end of a file where it is no record: COPY ends its rows so."""

_eight_digits = re.compile(r"(?:tel:)?[\W_]*(?:\d[\W_]*){8,}", re.IGNORECASE).fullmatch

Record = tuple[int, list[str]]
"""The line that a record starts on, counted from 1, and its cells."""


def looks_like_number(cell: str) -> bool:
    """Tell whether a cell has eight digits or more and nothing else but what separates them: a land line's too."""
    return _eight_digits(cell[:200]) is not None


def unclosed_quote(path: Path, line: int, what: str) -> InvalidSource:
    """Return the error of a quote that may have put several people's rows together."""
    msg = (
        f"{path}, line {line}: {what}. Most likely the quote that opens in this line is not closed: correct "
        "it, or put the cell in one line."
    )
    return InvalidSource(msg, line=line)


class _Pieces:
    """Stretches of lines, of which one can be cut into shorter pieces.

    Args:
        stretches: The stretches.
    """

    def __init__(self, stretches: Iterator[str]) -> None:
        self._stretches = stretches
        self._cut: list[str] = []  # the next one last

    def __iter__(self) -> Iterator[str]:
        """Go on with them."""
        return self

    def __next__(self) -> str:
        """Return the next one."""
        return self._cut.pop() if self._cut else next(self._stretches)

    def cut(self, piece: str) -> bool:
        """Put a stretch back in pieces of ``MAX_PIECE`` characters, or of a longer line; tell whether there are two."""
        pieces: list[str] = []
        start, end = 0, len(piece)
        while start < end:
            stop = piece.rfind("\n", start, start + MAX_PIECE) + 1 or piece.find("\n", start) + 1 or end
            pieces.append(piece[start:stop])
            start = stop
        if len(pieces) > 1:
            self._cut += reversed(pieces)
        return len(pieces) > 1


class Records:
    """The records of a file that are not blank.

    Args:
        path: The file.
        encoding: What it is read as.
        separator: Between two cells.
        skip: Lines to pass over at the start, such as ``sep=;``.
        width: How many cells a record has, if that is known; 0 otherwise.
        phone: Position of the number's column, if that is known: a quote may have swallowed people's rows.
        header: Whether the first record holds names, and is left out.
    """

    def __init__(
        self,
        path: Path,
        encoding: str,
        separator: str,
        *,
        skip: int = 0,
        width: int = 0,
        phone: int | None = None,
        header: bool = False,
    ) -> None:
        self._path = path
        self._encoding = encoding
        self._separator = separator
        self._skip = skip
        self._width = width
        self._phone = phone
        self._header = header
        self._may_have_blanks = False  # after a quote, somewhere: looked for in blocks, which is faster than in lines
        # A tab that separates is no blank: an empty cell before a quoted one would be lost.
        self._blanks = _BLANKS.replace(separator, "")
        self._blank = separator + '" \t\r\n\f\x1a\xa0\u202f\ufeff'  # a line of nothing else is no record
        quoted, apart = '"(?:[^"]|"")*"', re.escape(separator)
        cell = f'(?:[{self._blanks}]*{quoted}[{self._blanks}]*|[^"{apart}\r\n]*)'
        self._well_quoted = re.compile(f"{cell}(?:{apart}{cell})*[\r\n]*").fullmatch
        # From the left, so that a quoted cell is passed over whole: blanks inside of it are its own.
        self._around_quotes = re.compile(f"[{self._blanks}]*({quoted})[{self._blanks}]*")
        self._blank_then_quote = re.compile(rf'(^|{re.escape(separator)})[{self._blanks}]+"')

    def __iter__(self) -> Iterator[Record]:
        """Yield each record with the line it starts on.

        Raises:
            InvalidSource: The file cannot be read, is not of its encoding, or a quote or a line has no end.
        """
        return (found for found in self.read(tables=False) if isinstance(found, tuple))

    def read(self, *, tables: bool) -> Iterator[Record | Table]:
        """Yield each record with the line it starts on, and those that are alike together.

        Args:
            tables: Whether rows in which nothing is unusual are given as tables; width and phone are known then.

        Raises:
            InvalidSource: The file cannot be read, is not of its encoding, or a quote or a line has no end.
        """
        line = self._skip + 1
        raw: list[str] = []  # lines of the record that is being read
        header = self._header
        blank, no_record = self._blank, _NO_RECORD
        try:
            with self._path.open(encoding=self._encoding) as file:
                pieces = _Pieces(self._stretches(file))
                for _ in range(self._skip):
                    next(pieces, None)
                for piece in pieces:
                    if tables and not header:
                        if (table := self._table(piece, line)) is not None:
                            yield table
                            line += len(table.lines)
                            continue
                        if pieces.cut(piece):
                            continue
                    # Strict, since a quote that is never closed would otherwise swallow the rows after it unnoticed.
                    lines = self._noted(chain.from_iterable(self._until_whole(piece, pieces, raw)), raw)
                    for cells in csv.reader(lines, delimiter=self._separator, strict=True):
                        first = raw[0]
                        if len(raw) > 1:
                            self._judge(line, raw, cells)
                        elif '"' in first:
                            if ' "' in first or '\xa0"' in first or '\t"' in first or '\u202f"' in first:
                                cells = self._requoted(first, cells)
                            if '="' in first:
                                cells = self._unwrapped(cells)
                        if len(first) > MAX_CELL:
                            self._check_cells(line, cells)
                        if first[0].isalnum() or len(raw) > 1 or first.strip(blank) not in no_record:
                            if header:
                                header = False
                            else:
                                yield line, cells
                        line += len(raw)
                        raw.clear()
        except UnicodeError:
            wrong = undecodable(self._path, self._encoding)
            line = line if wrong is None else wrong[0]
            msg = f"{self._path}, line {line}: the file is not {self._encoding} throughout. Say encoding=."
            raise InvalidSource(msg, line=line) from None
        except csv.Error as error:
            msg = f"{self._path}, line {line}: {error}; most likely a quote is not closed, or a line has no end."
            raise InvalidSource(msg, line=line) from error
        except OSError as error:
            msg = f"{self._path}, near line {line}: reading failed: {error.strerror or type(error).__name__}."
            raise InvalidSource(msg, line=line) from error

    def _stretches(self, file: io.TextIOBase) -> Iterator[str]:
        """Yield many lines at a time, of bounded length, so that a file without any is not read into memory whole.

        The first lines, which may say the separator and the names, are stretches of their own.
        """
        left = ""
        alone = self._skip + 1
        while block := file.read(_BLOCK):
            if "\0" in block:
                msg = "it holds a NUL character"
                raise csv.Error(msg)
            text = left + block
            if '" ' in text:
                self._may_have_blanks = True
            end = text.rfind("\n") + 1
            left = text[end:]
            if len(left) > _MAX_LINE:
                break
            start = 0
            while start < end:
                stop = text.index("\n", start) + 1 if alone else end
                alone = max(alone - 1, 0)
                yield text[start:stop]
                start = stop
        if len(left) > _MAX_LINE:
            # Its rest would be read as a row of its own, whose number might be anything.
            msg = f"a line is longer than {_MAX_LINE} characters"
            raise csv.Error(msg)
        if left:
            yield left

    def _table(self, piece: str, line: int) -> Table | None:
        """Return a piece as a table, if nothing in it is unusual."""
        if self._phone is None:
            return None
        return table_of(piece, line, separator=self._separator, width=self._width, phone=self._phone, blank=self._blank)

    def _until_whole(self, piece: str, pieces: _Pieces, raw: list[str]) -> Iterator[Iterable[str]]:
        """Yield a piece's lines, then those of more pieces while a record goes on."""
        yield io.StringIO(piece, newline="\n")
        while raw and (more := next(pieces, "")):
            yield io.StringIO(more, newline="\n")

    def _noted(self, lines: Iterator[str], raw: list[str]) -> Iterator[str]:
        """Yield lines, and keep those of the record that is being read."""
        for line in lines:
            if line[0] == "\ufeff" and not (line := line.lstrip("\ufeff")):  # of a file that was appended to this one
                continue
            if len(line) > _MAX_LINE:
                msg = f"a line is longer than {_MAX_LINE} characters"
                raise csv.Error(msg)
            if self._may_have_blanks and '" ' in line and not raw:
                line = self._without_blanks(line)
            raw.append(line)
            if len(raw) > _MOST_LINES_OF_CELL:
                msg = f"a cell has more than {_MOST_LINES_OF_CELL} lines"
                raise csv.Error(msg)
            yield line

    def _without_blanks(self, line: str) -> str:
        """Return a line without the blanks around its quoted cells, if no quote is stray."""
        return self._around_quotes.sub(r"\1", line) if self._well_quoted(line) else line

    def _check_cells(self, line: int, cells: list[str]) -> None:
        """Refuse cells of a length that no name has."""
        if max(map(len, cells), default=0) > MAX_CELL:
            msg = (
                f"{self._path}, line {line}: a cell is longer than {MAX_CELL} characters; most likely a quote is not "
                "closed."
            )
            raise InvalidSource(msg, line=line)

    def _judge(self, line: int, raw: list[str], cells: list[str]) -> None:
        """Refuse a record of several lines that a stray quote may have put together."""
        self._check_cells(line, cells)
        if any(self._blank_then_quote.search(each) for each in raw):
            self._refuse_quote(line, "a quote that comes after a blank opens a cell of several lines")
        # A record that is whole as it stands may hold separators in a cell, such as an address's.
        whole = len(cells) == self._width and self._has_number(cells)
        for position, cell in enumerate(cells):
            first, *others = cell.split("\n")
            if others and (
                (self._separator in first and self._is_record(first, position, whole))
                or any(self._is_record(other, 0, whole) for other in others)
            ):
                self._refuse_quote(line, "a quoted cell goes on over lines that look like other people's rows")

    def _requoted(self, raw: str, cells: list[str]) -> list[str]:
        """Return the cells of a line in which blanks may stand before a quote that opens a cell."""
        if not self._blank_then_quote.search(raw):
            return cells
        text = self._blank_then_quote.sub(r'\1"', raw)
        [again] = csv.reader([text], delimiter=self._separator, strict=True)
        # Where the blank was inside a quoted cell both readings have as many cells, and the first one is right.
        opened = any(cell.lstrip(self._blanks).startswith('"') for cell in cells)
        return cells if len(again) == len(cells) and not opened else again

    def _unwrapped(self, cells: list[str]) -> list[str]:
        """Return cells without the formula ``="0042"`` that keeps one a text; the number's stays."""
        return [
            cell[2:-1] if len(cell) > 2 and cell[:2] == '="' and cell[-1] == '"' and position != self._phone else cell
            for position, cell in enumerate(cells)
        ]

    def _is_record(self, text: str, position: int, whole: bool) -> bool:
        """Tell whether a line inside a quoted cell looks like a row of its own, or like the rest of one."""
        parts = text.split(self._separator)
        cells = ["-"] * position + parts
        if self._has_number(cells):
            return True
        prose = self._separator == ","  # which an address and a note have too
        if not prose and len(parts) > 1 and self._has_digits(cells):
            return True
        if self._width < 2 or len(parts) < 2 or len(cells) < self._width:
            return False
        # Somebody without a number, or with one that cannot be read, is a person too.
        if not whole or not prose or self._phone is None or not cells[self._phone].strip():
            return True
        return self._has_digits(cells) or not any(part[:1].isspace() for part in parts[1:])

    def _has_number(self, cells: list[str]) -> bool:
        """Tell whether cells have a number where a row has it."""
        return self._phone is not None and self._phone < len(cells) and looks_like_number(cells[self._phone])

    def _has_digits(self, cells: list[str]) -> bool:
        """Tell whether cells have what may be meant for a number where a row has it."""
        if self._phone is None or self._phone >= len(cells):
            return False
        return sum(map(str.isdigit, cells[self._phone][:200])) >= _DIGITS_OF_A_NUMBER

    def _refuse_quote(self, line: int, what: str) -> None:
        raise unclosed_quote(self._path, line, what)
