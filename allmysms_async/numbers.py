"""Phone numbers: one canonical form for each person, the digits of E.164 without ``+``.

Everything that compares numbers (duplicates, answers, reports, replies) compares canonical forms, so two spellings
of one mobile must meet here, and two people must never do so.

Source: HTTPS API v9, §7.3 (forms accepted, land lines refused, foreign lengths not checked).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from allmysms_async.errors import InvalidNumber
from allmysms_async.masking import MAX_RAW_LENGTH, mask, name_shown, written_in_france
from allmysms_async.numbering import NATIONAL_LENGTHS, OVERSEAS_MOBILES, country_code

__all__ = [
    "MAX_RAW_LENGTH",
    "canonical_number",
    "digits_of",
    "end_of_first",
    "is_metropolitan_mobile",
    "mask",
    "name_shown",
    "read_gateway_number",
    "usual_mobile",
    "usual_mobiles",
]

_Reason = Literal["empty", "malformed", "ambiguous", "land_line"]

_OVERSEAS_BY_PREFIX: Final = {
    str(prefix): code for first, last, code in OVERSEAS_MOBILES for prefix in range(int(first), int(last) + 1)
}
# Territories of the French plan: their numbers are those of ten digits that start with 0, in France too.
_FRENCH_CODES: Final = frozenset({"33", "262", "590", "594", "596"})

_MIN_DIGITS, _MAX_DIGITS = 8, 15
# Digits together after which no separator comes inside one number, before a slash and before any other.
_WHOLE_BEFORE_SLASH, _WHOLE = 6, 9
_NATIONAL_DIGITS: Final = 9
# Fewer bare digits tell no country: a 0 or a digit may be missing, and what is left be somebody's number elsewhere.
_LEAST_BARE: Final = 11

_USUAL = r"(?:\+?33|0033|0|)((?:6(?!39|9[0-467])|7(?!0[89]))[0-9]{8})"
usual_mobile = re.compile(_USUAL).fullmatch
"""Matches a metropolitan mobile as most files write it, its group the nine digits after 33; the blocks that hold an
overseas range are left to ``canonical_number``."""
_usual_lines = re.compile(f"^{_USUAL}$|^.*$", re.MULTILINE).findall
_plus_and_digits = re.compile(r"\+?[0-9]+").fullmatch
_country_code = re.compile(r"(?:\+|00)?[1-9][0-9]{0,2}").fullmatch
_decimal = re.compile(r"\+?([0-9]+)([.,]0+)").fullmatch
_group = re.compile("[0-9]+").finditer
_ends_line = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]").search
_scientific = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+").fullmatch
_canonical_digits = re.compile(r"[1-9][0-9]{7,14}").fullmatch

_WHITE_SPACE = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_DASHES = "-\xad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"
# Zero-width characters and direction marks: what copying from an address book or a web page leaves behind.
_INVISIBLE = "".join(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)))
_IGNORED: Final = str.maketrans("", "", _WHITE_SPACE + _DASHES + _INVISIBLE + "/_")
_INVISIBLE_ALONE: Final = str.maketrans("", "", _INVISIBLE)
_DOT_AND_PARENTHESES: Final = str.maketrans("", "", ".()")
_PARENTHESES: Final = str.maketrans("", "", "()")
_APOSTROPHES: Final = frozenset({"'", "\u2019"})
_FULL_WIDTH: Final = str.maketrans("\uff0b\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19", "+0123456789")
# What a cell that must stay text is wrapped in, and what a link to a number starts with.
_wrapped = re.compile(r'=?"([^"]*)"|(?:tel:)([^;]*)', re.IGNORECASE).fullmatch


def usual_mobiles(phones: Sequence[str]) -> list[str]:
    """Return what ``usual_mobile`` finds in each, the nine digits or nothing, by one look at all of them."""
    found: list[str] = _usual_lines("\n".join(phones))
    if len(found) == len(phones):
        return found
    matches = map(usual_mobile, phones)  # one of them holds the end of a line
    return ["" if match is None else match[1] for match in matches]


def canonical_number(raw: str) -> str:
    """Give the one canonical form of a number, however it was written.

    French mobiles may be written ``06…``, ``6…`` (nine digits, a spreadsheet ate the 0), ``33…``, ``+33…``, ``0033…``
    or ``+33 (0)…``; overseas ones get their own country code. Other countries need theirs, with ``+`` or ``00``, or
    bare in a number of 11 digits or more. White space, dots, dashes, ``/``, ``_``, parentheses, invisible characters,
    full-width digits, ``tel:``, the quotes, ``="…"`` and leading apostrophe that keep a cell text, and the ``.0`` of a
    spreadsheet's float (``,00`` of a French number) are read as what they are.

    Read a number once. A result may have 8 to 10 digits (``+687 75 12 34`` gives ``687751234``), which another call
    would take for a French mobile, or refuse as ambiguous; any other result is unchanged by another call. With ``+``
    in front, every result is unchanged. Use ``read_gateway_number`` for numbers that a gateway hands back.

    Source: HTTPS API v9, §7.3.

    Args:
        raw: The number as somebody wrote it, at most 64 characters.

    Raises:
        InvalidNumber: With ``reason`` one of ``empty``, ``malformed``, ``ambiguous``, ``land_line``.
    """
    try:
        mobile = usual_mobile(raw)
        return _read(raw) if mobile is None else "33" + mobile[1]
    except TypeError:
        problem = _refusal(f"pass a phone number as a text, not as {type(raw).__name__}, which loses its leading 0")
    except InvalidNumber as error:
        problem = error
    del raw
    raise problem.with_traceback(None)


def _read(raw: str) -> str:
    """Give the canonical form of a number that is not written in one of the usual ways."""
    digits, international = digits_of(raw)
    if international:
        return _international(digits, raw)
    if digits[0] == "0":
        if len(digits) != _NATIONAL_DIGITS + 1:
            raise _refusal(f"a number that starts with 0 has 10 digits, not {len(digits)}", digits)
        return _national(digits[1:])
    if len(digits) == _NATIONAL_DIGITS and (digits[0] in "67" or digits.startswith("508")):
        return _national(digits)
    if _MIN_DIGITS <= len(digits) < _LEAST_BARE:
        rule = (
            f"{len(digits)} digits tell no country: a 0 or a digit is missing, or + and the country code (a list may "
            "say default_country= instead)"
        )
        raise _refusal(rule, digits, reason="ambiguous")
    return _international(digits, raw)


def is_metropolitan_mobile(phone: str) -> bool:
    """Tell whether a canonical number is a mobile of metropolitan France; overseas ones have codes of their own."""
    return len(phone) == len("33") + _NATIONAL_DIGITS and phone.startswith(("336", "337"))


def read_gateway_number(raw: str) -> str:
    """Give what to match a gateway's number on: its canonical form, else the raw string stripped.

    Unlike ``canonical_number`` it never raises, and it takes 8 to 15 digits without a leading 0 as an international
    number, since that is how gateways write and how this library wrote to them. So the canonical form of any number
    comes back as it was. What a gateway echoes unread, junk included, is matched on the string.

    Source: HTTPS API v9, §7.4; MMS module, §2 (``InvalidNums`` echoes what was sent).

    Args:
        raw: The number as found in an answer, a report or a reply.
    """
    raw = raw.strip()
    mobile = usual_mobile(raw)
    if mobile is not None and len(raw) != _NATIONAL_DIGITS:
        return "33" + mobile[1]
    try:
        return canonical_number("+" + raw if _canonical_digits(raw) else raw)
    except InvalidNumber:
        return raw


def digits_of(raw: str) -> tuple[str, bool]:
    """Strip what may surround the digits; tell whether they start with a country code for sure.

    Raises:
        InvalidNumber: What is left is no number, or not one alone.
    """
    if len(raw) > MAX_RAW_LENGTH:
        raise _refusal(f"a phone number has at most {MAX_RAW_LENGTH} characters, not {len(raw)}")
    text = raw.translate(_IGNORED)
    if not text.isascii():
        text = text.translate(_FULL_WIDTH)
    if wrapped := _wrapped(text):
        text = wrapped[1] or wrapped[2] or ""
    if text[:1] in _APOSTROPHES:
        text = text[1:]
    head, trunk, tail = text.partition("(0)")
    after_code = bool(trunk) and _country_code(head.translate(_DOT_AND_PARENTHESES)) is not None
    text = (head + tail if after_code else text).translate(_PARENTHESES)
    if decimal := _decimal(text):
        # Without this, the 0 of ``33612345678.0`` would be one more digit: in some countries, somebody else's number.
        # Of more, only a French number is whole for sure: elsewhere the zeros may be its last digits.
        if decimal[2] != ".0" and (decimal[2][1:] not in {"0", "00"} or written_in_france(decimal[1]) is None):
            raise _refusal("it ends like a decimal number: give it as text", raw)
        text = text[: decimal.end(1)]
    if _scientific(text):
        rule = "a spreadsheet rounded it, and its last digits are lost: format the column as text, then export it again"
        raise _refusal(rule)
    text = text.replace(".", "")
    if not text:
        raise _refusal("no phone number was given", reason="empty")
    if _plus_and_digits(text) is None:
        raise _refusal("a phone number is one + at most, digits and separators: one number, nothing else", raw)
    if text[0] == "+":
        digits, international = text[1:], True
    elif text.startswith("00"):
        digits, international = text[2:], True
    else:
        digits, international = text, after_code
    if international and digits[:1] in {"", "0"}:
        raise _refusal("a country code comes after + or 00, and starts with 1 to 9", raw)
    return digits, international


def end_of_first(raw: str) -> int:
    """Return how many digits come before what looks like the end of a second number, such as ``/ 57``; 0 for none.

    For countries whose numbers have several lengths: elsewhere the length tells. A separator that stood earlier in
    the number too only groups its digits.
    """
    text = raw.translate(_INVISIBLE_ALONE).translate(_FULL_WIDTH).replace("(0)", "").removesuffix(".0")
    left = -2 if text.lstrip(" '\"=(").startswith("00") else 0
    grouping: set[str] = set()
    for group, following in pairwise(_group(text)):
        left += len(group[0])
        between = text[group.end() : following.start()]
        slash = "/" in between
        spaced = between[:1] in _WHITE_SPACE and between[-1:] in _WHITE_SPACE and between.strip() != ""
        sign = "/" if slash else "-" if spaced else ""
        if left < _MIN_DIGITS:
            grouping.add(sign)
        elif (
            len(group[0]) >= (_WHOLE_BEFORE_SLASH if slash else _WHOLE)
            or _ends_line(between)
            or (sign and sign not in grouping and (spaced or left > _MIN_DIGITS))
        ):
            return left
    return 0


def _international(digits: str, raw: str = "") -> str:
    """Check a number that starts with a country code."""
    code = country_code(digits)
    if code is None:
        raise _refusal(f"no country has the code that {digits[:3]} starts with", digits)
    national = digits[len(code) :]
    if code in NATIONAL_LENGTHS or code in _FRENCH_CODES:
        national = national.removeprefix("0")  # the trunk 0, often left after the code
    if code == "269" and national.startswith("639") and len(national) == _NATIONAL_DIGITS:
        code = "262"  # Mayotte, whose code was that of the Comoros until 2007
    if code in _FRENCH_CODES:
        return _french(code, national)
    lengths = NATIONAL_LENGTHS.get(code)
    if lengths is not None and (len(national) not in lengths or national[0] == "0"):
        rule = f"+{code} takes {' or '.join(map(str, lengths))} digits, not {len(national)}"
        if national.startswith("0"):
            rule = f"a number does not start with 0 after +{code}"
        raise _refusal(rule, digits)
    if (lengths is None or len(lengths) > 1) and end_of_first(raw):
        raise _refusal("it looks like a number and the end of a second one: give one alone", digits)
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        rule = f"an international number has {_MIN_DIGITS} to {_MAX_DIGITS} digits, not {len(digits)}"
        raise _refusal(rule, digits)
    return code + national


def _national(national: str) -> str:
    """Check nine digits as they are dialled after 0 in France; Saint-Pierre-et-Miquelon has six after its own code."""
    if national.startswith("508") and national[3] != "0":
        return _international(national)
    return _french("33", national)


def _french(code: str, national: str) -> str:
    """Check a number of the French numbering plan, and give a mobile the country code that its range belongs to."""
    if len(national) != _NATIONAL_DIGITS:
        rule = f"+{code} takes {_NATIONAL_DIGITS} digits without the leading 0, not {len(national)}"
        raise _refusal(rule, code + national)
    first = national[0]
    if first in "67":
        own_code = _OVERSEAS_BY_PREFIX.get(national[:3]) or _OVERSEAS_BY_PREFIX.get(national[:5], code)
        return own_code + national
    if first == "8":
        raise _refusal("08 is a special-rate number, not a mobile", code + national)
    if first == "0":
        raise _refusal("bad length: there is a 0 too many after the country code", code + national)
    raise _refusal("a land line receives no SMS", code + national, reason="land_line")


def _refusal(rule: str, number: str = "", *, reason: _Reason = "malformed") -> InvalidNumber:
    sentence = rule[0].upper() + rule[1:]
    return InvalidNumber(f"{sentence} ({mask(number)})." if number else f"{sentence}.", reason=reason)
