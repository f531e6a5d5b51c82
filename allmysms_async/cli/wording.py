"""The text that a command sends: where it comes from, and what it costs, said before it is sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from allmysms_async.cli.file import why
from allmysms_async.cli.signals import at_once
from allmysms_async.errors import InvalidText
from allmysms_async.law import with_stop
from allmysms_async.model import SmsMessage, coding_of
from allmysms_async.text import MAX_PARTS, Coding, Segments, Template, named, segments

__all__ = ["costs", "needed", "text_of"]

_MOST_TEXT = 100_000
_NAMED_AT_MOST = 8


def text_of(text: str) -> str:
    """Return a text, from standard input if it is ``-``.

    Raises:
        UsageError: Standard input is closed, cannot be read, is not UTF-8 or does not end.
    """
    if text != "-":
        return text
    try:
        with at_once():
            read = sys.stdin.buffer.read(_MOST_TEXT + 1) if sys.stdin else None
        told = None if read is None else read.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        msg = f"The text on standard input cannot be read: {why(error)}."
        raise click.UsageError(msg) from None
    except UnicodeDecodeError:
        msg = "The text on standard input is not UTF-8."
        raise click.UsageError(msg) from None
    if read is None or told is None:
        msg = "There is no standard input to read the text from: give the text itself."
        raise click.UsageError(msg)
    if len(read) > _MOST_TEXT:
        msg = f"The text on standard input is longer than {_MOST_TEXT} bytes, more than any text message."
        raise click.UsageError(msg)
    return told


def needed(message: SmsMessage) -> Sequence[str]:
    """Return which coding a text needs and why, a sentence each.

    There is nothing to say of a usual text, one part in GSM-7, nor of one that cannot be sent: an error says why.
    """
    try:
        template = Template(with_stop(message.text) if message.add_stop else message.text)
        found = segments(template.render([""] * template.count), coding_of(message.encoding))
    except InvalidText:
        return ()
    usual = found.coding is Coding.GSM7 and len(found.parts) == 1
    if usual or len(found.parts) > MAX_PARTS:
        return ()
    goes = "needs" if message.encoding == "auto" else "goes in"
    size = f"{len(found.parts)} part{'s' if len(found.parts) != 1 else ''}"
    beside = " beside the recipients' values" if template.count else ""
    said = f"The text {goes} {'GSM-7' if found.coding is Coding.GSM7 else 'Unicode'}: {size}{beside}."
    # With the values, a text of one part may be of several.
    costly = template.count or found.parts_replaced < len(found.parts)
    return (said, *costs(found)) if costly else (said,)


def costs(found: Segments) -> Sequence[str]:
    """Return which characters make a text Unicode and what could stand for them, a sentence each; none in GSM-7."""
    if not found.unicode_because:
        return ()
    named_ones = [_shown(character, found) for character in found.unicode_because[:_NAMED_AT_MOST]]
    more = len(found.unicode_because) - len(named_ones)
    listed = ", ".join(named_ones) + (f" and {more} more" if more else "")
    lines = [f"Unicode because of {listed}."]
    parts = len(found.parts)
    if found.parts_replaced < parts:
        only = " those that have one" if len(found.replacements) < len(found.unicode_because) else " them"
        lines.append(f"It would take {found.parts_replaced} of {parts} parts with a replacement for{only}.")
    if found.parts_lossless < parts:
        lines.append(f"--gsm-replacements replaces quotes, spaces and dashes: {found.parts_lossless} of {parts} parts.")
    return lines


def _shown(character: str, found: Segments) -> str:
    """Return a character by name, and what could stand for it."""
    by = found.replacements.get(character)
    if by is None:
        return named(character)
    return f"{named(character)}, for which {repr(by) if by.strip() else 'a space' if by else 'nothing'} could stand"
