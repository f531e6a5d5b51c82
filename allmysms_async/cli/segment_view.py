"""How the parts of a text are shown, in colours and to machines."""

from __future__ import annotations

import json

import click
from rich.text import Text

from allmysms_async.cli.ending import plain, say
from allmysms_async.cli.screen import number, output_console
from allmysms_async.cli.wording import costs
from allmysms_async.text import MAX_PARTS, Coding, Segments, has_placeholder

__all__ = ["print_json", "print_parts"]

_FOREIGN, _TWICE = "bold red", "yellow"


def print_parts(found: Segments) -> None:
    """Print each part, its costly characters in colours, and what they could be replaced by."""
    console = output_console()
    plural = "s" if len(found.parts) != 1 else ""
    name = "GSM-7" if found.coding is Coding.GSM7 else "Unicode"
    console.print(f"{name}, {number(found.units)} units, {number(len(found.parts))} part{plural}", markup=False)
    for ordinal, part in enumerate(found.parts, 1):
        console.print(_part(ordinal, part, found), soft_wrap=True)
    for sentence in costs(found):
        console.print(plain(sentence), markup=False, soft_wrap=True)
    if len(found.parts) > MAX_PARTS:
        say(f"It is too long to be sent: at most {MAX_PARTS} parts are.")
    if has_placeholder("".join(found.parts)):
        say("Placeholders are counted as they stand: what each recipient's text takes, 'campaign check' says.")


def _part(ordinal: int, part: str, found: Segments) -> Text:
    """Return a part as it is shown: its ordinal, and what it holds."""
    line = Text(f"{ordinal:>3}  ")
    for character in part:
        style = _FOREIGN if character in found.unicode_because else _TWICE if character in found.counted_twice else ""
        line.append("↵\n     " if character == "\n" else plain(character), style)
    return line


def print_json(found: Segments) -> None:
    """Print one line for machines."""
    fields = {
        "parts": len(found.parts),
        "encoding": found.encoding,
        "units": found.units,
        "unicode_because": list(found.unicode_because),
        "replacements": dict(found.replacements),
        "texts": list(found.parts),
        "counted_twice": list(found.counted_twice),
        "lossless": list(found.lossless),
        "parts_replaced": found.parts_replaced,
        "parts_lossless": found.parts_lossless,
    }
    click.echo(json.dumps(fields))
