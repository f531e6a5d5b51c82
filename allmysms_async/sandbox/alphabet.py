"""The sandbox's own reading of how a text becomes SMS parts.

Source: HTTPS API v9, §7.2 (lengths, CODING) and §7.3 (a newline counts twice); GSM 03.38 for the characters.
"""

import re

__all__ = ["MAX_PARTS", "TextTooLong", "deliverable", "parts"]

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


class TextTooLong(ValueError):
    """The text needs more than eight messages."""


def deliverable(text: str, *, unicode: bool) -> str:
    """Return what the handset shows: without Unicode coding, foreign characters arrive as question marks."""
    return text if unicode else _FOREIGN.sub("?", text)


def parts(text: str, *, unicode: bool) -> int:
    """Count the SMS parts of a deliverable text.

    Raises:
        TextTooLong: It takes more than eight.
    """
    if unicode:
        length, alone, linked = len(text.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    else:
        length, alone, linked = len(text) + len(_COUNTS_TWICE.findall(text)), 160, 153
    if length <= alone:
        return 1
    count = -(-length // linked)
    if count > MAX_PARTS:
        raise TextTooLong
    return count
