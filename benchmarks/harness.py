"""What every script here shares: a server in a process of its own, contenders in turns, medians, a table, JSON, a plot.

A figure is the CPU time of the sending process, all its threads included, for each item; a claim is the ratio of two
figures of one run. Contenders take turns, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import pathlib
import platform
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from allmysms_async.clock import PARIS, SystemClock

__all__ = [
    "Claim",
    "Contender",
    "DayClock",
    "Figure",
    "Measured",
    "arguments",
    "compare",
    "compiled",
    "finish",
    "machine",
    "postgres",
    "serving",
]

_FOLDER = pathlib.Path(__file__).parent
_START_SECONDS = 20.0
# Left alone, glibc may give a request's memory back to the system and take it again with every request, or may not, as
# chance arranges its heap: the floor of one run was then half that of another. Other allocators ignore these.
_STEADY_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864"}


class DayClock(SystemClock):
    """The machine's clock, set to a working day's morning: marketing is sent at any hour of the real one."""

    def __init__(self) -> None:
        self._ahead = datetime(2027, 3, 2, 10, tzinfo=PARIS) - SystemClock.now()

    def now(self) -> datetime:
        """Return the present moment."""
        return SystemClock.now() + self._ahead


class Contender(msgspec.Struct, frozen=True):
    """One way to do the same work.

    Attributes:
        name: What the table calls it.
        work: Does it once; returns how many items that were.
        ready: Done before, and not measured, such as opening connections that were idle for too long.
    """

    name: str
    work: Callable[[], Awaitable[int]]
    ready: Callable[[], Awaitable[object]] | None = None


class Claim(msgspec.Struct, frozen=True):
    """What one contender's CPU time is to be, beside another's.

    Attributes:
        own: The contender that it is about.
        other: The one that it is measured against.
        most: ``own / other`` is to be this at most; how many times the work it is.
        least: ``other / own`` is to be this at least; how many times as fast it is. Without both it is told alone.
    """

    own: str
    other: str
    most: float | None = None
    least: float | None = None


class Figure(msgspec.Struct, frozen=True):
    """What was measured of a contender.

    Attributes:
        name: What the table calls it.
        cpu: Median of the microseconds of CPU for each item.
        rate: Median of the items a second, by the clock on the wall.
    """

    name: str
    cpu: float
    rate: float


class Ratio(msgspec.Struct, frozen=True):
    """What became of a claim.

    Attributes:
        claim: The claim.
        ratio: Median over the rounds.
        reached: Whether it is what it must be.
    """

    claim: Claim
    ratio: float
    reached: bool


class Measured(msgspec.Struct, frozen=True):
    """What a script measured."""

    figures: list[Figure]
    ratios: list[Ratio]


@contextlib.contextmanager
def serving(script: str, *options: str) -> Iterator[str]:
    """Run a server of this folder in a process of its own, give its address, and end it."""
    command = [sys.executable, str(_FOLDER / script), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | _STEADY_MEMORY)
    try:
        if process.stdout is None:  # it is a pipe, as asked for
            raise RuntimeError(script)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(_START_SECONDS)
        address = process.stdout.readline().strip() if ready else ""
        if not address.startswith("http://127.0.0.1:"):
            msg = f"{script} did not start: {address!r}"
            raise RuntimeError(msg)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def compiled(folder: pathlib.Path) -> dict[str, str]:
    """Return an environment in which Python keeps compiled modules in a folder, also where it is told to keep none."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}


@contextlib.contextmanager
def postgres(*settings: str) -> Iterator[Callable[[str], str] | None]:
    """Run the machine's own PostgreSQL, and give what creates a database and returns its URL; None if there is none.

    Args:
        settings: Further lines of its configuration.
    """
    sys.path.insert(0, str(_FOLDER.parent / "tests" / "journal"))
    from database import Postgres, programs

    found = programs()
    if found is None:
        yield None
        return
    with socket.socket() as bound:  # and not listened on: nobody else is given its port, and a server may have it
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        server = Postgres(found, bound.getsockname()[1], settings=settings)
        try:
            server.start()
            yield server.create
            server.stop("immediate")
        finally:
            server.remove()


async def compare(
    contenders: Sequence[Contender],
    claims: Sequence[Claim],
    rounds: int,
    *,
    clock: Callable[[], float] = time.process_time,
) -> Measured:
    """Let contenders do their work in turns, a round to warm up first; return what was measured.

    Args:
        contenders: Who works.
        claims: What is to be true of them.
        rounds: How often each works.
        clock: Returns the seconds of CPU that were taken so far.
    """
    cpu: dict[str, list[float]] = {each.name: [] for each in contenders}
    rate: dict[str, list[float]] = {each.name: [] for each in contenders}
    for number in range(rounds + 1):
        for each in contenders:
            if each.ready is not None:
                await each.ready()
            gc.collect()
            before, start = clock(), time.perf_counter()
            count = await each.work()
            spent, seconds = clock() - before, time.perf_counter() - start
            if number:
                cpu[each.name].append(1e6 * spent / count)
                rate[each.name].append(count / seconds)
    figures = [Figure(name, statistics.median(cpu[name]), statistics.median(rate[name])) for name in cpu]
    return Measured(figures, [judged(claim, cpu) for claim in claims])


def judged(claim: Claim, cpu: Mapping[str, Sequence[float]]) -> Ratio:
    """Return what became of a claim."""
    pairs = list(zip(cpu[claim.own], cpu[claim.other], strict=True))
    if claim.least is not None:
        ratio = statistics.median(other / own for own, other in pairs)
        return Ratio(claim, ratio, ratio >= claim.least)
    ratio = statistics.median(own / other for own, other in pairs)
    return Ratio(claim, ratio, claim.most is None or ratio <= claim.most)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every script has."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="little work, one round: whether it runs at all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender works; the median counts (5)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures as JSON as well")
    parser.add_argument("--png", type=pathlib.Path, metavar="FILE", help="draw the ratios as well (needs matplotlib)")
    return parser


def machine() -> str:
    """Return what a rate means nothing without."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    )


def table(title: str, unit: str, measured: Measured) -> str:
    """Return what was measured as text."""
    width = max(len(figure.name) for figure in measured.figures) + 2
    lines = [f"{title} ({machine()})", "", f"{'':<{width}}{'cpu us':>10}{unit + '/s':>16}"]
    lines += [f"{figure.name:<{width}}{figure.cpu:>10.2f}{figure.rate:>16,.0f}" for figure in measured.figures]
    lines.append("")
    lines += map(_said, measured.ratios)
    return "\n".join(lines)


def _said(ratio: Ratio) -> str:
    """Return what became of a claim as text."""
    claim = ratio.claim
    what = "times as fast as" if claim.least is not None else "times the work of"
    told = f"{claim.own}: {ratio.ratio:.2f} {what} {claim.other}"
    if claim.least is None and claim.most is None:
        return told
    bound = f"at least {claim.least:g}" if claim.least is not None else f"at most {claim.most:g}"
    missed = "" if ratio.reached else ": MISSED"
    return f"{told} (must be {bound}{missed})"


def draw(path: pathlib.Path, title: str, measured: Measured) -> None:
    """Draw the CPU times as bars."""
    from matplotlib.figure import Figure as Canvas

    figures = measured.figures
    canvas: Any = Canvas(figsize=(10, 0.5 * len(figures) + 1.4), layout="constrained")
    axes = canvas.subplots()
    ours = "allmysms_async"
    colours = ["#2f6fab" if ours in figure.name else "#b0b0b0" for figure in figures]
    axes.barh([figure.name for figure in figures], [figure.cpu for figure in figures], color=colours)
    for place, figure in enumerate(figures):
        axes.text(figure.cpu, place, f" {figure.cpu:,.1f}", va="center")
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * max(figure.cpu for figure in figures))
    axes.set_title(title)
    axes.set_xlabel("microseconds of CPU for each, median")
    canvas.savefig(path, dpi=120)


def finish(title: str, unit: str, measured: Measured, given: argparse.Namespace) -> None:
    """Print the table, write what was asked for, and exit with 1 if a ratio is not what it must be."""
    print(table(title, unit, measured))
    if given.json is not None:
        report = {"title": title, "machine": machine(), "unit": unit, **msgspec.to_builtins(measured)}
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if given.png is not None:
        draw(given.png, title, measured)
    if not given.quick and not all(ratio.reached for ratio in measured.ratios):
        sys.exit(1)
