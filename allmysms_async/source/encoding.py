"""Telling the encoding of a file: its mark, UTF-8 where all of it is, else what reads like a person's language.

A wrong guess is texted to everybody, so in doubt there is none: the error names a line, shows how each encoding would
read it, and says which option decides.

charset-normalizer, which does this for any text, was measured on lists of French names: it named cp1250, cp1257 or
cp932 for Windows-1252, Mac Roman and cp850 in five samples of seven, without a doubt, and took 1.1 seconds for 3 MB. It
weighs the words of long texts, and a list has a few accents among a million digits.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from allmysms_async import argument
from allmysms_async.errors import InvalidSource
from allmysms_async.source.language import Fit, fit_of_windows, proves_windows, reads_well

__all__ = ["check_said", "encoding_of", "known_encoding", "undecodable"]

_BLOCK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = frozenset({"iso8859-1", "iso8859-15"})
_controls = re.compile(b"[\x80-\x9f]").search
_ORDERED = {"utf-16": 2, "utf-32": 4}
# Known to Python, and made for names of hosts and for its own sources.
_NO_ENCODINGS = frozenset(("punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape"))
# Those of Western Europe's spreadsheets, in the order in which one is preferred where they read the same.
_CANDIDATES = ("cp1252", "mac_roman", "cp850")
_EVIDENCE = bytes([*range(0x81, 0x85), *range(0x86, 0x91), *range(0x98, 0xA0)])
_NO_EVIDENCE = bytes(set(range(0x100)) - set(_EVIDENCE))
_PROOFS = 3
"""How many words that can be nothing else are believed against one that is written oddly."""
_MOST_WORDS = 100_000
"""Different words with other than ASCII characters that are looked at; no list has more names."""

_HIGH = re.compile(b"[\xc0-\xff]")
# What may be an í of Mac Roman; French elides one letter, or the end of these.
_APOSTROPHE_INSIDE = re.compile("([^\\W\\d_]{3,})\u2019(?=[a-z])")
_ELIDED = re.compile("(?:.*qu|aujourd|entr|grand)", re.IGNORECASE).fullmatch


class _Sample(NamedTuple):
    """A word with other than ASCII characters, and the line that it stands in first."""

    number: int
    raw: bytes


def known_encoding(encoding: str) -> str:
    """Return the codec's name of an encoding that the caller names.

    Raises:
        InvalidSource: Python does not know it, or it encodes something else than text.
    """
    argument.text("encoding", encoding)
    try:
        name = codecs.lookup(encoding).name  # a name of half a character is a UnicodeError
        with suppress(UnicodeError):  # known, and of texts: of other lengths, or with a mark of its own in front
            "0;a".encode(name)
            b"a;0".decode(name)
    except (LookupError, ValueError, TypeError):
        name = ""
    if not name or name.replace("_", "-") in _NO_ENCODINGS:
        msg = f"The encoding {encoding[:40]!r} is not known, or not one of files: say utf-8 or cp1252, or leave it out."
        raise InvalidSource(msg)
    return "utf-8-sig" if name == "utf-8" else name


def check_said(path: Path, encoding: str) -> None:
    """Refuse an encoding that a file cannot be in, although it decodes.

    Raises:
        InvalidSource: A mark tells its order of bytes, and the file lacks it; or it holds signs of Windows-1252 where
            Latin-1 has controls.
        OSError: It cannot be read.
    """
    if encoding in _LATIN:
        line = _line_of_controls(path)
        if line is not None:
            msg = f"{path}, line {line}: it holds signs that {encoding} has not, and Windows-1252 has."
            raise InvalidSource(msg, line=line, remedy="Say encoding='cp1252'.")
    if encoding not in _ORDERED:
        return
    with path.open("rb") as file:
        head = file.read(_ORDERED[encoding])
    if head and (head, encoding) not in {(mark, each) for mark, each in _MARKS if each in _ORDERED}:
        msg = f"{path} does not begin with the mark that tells which {encoding} it is."
        remedy = f"Say encoding='{encoding}-le' or encoding='{encoding}-be'."
        raise InvalidSource(msg, line=1, remedy=remedy)


def _line_of_controls(path: Path) -> int | None:
    """Return the first line with bytes that are controls in Latin-1, or None."""
    with path.open("rb") as file:
        if not any(_controls(block) for block in iter(lambda: file.read(_BLOCK), b"")):
            return None
    return next(number for number, line in _lines(path) if _controls(line))


def encoding_of(path: Path) -> str:
    """Return what a file is read as, by Python's name, from all of its bytes.

    Raises:
        InvalidSource: It holds NUL bytes, a stray byte in UTF-8, or nothing tells which encoding it is.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        return _wide(path, head)
    wrong = undecodable(path, "utf-8")
    if wrong is None:
        return "utf-8-sig"
    samples = _samples(path)
    multiple = sum(_has_utf8(sample.raw) for sample in samples)
    if multiple > len(samples) / 2:  # a stray byte in UTF-8 makes nothing else of all the others
        line, _ = wrong
        msg = (
            f"{path}, line {line}: nearly all of the file is UTF-8, and a byte in this line is not. "
            "Correct it, or say encoding= if the file is something else."
        )
        raise InvalidSource(msg, line=line)
    return _plausible(path, samples)


def _wide(path: Path, head: bytes) -> str:
    """Return which UTF-16 a file without its mark is: every other byte of digits and separators is NUL."""
    head = head[: len(head) // 2 * 2]
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) // 4
    if odd > half and not even:
        return "utf-16-le"
    if even > half and not odd:
        return "utf-16-be"
    msg = f"{path} holds NUL bytes: it is not a CSV file. A spreadsheet saves one as 'CSV (semicolon)'."
    raise InvalidSource(msg)


def undecodable(path: Path, encoding: str) -> tuple[int, bytes] | None:
    """Return the line of the first bytes that are not of an encoding, and those bytes, or None; all is read."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            read += len(block)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                bad = read - len(error.object) + error.start
                return _line_at(path, encoding, bad), error.object[error.start : error.end]
            except UnicodeError:
                return 1, b""
            if not block:
                return None


def _line_at(path: Path, encoding: str, offset: int) -> int:
    """Return the line, counted from 1, on which a byte of a file stands."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, read, last = 1, 0, ""
    with path.open("rb") as file:
        while read < offset and (block := file.read(min(_BLOCK, offset - read))):
            read += len(block)
            text = last + decoder.decode(block)
            last = text[-1:] if text.endswith("\r") else ""
            line += len(_TEXT_ENDS.findall(text[: len(text) - len(last)]))
    return line + len(last)


_TEXT_ENDS = re.compile("\r\n|\n|\r")
_WORDS = re.compile(rb'[^\x00-\x20;,|"]{1,100}')
_ENDS = re.compile(rb"\r\n|\n|\r")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file as bytes, with their numbers; a long one in pieces."""
    number = 1
    with path.open("rb") as file:
        left = b""
        while block := file.read(_BLOCK):
            text = left + block
            # The line feed that belongs to a carriage return may be in the next block.
            held = text[-1:] if text.endswith(b"\r") else b""
            *lines, left = _ENDS.split(text[: len(text) - len(held)])
            for line in lines:
                yield number, line
                number += 1
            if len(left) >= _BLOCK:
                yield number, left
                left = b""
            left += held
        yield number, left.removesuffix(b"\r")


def _samples(path: Path) -> list[_Sample]:
    """Return the words of a file that are not ASCII, each once: what reads wrong may stand in its last line."""
    found: dict[bytes, int] = {}
    for number, line in _lines(path):
        if line.isascii():
            continue
        for word in _WORDS.findall(line):
            if not word.isascii():
                found.setdefault(word, number)
        if len(found) >= _MOST_WORDS:
            break
    return [_Sample(number, word) for word, number in found.items()]


def _has_utf8(raw: bytes) -> bool:
    """Tell whether a word holds a character of several bytes as UTF-8 has it."""
    return len(raw.decode("utf-8", errors="ignore")) > len(raw.decode("ascii", errors="ignore"))


def _plausible(path: Path, samples: list[_Sample]) -> str:
    """Return the one encoding in which the words read like a person's language."""
    doubts = {encoding: _doubtful(encoding, samples) for encoding in _CANDIDATES}
    fitting = [
        encoding
        for encoding, doubt in doubts.items()
        if doubt is None and (encoding == _CANDIDATES[0] or _has_evidence(samples))
    ]
    first = samples[0]
    if fitting:
        line = next((sample for sample in samples if len({_read(sample, each) for each in fitting}) > 1), None)
        if line is None:
            return fitting[0]
        first = line
    else:
        first = doubts["cp1252"] or first
    shown = "; ".join(f"{encoding} reads {_excerpt(first, encoding)!r}" for encoding in fitting or _CANDIDATES)
    msg = f"{path}, line {first.number}: what the file is encoded in cannot be told. {shown}. Say encoding= to decide."
    raise InvalidSource(msg, line=first.number)


def _read(sample: _Sample, encoding: str) -> str:
    return sample.raw.decode(encoding, errors="replace")


def _excerpt(sample: _Sample, encoding: str) -> str:
    """Return the part of a word that is not ASCII, without any digit of a number."""
    words = re.findall(r"[^\s;,\t|\"]+", re.sub(r"\d", "", _read(sample, encoding)))
    return next((word[:30] for word in words if not word.isascii()), "")


def _doubtful(encoding: str, samples: list[_Sample]) -> _Sample | None:
    """Return the first word that does not read like a person's language, or None."""
    if encoding == "cp1252":
        return _doubtful_windows(samples)
    return next((sample for sample in samples if not reads_well(sample.raw.decode(encoding))), None)


def _doubtful_windows(samples: list[_Sample]) -> _Sample | None:
    """Return the first word that Windows-1252 does not explain, or not without the others, or None."""
    # Mac Roman has its letters below, and two of them where Windows-1252 has the apostrophes.
    bare = not any(_HIGH.search(sample.raw) for sample in samples)
    odd: list[_Sample] = []
    clear: list[_Sample] = []
    for sample in samples:
        fit = fit_of_windows(sample.raw)
        if fit is Fit.WRONGLY or (bare and _odd_apostrophe(sample.raw.decode("cp1252"))):
            return sample
        (clear if fit is Fit.WELL else odd).append(sample)
    if odd and len(odd) * _PROOFS > sum(proves_windows(sample.raw) for sample in clear):
        return odd[0]
    return None


def _odd_apostrophe(text: str) -> bool:
    """Tell whether an apostrophe stands where French has none, and a letter of a name may be meant."""
    return any(_ELIDED(found[1]) is None for found in _APOSTROPHE_INSIDE.finditer(text))


def _has_evidence(samples: list[_Sample]) -> bool:
    """Tell whether letters of Mac Roman and cp850 that are rare in Windows-1252 outnumber the letters of that."""
    text = b"".join(sample.raw for sample in samples)
    letters = text.translate(None, delete=bytes(range(0xC0)))
    return len(text.translate(None, delete=_NO_EVIDENCE)) > len(letters)
