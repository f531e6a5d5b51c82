"""What of GSM-7 can stand for a character that it lacks, and the one form that a text is sent in.

The tables are of 2026-11: ``LOSSLESS`` holds what nobody misses (typographic quotes, spaces, dashes), ``_LOSSY`` what
changes how a text reads. Letters with accents that GSM-7 lacks lose them by Unicode's own decomposition.

Source: 3GPP TS 23.038 (GSM 03.38), §6.2.1, for what GSM-7 holds; Unicode 15, UAX 15 (normalisation forms).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.redaction import Shown
from allmysms_async.text.alphabet import GSM_BASIC, GSM_EXTENSION, plain_gsm

__all__ = ["LOSSLESS", "Replacement", "Transliteration", "as_sent", "transliterate"]

LOSSLESS: Final[dict[str, str]] = {
    **dict.fromkeys("‘’‚‛‹›′`´ʹʻʼʽˈˊˋ", "'"),
    **dict.fromkeys("“”„‟«»″ʺ〝〞〟", '"'),
    **dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-"),
    # No-break, thin and other spaces, the narrow one of French among them.
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    # Spaces and hyphens that nobody sees: zero width, word joiner, byte order mark, soft hyphen.
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
}
"""Quotes, spaces and dashes: what ``gsm_replacements=True`` on a message replaces."""

_TABLE: Final = """
œ oe Œ OE ẞ SS þ th Þ Th ŋ n Ŋ N ĸ k ı i ȷ j ł l Ł L đ d Đ D ð d Ð D ħ h Ħ H ŧ t Ŧ T
… ... • - ‣ - ◦ - ▪ - · . ∙ . ⋅ . ¦ | ˜ ~ ∼ ~ ≈ ~ × x ÷ / ⁄ / ∕ / ± +/- ≤ <= ≥ >= ≠ !=
µ u ° o © (c) ® (r) ™ TM № No ¢ c → -> ← <- ⇒ => ⇐ <=
"""
_LOSSY: Final[dict[str, str]] = dict(zip(_TABLE.split()[::2], _TABLE.split()[1::2], strict=True))

_GSM: Final = frozenset(GSM_BASIC + GSM_EXTENSION)
_LOSSLESS_TABLE: Final = str.maketrans(LOSSLESS)
_lossless = re.compile(f"[{re.escape(''.join(LOSSLESS))}]").search
_MARKS: Final = range(0x300, 0x370)


class Replacement(Shown, frozen=True):
    """One character that another or others stand for.

    Attributes:
        position: Where it stood, in characters from 0, in the text in NFC.
        character: What stood there.
        by: What stands for it, all of it in GSM-7; empty if nothing need stand there.
        lossless: Whether nobody would miss it: a quote, a space, a dash.
    """

    position: int
    character: str
    by: str
    lossless: bool


class Transliteration(Shown, frozen=True):
    """A text as GSM-7 can hold it, and what became of the one that was given.

    Attributes:
        text: The text with everything replaced that can be.
        changes: What was replaced, in order, each place by itself.
        left: Characters that GSM-7 lacks and nothing stands for, each once, in order; ``text`` still holds them, and
            goes as Unicode unless there are none.
    """

    text: str
    changes: tuple[Replacement, ...]
    left: tuple[str, ...]

    def __repr__(self) -> str:
        """Show how much was changed, and nothing of the text."""
        return f"<Transliteration {len(self.text)} characters, {len(self.changes)} replaced, {len(self.left)} left>"


def as_sent(text: str, *, gsm_replacements: bool = False) -> str:
    """Return a text in the one form that messages and their parameters are sent in: NFC.

    Decomposed, as some machines write lists, ``é`` is a letter and an accent that GSM-7 lacks: the text would go as
    Unicode, in more parts.

    Args:
        text: Any text.
        gsm_replacements: Whether quotes, spaces and dashes that GSM-7 lacks become those that it has.

    Source: Unicode 15, UAX 15.
    """
    if not text.isascii():
        if plain_gsm(text) is not None:
            return text  # whatever GSM-7 holds is composed
        text = unicodedata.normalize("NFC", text)
    if gsm_replacements and _lossless(text) is not None:
        # What nobody saw may have stood between a letter and its accent.
        return unicodedata.normalize("NFC", text.translate(_LOSSLESS_TABLE))
    return text


@border
def transliterate(text: str) -> Transliteration:
    """Replace what GSM-7 lacks by what it has, and say what changed.

    Nothing does so by itself: a message's text is sent as it is. Letters lose their accents (``ê`` is e, ``ç`` is c;
    ``é è à ù Ç`` are in GSM-7 and stay), quotes, spaces and dashes become plain ones, and ``œ``, ``…`` and some more
    what people write for them. Other scripts, emoji, and figures that would join others (``10²``, ``1½``) stay.

    Args:
        text: The text; it is brought to NFC first.
    """
    text = as_sent(argument.text("The text", text))
    if plain_gsm(text) is not None:
        return Transliteration(text, (), ())
    pieces: list[str] = []
    changes: list[Replacement] = []
    left: dict[str, None] = {}
    letter = False  # whether a letter in GSM-7 precedes, accents apart
    for position, character in enumerate(text):
        if character in _GSM:
            by: str | None = character
        elif ord(character) in _MARKS:
            by = "" if letter else None  # an accent of a letter with which Unicode has no letter in one
        else:
            by = _alone(character)
            if by is not None and _joins(text, position, by):
                by = None
        if by is None:
            left[character] = None
        elif by != character:
            changes.append(Replacement(position, character, by, character in LOSSLESS))
        if by != "":
            letter = by is not None and by[-1].isalpha()
        pieces.append(character if by is None else by)
    return Transliteration("".join(pieces), tuple(changes), tuple(left))


def _joins(text: str, position: int, by: str) -> bool:
    """Tell whether what is to stand there would join a figure beside it: 10² is not 102, nor 1½ 11/2."""
    if text[position].isdecimal() or not by:
        return False
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    return (before.isdigit() and by[0].isdigit()) or (after.isdigit() and by[-1].isdigit())


def _alone(character: str) -> str | None:
    """Return what stands for a character wherever it is, or None."""
    by = LOSSLESS.get(character)
    by = _LOSSY.get(character) if by is None else by
    if by is not None:
        return by
    whole = unicodedata.normalize("NFKD", character)
    if unicodedata.category(character)[0] == "L":
        whole = "".join([one for one in whole if ord(one) not in _MARKS])
    if whole == character:
        return None
    found = [one if one in _GSM else LOSSLESS.get(one, _LOSSY.get(one)) for one in whole]
    return None if not found or None in found else "".join([one for one in found if one is not None])
