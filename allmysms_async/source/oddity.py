"""What looks odd about a list and stops nothing: a sentence for each kind, with the first of its lines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Final

from allmysms_async.errors import InvalidNumber
from allmysms_async.model import Reason, Recipient, RefusedRow
from allmysms_async.numbers import canonical_number, digits_of, mask, usual_mobile
from allmysms_async.source.letters import has_wrong_letters

__all__ = ["Oddities", "told_before_sending"]

_LINES = 5
_SAMPLE = 20_000
_OFTEN = 5
_FRENCH = ("33", "262", "508", "590", "594", "596")
_two = re.compile(r"\s*(?:[,;/|&]|\bet\b|\bou\b|\n)\s*").split
_may_be_odd = re.compile(r"[#&?\\]|[ \t\xa0]{2}|n(?:ull|an|one|il|/a)|<na>", re.IGNORECASE).search
_KINDS: Final = (
    (
        "say that there is none (NULL, #N/A and the like)",
        re.compile(
            r"(?:null|nan|none|nil|n/a|<na>|#n/?a|#(?:ref|div/0|value|valeur|name|nom|num|nombre|null|nul)[!?]?)",
            re.IGNORECASE,
        ).fullmatch,
    ),
    ("hold signs of HTML (such as &eacute;)", re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});", re.I).search),
    (
        "hold a ? inside a word (most likely a letter that was lost)",
        re.compile(r"(?<![^\s])[^\s/=]*[^\W\d_]\?[^\W\d_]").search,
    ),
    ("hold a backslash and a letter (such as \\n, for the end of a line)", re.compile(r"\\[nrt\\]").search),
    ("hold several blanks in a row", re.compile(r"\S[ \t\xa0]{2,}\S").search),
)
_WRONG, _EMPTY = "are wrongly encoded", "are empty"


class _Places:
    """How many rows have something, and the first of their lines."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: list[int] = []

    def add(self, line: int | None) -> None:
        """Take a row in."""
        self.count += 1
        if line is not None and len(self._lines) < _LINES:
            self._lines.append(line)

    @property
    def such_as(self) -> str:
        """The first lines as the end of a clause."""
        return f", such as line {', '.join(map(str, self._lines))}" if self._lines else ""


class Oddities:
    """What looks odd about a list: in its first rows, and of its texts and countries in all of them."""

    def __init__(self) -> None:
        self._rows = 0
        self._capitals: Counter[int] = Counter()
        self._numbers: Counter[int] = Counter()
        self._values: Counter[int] = Counter()
        self._phones: Counter[str] = Counter()
        self._several = _Places()
        self._told = _Told()
        self._texts: defaultdict[tuple[int, str], _Places] = defaultdict(_Places)

    def look_at(self, recipient: Recipient, reason: Reason | None) -> None:
        """Take a row in."""
        self._rows += 1
        self._told.look_at(recipient)
        if reason is None:
            self._look_at_texts(recipient)
        if self._rows > _SAMPLE:
            return
        self._phones[recipient.phone.strip()] += 1
        if reason is Reason.MALFORMED and _holds_two(recipient.phone):
            self._several.add(recipient.line)
        for position, value in enumerate(recipient.params, 1):
            word = value.strip()
            if word:
                self._values[position] += 1
                self._capitals[position] += len(word) > 1 and word.isupper() and word.isalpha()
                self._numbers[position] += len(word) >= 8 and _is_number(word)

    def _look_at_texts(self, recipient: Recipient) -> None:
        """Count the values that people would read, by what is odd about them."""
        for position, value in enumerate(recipient.params, 1):
            text = value.strip()
            if not text:
                self._texts[position, _EMPTY].add(recipient.line)
            elif _may_be_odd(text):
                for kind, found in _KINDS:
                    if found(text):
                        self._texts[position, kind].add(recipient.line)

    def sentences(self) -> Iterable[str]:
        """Say what looks odd."""
        if not self._rows:
            yield "There are no rows: nobody would be texted."
        for position, count in sorted(self._values.items()):
            if self._capitals[position] * 2 > count and count > 1:
                yield f"Most values of #param_{position}# are in capitals."
            if self._numbers[position]:
                yield f"{self._numbers[position]} values of #param_{position}# are phone numbers."
        yield from self._told.sentences()
        for (position, kind), places in sorted(self._texts.items()):
            yield _sentence(position, kind, places)
        phone, times = next(chain(self._phones.most_common(1), [("", 0)]))
        if phone and times >= _OFTEN and times * 100 > min(self._rows, _SAMPLE):
            yield f"One number ({mask(phone)}) stands in {times} rows."
        if self._several.count:
            what = f"{self._several.count} cells hold two numbers or more{self._several.such_as}"
            yield f"{what}: nobody is texted for those."


class _Told:
    """What is told also as a campaign begins: letters that are wrong, and numbers that may be none."""

    def __init__(self) -> None:
        self._wrong: defaultdict[int, _Places] = defaultdict(_Places)
        self._foreign = _Places()

    def look_at(self, recipient: Recipient) -> None:
        """Take a row in."""
        if isinstance(recipient, RefusedRow):
            return
        for position, value in enumerate(recipient.params, 1):
            if has_wrong_letters(value):
                self._wrong[position].add(recipient.line)
        if usual_mobile(recipient.phone) is None and _is_bare_and_foreign(recipient.phone):
            self._foreign.add(recipient.line)

    def sentences(self) -> Iterable[str]:
        """Say what there is."""
        for position, places in sorted(self._wrong.items()):
            yield _sentence(position, _WRONG, places)
        if self._foreign.count:
            what = f"{self._foreign.count} numbers without + are of another country{self._foreign.such_as}"
            yield f"{what}: make sure that they are no totals or codes."


def told_before_sending(rows: Iterable[Recipient]) -> tuple[str, ...]:
    """Say what a campaign tells of all its rows as it begins: wrong letters, and foreign numbers without ``+``."""
    told = _Told()
    for row in rows:
        told.look_at(row)
    return tuple(told.sentences())


def _sentence(position: int, what: str, places: _Places) -> str:
    """Say what is odd about the values of a parameter."""
    ends = "their text has a gap there" if what is _EMPTY else "people would read them as they stand"
    return f"{places.count} values of #param_{position}# {what}{places.such_as}: {ends}."


def _is_bare_and_foreign(raw: str) -> bool:
    """Tell whether a number is of another country by its first digits alone: the sum of a column may be one."""
    try:
        _, international = digits_of(raw)
        return not international and not canonical_number(raw).startswith(_FRENCH)
    except InvalidNumber:
        return False


def _holds_two(cell: str) -> bool:
    """Tell whether a cell holds a number and more digits after it: of a second one, or its end such as ``/ 57``."""
    first, *others = _two(cell[:200])
    return any(map(str.isdigit, "".join(others))) and any(map(_is_number, (first, *others)))


def _is_number(cell: str) -> bool:
    """Tell whether a cell holds a number that can be texted."""
    try:
        canonical_number(cell)
    except InvalidNumber:
        return False
    return True
