"""A preview on the terminal: a table for each question."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from allmysms_async.cli.ending import plain, say
from allmysms_async.cli.html_events import share
from allmysms_async.cli.preview_words import (
    begins_told,
    character_named,
    compared,
    country_named,
    difference_named,
    facts,
    hours_told,
    length_named,
    place_of,
    replacement_named,
    unicode_told,
)
from allmysms_async.cli.report import Examples, money
from allmysms_async.cli.screen import number, output_console
from allmysms_async.preview import Preview

__all__ = ["print_preview"]

_BAR = 24
_CHARACTERS = 10
_COUNTRIES = 12


def print_preview(preview: Preview, read: Sequence[str]) -> None:
    """Print what a person wants to know before sending.

    Args:
        preview: What would be sent.
        read: How its file is read, in sentences.
    """
    console = output_console()
    for line in read:
        console.print(plain(line), markup=False, soft_wrap=not console.is_terminal)
    console.print(_rows(preview, console.width))
    _parts(console, preview)
    _unicode(console, preview)
    _countries(console, preview)
    _hours(console, preview)
    _gateway(console, preview)
    if not preview.rows:
        say("There are no rows: nobody would be texted.")
    if preview.begins_at is not None:
        say(begins_told(preview))
    for note in preview.notes:
        say(note)
    if preview.affordable is False:
        say("What is left on the account is not enough.")


def _table(title: str, *columns: tuple[str, str]) -> Table:
    """Return an empty table.

    Args:
        title: What it is about.
        columns: The heading of each, and its side.
    """
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, title=Text(plain(title)), title_justify="left", title_style="bold"
    )
    for heading, side in columns:
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    return table


def _rows(preview: Preview, width: int) -> Table:
    """Return what becomes of the rows, and what it costs."""
    table = _table(preview.name, ("", "left"), ("rows", "right"), ("the first of them", "left"))
    examples = Examples()
    table.add_row("Read", number(preview.rows))
    table.add_row("Would be sent to", Text(number(preview.recipients), style="green"))
    table.add_row("Rejected", Text(number(preview.rejected), style="yellow" if preview.rejected else ""))
    for reason, count in preview.rejections.items():
        examples.collect(preview.first_rejected.get(reason, ()))
        shown = examples.of(reason, max(width - 40, 20))
        table.add_row(f"  {reason.value.replace('_', ' ')}", number(count), Text(plain(shown)), style="yellow")
    table.add_section()
    for name, figure in facts(preview):
        table.add_row(name, figure)
    return table


def _parts(console: Console, preview: Preview) -> None:
    """Print how many parts a text takes, and the longest ones."""
    if not preview.histogram:
        return
    table = _table("Parts of a text", ("parts", "right"), ("recipients", "right"), ("", "right"), ("", "left"))
    most = max(preview.histogram.values())
    for parts, count in preview.histogram.items():
        bar = "█" * max(1, round(_BAR * count / most))
        table.add_row(number(parts), number(count), share(count, preview.recipients), Text(bar, style="cyan"))
    console.print(table)
    if preview.longest:
        table = _table("The longest texts", ("", "left"), ("parts", "right"), ("", "left"))
        for row in preview.longest:
            table.add_row(Text(place_of(row)), number(row.parts), length_named(row))
        console.print(table)


def _unicode(console: Console, preview: Preview) -> None:
    """Print what forces Unicode, and what it costs."""
    told = unicode_told(preview)
    if not told:
        return
    for line in told:
        console.print(plain(line), markup=False, soft_wrap=not console.is_terminal)
    if not preview.characters:
        return
    table = _table(
        "What forces Unicode",
        *(("", "left"), ("", "left"), ("recipients", "right"), ("extra parts", "right"), ("GSM-7", "left")),
        ("first", "left"),
    )
    for found in preview.characters[:_CHARACTERS]:
        shown, called = character_named(found)
        where = f"row {found.row}" if found.line is None else f"line {found.line}"
        replaced = Text(plain(replacement_named(found)))
        figures = (number(found.recipients), number(found.extra_parts))
        table.add_row(Text(shown, style="bold"), Text(called), *figures, replaced, where)
    console.print(table)
    if len(preview.characters) > _CHARACTERS:
        more = len(preview.characters) - _CHARACTERS
        console.print(f"{more} more characters are in --html and --json.", markup=False)


def _countries(console: Console, preview: Preview) -> None:
    """Print who is in which country, and what that costs."""
    if not preview.countries:
        return
    priced = preview.cost is not None
    prices = (("a part", "right"), ("cost", "right")) if priced else ()
    table = _table("Countries", ("", "left"), ("recipients", "right"), ("parts", "right"), *prices)
    for each in preview.countries[:_COUNTRIES]:
        costs = ["-" if each.price is None else money(each.price), "-" if each.cost is None else money(each.cost)]
        table.add_row(country_named(each), number(each.recipients), number(each.parts), *(costs if priced else []))
    console.print(table)
    if len(preview.countries) > _COUNTRIES:
        console.print(f"{len(preview.countries) - _COUNTRIES} more countries are in --html and --json.", markup=False)


def _hours(console: Console, preview: Preview) -> None:
    """Print whether quiet hours allow it."""
    if preview.hours:
        table = _table("Quiet hours of marketing", ("", "left"), ("recipients", "right"), ("", "left"))
        for zone, (name, count, told) in zip(preview.hours, hours_told(preview), strict=True):
            table.add_row(name, count, told, style="" if zone.may_send else "yellow")
        console.print(table)


def _gateway(console: Console, preview: Preview) -> None:
    """Print the gateway's own answer beside the plan."""
    if preview.simulation is None:
        return
    table = _table("The gateway's own answer", ("", "left"), ("planned here", "right"), ("the gateway", "right"))
    for line in compared(preview):
        table.add_row(*line)
    console.print(table)
    for difference in preview.simulation.differences:
        console.print(difference_named(difference), markup=False, style="yellow")
    for problem, count in preview.simulation.refused.items():
        console.print(plain(f"{number(count)} requests it would refuse: {problem}"), markup=False, style="red")
    if not preview.simulation.differences:
        console.print("It sees no figure otherwise.", markup=False)
