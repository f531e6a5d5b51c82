"""What a gateway says in words: its figures, and its sentences made fit for an error."""

from __future__ import annotations

import re
from decimal import Decimal

from allmysms_async.numbers import mask

__all__ = ["figures", "one_line"]

# Thousands may be set apart by a blank, as French does it, breaking or not.
_BLANKS = " \u00a0\u2009\u202f"
_FIGURE = re.compile(rf"(?:\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?!\d)|\d+)(?:[.,]\d+)?", re.ASCII)
_UNGROUPED = str.maketrans(",", ".", _BLANKS)
_LONG_FIGURE = re.compile(r"\d(?:[ .-]?\d){5,}")
_MAX_CHARACTERS = 160
_MAX_READ = 400


def figures(text: str) -> list[Decimal]:
    """Return the figures of a sentence, such as the two of "A utiliser: 30 Crédits, Disponibles: 12 Crédits"."""
    return [Decimal(figure.translate(_UNGROUPED)) for figure in _FIGURE.findall(text[:_MAX_READ])]


def one_line(text: str) -> str:
    """Return words of the other side's fit to be shown: one line, bounded, long figures (numbers) masked."""
    line = " ".join(text[:_MAX_READ].split())
    line = "".join(character for character in line if character.isprintable())
    return _LONG_FIGURE.sub(lambda figure: mask(figure[0]), line)[:_MAX_CHARACTERS]
