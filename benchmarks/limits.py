"""Figures that must stay under a limit: their medians, a table, JSON, a plot."""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from harness import machine

__all__ = ["Row", "finish_rows", "row"]


class Row(msgspec.Struct, frozen=True):
    """One line of a table.

    Attributes:
        name: What was measured.
        value: How much, the median of the rounds.
        lowest: In the best round.
        highest: In the worst round.
        unit: Of what.
        limit: What the median is to be at most, or None.
    """

    name: str
    value: float
    lowest: float
    highest: float
    unit: str
    limit: float | None

    @property
    def met(self) -> bool:
        """Whether it is what it must be."""
        return self.limit is None or self.value <= self.limit


def row(name: str, values: Sequence[float], unit: str, limit: float | None = None) -> Row:
    """Return the line of what several rounds measured."""
    return Row(name, statistics.median(values), min(values), max(values), unit, limit)


def _table(title: str, rows: Sequence[Row]) -> str:
    """Return lines as text."""
    width = max(len(each.name) for each in rows) + 2
    lines = [f"{title} ({machine()})", "", f"{'':<{width}}{'median':>10}{'lowest':>10}{'highest':>10}"]
    for each in rows:
        bound = "" if each.limit is None else f"  (must be at most {each.limit:g}{'' if each.met else ': MISSED'})"
        figures = f"{each.value:>10,.2f}{each.lowest:>10,.2f}{each.highest:>10,.2f}"
        lines.append(f"{each.name:<{width}}{figures} {each.unit}{bound}")
    return "\n".join(lines)


def _draw(path: pathlib.Path, title: str, rows: Sequence[Row]) -> None:
    """Draw lines as bars, with a mark where each limit is."""
    from matplotlib.figure import Figure as Canvas

    canvas: Any = Canvas(figsize=(10, 0.5 * len(rows) + 1.4), layout="constrained")
    axes = canvas.subplots()
    axes.barh([each.name for each in rows], [each.value for each in rows], color="#2f6fab")
    for place, each in enumerate(rows):
        axes.text(each.value, place, f" {each.value:,.1f} {each.unit}", va="center")
        if each.limit is not None:
            axes.plot([each.limit, each.limit], [place - 0.4, place + 0.4], color="#b03030")
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(max(each.value, each.limit or 0.0) for each in rows))
    axes.set_title(title)
    canvas.savefig(path, dpi=120)


def finish_rows(title: str, rows: Sequence[Row], given: argparse.Namespace) -> None:
    """Print the table, write what was asked for, and exit with 1 if a figure is not what it must be."""
    print(_table(title, rows))
    if given.json is not None:
        report = {"title": title, "machine": machine(), "rows": msgspec.to_builtins(rows)}
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if given.png is not None:
        _draw(given.png, title, rows)
    if not given.quick and not all(each.met for each in rows):
        sys.exit(1)
