"""The sandbox's own reading of how a text becomes SMS parts.

A character of two units, be it an escape with the sign after it, a surrogate pair or a newline, never straddles two
messages: it begins the next one.

Source: HTTPS API v9, §7.2 (lengths, CODING) and §7.3 (a newline counts twice); GSM 03.38 for the characters.
"""

import re

__all__ = ["MAX_PARTS", "TextTooLong", "deliverable", "foreign", "parts"]

MAX_PARTS = 8
"""The longest text is eight linked messages."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SINGLE = (
    _LETTERS
    + "0123456789 !\"#%&'()*+,-./:;<=>?@_$"
    + "£¥èéùìòÇØøÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
    + "\N{GREEK CAPITAL LETTER DELTA}\N{GREEK CAPITAL LETTER PHI}\N{GREEK CAPITAL LETTER GAMMA}"
    + "\N{GREEK CAPITAL LETTER LAMDA}\N{GREEK CAPITAL LETTER OMEGA}\N{GREEK CAPITAL LETTER PI}"
    + "\N{GREEK CAPITAL LETTER PSI}\N{GREEK CAPITAL LETTER SIGMA}\N{GREEK CAPITAL LETTER THETA}"
    + "\N{GREEK CAPITAL LETTER XI}\r"
)
# The newline is a plain character of the alphabet, but the manual bills it as two.
_DOUBLE = "^{}\\[~]|€\f\n"

_FOREIGN = re.compile(f"[^{re.escape(_SINGLE + _DOUBLE)}]")
_COUNTS_TWICE = re.compile(f"[{re.escape(_DOUBLE)}]")
_WIDE = re.compile("[\n\U00010000-\U0010ffff]")


class TextTooLong(ValueError):
    """The text needs more than eight messages."""


def deliverable(text: str, *, unicode: bool) -> str:
    """Return what the handset shows: without Unicode coding, foreign characters arrive as question marks."""
    return text if unicode else _FOREIGN.sub("?", text)


def foreign(text: str) -> list[str]:
    """Return the characters of a text, each once, that the short alphabet lacks."""
    return sorted(set(_FOREIGN.findall(text)))


def parts(text: str, *, unicode: bool) -> int:
    """Count the SMS parts of a deliverable text: each is filled with whole characters, one after the other.

    Raises:
        TextTooLong: It takes more than eight.
    """
    alone, linked = (70, 67) if unicode else (160, 153)
    if len(text) > linked * MAX_PARTS:
        raise TextTooLong
    wide = (_WIDE if unicode else _COUNTS_TWICE).search(text) is not None
    sizes = [1 if _is_single(character, unicode=unicode) else 2 for character in text] if wide else [1] * len(text)
    if sum(sizes) <= alone:
        return 1
    count, room = 1, linked
    for size in sizes:
        if size > room:
            count, room = count + 1, linked
        room -= size
    if count > MAX_PARTS:
        raise TextTooLong
    return count


def _is_single(character: str, *, unicode: bool) -> bool:
    """Say whether a character counts one; the newline does not, in either coding."""
    return (character != "\n" and ord(character) < 0x10000) if unicode else character not in _DOUBLE
