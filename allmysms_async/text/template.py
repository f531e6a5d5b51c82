"""Texts with ``#param_N#`` placeholders: read once, filled in and measured for each recipient.

Source: HTTPS API v9, §7.2 (DYNAMIC, PARAM_X).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from allmysms_async.errors import InvalidText
from allmysms_async.text.alphabet import Coding, check_text, gsm_units, plain_gsm, ucs2_units
from allmysms_async.text.length import PART_UNITS, SINGLE_UNITS, TextSize, cut, measure, parts_of_units, size_of, stream

__all__ = ["Template", "has_placeholder", "placeholders"]

_placeholder = re.compile(r"#param_([0-9]+)#")


def placeholders(text: str) -> int:
    """Count the parameters of a template: the highest N of its ``#param_N#``.

    They count from 1 without a gap, and may be used more than once. Source: HTTPS API v9, §7.2 (DYNAMIC).

    Raises:
        InvalidText: With reason ``placeholders``, saying which is missing or badly written, and where.
    """
    found: dict[str, int] = {}
    for match in _placeholder.finditer(text):
        found.setdefault(match[1], match.start())
    for written, at in sorted(found.items()):
        if written.startswith("0"):
            shown = f"#param_{written[:6]}# is no placeholder (at position {at})"
            raise InvalidText(f"{shown}: they count #param_1#, #param_2#, … without leading 0.", reason="placeholders")
    for number in range(1, len(found) + 1):
        if str(number) not in found:
            missing = (len(str(number)), str(number))
            _, beyond, at = min((len(n), n, at) for n, at in found.items() if (len(n), n) > missing)
            shown = f"#param_{beyond[:6]}# is at position {at}"
            message = f"#param_{number}# is missing: placeholders have no gap ({shown})."
            raise InvalidText(message, reason="placeholders")
    return len(found)


def has_placeholder(value: str) -> bool:
    """Tell whether a parameter's value holds the start of a placeholder, which a gateway could expand once more."""
    return "#param_" in value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with ``#param_N#`` placeholders, read once and used for each recipient.

    Source: HTTPS API v9, §7.2 (DYNAMIC, PARAM_X).

    Raises:
        InvalidText: With reason ``placeholders`` or ``malformed``.
    """

    text: str = field(repr=False)
    """The text as written."""
    appended: str = field(default="", repr=False)
    """What a provider adds to each text: measured with it, and never rendered."""
    count: int = field(init=False)
    """How many parameters it takes, from 0."""
    _literals: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _slots: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _gsm_units: int | None = field(init=False, repr=False, compare=False)
    _ucs2_units: int = field(init=False, repr=False, compare=False)
    _has_pairs: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Split the text into what stays and what is filled in."""
        check_text(self.text)
        pieces = _placeholder.split(self.text)
        constant = "".join(pieces[::2]) + self.appended
        derived = {
            "count": placeholders(self.text),
            "_literals": tuple(pieces[::2]),
            "_slots": tuple(int(number) - 1 for number in pieces[1::2]),
            "_gsm_units": gsm_units(constant),
            "_ucs2_units": ucs2_units(constant),
            "_has_pairs": plain_gsm(constant) is None,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def render(self, params: Sequence[str]) -> str:
        """Fill in the parameters in one pass: a value that holds ``#param_2#`` stays as it is.

        Args:
            params: One value for each parameter, the first for ``#param_1#``; those beyond ``count`` are ignored.

        Raises:
            InvalidText: With reason ``missing_param``.
        """
        if len(params) < self.count:
            raise _missing(self.count, len(params))
        literals = iter(self._literals)
        pieces = [next(literals)]
        for slot, literal in zip(self._slots, literals, strict=True):
            pieces.append(params[slot])
            pieces.append(literal)
        return "".join(pieces)

    def size(self, params: Sequence[str], coding: Coding | None = None) -> TextSize:
        """Measure what ``render(params)`` would give, and what is appended, mostly without building it.

        Args:
            params: As for ``render``.
            coding: As for ``measure``.

        Raises:
            InvalidText: With reason ``missing_param``, or as ``measure`` does.
        """
        if len(params) < self.count:
            raise _missing(self.count, len(params))

        def whole() -> str:
            return self.render(params) + self.appended

        total = self._gsm_units
        if total is not None and coding is not Coding.UNICODE:
            for slot in self._slots:
                septets = gsm_units(params[slot])
                if septets is None:
                    break
                total += septets
            else:
                return size_of(Coding.GSM7, total, whole)
        if coding is Coding.GSM7:
            return measure(whole(), coding)  # raises, naming the characters of the whole text
        total = self._ucs2_units
        for slot in self._slots:
            value = params[slot]
            check_text(value)
            total += ucs2_units(value)
        return size_of(Coding.UNICODE, total, whole)

    def gsm_parts(self, values: Sequence[Sequence[str]], most: int, max_parts: int | None = None) -> list[int | None]:
        """Count the parts that ``render`` would give of many rows, of those that hold nothing to be careful with.

        Args:
            values: A column of texts for each parameter, ``count`` of them and one at least.
            most: Units that a text may have.
            max_parts: Parts that a text may take; None is any number.

        Returns:
            For each row the parts that ``size`` returns, or None if its values hold more than GSM-7's characters of one
            septet, or the text is longer.
        """
        rows, total = len(values[0]), self._gsm_units
        if total is None:
            return [None] * rows
        lengths = [list(map(len, column)) for column in values]
        first, *others = [lengths[slot] for slot in self._slots]
        for other in others:
            first = list(map(operator.add, first, other))
        longest = total + max(first, default=0)
        fits: list[int | None]
        if longest <= min(most, SINGLE_UNITS[Coding.GSM7]):
            fits = [1] * rows
        else:
            made = {more: self._plain_parts(total + more) if total + more <= most else None for more in set(first)}
            fits = [made[more] for more in first]
            if 0 in made.values():
                self._look_closer(fits, lengths)
            if max_parts is not None and longest > max_parts * (PART_UNITS[Coding.GSM7] - 1):
                fits = [None if parts is None or parts > max_parts else parts for parts in fits]
        if all(plain_gsm("".join(column)) for column in values):
            return fits
        plain = [plain_gsm("".join(row)) for row in zip(*values, strict=True)]
        return [parts if each else None for parts, each in zip(fits, plain, strict=True)]

    def _plain_parts(self, total: int) -> int:
        """Return the parts of a text in GSM-7 whose values hold no pair, 0 if they depend on where its own lie."""
        parts = parts_of_units(Coding.GSM7, total)
        if parts is None:
            return 0 if self._has_pairs else -(-total // PART_UNITS[Coding.GSM7])
        return parts

    def _look_closer(self, parts: list[int | None], lengths: Sequence[Sequence[int]]) -> None:
        """Count the parts that are 0, of values without pairs, by how long each value is: that says where pairs lie."""
        found: dict[tuple[int, ...], int] = {}
        for at, count in enumerate(parts):
            if count == 0:
                row = tuple([column[at] for column in lengths])
                if row not in found:
                    text = self.render(["x" * length for length in row]) + self.appended
                    found[row] = len(cut(stream(text, Coding.GSM7), Coding.GSM7))
                parts[at] = found[row]


def _missing(count: int, given: int) -> InvalidText:
    return InvalidText(f"#param_{given + 1}# has no value: {count} are needed, {given} given.", reason="missing_param")
