"""The alphabets of SMS: which characters each holds, and how many units a text takes.

Units are septets in GSM-7, UTF-16 code units in Unicode. A newline counts 2 in both, as v9 bills it, and the GSM
extension characters count 2, as they are sent. Units add up: the units of two texts put together are the sum of theirs,
so a template and its parameters can be measured apart.

Source: HTTPS API v9, §7.2 (CODING) and §7.3 (newline); 3GPP TS 23.038 (GSM 03.38), §6.2.1.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from allmysms_async.errors import InvalidText

__all__ = [
    "GSM_BASIC",
    "GSM_EXTENSION",
    "Coding",
    "check_text",
    "escaped",
    "forces_unicode",
    "gsm_units",
    "named",
    "plain_gsm",
    "ucs2_units",
    "units",
]

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


plain_gsm = re.compile(f"[{re.escape(GSM_BASIC.replace(chr(10), ''))}]*+").fullmatch
"""Matches a text of basic characters alone, each a septet, newlines left out."""
_outside_gsm = re.compile(f"[^{re.escape(GSM_BASIC + GSM_EXTENSION)}]")
_counts_twice = re.compile(f"[\n{re.escape(GSM_EXTENSION)}]").findall
# Controls other than LF and CR, lone surrogates, and the two non-characters that XML cannot hold.
_unsendable = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search

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
        message = f"A text cannot hold {named(found[0])} (at position {found.start()}); of controls only LF and CR."
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
        listed = ", ".join(map(named, foreign[:_NAMED_AT_MOST]))
        more = f" and {len(foreign) - _NAMED_AT_MOST} more" if len(foreign) > _NAMED_AT_MOST else ""
        raise InvalidText(f"The GSM-7 alphabet lacks {listed}{more}: send as Unicode.", reason="needs_unicode")
    return count


def named(character: str) -> str:
    """Name a character; shown only if it prints, since it may be a control or a mark that reorders the message."""
    code_point = f"U+{ord(character):04X}"
    return f"{character} ({code_point})" if character.isprintable() else code_point
