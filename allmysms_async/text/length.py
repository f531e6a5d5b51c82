"""How long a text is, how many parts it takes, and where they break.

A part holds whole characters: where one that counts 2 units (an escape with its character, a surrogate pair, a newline)
meets the end of a part with one unit left, it moves to the next part whole, and the unit stays empty. So a text of 306
units may take three parts. A newline is one septet on the air, but which of its two billed units the gateway would put
where is not printed; that it moves whole is the reading which never promises too few parts.

Source: HTTPS API v9, §7.2 (160, 153, 8 parts, CODING) and §7.3 (newline); 3GPP TS 23.040, §9.2.3.24.1 (a part ends
between characters); 70 and 67 are Unicode's limits there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.text.alphabet import GSM_EXTENSION, Coding, gsm_units, units

__all__ = [
    "MAX_PARTS",
    "PART_UNITS",
    "SINGLE_UNITS",
    "TextSize",
    "cut",
    "measure",
    "parts_of_units",
    "size_of",
    "stream",
    "unmarked",
]

MAX_PARTS: Final = 8
"""The most parts that one text may take. Source: HTTPS API v9, §7.2."""

SINGLE_UNITS: Final[Mapping[Coding, int]] = {Coding.GSM7: 160, Coding.UNICODE: 70}
"""Units that a text of one part holds."""

PART_UNITS: Final[Mapping[Coding, int]] = {Coding.GSM7: 153, Coding.UNICODE: 67}
"""Units that each part of a longer text holds."""

_PAIR = "\x1b"
# In a stream, the first of two units that belong to one character; no text holds it.
_marked: Final = {
    Coding.GSM7: re.compile(f"[\n{re.escape(GSM_EXTENSION)}]").sub,
    Coding.UNICODE: re.compile("[\n\U00010000-\U0010ffff]").sub,
}


class TextSize(msgspec.Struct, frozen=True):
    """What a text takes.

    ``parts`` may exceed ``MAX_PARTS``: whoever sends decides what is too long.
    """

    coding: Coding
    """The coding that the units are counted in."""
    units: int
    """Septets (GSM-7) or UTF-16 code units (Unicode), from 0, a newline counting 2."""
    parts: int
    """SMS billed, from 1: one up to 160 or 70 units, else as many of 153 or 67 as hold it, no character across two."""


@border
def measure(text: str, coding: Coding | None = None) -> TextSize:
    """Measure a text as v9 counts it.

    The text is measured as it is; that of a message is in NFC already (see ``as_sent``).

    Args:
        text: The text after expansion.
        coding: The coding to count in; by default the one that the text needs.

    Raises:
        InvalidText: With reason ``needs_unicode`` (GSM-7 was asked for) or ``malformed`` (see ``check_text``).
    """
    argument.text("The text", text)
    if coding is not None:
        argument.given("coding", coding, Coding, "a Coding")
        return size_of(coding, units(text, coding), lambda: text)
    septets = gsm_units(text)
    if septets is not None:
        return size_of(Coding.GSM7, septets, lambda: text)
    return size_of(Coding.UNICODE, units(text, Coding.UNICODE), lambda: text)


def size_of(coding: Coding, total: int, text: Callable[[], str]) -> TextSize:
    """Return the size of a text whose units are counted; the text is asked for where they do not tell its parts."""
    parts = parts_of_units(coding, total)
    return TextSize(coding, total, len(cut(stream(text(), coding), coding)) if parts is None else parts)


def parts_of_units(coding: Coding, total: int) -> int | None:
    """Return the parts that so many units take, or None where it depends on what lies across their boundaries.

    A part that breaks before a pair holds one unit less. Where it is the same whether all do or none does, no look at
    the text is needed.
    """
    if total <= SINGLE_UNITS[coding]:
        return 1
    each = PART_UNITS[coding]
    fewest = -(-total // each)
    return fewest if fewest == -(-total // (each - 1)) else None


def stream(text: str, coding: Coding) -> str:
    """Return a text with a mark before each character that counts 2: its length is the text's units."""
    return _marked[coding](_PAIR + r"\g<0>", text)


def cut(marked: str, coding: Coding) -> list[str]:
    """Return a marked text cut into its parts, marks and all; one at least."""
    length, each = len(marked), PART_UNITS[coding]
    if length <= SINGLE_UNITS[coding]:
        return [marked]
    parts: list[str] = []
    begin = 0
    while begin < length:
        end = begin + each
        if end < length and marked[end - 1] == _PAIR:
            end -= 1
        parts.append(marked[begin:end])
        begin = end
    return parts


def unmarked(marked: str) -> str:
    """Return a marked text as it was."""
    return marked.replace(_PAIR, "")


def doubled(marked: str) -> tuple[str, ...]:
    """Return each character once that a marked text counts twice, in order of appearance."""
    return tuple(dict.fromkeys(after[0] for after in marked.split(_PAIR)[1:]))
