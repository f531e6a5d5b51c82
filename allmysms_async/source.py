"""Reading recipients from a CSV file as spreadsheets write them in France.

Separator, encoding and columns are told from the file's head; rows are read lazily, each with its line number.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from allmysms_async import argument
from allmysms_async.border import border, bordered, retell
from allmysms_async.errors import InvalidSource
from allmysms_async.model import Recipient

__all__ = ["CsvSource", "read_csv"]

_SEPARATORS = ";,\t"
_HEAD_BYTES = 1 << 20
_HEAD_RECORDS = 100
# A longer cell is no name and no number; it is most likely a quote that was never closed.
_MAX_CELL = 10_000
_MAX_LINE = 100_000
_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
# Known to Python, and made for names of hosts and for its own sources.
_NO_ENCODINGS = frozenset(("punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape"))


@bordered
class CsvSource:
    """The recipients of a CSV file; can be iterated over again and again, from the start each time.

    Attributes:
        path: The file.
        encoding: What it is read as, by Python's name.
        separator: ``;``, ``,`` or a tab.
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
    ) -> None:
        self.path = argument.path("The file", path)
        _check_columns(phone, params)
        argument.given("header", header, (bool, type(None)), "true or false")
        if separator is not None and (
            len(argument.text("separator", separator)) != 1 or separator not in _SEPARATORS + "|"
        ):
            msg = f"The separator {separator!r} is none of semicolon, comma, tab or |."
            raise InvalidSource(msg)
        try:
            with self.path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
        except OSError as error:
            msg = f"{self.path} cannot be read: {error.strerror or type(error).__name__}."
            raise InvalidSource(msg, line=None) from error
        self.encoding = _known_encoding(encoding) if encoding else _encoding(self.path, head)
        if head and self.encoding in _MARKS and not head.startswith(_MARKS[self.encoding]):
            msg = f"{self.path} does not begin with the mark that tells which {self.encoding} it is."
            raise InvalidSource(f"{msg} Say encoding='{self.encoding}-le', or '{self.encoding}-be'.", line=1)
        self.separator = separator or _separator(head.decode(self.encoding, errors="replace"))
        self._header = header if header is not None else any(isinstance(name, str) for name in (phone, *params))
        self._phone, *self._params = self._positions([phone, *params])
        self._check_width()

    def __repr__(self) -> str:
        """Show the file and how it is read."""
        return f"<CsvSource {self.path} {self.encoding} separator={self.separator!r}>"

    def _positions(self, columns: list[str | int]) -> list[int]:
        """Return the position of each column, given by name or by position from 1."""
        names: list[str] = []
        if self._header:
            first = next(self._records(), None)
            if first is None:
                msg = f"{self.path} is empty: it has no line with the names of its columns."
                raise InvalidSource(msg, line=1)
            names = [_folded(name) for name in first[1]]
        positions: list[int] = []
        for column in columns:
            if isinstance(column, int):
                if column < 1:
                    msg = f"Column {column}: columns are counted from 1."
                    raise InvalidSource(msg)
                positions.append(column - 1)
                continue
            found = [position for position, name in enumerate(names) if name == _folded(column)]
            if len(found) != 1:
                what = "is there twice" if found else "is not there"
                shown = ", ".join(name[:40] for name in names[:20]) or "none"
                msg = f"{self.path}, line 1: the column {column!r} {what}. Columns: {shown}."
                raise InvalidSource(msg, line=1)
            positions.append(found[0])
        return positions

    def _check_width(self) -> None:
        """Refuse a column that no record of the file's beginning reaches: every row would lack it."""
        beginning = itertools.islice(self._records(), _HEAD_RECORDS)
        widest = max((len(record) for _, record in beginning), default=None)
        last = max([self._phone, *self._params]) + 1
        if widest is not None and widest < last:
            name = {";": "semicolons", ",": "commas", "\t": "tabs"}.get(self.separator, self.separator)
            msg = f"{self.path}, line 1: there is no column {last}, only {widest}, separated by {name}."
            raise InvalidSource(msg, line=1)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the records that are not blank, each with the line it starts on."""
        line = 1
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                # Strict, since a quote that is never closed would otherwise swallow the rows that follow it unnoticed.
                reader = csv.reader(_bounded(file), delimiter=self.separator, strict=True)
                for record in reader:
                    if record and (len(record) > 1 or record[0].strip()):
                        if max(map(len, record)) > _MAX_CELL:
                            msg = (
                                f"{self.path}, line {line}: a cell is longer than {_MAX_CELL} characters; "
                                "most likely a quote is not closed."
                            )
                            raise InvalidSource(msg, line=line)
                        yield line, record
                    line = reader.line_num + 1
        except UnicodeError:
            msg = f"{self.path}, near line {line}: the file is not {self.encoding} throughout. Say encoding=."
            raise InvalidSource(msg, line=line) from None
        except csv.Error as error:
            msg = f"{self.path}, line {line}: {error}; most likely a quote is not closed, or a line has no end."
            raise InvalidSource(msg, line=line) from error
        except OSError as error:
            msg = f"{self.path}, near line {line}: reading failed: {error.strerror or type(error).__name__}."
            raise InvalidSource(msg, line=line) from error

    def __iter__(self) -> Iterator[Recipient]:
        """Yield a recipient for each row; a missing cell is an empty one."""
        outer = sys.exception()
        try:
            yield from self._recipients()
        except BaseException as error:
            retell(error, outer)
            raise

    def _recipients(self) -> Iterator[Recipient]:
        """Yield the recipients."""
        records = self._records()
        if self._header:
            next(records, None)
        for line, record in records:
            width = len(record)
            phone = record[self._phone] if self._phone < width else ""
            # A parameter that the row does not have at all is missing; one that is there and empty is empty.
            params: list[str] = []
            for position in self._params:
                if position >= width:
                    break
                params.append(record[position])
            yield Recipient(phone, tuple(params), line)


@border
def read_csv(
    path: str | os.PathLike[str],
    *,
    phone: str | int = 1,
    params: Sequence[str | int] = (),
    encoding: str | None = None,
    separator: str | None = None,
    header: bool | None = None,
) -> CsvSource:
    """Read recipients from a CSV file, lazily.

    Telling UTF-8 from Windows-1252 reads the whole file once, some 10 ms for 10 MB: in an event loop that serves others
    give ``encoding``, or call it in a thread.

    Args:
        path: The file.
        phone: Column of the numbers: a name of the first line (upper or lower case), or a position from 1.
        params: Columns of ``#param_1#``, ``#param_2#``…, likewise.
        encoding: ``utf-8`` or ``cp1252`` (Windows-1252); told from the file by default.
        separator: Semicolon, comma or tab; told from the first line by default.
        header: Whether the first line holds names; by default if any column is given by name.

    Returns:
        The recipients, each with the line it starts on. A row with a bad number is one too: the campaign rejects it
        with its reason.

    Raises:
        InvalidSource: The file cannot be read, or a column is not there; while iterating also a cell without end or an
            encoding that changes, naming the line.
    """
    return CsvSource(path, phone=phone, params=params, encoding=encoding, separator=separator, header=header)


def _known_encoding(encoding: str) -> str:
    """Return the codec's name of an encoding that the caller names."""
    argument.text("encoding", encoding)
    try:
        name = codecs.lookup(encoding).name
        b"a;0".decode(name)
    except UnicodeError:  # known, and of texts: of other lengths, or with a mark of its own in front
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        name = ""
    if not name or name.replace("_", "-") in _NO_ENCODINGS:
        msg = f"The encoding {encoding[:40]!r} is not known, or not one of files: say utf-8 or cp1252, or leave it out."
        raise InvalidSource(msg)
    return "utf-8-sig" if name == "utf-8" else name


def _check_columns(phone: object, params: object) -> None:
    """Refuse columns that are neither names nor positions."""
    if not isinstance(params, Sequence) or isinstance(params, str | bytes):
        msg = "params must be a list of columns, such as ['prenom'], not one text or anything else."
        raise InvalidSource(msg)
    for column in (phone, *cast("Sequence[object]", params)):
        if isinstance(column, bool) or not isinstance(column, str | int):
            msg = f"A column is named by a text, or by its position from 1, not by {type(column).__name__}."
            raise InvalidSource(msg)


def _encoding(path: Path, head: bytes) -> str:
    """Tell UTF-8 from Windows-1252."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        msg = f"{path} holds NUL bytes: it is not a CSV file. A spreadsheet saves one as 'CSV (semicolon)'."
        raise InvalidSource(msg)
    if _is_utf8(path):
        return "utf-8-sig"
    return "cp1252"


def _is_utf8(path: Path) -> bool:
    """Tell whether a whole file is UTF-8: one name with an accent in its last line decides, so all of it is read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(_HEAD_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator(head: str) -> str:
    """Return the separator that the first line holds most of, outside quotes; a semicolon if none."""
    line = next((line for line in head.lstrip("\ufeff").splitlines() if line.strip()), "")
    counts = dict.fromkeys(_SEPARATORS, 0)
    quoted = False
    for character in line:
        if character == '"':
            quoted = not quoted
        elif not quoted and character in counts:
            counts[character] += 1
    return max(counts, key=lambda separator: counts[separator])


def _bounded(file: io.TextIOBase) -> Iterator[str]:
    """Yield lines of bounded length, so that a file without any is not read into memory whole."""
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE and line[-1] not in "\r\n":
            # Its rest would be read as a row of its own, whose number might be anything.
            msg = f"a line is longer than {_MAX_LINE} characters"
            raise csv.Error(msg)
        yield line


def _folded(name: str) -> str:
    """Return a column's name as it is compared: without case, outer blanks and a byte order mark."""
    return name.strip().strip("\ufeff").strip().casefold()
