"""Rows as columns: numbers, values and lines of many people at once. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TypeAlias, cast

import msgspec
from pyroaring import BitMap64

from allmysms_async.model import Columns, People, Recipient
from allmysms_async.numbering import OVERSEAS_MOBILES
from allmysms_async.numbers import usual_mobiles
from allmysms_async.text import has_placeholder

__all__ = ["ROWS_AT_ONCE", "Block", "Row", "Rows", "line_of", "portion"]

ROWS_AT_ONCE = 500
"""Rows that may be looked at one by one in one go: some milliseconds, for which an event loop waits."""

Row: TypeAlias = tuple[int, Recipient | str]
"""An ordinal, counted from 1, and what a source holds there."""

_MAX_LINE = 2**63 - 1
# Of a row that is neither a number nor a recipient: no usual mobile.
_NOBODY = Recipient("")


class Rows(Columns[Row]):
    """Rows of a source that gives columns.

    Args:
        first: Ordinal of the first of them.
        people: What the source holds there and after it.
    """

    __slots__ = ("first", "people")

    def __init__(self, first: int, people: People) -> None:
        super().__init__()
        self.first = first
        self.people = people

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.people)

    def _make(self) -> tuple[Row, ...]:
        return tuple(enumerate(self.people, self.first))

    def part(self, begin: int, end: int) -> Rows:
        """Return some of them, as columns."""
        people = self.people
        values = [column[begin:end] for column in people.values]
        return Rows(self.first + begin, People(people.phones[begin:end], people.lines[begin:end], values))


def portion(rows: Sequence[Row], begin: int, end: int) -> Sequence[Row]:
    """Return some of the rows; columns stay columns."""
    return rows.part(begin, end) if isinstance(rows, Rows) else rows[begin:end]


class Block:
    """Rows of a source.

    Args:
        rows: Ordinals, and what the source holds there; whatever it is, reading it as columns raises nothing.

    Attributes:
        rows: The ordinals.
        phones: Canonical numbers of usual mobiles, empty texts where the number is any other.
        numbers: The same as numbers, without those that are empty.
        known: The same as a set.
    """

    __slots__ = ("_lines", "_people", "_raw", "_values", "known", "numbers", "phones", "rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows: Sequence[int]
        self._raw: Sequence[str]
        # Of people, or else of columns, which nobody but this library makes: their types need no look.
        self._people: list[Recipient] | None = None
        self._values: Sequence[Sequence[str]] = ()
        self._lines: Sequence[int | None] = ()
        if isinstance(rows, Rows):
            people = rows.people
            self.rows = range(rows.first, rows.first + len(rows))
            self._raw, self._values, self._lines = people.phones, people.values, people.lines
        else:
            self.rows = [row for row, _ in rows]
            items = [item for _, item in rows]
            if set(map(type, items)) == {Recipient}:
                self._people = cast("list[Recipient]", items)
            else:
                self._people = [_person(item) for item in items]
            raw = [person.phone for person in self._people]
            self._raw = raw if set(map(type, raw)) == {str} else [_text(phone) for phone in raw]
        self.phones, self.numbers, self.known = _canonical(self._raw)

    def person(self, at: int) -> Recipient:
        """Return whom a row holds, nobody where that is neither a number nor exactly a recipient."""
        if self._people is not None:
            return self._people[at]
        return Recipient(self._raw[at], tuple([column[at] for column in self._values]), self._lines[at])

    def values(self, count: int) -> Sequence[Sequence[str]] | None:
        """Return everybody's values, if each is a text and there are so many, none of which looks like a placeholder.

        Args:
            count: How many the message takes, one at least.

        Returns:
            A column for each.
        """
        columns = self._values if self._people is None else _columns(self._people)
        if len(columns) < count:
            return None
        columns = columns[:count]
        return None if any(has_placeholder("\n".join(column)) for column in columns) else columns

    def reword(self, values: Sequence[Sequence[str]]) -> None:
        """Put other values in place of everybody's, a column for each."""
        self._lines, self._people, self._values = self.lines(), None, values

    def part(self, begin: int, end: int) -> Block:
        """Return some of the rows, all of them usual mobiles."""
        if begin == 0 and end == len(self.rows):
            return self
        part = object.__new__(Block)
        part.rows, part.phones, part._raw = self.rows[begin:end], self.phones[begin:end], self._raw[begin:end]
        part._people = None if self._people is None else self._people[begin:end]
        part._values = [column[begin:end] for column in self._values]
        part._lines = self._lines[begin:end]
        part.numbers = list(map(int, part.phones))
        part.known = BitMap64(part.numbers)
        return part

    def is_new(self, seen: BitMap64) -> bool:
        """Tell whether all rows are usual mobiles, each of somebody else, and none of whom was met before."""
        return len(self.known) == len(self.rows) and self.known.isdisjoint(seen)

    def columns(self, count: int) -> list[Sequence[str]]:
        """Return so many values of everybody, who have them, a column for each."""
        if self._people is None:
            return list(self._values[:count])
        params = [person.params[:count] for person in self._people] if count else []
        return list(zip(*params, strict=True)) if count else []

    def lines(self) -> Sequence[int | None]:
        """Return everybody's line, or None where it cannot be one."""
        if self._people is None:
            return self._lines
        lines = [person.line for person in self._people]
        if set(map(type, lines)) == {int}:
            known = cast("list[int]", lines)
            if min(known) >= 0 and max(known) <= _MAX_LINE:
                return lines
        return [line_of(person) for person in self._people]


def _person(item: object) -> Recipient:
    return item if type(item) is Recipient else Recipient(item) if type(item) is str else _NOBODY


def _text(phone: object) -> str:
    return phone if type(phone) is str else ""


def _columns(people: Iterable[Recipient]) -> list[Sequence[str]]:
    """Return people's values as columns, none where they are not all texts; as many as whoever has fewest."""
    params = [person.params for person in people]
    if set(map(type, params)) != {tuple} or set(map(type, itertools.chain.from_iterable(params))) != {str}:
        return []
    return list(zip(*params, strict=False))


def line_of(recipient: Recipient) -> int | None:
    """Return a recipient's line, or None if it cannot be one: callers are not all typed."""
    line: object = recipient.line
    return line if isinstance(line, int) and 0 <= line <= _MAX_LINE else None


# -- numbers ----------------------------------------------------------------------------------------------------------

_FIRST, _LAST = 33_600_000_000, 33_799_999_999
# Those between them that are mobiles of an overseas range, and have another code.
_OVERSEAS = BitMap64()
for _first, _last, _ in OVERSEAS_MOBILES:
    _zeros = 10 ** (9 - len(_first))
    _OVERSEAS.add_range(int("33" + _first) * _zeros, (int("33" + _last) + 1) * _zeros)
_decoder = msgspec.json.Decoder(list[int])


def _canonical(raw: Sequence[str]) -> tuple[list[str], list[int], BitMap64]:
    """Return the canonical forms of usual mobiles, empty texts for others, and the numbers as numbers and as a set."""
    usual = _all_national(raw)
    if usual is not None:
        return usual
    phones = [digits and "33" + digits for digits in usual_mobiles(raw)]
    numbers = [int(phone) for phone in phones if phone]
    return phones, numbers, BitMap64(numbers)


def _all_national(raw: Sequence[str]) -> tuple[list[str], list[int], BitMap64] | None:
    """Do as ``_canonical`` does where each is a metropolitan mobile with its 0 and nothing else, else return None.

    All are read in one go, as a list of numbers: eleven digits and a comma each, once the 0 is 33.
    """
    text = ("\n" + "\n".join(raw)).replace("\n0", ",33")
    # A figure of JSON may be written with these, too.
    if len(text) != 12 * len(raw) or not text.isascii() or any(sign in text for sign in ".eE"):
        return None
    try:
        numbers = _decoder.decode(f"[{text[1:]}]")
    except msgspec.DecodeError:
        return None
    if len(numbers) != len(raw) or not raw or min(numbers) < _FIRST or max(numbers) > _LAST:
        return None
    known = BitMap64(numbers)
    return (text[1:].split(","), numbers, known) if known.isdisjoint(_OVERSEAS) else None
