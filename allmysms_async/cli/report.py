"""The end of a campaign: a table for people, one line of JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from allmysms_async.cli.drive import Drive
from allmysms_async.cli.ending import ExitCode, plain, say, sentence
from allmysms_async.cli.screen import error_console, held_words, number, output_console
from allmysms_async.model import CampaignResult, Outcome, OutcomeState, Reason, Waiting
from allmysms_async.numbers import mask

__all__ = [
    "Examples",
    "all_as_json",
    "as_json",
    "closing_table",
    "duplicates_told",
    "held_as_json",
    "money",
    "print_advice",
    "print_end",
    "side_by_side_table",
]

_EXAMPLES = 5
_ROOM_FOR_EXAMPLES = 20


class Examples:
    """The first rows that were rejected, for each reason."""

    def __init__(self) -> None:
        self._first: dict[Reason, list[Outcome]] = {}

    def collect(self, outcomes: Iterable[Outcome]) -> None:
        """Keep the first few of each reason."""
        for outcome in outcomes:
            if outcome.state is OutcomeState.REJECTED and outcome.reason is not None:
                kept = self._first.setdefault(outcome.reason, [])
                # Answers come in any order.
                if len(kept) < _EXAMPLES or outcome.row < kept[-1].row:
                    kept.append(outcome)
                    kept.sort(key=lambda each: each.row)
                    del kept[_EXAMPLES:]

    def of(self, reason: Reason, width: int) -> str:
        """Return as many of a reason's examples as fit into a width."""
        shown = ""
        for outcome in self._first.get(reason, []):
            example = _where(outcome)
            longer = f"{shown}, {example}" if shown else example
            if len(longer) > width:
                break
            shown = longer
        return shown


def _where(outcome: Outcome) -> str:
    """Return a row's place in the file, and its number masked where there are digits to show."""
    where = f"line {outcome.line}" if outcome.line is not None else f"row {outcome.row}"
    masked = mask(outcome.phone)
    return f"{where} ({masked})" if masked.strip("*") else where


def money(cost: Decimal) -> str:
    """Return euros, to the cent or finer where the price is."""
    exact = cost.quantize(Decimal("0.01")) == cost
    return f"{cost:,.{2 if exact else 3}f}".replace(",", "\N{NO-BREAK SPACE}") + "\N{NO-BREAK SPACE}€"


def as_json(result: CampaignResult, **more: object) -> str:
    """Return the result as one line of JSON; ``total`` counts the rows read, ``pending`` also those in flight."""
    return json.dumps(_fields(result) | more)


def held_as_json(waiting: Waiting | None) -> dict[str, object] | None:
    """Return the requests that processes hold, for machines."""
    if waiting is None:
        return None
    until = waiting.until.isoformat()
    return {"requests": waiting.requests, "holders": list(waiting.holders), "until": until}


def all_as_json(results: Mapping[str, CampaignResult]) -> str:
    """Return several results as one line of JSON, by their names."""
    return json.dumps({name: _fields(result) for name, result in results.items()})


def _fields(result: CampaignResult) -> dict[str, object]:
    """Return the figures of a result, for machines."""
    return {
        "total": result.rows,
        "accepted": result.accepted,
        "rejected": result.rejected,
        "failed": result.failed,
        "unknown": result.unknown,
        "pending": result.pending,
        "in_flight": result.in_flight,
        "complete": result.complete,
        "rejections": {reason.value: count for reason, count in _by_count(result)},
        "parts": result.parts,
        "cost": float(result.cost),
        "campaign_ids": list(result.campaign_ids),
    }


def _by_count(result: CampaignResult) -> list[tuple[Reason, int]]:
    """Return the reasons of rejection, the most frequent first."""
    return sorted(result.rejections.items(), key=lambda item: (-item[1], item[0].value))


def closing_table(result: CampaignResult, examples: Examples, *, width: int) -> Table:
    """Return the table that closes a campaign.

    Args:
        result: What became of it.
        examples: The first rejected rows.
        width: Columns of the terminal.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title_style="bold")
    # On a narrow terminal the figures are worth more than a name or an example.
    figures = max(len(figure) for figure in (number(result.rows), number(result.parts), money(result.cost), "rows"))
    longest = min(24, max(width - figures - 5, 8))
    name = plain(result.name)
    table.add_column(Text(name if len(name) <= longest else name[: longest - 1] + "…"), no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True, min_width=figures)
    room = width - longest - figures - 8
    exemplary = room >= _ROOM_FOR_EXAMPLES
    if exemplary:
        table.add_column("the first of them", style="dim", no_wrap=True, overflow="ellipsis", max_width=room)

    def row(label: str, count: Text | str, example: str = "", style: str = "") -> None:
        table.add_row(label, count, *([example] if exemplary else []), style=style)

    row("Read" if result.complete else "Read so far", number(result.rows))
    row("Accepted", Text(number(result.accepted), style="green"))
    row("Rejected", Text(number(result.rejected), style="yellow" if result.rejected else ""))
    for reason, count in _by_count(result):
        row(f"  {reason.value.replace('_', ' ')}", number(count), examples.of(reason, room), style="yellow")
    counts = {"Failed": result.failed, "Unknown": result.unknown, "In flight": result.in_flight}
    counts["Pending"] = result.pending - result.in_flight
    for label, count in counts.items():
        if count:
            row(label, Text(number(count), style="red"))
    table.add_section()
    row("Text parts", number(result.parts))
    row("Cost without tax", money(result.cost))
    return table


def side_by_side_table(results: Mapping[str, tuple[CampaignResult, float]]) -> Table:
    """Return one table for the same campaign over several protocols.

    Args:
        results: For each protocol what became of it, and the seconds that it took.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in results:
        table.add_column(name, justify="right", no_wrap=True)
    reasons = [reason for reason in Reason if any(result.rejections.get(reason) for result, _ in results.values())]

    def row(label: str, counts: Iterable[int], style: str = "") -> None:
        table.add_row(label, *(number(count) if count else "-" for count in counts), style=style)

    ends = [result for result, _ in results.values()]
    row("Read", (result.rows for result in ends))
    row("Accepted", (result.accepted for result in ends), "green")
    row("Rejected", (result.rejected for result in ends), "yellow")
    for reason in reasons:
        row(f"  {reason.value.replace('_', ' ')}", (result.rejections.get(reason, 0) for result in ends))
    row("Failed", (result.failed for result in ends))
    row("Unknown", (result.unknown for result in ends))
    table.add_section()
    row("Text parts", (result.parts for result in ends))
    table.add_row("Cost", *(money(result.cost) if result.cost else "-" for result, _ in results.values()))
    table.add_row("Seconds", *(f"{seconds:.1f}" for _, seconds in results.values()))
    return table


def duplicates_told(result: CampaignResult, *, journal: bool) -> list[str]:
    """Return what it means that the gateway refused requests as duplicates, and what to do; nothing if it did not.

    Args:
        result: What became of the campaign.
        journal: Whether the requests can be decided about in its journal.
    """
    count = result.rejections.get(Reason.DUPLICATE_AT_GATEWAY, 0)
    if not count:
        return []
    told = (
        f"{number(count)} duplicate at gateway: the gateway refused their request because it had just taken an "
        "identical one. If another program of yours sent that one they have their text; if none did, nobody texted "
        "them."
    )
    if journal:
        told += " 'campaign status' lists these requests; 'campaign resolve' with --resend or --mark-sent decides."
    else:
        told += " --outcomes writes them to a file; send to them again if no other program did."
    return [told]


def print_advice(console: Console, result: CampaignResult, *, journal: bool = False) -> None:
    """Say what failed, and what to do about rows that were not sent.

    Args:
        console: Where to say it.
        result: What became of the campaign.
        journal: Whether it can be continued from its journal.
    """
    lines = [
        f"{problem.rstrip('.')}: {number(count)} request{'s' if count > 1 else ''}."
        for problem, count in result.problems.items()
    ]
    lines.extend(duplicates_told(result, journal=journal))
    if result.failed:
        lines.append(f"{number(result.failed)} failed: surely not sent, they can be sent again.")
    if result.unknown:
        lines.append(
            f"{number(result.unknown)} unknown: they may have been texted. Look in the provider's back office for "
            f"{result.run_id[:8]} before texting them again."
        )
    if result.in_flight:
        lines.append(
            f"{number(result.in_flight)} in flight: a process is sending to them, or ended while it was; they may have "
            "been texted."
        )
    if result.pending or not result.complete:
        waiting = result.pending - result.in_flight
        if waiting or not result.in_flight:
            lines.append(f"{number(waiting)} pending: read from the file, nothing was sent to them.")
        if not result.complete:
            lines.append("The file was not read to its end.")
        if journal:
            lines.append("Run the same command again to continue, or 'campaign resume' for what was read.")
        elif result.accepted or result.unknown or result.in_flight:
            lines.append(
                "Sending the whole file again would text people twice: leave out the rows that are done; --outcomes "
                "writes them to a file."
            )
    for line in lines:
        console.print(plain(line), markup=False, soft_wrap=not console.is_terminal)


def print_end(
    end: Drive, examples: Examples, *, machine: bool, journal: bool, source: dict[str, object] | None = None
) -> int:
    """Say how a campaign's run ended; return the exit code.

    Args:
        end: How.
        examples: Rows to show.
        machine: Whether a machine reads it.
        journal: Whether the campaign can be continued from its journal.
        source: How its file was read, for machines.
    """
    if machine:
        more: dict[str, object] = {
            "continued": end.before is not None,
            "accepted_before": 0 if end.before is None else end.before.accepted,
            "waiting_for": held_as_json(end.waiting_for),
        }
        read = {} if source is None else {"source": source}
        click.echo(as_json(end.result, **read, **(more if journal else {})))
    else:
        console = output_console()
        console.print(closing_table(end.result, examples, width=console.width))
    print_advice(error_console(), end.result, journal=journal)
    if end.waiting_for is not None:
        say(f"No longer waited for: {held_words(end.waiting_for)}.")
    if end.error is not None:
        say(f"Error: {sentence(end.error)}")
    elif end.code is ExitCode.STOPPED:
        say("Stopped on request.")
    return end.code
