"""Telling letters that were wrong before a file was written: encoded twice (``ZoÃ©``), lost (U+FFFD), or controls.

Such a file reads without an error in the encoding that it is in, and everybody would be texted what stands there.
"""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from allmysms_async.errors import InvalidSource
from allmysms_async.model import Recipient, RefusedRow

__all__ = ["has_wrong_letters", "may_hold_wrong_letters", "mended", "wrong_letters", "wrong_values"]

_LOST = "\ufffd"
"""What a conversion puts where it knows no letter."""

_CONTROLS = re.compile("[\x80-\x9f]")
"""What Windows-1252 has for letters and quotes, read as Latin-1: nobody types them."""
_BLOCK = 1 << 20
_ASCII = bytes(range(0x80))
_NO_LETTERS = "\xa0»\u2019\u201d\u201c\u2018\u2026\u2013\u2014"


def _characters(encoding: str) -> dict[int, str]:
    """Return the characters of the bytes over 7F; what an encoding leaves out stands for itself."""
    found = ((byte, bytes([byte]).decode(encoding, errors="replace")) for byte in range(0x80, 0x100))
    return {byte: chr(byte) if character == _LOST else character for byte, character in found}


class _Twice:
    """Letters of UTF-8 that were read as another encoding.

    Args:
        encoding: The other one.
        more: Patterns of further scripts, whose first bytes are letters in it that stand before no sign.
    """

    def __init__(self, encoding: str, *more: str) -> None:
        characters = _characters(encoding)
        self._bytes = {character: byte for byte, character in characters.items()}
        if encoding == "cp1252":  # as which Latin-1 is known too
            self._bytes |= {chr(byte): byte for byte in range(0x80, 0xA0)}
        following = re.escape("".join(each for each, byte in self._bytes.items() if byte < 0xC0))
        leading = re.escape("".join(characters[byte] for byte in (0xC2, 0xC3, 0xC4, 0xC5)))
        marks = re.escape("".join(each for each, byte in self._bytes.items() if byte in {0x80, 0x82, 0x84}))
        self.pattern = "|".join(
            (
                f"[{leading}][{following}]",
                f"{characters[0xE2]}[{marks}][{following}]",
                # A mark at the start of a file, and a letter that was lost before.
                f"{characters[0xEF]}(?:{characters[0xBB]}{characters[0xBF]}|{characters[0xBF]}{characters[0xBD]})",
                *(each.format(following) for each in more),
            )
        )
        self.leading = re.escape("".join(characters[byte] for byte in (0xC2, 0xC3, 0xC4, 0xC5, 0xE2, 0xEF)))
        self._found = re.compile(self.pattern)

    def mended(self, text: str) -> str:
        """Return a text with those letters as they were."""
        return self._found.sub(lambda found: self._once(text, found), text)

    def _once(self, text: str, found: re.Match[str]) -> str:
        """Return letters as they were, or as they stand where people write so."""
        shown = found[0]
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        in_capitals = len(shown) == 2 and shown[1] in _NO_LETTERS and before.isupper()  # such as AMANHÃ…
        if in_capitals and (not after.isalpha() or (shown[1] == "\xa0" and after.isupper())):
            return shown
        try:
            return bytes(self._bytes[character] for character in shown).decode("utf-8")
        except (KeyError, UnicodeDecodeError):
            return shown


@functools.cache
def _twice() -> tuple[_Twice, ...]:
    """Return the encodings that UTF-8 is mistaken for; made when first needed, which takes milliseconds."""
    return (
        _Twice("cp1252", "(?:[ÎÏÐÑ][{0}]){{2,}}", "ð[\u0178\x9f][{0}]{{2}}"),
        _Twice("mac_roman"),
        _Twice("cp850"),
        _Twice("cp437"),
    )


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what wrong letters begin with, which no letter of most lists does and is found far faster, and all."""
    leading = re.compile(f"[{_LOST}\x80-\x9fÎÏÐÑð{''.join(each.leading for each in _twice())}]")
    return leading, re.compile("|".join([_LOST, _CONTROLS.pattern, *(each.pattern for each in _twice())]))


def mended(text: str) -> str:
    """Return a text as it was before it was encoded a second time; the same if it was not."""
    if text.isascii():
        return text
    for each in _twice():
        once = each.mended(text)
        if once != text:
            return once
    return _CONTROLS.sub(lambda found: found[0].encode("latin-1").decode("cp1252", errors="replace"), text)


def has_wrong_letters(text: str) -> bool:
    """Tell whether people would be texted letters that were encoded twice, or lost."""
    return not text.isascii() and (_LOST in text or mended(text) != text)


def may_hold_wrong_letters(path: Path, encoding: str) -> bool:
    """Tell whether a file may hold such letters: seldom yes where it does not, never no where it does.

    Raises:
        OSError: It cannot be read.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="ignore")
    leading, suspect = _patterns()
    utf8 = encoding in {"utf-8", "utf-8-sig"}
    left = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            raw = block if utf8 else decoder.decode(block).encode("utf-8", errors="replace")
            # None of the letters is ASCII; what is joined by leaving that out is looked at again by the caller.
            over = left + raw.translate(None, delete=_ASCII)
            text = over.decode("utf-8", errors="ignore")
            if leading.search(text) and suspect.search(text):
                return True
            left = over[-16:]
    return False


def wrong_values(rows: Iterable[Recipient]) -> Iterator[tuple[int | None, int, str]]:
    """Yield the line, the parameter's number and the value of each one with such letters."""
    for row in rows:
        if not isinstance(row, RefusedRow):
            for number, value in enumerate(row.params, 1):
                if has_wrong_letters(value):
                    yield row.line, number, value


def wrong_letters(path: Path, encoding: str, line: int | None, column: int, value: str) -> InvalidSource:
    """Return the error of a value with such letters: a word of it, and how it read before."""
    word = next((each for each in re.findall(r"[^ \t\n;,|]+", value) if has_wrong_letters(each)), value)
    shown = re.sub(r"\d", "", word)[:30]
    what = "a letter was lost before the file was written"
    if _LOST not in word:
        before = "encoded twice" if _CONTROLS.search(word) is None else "read in another encoding"
        what = f"it was {before} before, and was most likely {mended(shown)!r}"
    msg = (
        f"{path}, line {line}: column {column} reads {shown!r}: {what}. Correct the file, or say "
        f"encoding={encoding.removesuffix('-sig')!r} to send it as it stands."
    )
    return InvalidSource(msg, line=line)
