"""Parsing the records of a CSV file: one reader, strict, that believes no quote which swallows other people's rows.

The parser is Python's csv, strictly. clevercsv, measured beside it, told the separators right and took 0.09 seconds for
60 KB, which is minutes for a long list, and believes the quotes that are refused here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from allmysms_async.errors import InvalidSource
from allmysms_async.source.encoding import undecodable
from allmysms_async.source.quote import Quotes
from allmysms_async.source.table import MAX_PIECE, Table, table_of

__all__ = ["MAX_CELL", "Record", "Records"]

MAX_CELL = 10_000
"""A longer cell is no name and no number; it is most likely a quote that was never closed."""

_MAX_LINE = 100_000
_BLOCK = 1 << 15
_MOST_LINES_OF_CELL = 200
_NO_RECORD = ("", "\\.")
"""What is left of a line without blanks and DOS's end of a file where it is no record: COPY ends its rows so."""

Record = tuple[int, list[str]]
"""The line that a record starts on, counted from 1, and its cells."""


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
        self._quotes = Quotes(path, separator, width=width, phone=phone)
        self._blank = separator + '" \t\r\n\f\x1a\xa0\u202f\ufeff'  # a line of nothing else is no record

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
                            self._check_cells(line, cells)
                            self._quotes.judge(line, raw, cells)
                        elif '"' in first:
                            if ' "' in first or '\xa0"' in first or '\t"' in first or '\u202f"' in first:
                                cells = self._quotes.requoted(first, cells)
                            if '="' in first:
                                cells = self._quotes.unwrapped(cells)
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
                line = self._quotes.without_blanks(line)
            raw.append(line)
            if len(raw) > _MOST_LINES_OF_CELL:
                msg = f"a cell has more than {_MOST_LINES_OF_CELL} lines"
                raise csv.Error(msg)
            yield line

    def _check_cells(self, line: int, cells: list[str]) -> None:
        """Refuse cells of a length that no name has."""
        if max(map(len, cells), default=0) > MAX_CELL:
            msg = (
                f"{self._path}, line {line}: a cell is longer than {MAX_CELL} characters; most likely a quote is not "
                "closed."
            )
            raise InvalidSource(msg, line=line)
