"""Texts: the alphabets of SMS, how long a text is, how many parts it takes, and its ``#param_N#`` placeholders.

Lengths are counted in units: septets in GSM-7, UTF-16 code units in Unicode. A newline counts 2 in both, as v9 bills
it, and the GSM extension characters count 2, as they are sent. Units add up: the units of two texts put together are
the sum of theirs, so a template and its parameters can be measured apart.

Source: HTTPS API v9, §7.2 (160, 153, 8 parts, CODING) and §7.3 (newline); 3GPP TS 23.038 (GSM 03.38), §6.2.1.
"""

from __future__ import annotations

import enum
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.errors import InvalidText

__all__ = [
    "GSM_BASIC",
    "GSM_EXTENSION",
    "MAX_PARTS",
    "Coding",
    "Template",
    "TextSize",
    "check_text",
    "escaped",
    "forces_unicode",
    "gsm_units",
    "has_placeholder",
    "measure",
    "placeholders",
    "plain_gsm",
    "ucs2_units",
    "units",
]

MAX_PARTS: Final = 8
"""The most parts that one text may take. Source: HTTPS API v9, §7.2."""

GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM default alphabet in the standard's order, without its escape (0x1B)."""

GSM_EXTENSION: Final = "^{}\\[~]|€"
"""The GSM extension table, each character sent as two septets; its page break (form feed) is refused as a control."""


class Coding(enum.IntEnum):
    """How a text is sent; the values are v9's ``CODING``. Source: HTTPS API v9, §7.2."""

    GSM7 = 1
    UNICODE = 2


class TextSize(msgspec.Struct, frozen=True):
    """What a text takes.

    ``parts`` may exceed ``MAX_PARTS``: whoever sends decides what is too long.
    """

    coding: Coding
    """The coding that the units are counted in."""
    units: int
    """Septets (GSM-7) or UTF-16 code units (Unicode), from 0, a newline counting 2."""
    parts: int
    """SMS billed, from 1: one up to 160 or 70 units, else one for each 153 or 67 begun."""


plain_gsm = re.compile(f"[{re.escape(GSM_BASIC.replace(chr(10), ''))}]*+").fullmatch
"""Matches a text of basic characters alone, each a septet, newlines left out."""
_outside_gsm = re.compile(f"[^{re.escape(GSM_BASIC + GSM_EXTENSION)}]")
_counts_twice = re.compile(f"[\n{re.escape(GSM_EXTENSION)}]").findall
# Controls other than LF and CR, lone surrogates, and the two non-characters that XML cannot hold.
_unsendable = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
_placeholder = re.compile(r"#param_([0-9]+)#")

_SINGLE_UNITS: Final = {Coding.GSM7: 160, Coding.UNICODE: 70}
_PART_UNITS: Final = {Coding.GSM7: 153, Coding.UNICODE: 67}
_NAMED_AT_MOST: Final = 5


def gsm_units(text: str) -> int | None:
    """Count the septets of a text, or give None if it needs Unicode.

    A text that has units here is sendable: ``check_text`` has nothing to add.
    """
    if plain_gsm(text) is not None:
        return len(text)
    if _outside_gsm.search(text) is not None:
        return None
    return len(text) + len(_counts_twice(text))


def ucs2_units(text: str) -> int:
    """Count the UTF-16 code units of a text, newlines twice; an emoji counts 2 or more. The text is not checked."""
    if text.isascii():
        return len(text) + text.count("\n")
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 + text.count("\n")


def forces_unicode(text: str) -> tuple[str, ...]:
    """Give the distinct characters that GSM-7 lacks, in order of appearance; empty if the text fits GSM-7."""
    return tuple(dict.fromkeys(_outside_gsm.findall(text)))


def check_text(text: str) -> None:
    """Refuse a text that no protocol can carry.

    Raises:
        InvalidText: With reason ``malformed``: it holds a lone surrogate, U+FFFE or U+FFFF, or a control character
            other than LF and CR.
    """
    found = _unsendable(text)
    if found is not None:
        message = f"A text cannot hold {_name(found[0])} (at position {found.start()}); of controls only LF and CR."
        raise InvalidText(message, reason="malformed")


def escaped(text: str) -> str:
    """Return a text that every file and database can hold: lone surrogates and NUL are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def units(text: str, coding: Coding) -> int:
    """Count the units of a text in a coding.

    Raises:
        InvalidText: With reason ``needs_unicode`` if GSM-7 is asked for and lacks a character, or ``malformed``.
    """
    if coding is Coding.UNICODE:
        check_text(text)
        return ucs2_units(text)
    count = gsm_units(text)
    if count is None:
        check_text(text)
        foreign = forces_unicode(text)
        named = ", ".join(map(_name, foreign[:_NAMED_AT_MOST]))
        more = f" and {len(foreign) - _NAMED_AT_MOST} more" if len(foreign) > _NAMED_AT_MOST else ""
        raise InvalidText(f"The GSM-7 alphabet lacks {named}{more}: send as Unicode.", reason="needs_unicode")
    return count


@border
def measure(text: str, coding: Coding | None = None) -> TextSize:
    """Measure a text as v9 counts it.

    Source: HTTPS API v9, §7.2 and §7.3. The manual gives GSM-7's limits; 70 and 67 are Unicode's in 3GPP TS 23.040.

    Args:
        text: The text after expansion.
        coding: The coding to count in; by default the one that the text needs.

    Raises:
        InvalidText: With reason ``needs_unicode`` (GSM-7 was asked for) or ``malformed`` (see ``check_text``).
    """
    argument.text("The text", text)
    if coding is not None:
        argument.given("coding", coding, Coding, "a Coding")
        return _size(coding, units(text, coding))
    septets = gsm_units(text)
    if septets is not None:
        return _size(Coding.GSM7, septets)
    return _size(Coding.UNICODE, units(text, Coding.UNICODE))


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
        """Measure what ``render(params)`` would give, without building it.

        Args:
            params: As for ``render``.
            coding: As for ``measure``.

        Raises:
            InvalidText: With reason ``missing_param``, or as ``measure`` does.
        """
        if len(params) < self.count:
            raise _missing(self.count, len(params))
        total = self._gsm_units
        if total is not None and coding is not Coding.UNICODE:
            for slot in self._slots:
                septets = gsm_units(params[slot])
                if septets is None:
                    break
                total += septets
            else:
                return _size(Coding.GSM7, total)
        if coding is Coding.GSM7:
            return measure(self.render(params), coding)  # raises, naming the characters of the whole text
        total = self._ucs2_units
        for slot in self._slots:
            value = params[slot]
            check_text(value)
            total += ucs2_units(value)
        return _size(Coding.UNICODE, total)

    def gsm_parts(self, values: Sequence[Sequence[str]], most: int) -> list[int | None]:
        """Count the parts that ``render`` would give of many rows, of those that hold nothing to be careful with.

        Args:
            values: A column of texts for each parameter, ``count`` of them and one at least.
            most: Units that a text may have.

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
        if longest <= min(most, _SINGLE_UNITS[Coding.GSM7]):
            fits = [1] * rows
        else:
            made = {
                more: _size(Coding.GSM7, total + more).parts if total + more <= most else None for more in set(first)
            }
            fits = [made[more] for more in first]
        if all(plain_gsm("".join(column)) for column in values):
            return fits
        plain = [plain_gsm("".join(row)) for row in zip(*values, strict=True)]
        return [parts if each else None for parts, each in zip(fits, plain, strict=True)]


def _size(coding: Coding, total: int) -> TextSize:
    return TextSize(coding, total, 1 if total <= _SINGLE_UNITS[coding] else -(-total // _PART_UNITS[coding]))


def _name(character: str) -> str:
    """Name a character; shown only if it prints, since it may be a control or a mark that reorders the message."""
    code_point = f"U+{ord(character):04X}"
    return f"{character} ({code_point})" if character.isprintable() else code_point


def _missing(count: int, given: int) -> InvalidText:
    return InvalidText(f"#param_{given + 1}# has no value: {count} are needed, {given} given.", reason="missing_param")
