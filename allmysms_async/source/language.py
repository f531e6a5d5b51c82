"""Telling whether words read like a person's language, or hold the letters of another encoding than they are read in.

Each byte of a file has one character in every encoding of a spreadsheet. A sign where a name has a letter is believed
only if no other encoding has a letter there that would stand well between its neighbours.
"""

from __future__ import annotations

import enum
import re

__all__ = ["LETTERS", "Fit", "fit_of_windows", "proves_windows", "reads_well"]

LETTERS = frozenset("šžŠŽàâäæçéèêëîïíìóôöòœùûüúÿñáãõåøßÀÂÄÆÇÉÈÊËÎÏÍÌÓÔÖÒŒÙÛÜÚŸÑÁÃÕÅØ")
# Icelandic has them, and Turkish has letters of its own in the same places; ý is Czech as well.
_ICELANDIC = frozenset("ýþðÝÞÐ")
# Of a French text or list: quotes, dashes, money, degrees and ordinals. None of them stands inside a word.
_SIGNS = frozenset("\u2018\u2019\u201c\u201d\u2026\u2013\u2014\u2022\u2122«»€£°²³½©®·\xa0µ§ªº")
# Of other texts; some encoding has letters in the same places.
_RARE_SIGNS = frozenset("\xb4¡¿\u2020\u2021\u2030\u2039\u203a\u201e\u201a\xd7÷¹¥¶±\xad")
# What a hand or a spreadsheet puts between two words that belong together.
_JOINING = frozenset("\xb4\u2018\u2013\u2014\u2026\xb7\xa0\xd7")
_SOFT_HYPHEN = "\xad"
# UTF-8 that was read as something else, and saved so: two characters for each letter.
_TWICE = re.compile(
    "[\xc2\xc3][\x80-\xbf\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u2018\u2019\u201c\u201d\u2022"
    "\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]|\xe2\u20ac"
)
# Of accents no language of Western Europe has three in a row; Cyrillic that is read as Windows-1252 has.
_THREE = re.compile("[" + "".join(sorted(LETTERS | _ICELANDIC)) + "]{3}")
# Mac Roman's apostrophe in capitals.
_MAC_APOSTROPHE = re.compile("(?<![^\\W\\d_])(?:[DLNSMTJC]Õ[AEIOUYHÉÈ]|OÕ[A-Z])")
# Where French and Italian have an apostrophe, as which people type an acute accent; Latin-9 has the Ž of Džeko there.
_ELISION = re.compile("(?:(?<![^\\W\\d_])(?:[lomnsctj]|d(?!\xb4(?:ek|afe|umh|ema)))|ll|nt|qu|un)\xb4", re.IGNORECASE)
# Letters that only Icelandic has there: þ at a word's start or after a consonant, ð after what no ğ or đ follows.
_SURELY_ICELANDIC = re.compile("(?<![^\\W\\d_])þ[oóúrhy]|[bdfglnr]þ[óorú]|[ríéúóæ]ð|(?<![^\\W\\d_])guð|ý")
# Where Turkish has an i without a dot that Czech and Icelandic have no ý for.
_TURKISH = re.compile("ý(?:[lrmzçþð]|n(?!s)|k(?![^\\W\\d_]))|[cçðþ]ý|ý.+ý[^\\W\\d_]")
# Names of cp1250, read as Windows-1252: Ilić, Dvořák, Přibyl, Čapek, Ştefan.
_EASTERN = re.compile("iæ(?![^\\W\\d_])|[aeou]ø[aeiouáéí]|ø[áí]|(?<![^\\W\\d_])È[aeiou]|[ªº](?=[^\\W\\d_])")
# Other encodings of lists, with letters where Windows-1252 has signs.
_OTHERS = ("mac_roman", "cp850", "iso8859_15", "cp1250")
_ALONE = frozenset("àÀôÔéÉ")
"""Letters that are a word."""


class Fit(enum.Enum):
    """How a word reads in Windows-1252."""

    WELL = enum.auto()
    ODDLY = enum.auto()
    """Believed where enough other words can be nothing else."""
    WRONGLY = enum.auto()


def fit_of_windows(raw: bytes) -> Fit:
    """Return how a word of a file reads in Windows-1252."""
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return Fit.WRONGLY
    if any(wrong.search(text) for wrong in (_TWICE, _THREE, _MAC_APOSTROPHE, _EASTERN)) or _may_be_turkish(raw, text):
        return Fit.WRONGLY
    fits = {_fit_at(text, position, raw) for position, character in enumerate(text) if not character.isascii()}
    return next((fit for fit in (Fit.WRONGLY, Fit.ODDLY) if fit in fits), Fit.WELL)


def proves_windows(raw: bytes) -> bool:
    """Tell whether a word that reads well in Windows-1252 reads like no language in the other encodings."""
    text = raw.decode("cp1252")
    if LETTERS.isdisjoint(text) and "\xa0" not in text:
        return False
    return not any(reads_well(raw.decode(each)) for each in ("mac_roman", "cp850"))


def _may_be_turkish(raw: bytes, text: str) -> bool:
    """Tell whether a word holds letters that may stand for others of Turkish, or of a Slavic language."""
    if _ICELANDIC.isdisjoint(text):
        return False
    small = text.lower()
    if "Ý" in text or _TURKISH.search(small) or not _ICELANDIC.isdisjoint(_SURELY_ICELANDIC.sub("", small)):
        return True
    eastern = raw.decode("cp1250", errors="replace")
    return "ý" in text and eastern != text and eastern.isalpha()


def _fit_at(text: str, position: int, raw: bytes) -> Fit:
    """Return how a character that is not ASCII stands between its neighbours."""
    character = text[position]
    before, after, then = _around(text, position)
    if character in LETTERS or character in _ICELANDIC:
        if character in "ÐÞðþ" and not (before.isalpha() or after.isalpha()):
            return Fit.WRONGLY  # Mac Roman's dash
        if _is_sign_elsewhere(character, before, after):
            return Fit.WRONGLY
        if _is_odd_case(character, before, after, then):
            return Fit.ODDLY if raw[position] >= 0xC0 else Fit.WRONGLY
        return Fit.WELL
    if character in {"\u2019", _SOFT_HYPHEN}:
        return Fit.WELL
    if before.isalpha() and after.isalpha():
        if character not in _JOINING:
            return Fit.WRONGLY
        if character == "\xb4" and any(found.end() == position + 1 for found in _ELISION.finditer(text)):
            return Fit.WELL
        if not _is_letter_elsewhere(raw, position):
            return Fit.WELL
        return Fit.ODDLY if character == "\xa0" else Fit.WRONGLY
    if character in _SIGNS:
        return Fit.WRONGLY if _stands_for_a_letter(character, before, after) else Fit.WELL
    return Fit.WELL if character in _RARE_SIGNS and not _is_letter_elsewhere(raw, position) else Fit.WRONGLY


def _is_sign_elsewhere(letter: str, before: str, after: str) -> bool:
    """Tell whether a letter stands where Mac Roman has a no-break space, a dash or the euro, and cp850 the degree."""
    if letter in "øØ":
        return after.isdigit()
    if before.isdigit() or before == "Ê":
        return letter not in "éèêàÉÈ"
    return letter in "ÛÑ" and not before.isalpha() and not after.isalpha() and after != "."


def _around(text: str, position: int) -> tuple[str, str, str]:
    """Return the character before a position, and the two after it; empty where there is none."""
    start = max(position - 1, 0)
    return text[start:position], text[position + 1 : position + 2], text[position + 2 : position + 3]


def _is_odd_case(character: str, before: str, after: str, then: str) -> bool:
    """Tell whether a capital, or a small letter, stands where no spelling has one."""
    if character.isupper():
        return before.islower() or (before.isupper() and (after.islower() or (after.isupper() and then.islower())))
    return character not in "ßÿœæ" and before.isupper() and after.isupper()


def _is_letter_elsewhere(raw: bytes, position: int) -> bool:
    """Tell whether another encoding has a letter at a position that stands well between its neighbours."""
    for encoding in _OTHERS:
        text = raw.decode(encoding, errors="replace")
        letter = text[position]
        before, after, then = _around(text, position)
        if not letter.isalpha() or not (letter in LETTERS or letter.isupper() or letter.islower()):
            continue
        if not before.isalpha() and not after.isalpha():
            if letter in _ALONE:
                return True
        elif letter.islower():
            if not after.isupper():
                return True
        elif not (_is_odd_case(letter, before, after, then) or (after.isupper() and then.islower())):
            return True
    return False


def _stands_for_a_letter(sign: str, before: str, after: str) -> bool:
    """Tell whether a sign is where only a letter can be."""
    if before.isalpha() and after.isalpha():
        return True
    if (sign == "€" and after.islower() and not before.isdigit()) or (sign in "\u2018§" and before.isalpha()):
        return True
    return (sign in "£½¼™" and after.isalpha()) or (sign == "³" and before.isalpha() and before not in "mM")


def reads_well(text: str) -> bool:
    """Tell whether a word's characters are letters in words, or signs beside them."""
    if _TWICE.search(text) or _THREE.search(text):  # UTF-8 read as something else
        return False
    for position, character in enumerate(text):
        if character.isascii():
            continue
        before, after, _ = _around(text, position)
        if character in LETTERS:
            # A capital inside a word that is not all capitals is no spelling.
            if character.isupper() and before.islower():
                return False
            if character.islower() and character not in "ßÿœæ" and before.isupper() and after.isupper():
                return False
        elif character == "\u2019":
            continue
        elif character not in _SIGNS or _stands_for_a_letter(character, before, after):
            return False
    return True
