"""Rows in which nothing is unusual, read many at a time: Python takes no step for each of them.

Most lists are nothing else. What makes a row unusual is for the reader of records, which reads every other line.
"""

from __future__ import annotations

from itertools import repeat

__all__ = ["MAX_PIECE", "Table", "table_of"]

MAX_PIECE = 5_000
"""Of the lines of a table none has as many characters, and so no cell. Where something is unusual, about so many are
looked at together, some hundred rows: the others are a table all the same."""

# A quoted cell; a value that there is not (\N), or the end of the rows (\.); a mark inside of a file.
_UNUSUAL = ('"', "\\", "\ufeff")


class Table:
    """Rows of one width, in columns.

    Args:
        line: Of the file, where the first row is; each of the others is in the next.
        cells: Those of all rows, and one more after each row.
        stride: How many there are for each row.

    Attributes:
        lines: The line of each row.
    """

    def __init__(self, line: int, cells: list[str], stride: int) -> None:
        self.lines = range(line, line + len(cells) // stride)
        self._cells = cells
        self._stride = stride

    def column(self, position: int) -> list[str]:
        """Return each row's cell at a position, counted from 0."""
        return self._cells[position :: self._stride]


def table_of(text: str, line: int, *, separator: str, width: int, phone: int, blank: str) -> Table | None:
    """Return lines as a table if each of them is a row of so many cells, and nothing about them is unusual.

    Args:
        text: Lines that end by a newline.
        line: Of the file, where they begin.
        separator: Between two cells.
        width: How many cells a row has.
        phone: Position of a column that is seldom blank.
        blank: Characters that make no row if a line has no others.
    """
    if text[-1] != "\n" or any(unusual in text for unusual in _UNUSUAL) or _has_long_line(text):
        return None
    # Each newline becomes a cell of its own. If they stand where every row would end, all rows are of that width.
    cells = text.replace("\n", f"{separator}\n{separator}").split(separator)
    cells.pop()  # what follows the last newline: nothing
    stride = width + 1
    if cells[width::stride] != ["\n"] * text.count("\n"):
        return None
    table = Table(line, cells, stride)
    phones = table.column(phone)
    # A line of blanks is no row; few lack the number, and of those alone all cells are looked at.
    if not all(map(str.strip, phones, repeat(blank))):
        for row, cell in enumerate(phones):
            if not cell.strip(blank) and not "".join(cells[row * stride : (row + 1) * stride]).strip(blank):
                return None
    return table


def _has_long_line(text: str) -> bool:
    """Tell whether a line may have ``MAX_PIECE`` characters: a stretch of half as many holds the end of none."""
    half = max(1, MAX_PIECE // 2)
    return not all(text.find("\n", begin, begin + half) >= 0 for begin in range(0, len(text) - half + 1, half))
