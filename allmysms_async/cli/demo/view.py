"""How the demo shows a handset and the delivery states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from allmysms_async.cli.screen import number
from allmysms_async.model import DeliveryReport, DeliveryStatus
from allmysms_async.sandbox import HandsetMessage

__all__ = ["handset", "side_by_side", "states"]

_WIDTH = 38
_SIDE_BY_SIDE = 100
_MEANING = {
    DeliveryStatus.DELIVERED: "on the handset",
    DeliveryStatus.HANDED_TO_OPERATOR: "the operator has it",
    DeliveryStatus.UNDELIVERED: "could not be delivered",
    DeliveryStatus.REJECTED: "refused by the operator",
    DeliveryStatus.UNKNOWN_NUMBER: "nobody has this number",
    DeliveryStatus.OPTED_OUT: "wants no more texts",
    DeliveryStatus.PENDING: "no report yet",
    DeliveryStatus.UNKNOWN: "a status that no manual lists",
}


def handset(messages: Sequence[HandsetMessage]) -> Panel:
    """Return what one person's telephone shows."""
    bubbles: list[Padding | Text] = []
    for message in messages:
        moment = datetime.fromisoformat(message["received_at"])
        heading = Text(f"{message['sender']}  {moment:%H:%M}", style="bold")
        bubble = Panel(Text(message["text"]), box=box.ROUNDED, width=_WIDTH - 8, style="cyan")
        bubbles += [heading, Padding(bubble, 0)]
    national = messages[0]["phone"].removeprefix("33")
    spaced = " ".join([national[:1], *(national[i : i + 2] for i in range(1, len(national), 2))])
    return Panel(Group(*bubbles), title=f"+33 {spaced}", box=box.HEAVY, width=_WIDTH, padding=(0, 2))


def side_by_side(left: Panel, right: Table, width: int) -> Table | Group:
    """Return two things in a row where the terminal is wide enough, else one above the other."""
    if width < _SIDE_BY_SIDE:
        return Group(left, right)
    grid = Table.grid(padding=(0, 3))
    grid.add_row(left, right)
    return grid


def states(reports: Iterable[DeliveryReport]) -> Table:
    """Return how many texts are in each delivery state."""
    counts = Counter(report.status for report in reports)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Delivery", no_wrap=True)
    table.add_column("texts", justify="right", no_wrap=True)
    table.add_column("meaning", style="dim")
    for status, count in counts.most_common():
        style = "green" if status is DeliveryStatus.DELIVERED else "yellow"
        table.add_row(status.value.replace("_", " "), Text(number(count), style=style), _MEANING[status])
    return table
