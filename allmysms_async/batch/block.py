"""Rows as columns: numbers, values and lines of many people at once. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import cast

from allmysms_async.model import Recipient
from allmysms_async.numbers import usual_mobiles
from allmysms_async.text import has_placeholder

__all__ = ["Block", "line_of"]

_MAX_LINE = 2**63 - 1
# Of a row that is neither a number nor a recipient: no usual mobile.
_NOBODY = Recipient("")


class Block:
    """Rows of a source.

    Args:
        rows: Ordinals, and what the source holds there; whatever it is, reading it as columns raises nothing.

    Attributes:
        rows: The ordinals.
        people: What the source holds there, nobody where that is neither a number nor exactly a recipient.
        phones: Canonical numbers of usual mobiles, empty texts where the number is any other.
    """

    __slots__ = ("people", "phones", "rows")

    def __init__(self, rows: Sequence[tuple[int, Recipient | str]]) -> None:
        self.rows = [row for row, _ in rows]
        items = [item for _, item in rows]
        if set(map(type, items)) == {Recipient}:
            self.people: list[Recipient] = cast("list[Recipient]", items)
        else:
            self.people = [_person(item) for item in items]
        phones = [person.phone for person in self.people]
        if set(map(type, phones)) != {str}:
            phones = [phone if type(phone) is str else "" for phone in phones]
        self.phones = [digits and "33" + digits for digits in usual_mobiles(phones)]

    def params(self, count: int) -> list[tuple[str, ...]] | None:
        """Return everybody's values, if each is a text and there are so many, none of which looks like a placeholder.

        Args:
            count: How many the message takes, one at least.
        """
        params = [person.params for person in self.people]
        if set(map(type, params)) != {tuple} or min(map(len, params)) < count:
            return None
        if set(map(type, itertools.chain.from_iterable(params))) != {str}:
            return None
        return None if has_placeholder("\n".join(itertools.chain.from_iterable(params))) else params

    def part(self, begin: int, end: int) -> Block:
        """Return some of the rows."""
        if begin == 0 and end == len(self.rows):
            return self
        part = object.__new__(Block)
        part.rows, part.people, part.phones = self.rows[begin:end], self.people[begin:end], self.phones[begin:end]
        return part

    def canonical(self, count: int) -> list[Recipient]:
        """Return everybody with the canonical number, and with so many values."""
        params: Iterable[tuple[str, ...]] = itertools.repeat(())
        if count:
            params = [person.params[:count] for person in self.people]
        return list(map(Recipient, self.phones, params, self._lines()))

    def _lines(self) -> list[int | None]:
        lines = [person.line for person in self.people]
        if set(map(type, lines)) == {int}:
            known = cast("list[int]", lines)
            if min(known) >= 0 and max(known) <= _MAX_LINE:
                return lines
        return [line_of(person) for person in self.people]


def _person(item: object) -> Recipient:
    return item if type(item) is Recipient else Recipient(item) if type(item) is str else _NOBODY


def line_of(recipient: Recipient) -> int | None:
    """Return a recipient's line, or None if it cannot be one: callers are not all typed."""
    line: object = recipient.line
    return line if isinstance(line, int) and 0 <= line <= _MAX_LINE else None
