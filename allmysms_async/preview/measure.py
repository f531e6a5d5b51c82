"""How long the texts of many rows are, by columns. Pure."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from allmysms_async.text import Coding, Template, gsm_units, plain_gsm, ucs2_units
from allmysms_async.text.length import PART_UNITS, SINGLE_UNITS

__all__ = ["Measure"]

_ANY = 10**9


class Measure:
    """Measures what a template becomes for many rows; each figure is the one that ``Template.size`` gives.

    Args:
        template: With one parameter at least.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        empty = [""] * template.count
        unicode = template.size(empty, Coding.UNICODE).units
        constant = template.render(empty) + template.appended
        self._appended = {Coding.UNICODE: ucs2_units(template.appended), Coding.GSM7: gsm_units(template.appended) or 0}
        self._constant = {Coding.UNICODE: unicode, Coding.GSM7: gsm_units(constant) or 0}
        self._is_simple = _is_simple(constant)
        # How often each value stands in the text.
        ones = [[*empty[:slot], "x", *empty[slot + 1 :]] for slot in range(template.count)]
        self._uses = [template.size(one, Coding.UNICODE).units - unicode for one in ones]

    def whole(self, coding: Coding, text: str) -> int:
        """Return the units of a text that the template has become already, with what is appended to it."""
        own = ucs2_units(text) if coding is Coding.UNICODE else gsm_units(text) or 0
        return own + self._appended[coding]

    def units(self, coding: Coding, columns: Sequence[Sequence[str]]) -> list[int]:
        """Return the units of each row's text.

        Args:
            coding: One that can hold all of them.
            columns: The values, a column for each parameter.
        """
        return self._sum(coding, [_lengths(coding, column) for column in columns])

    def _sum(self, coding: Coding, lengths: Sequence[Sequence[int]]) -> list[int]:
        constant = self._constant[coding]
        total: list[int] = []
        for uses, some in zip(self._uses, lengths, strict=True):
            column = some if uses == 1 else [uses * length for length in some]
            total = list(map(operator.add, total, column)) if total else [constant + length for length in column]
        return total

    def parts(self, coding: Coding, columns: Sequence[Sequence[str]]) -> list[int]:
        """Return the parts of each row's text.

        Args:
            coding: As for ``units``.
            columns: As for ``units``.
        """
        found: list[int | None]
        if coding is Coding.GSM7:
            found = self.template.gsm_parts(columns, _ANY)
        elif self._is_simple and all(map(_is_simple, map("".join, columns))):
            # No character counts 2: parts break where they are full.
            single, each = SINGLE_UNITS[coding], PART_UNITS[coding]
            total = self._sum(coding, [list(map(len, column)) for column in columns])
            return [1 if units <= single else -(-units // each) for units in total]
        else:
            found = [None] * len(columns[0])
        return [self._exact(coding, columns, at) if parts is None else parts for at, parts in enumerate(found)]

    def _exact(self, coding: Coding, columns: Sequence[Sequence[str]], at: int) -> int:
        return self.template.size([column[at] for column in columns], coding).parts


def _is_simple(text: str) -> bool:
    """Tell whether each character of a text counts 1 in Unicode."""
    if "\n" in text:
        return False
    return text.isascii() or len(text.encode("utf-16-le", "surrogatepass")) == 2 * len(text)


def _lengths(coding: Coding, column: Sequence[str]) -> list[int]:
    """Return the units of each value."""
    whole = "".join(column)
    if coding is Coding.GSM7:
        return list(map(len, column)) if plain_gsm(whole) else [gsm_units(value) or 0 for value in column]
    return list(map(len, column)) if _is_simple(whole) else list(map(ucs2_units, column))
