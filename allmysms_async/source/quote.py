"""Quotes in a CSV file that other programs wrote: which open a cell, and which may have swallowed people's rows."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from allmysms_async.errors import InvalidSource

__all__ = ["Quotes", "unclosed_quote"]

_BLANKS = " \t\xa0\u202f"
_DIGITS_OF_A_NUMBER = 6

_eight_digits = re.compile(r"(?:tel:)?[\W_]*(?:\d[\W_]*){8,}", re.IGNORECASE).fullmatch


def unclosed_quote(path: Path, line: int, what: str) -> InvalidSource:
    """Return the error of a quote that may have put several people's rows together."""
    msg = (
        f"{path}, line {line}: {what}. Most likely the quote that opens in this line is not closed: correct "
        "it, or put the cell in one line."
    )
    return InvalidSource(msg, line=line)


class Quotes:
    """Reads the quotes of one file's records.

    Args:
        path: The file.
        separator: Between two cells.
        width: How many cells a record has, if that is known; 0 otherwise.
        phone: Position of the number's column, if that is known: a quote may have swallowed people's rows.
    """

    def __init__(self, path: Path, separator: str, *, width: int, phone: int | None) -> None:
        self._path = path
        self._separator = separator
        self._width = width
        self._phone = phone
        # A tab that separates is no blank: an empty cell before a quoted one would be lost.
        self._blanks = _BLANKS.replace(separator, "")
        quoted, apart = '"(?:[^"]|"")*"', re.escape(separator)
        cell = f'(?:[{self._blanks}]*{quoted}[{self._blanks}]*|[^"{apart}\r\n]*)'
        self._well_quoted = re.compile(f"{cell}(?:{apart}{cell})*[\r\n]*").fullmatch
        # From the left, so that a quoted cell is passed over whole: blanks inside of it are its own.
        self._around_quotes = re.compile(f"[{self._blanks}]*({quoted})[{self._blanks}]*")
        self._blank_then_quote = re.compile(rf'(^|{apart})[{self._blanks}]+"')

    def without_blanks(self, line: str) -> str:
        """Return a line without the blanks around its quoted cells, if no quote is stray."""
        return self._around_quotes.sub(r"\1", line) if self._well_quoted(line) else line

    def requoted(self, raw: str, cells: list[str]) -> list[str]:
        """Return the cells of a line in which blanks may stand before a quote that opens a cell."""
        if not self._blank_then_quote.search(raw):
            return cells
        text = self._blank_then_quote.sub(r'\1"', raw)
        [again] = csv.reader([text], delimiter=self._separator, strict=True)
        # Where the blank was inside a quoted cell both readings have as many cells, and the first one is right.
        opened = any(cell.lstrip(self._blanks).startswith('"') for cell in cells)
        return cells if len(again) == len(cells) and not opened else again

    def unwrapped(self, cells: list[str]) -> list[str]:
        """Return cells without the formula ``="0042"`` that keeps one a text; the number's stays."""
        return [
            cell[2:-1] if len(cell) > 2 and cell[:2] == '="' and cell[-1] == '"' and position != self._phone else cell
            for position, cell in enumerate(cells)
        ]

    def judge(self, line: int, raw: list[str], cells: list[str]) -> None:
        """Refuse a record of several lines that a stray quote may have put together.

        Args:
            line: The line that it starts on.
            raw: Its lines.
            cells: Its cells.

        Raises:
            InvalidSource: Naming the line.
        """
        if any(self._blank_then_quote.search(each) for each in raw):
            what = "a quote that comes after a blank opens a cell of several lines"
            raise unclosed_quote(self._path, line, what)
        # A record that is whole as it stands may hold separators in a cell, such as an address's.
        whole = len(cells) == self._width and self._has_number(cells)
        for position, cell in enumerate(cells):
            first, *others = cell.split("\n")
            if others and (
                (self._separator in first and self._is_record(first, position, whole))
                or any(self._is_record(other, 0, whole) for other in others)
            ):
                what = "a quoted cell goes on over lines that look like other people's rows"
                raise unclosed_quote(self._path, line, what)

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
        return self._phone is not None and self._phone < len(cells) and _looks_like_number(cells[self._phone])

    def _has_digits(self, cells: list[str]) -> bool:
        """Tell whether cells have what may be meant for a number where a row has it."""
        if self._phone is None or self._phone >= len(cells):
            return False
        return sum(map(str.isdigit, cells[self._phone][:200])) >= _DIGITS_OF_A_NUMBER


def _looks_like_number(cell: str) -> bool:
    """Tell whether a cell has eight digits or more and nothing else but what separates them: a land line's too."""
    return _eight_digits(cell[:200]) is not None
