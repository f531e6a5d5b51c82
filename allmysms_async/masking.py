"""What may be shown of phone numbers, and of names in whose place people write them: in logs, errors and messages."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MAX_RAW_LENGTH", "mask", "name_shown", "written_in_france"]

MAX_RAW_LENGTH: Final = 64
"""Characters of a phone number that are looked at, at most: this bounds the time that one cell can take."""

# Digits of which some may be shown at both ends.
_WHOLE: Final = 8
# Of the name of a sender: characters that are shown, and digits of which one may be no number.
_MAX_NAME, _MAX_NAME_DIGITS = 20, 4

written_in_france = re.compile(r"(?:(?:00)?330?|0)([1-9][0-9]{8})|([67][0-9]{8})").fullmatch
"""Matches the digits of a French number; the nine after 33 are its first group, or its second of a mobile without 0."""


def mask(number: str) -> str:
    """Give a number in a form fit for logs and messages, such as ``336****78``.

    A French number has one such form, however it is written; so has any other with ``00`` or ``+`` in front. Only
    digits are shown: the first three and the last two of eight or more, the last two of five to seven, else none.

    Args:
        number: A number in any form; it need not be valid.
    """
    digits = "".join(c for c in number[:MAX_RAW_LENGTH] if c in "0123456789")
    if (french := written_in_france(digits)) is not None:
        digits = f"33{french[1] or french[2]}"
    elif digits.startswith("00"):
        digits = digits[2:]
    if len(digits) >= _WHOLE:
        return f"{digits[:3]}****{digits[-2:]}"
    return f"****{digits[-2:]}" if len(digits) > 4 else "****"


def name_shown(name: str) -> str:
    """Give what may be shown of the name of a sender: 20 characters of it, or a number masked.

    Args:
        name: Whatever stands where a name should: people write phone numbers there, and codes.
    """
    shown = name[:_MAX_NAME]
    digits = sum(character.isdigit() for character in shown)
    return mask(shown) if digits > _MAX_NAME_DIGITS or digits * 2 > len(shown) else shown
