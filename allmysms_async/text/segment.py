"""Where the parts of a text break, which characters cost, and what they could be replaced by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.redaction import Shown
from allmysms_async.text.alphabet import Coding, forces_unicode
from allmysms_async.text.length import cut, doubled, measure, stream, unmarked
from allmysms_async.text.replacement import as_sent, transliterate

__all__ = ["Segments", "segments"]


class Segments(Shown, frozen=True):
    """What a text takes, and why.

    Attributes:
        coding: The coding that the units are counted in.
        units: Septets (GSM-7) or UTF-16 code units (Unicode), from 0, a newline counting 2.
        parts: The text of each part, in order, one at least; put together they are the text that is sent. There may be
            more than ``MAX_PARTS``.
        unicode_because: Each character that GSM-7 lacks once, in order of appearance; empty if the text fits GSM-7.
        counted_twice: Each character once that counts 2 units in this coding, in order of appearance.
        replacements: What of GSM-7 could stand for characters of ``unicode_because``; those without one are left out.
        lossless: Those of ``replacements`` that ``gsm_replacements=True`` makes.
        parts_replaced: Parts of the text with all ``replacements``; those of this one if it has none.
        parts_lossless: Parts of the text as ``gsm_replacements=True`` makes it.
    """

    coding: Coding
    units: int
    parts: tuple[str, ...]
    unicode_because: tuple[str, ...]
    counted_twice: tuple[str, ...]
    replacements: Mapping[str, str]
    lossless: tuple[str, ...]
    parts_replaced: int
    parts_lossless: int

    @property
    def encoding(self) -> Literal["gsm7", "unicode"]:
        """The coding in the words of ``SmsMessage.encoding``."""
        return "gsm7" if self.coding is Coding.GSM7 else "unicode"

    def __repr__(self) -> str:
        """Show the size, and nothing of the text."""
        return f"<Segments {self.encoding}, {self.units} units, {len(self.parts)} parts>"


@border
def segments(text: str, coding: Coding | None = None) -> Segments:
    """Show where the parts of a text break and which of its characters cost.

    Source: HTTPS API v9, §7.2 and §7.3.

    Args:
        text: The text after expansion; in NFC, as a message's text is sent, whatever it is here.
        coding: The coding to count in; by default the one that the text needs.

    Raises:
        InvalidText: With reason ``needs_unicode`` (GSM-7 was asked for) or ``malformed`` (see ``check_text``).
    """
    text = as_sent(argument.text("The text", text))
    size = measure(text, coding)
    marked = stream(text, size.coding)
    because = forces_unicode(text)
    report = transliterate(text)
    replaced = parts_lossless = size.parts
    if because:
        replaced = measure(report.text, coding).parts
        parts_lossless = measure(as_sent(text, gsm_replacements=True), coding).parts
    return Segments(
        coding=size.coding,
        units=size.units,
        parts=tuple(map(unmarked, cut(marked, size.coding))),
        unicode_because=because,
        counted_twice=doubled(marked),
        replacements={change.character: change.by for change in report.changes},
        lossless=tuple(dict.fromkeys(change.character for change in report.changes if change.lossless)),
        parts_replaced=replaced,
        parts_lossless=parts_lossless,
    )
