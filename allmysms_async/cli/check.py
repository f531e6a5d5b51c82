"""``allmysms campaign check``: how a file is read and what would become of its rows, before anything is sent."""

from __future__ import annotations

import json

import click
import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from allmysms_async.cli.ending import ExitCode, plain, say
from allmysms_async.cli.recipients import ListOptions, check_params, form_read, how_read, opened
from allmysms_async.cli.screen import number, output_console
from allmysms_async.cli.wording import needed
from allmysms_async.model import SmsMessage
from allmysms_async.source import CsvSource, ListCheck, SheetSource

__all__ = ["check_file"]


def check_file(options: ListOptions, message: SmsMessage, *, machine: bool) -> int:
    """Print what becomes of a list; return 0 if all of it would be sent, 1 if some rows would not."""
    check_params(options, message.text)
    source = opened(options)
    check = source.check(message)
    if machine:
        say_json(source, check)
    else:
        print_check(source, check, message)
    return ExitCode.ALL_ACCEPTED if check.sendable == check.rows and check.rows else ExitCode.SOME_NOT


def say_json(source: CsvSource | SheetSource, check: ListCheck) -> None:
    """Print one line for machines."""
    fields = {
        **form_read(source),
        "rows": check.rows,
        "sendable": check.sendable,
        "parts": check.parts,
        "rejections": {reason.value: count for reason, count in check.rejections.items()},
        "lines": {reason.value: list(lines) for reason, lines in check.lines.items()},
        "first": [msgspec.structs.asdict(row) for row in check.first],
        "oddities": list(check.oddities),
    }
    click.echo(json.dumps(fields))


def print_check(source: CsvSource | SheetSource, check: ListCheck, message: SmsMessage) -> None:
    """Print what a person wants to know before sending."""
    console = output_console()
    console.print(plain(how_read(source, message)[0]), markup=False)
    for row in check.first:
        console.print(plain(f"  line {row.line}, {row.phone}: {' '.join(row.text.split())}"), markup=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading, side in (("", "left"), ("rows", "right"), ("first lines", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    table.add_row("would be sent", number(check.sendable), f"in {number(check.parts)} text parts")
    for reason, count in check.rejections.items():
        lines = ", ".join(map(str, check.lines.get(reason, ())))
        table.add_row(f"rejected: {reason.value}", number(count), Text(lines + (", …" if count > 5 else "")))
    table.add_row("read", number(check.rows), "")
    console.print(table)
    for sentence in check.oddities:
        say(f"Odd: {sentence}")
    for sentence in needed(message):
        say(sentence)
