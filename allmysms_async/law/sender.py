"""What French operators refuse in the name of a sender, beyond what the gateway's manual says.

The rules bind by contract. A text whose sender breaks one may be blocked, or arrive under a short number.
"""

from __future__ import annotations

import functools
import re
from datetime import date
from typing import Final, Literal

import msgspec

from allmysms_async import argument

__all__ = ["GENERIC_WORDS", "MAX_SENDER", "SenderWarning", "lint_sender"]

MAX_SENDER: Final = 11
"""Characters of a sender at most."""

GENERIC_WORDS: Final = frozenset(
    # In French and in English, as the announcements of the rule name them.
    ("ALERT", "ALERTE", "BANK", "BANQUE", "COLIS", "PAIEMENT", "PARCEL", "PAYMENT", "RDV")
)
"""Words that name nobody, whatever figures go with them; operators refuse more of them, and tell no full list."""

_OADC: Final = (
    date(2025, 3, 10),
    "af2m, Protection des OADC sensibles and Charte Business Messaging, enforced since 2025-03-10",
)
_ARCEP: Final = (date(2023, 1, 1), "ARCEP, decision 2022-1583, in force since 2023-01-01")

_wrong_character = re.compile(r"[^A-Za-z0-9]").search
_french_mobile = re.compile(r"(?:\+|00)?(?:33)?(?:\(0\)|0)?[67](?:[ .\-]?[0-9]){8}").fullmatch


class SenderWarning(msgspec.Struct, frozen=True):
    """A rule of the operators that a sender breaks."""

    rule: Literal["too_long", "characters", "digits_alone", "generic_word", "mobile_number"]
    """Which one."""
    reason: str
    """Why it may be refused, in a sentence without the sender itself."""
    since: date
    """When the rule came into force."""
    source: str
    """Where it stands."""


@functools.lru_cache(maxsize=1024)
def _lint(sender: str) -> tuple[SenderWarning, ...]:
    found: list[SenderWarning] = []
    if len(sender) > MAX_SENDER:
        found.append(
            SenderWarning("too_long", f"A sender has at most {MAX_SENDER} characters, not {len(sender)}.", *_OADC)
        )
    wrong = _wrong_character(sender)
    if wrong is not None:
        shown = f"U+{ord(wrong[0]):04X}"
        reason = f"A sender is letters, or letters and digits: {shown} at position {wrong.start()} is neither."
        found.append(SenderWarning("characters", reason, *_OADC))
    if sender.isascii() and sender.isdigit():
        found.append(SenderWarning("digits_alone", "A sender of digits alone is refused.", *_OADC))
    if _french_mobile(sender):
        reason = "No automated text may come from a mobile number (06, 07)."
        found.append(SenderWarning("mobile_number", reason, *_ARCEP))
    word = re.sub(r"[^A-Z]", "", sender.upper())
    if word in GENERIC_WORDS:
        reason = f"{word} names nobody: a sender is the name of a company or a brand."
        found.append(SenderWarning("generic_word", reason, *_OADC))
    return tuple(found)


def lint_sender(sender: str) -> tuple[SenderWarning, ...]:
    """Return the rules of French operators that a sender breaks, none if all are kept.

    Whether the gateway itself takes the sender, each backend says.

    Args:
        sender: As it is to be shown.

    Raises:
        InvalidRequest: It is no text.
    """
    return _lint(argument.text("sender", sender))
