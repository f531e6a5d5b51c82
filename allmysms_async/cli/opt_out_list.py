"""``allmysms opt-outs import | export | show | remove``: whom a journal and the gateway let nobody text."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import click
import msgspec
from pyroaring import BitMap64
from rich import box
from rich.table import Table

from allmysms_async.cli import login
from allmysms_async.cli.ending import ExitCode, NotWritten, plain, say
from allmysms_async.cli.file import NewFile, check_places, journal_file
from allmysms_async.cli.recipients import ListOptions, form_read, opened
from allmysms_async.cli.screen import number, output_console
from allmysms_async.errors import InvalidNumber
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.event_record import EventRecord
from allmysms_async.model import OptOut, Recipient, RefusedRow
from allmysms_async.numbers import canonical_number, mask

__all__ = ["COLUMNS", "export", "remove", "show", "show_gateway", "show_one", "take_in"]

COLUMNS = ("phone", "since", "source", "reason", "ended_at")
"""Of a list that is written to a file."""

_LINES = 5
_PAGE = 1000


class _Read(msgspec.Struct):
    """What a file of numbers holds.

    Attributes:
        rows: How many there are.
        numbers: Canonical numbers, as figures.
        duplicates: Rows whose number an earlier one has.
        rejections: How many rows cannot be read as a number, by reason.
        lines: The first lines of those, by reason.
    """

    rows: int = 0
    numbers: BitMap64 = msgspec.field(default_factory=BitMap64)
    duplicates: int = 0
    rejections: Counter[str] = msgspec.field(default_factory=Counter[str])
    lines: dict[str, list[int]] = msgspec.field(default_factory=dict[str, list[int]])

    def add(self, row: Recipient) -> None:
        """Count a row."""
        self.rows += 1
        try:
            reason = row.reason.value if isinstance(row, RefusedRow) else None
            found = int(canonical_number(row.phone)) if reason is None else 0
        except InvalidNumber as error:
            reason, found = error.reason, 0
        if reason is not None:
            self.rejections[reason] += 1
            lines = self.lines.setdefault(reason, [])
            if row.line is not None and len(lines) < _LINES:
                lines.append(row.line)
        elif found in self.numbers:
            self.duplicates += 1
        else:
            self.numbers.add(found)


def take_in(options: ListOptions, journal: str, *, machine: bool) -> int:
    """Put everybody in a file on the list; return the exit code.

    Raises:
        InvalidSource: The file cannot be read to its end; nobody was put on the list.
    """
    source = opened(options)
    read = _Read()
    for row in source:
        read.add(row)
    known = asyncio.run(_keep(read.numbers, journal)) if read.numbers else 0
    new = len(read.numbers) - known
    passed = sum(read.rejections.values())
    if machine:
        fields = {
            **form_read(source),
            "rows": read.rows,
            "imported": new,
            "already": known,
            "duplicates": read.duplicates,
            "rejections": dict(read.rejections.most_common()),
            "lines": read.lines,
        }
        click.echo(json.dumps(fields))
    else:
        twice = f", {number(read.duplicates)} repeated" if read.duplicates else ""
        click.echo(
            f"{number(read.rows)} rows read: {number(new)} new on the list, {number(known)} on it already{twice}, "
            f"{number(passed)} passed over."
        )
        for reason, count in read.rejections.most_common():
            lines = ", ".join(map(str, read.lines[reason]))
            say(f"Passed over, {reason}: {number(count)} (lines {lines}{', …' if count > _LINES else ''}).")
    return ExitCode.SOME_NOT if passed else ExitCode.ALL_ACCEPTED


async def _keep(numbers: BitMap64, journal: str) -> int:
    """Put numbers on the list; return how many were there already, which stay as they are."""
    async with EventJournal(journal) as events:
        known = await events.opted_out_numbers() & numbers
        await events.add_opt_outs(OptOut(phone=str(each), source="import") for each in numbers - known)
    return len(known)


async def export(path: Path | None, journal: str, *, ended: bool) -> int:
    """Write the list to a file, or to standard output; return the exit code.

    Raises:
        InvalidRequest: The file cannot be written.
        NotWritten: It is not complete.
    """
    check_places({"FILE": path}, journal=journal_file(journal))
    if path is None:
        await _written(journal, ended, lambda lines: click.echo(lines, nl=False))
        return ExitCode.ALL_ACCEPTED
    file = NewFile(path)
    try:
        count = await _written(journal, ended, lambda lines: file.write(lines.encode()))
    except BaseException:
        file.give_up()
        raise
    await file.finish()
    if file.problem is not None:
        msg = f"{path} is not complete: {file.problem}."
        raise NotWritten(msg)
    say(f"{number(count)} numbers in {path}.")
    return ExitCode.ALL_ACCEPTED


async def _written(journal: str, ended: bool, write: Callable[[str], object]) -> int:
    """Write the list as CSV, some lines at a time; return how many numbers it has."""
    count = 0
    page: list[Iterable[str]] = [COLUMNS]
    async with EventRecord(journal) as record:
        async for each in record.opt_outs(active=not ended):
            # With the plus, or a short number of another country would be read as another one.
            dates = [_date(at) for at in (each.since, each.ended_at)]
            page.append((f"+{each.phone}", dates[0], each.source, each.reason.value, dates[1]))
            count += 1
            if len(page) >= _PAGE:
                write(_csv(page))
                page.clear()
    write(_csv(page))
    return count


def _csv(rows: Iterable[Iterable[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def _date(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")


async def show(journal: str, *, machine: bool) -> int:
    """Print how many are on the list of a journal; return the exit code."""
    async with EventRecord(journal) as record:
        counts = {name: await record.opt_out_counts(active=name == "active") for name in ("active", "ended")}
    if machine:
        told: dict[str, dict[str, object]] = {}
        for name, each in counts.items():
            by_source, by_reason = Counter[str](), Counter[str]()
            for (source, reason), count in each.items():
                by_source[source] += count
                by_reason[reason.value] += count
            told[name] = {"total": sum(each.values()), "by_source": by_source, "by_reason": by_reason}
        click.echo(json.dumps(told))
        return ExitCode.ALL_ACCEPTED
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("told by", "reason"):
        table.add_column(heading)
    for heading in counts:
        table.add_column(heading, justify="right")
    for source, reason in sorted({kind for each in counts.values() for kind in each}):
        found = (number(each.get((source, reason), 0)) for each in counts.values())
        table.add_row(source, reason.value, *found)
    table.add_row("all", "", *(number(sum(each.values())) for each in counts.values()))
    output_console().print(table)
    return ExitCode.ALL_ACCEPTED


async def show_one(given: str, journal: str, *, machine: bool) -> int:
    """Print what the list of a journal has of a number, which is masked; return the exit code.

    Raises:
        InvalidNumber: It is none.
    """
    phone = canonical_number(given)
    async with EventRecord(journal) as record:
        found = await record.opt_out_of(phone)
    active = found is not None and found.ended_at is None
    if machine:
        fields: dict[str, object] = {"phone": mask(phone), "opted_out": active}
        if found is not None:
            fields |= {"since": _date(found.since), "source": found.source, "reason": found.reason.value}
            fields["ended_at"] = _date(found.ended_at) or None
        click.echo(json.dumps(fields))
    elif found is None:
        click.echo(f"{mask(phone)}: not on the list.")
    else:
        ended = "" if found.ended_at is None else f"; ended {_local(found.ended_at)}"
        since = "" if found.since is None else f" since {_local(found.since)}"
        click.echo(f"{mask(phone)}: {found.reason.value}{since}, told by: {found.source}{ended}.")
    return ExitCode.ALL_ACCEPTED


def _local(at: datetime) -> str:
    """Return a moment as a person reads it."""
    return at.astimezone().isoformat(" ", "seconds")


async def show_gateway(*, machine: bool) -> int:
    """Print how many are on the gateway's own list; return the exit code.

    Raises:
        UnsupportedFeature: It lists none.
    """
    counts = Counter[str]()
    async with login.service() as sms:
        async for each in sms.opt_outs():
            counts[each.reason.value] += 1
    if machine:
        click.echo(json.dumps({"gateway": {"total": counts.total(), "by_reason": dict(counts.most_common())}}))
        return ExitCode.ALL_ACCEPTED
    for reason, count in counts.most_common():
        click.echo(plain(f"{reason:17} {number(count)}"))
    click.echo(f"{'all':17} {number(counts.total())}")
    return ExitCode.ALL_ACCEPTED


async def remove(given: str, journal: str) -> int:
    """Let a number be texted again; return the exit code.

    Raises:
        InvalidNumber: It is none.
    """
    phone = canonical_number(given)
    async with EventJournal(journal, create=False) as events:
        found = await events.opt_out_of(phone)
        if found is None or found.ended_at is not None:
            click.echo(f"{mask(phone)} is not on the list.")
            return ExitCode.ALL_ACCEPTED
        await events.end_opt_outs([phone])
    click.echo(f"{mask(phone)} may be texted again until its next STOP; the gateway's own list is another one.")
    return ExitCode.ALL_ACCEPTED
