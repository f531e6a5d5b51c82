"""How fast the library is, as ratios to a floor of bare sockets measured in the same run.

``python benchmarks/speed.py`` starts a minimal gateway in a process of its own, sends through the library and over bare
sockets in turns, and prints one table. The rates say something of the machine; the ratios say something of the library.

- ``engine``: a campaign of personalised recipients through ``SmsService.run``, in recipients per second.
- ``service``, ``backend``, ``transport``: one-recipient sends in requests per second, entering at ``SmsService.send``,
  at ``RestBackend.send`` and at ``H11Transport.send``, with 1, 20 and 500 in flight.
- ``floor``: the same bytes with as many in flight over bare sockets, whose answers are counted and not read. With many
  in flight it is the gateway that has no time left, so that the ratios are on the kind side.
- ``cpu``: CPU time of the sending process for each recipient or request, in microseconds.
- ``event loop blocked``: how long a task that wants to run every millisecond had to wait while a campaign was sent, the
  opening of the first connection included.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import statistics

import msgspec
from floor import run_floor, wire_bytes
from harness import serving
from load import CONCURRENCY, LEVELS, Blocked, Run, recipients_of, record_sends, run_engine, run_sends, watch_loop
from pure import pure_parts

__all__ = ["main"]

_IN_FLIGHT = (1, 20, 500)
_SANDBOX_RECIPIENTS = 20_000
_FLOOR_REQUESTS = 1000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured.

    Attributes:
        recipients: Recipients of a campaign.
        seconds: Length of one measurement of one-recipient sends.
        rounds: How often each measurement is made; the median counts.
        part_seconds: How long each part without I/O is tried.
    """

    recipients: int
    seconds: float
    rounds: int
    part_seconds: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        name: What was measured.
        unit: What the rates count.
        rate: Through the library, each second.
        floor: Over bare sockets, each second; None where there is no floor.
        ratio: ``rate / floor``.
        cpu: Microseconds of CPU that the sending process took for each.
    """

    name: str
    unit: str
    rate: float
    floor: float | None
    ratio: float | None
    cpu: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is printed.

    Attributes:
        machine: Python and cores: without them a rate means nothing.
        rows: The table.
        blocked: How long the event loop was blocked at once while a campaign was sent.
        parts: Microseconds of CPU for each recipient, by part.
    """

    machine: str
    rows: list[Row]
    blocked: Blocked
    parts: dict[str, float]


def _row(name: str, unit: str, runs: list[Run], floors: list[float]) -> Row:
    """Return the medians of a measurement's rounds."""
    rate = statistics.median(run.count / run.seconds for run in runs)
    floor = statistics.median(floors) if floors else None
    return Row(
        name=name,
        unit=unit,
        rate=rate,
        floor=floor,
        ratio=rate / floor if floor else None,
        cpu=statistics.median(1e6 * run.cpu / run.count for run in runs),
    )


async def _engine(address: str, options: Options) -> tuple[Row, Blocked]:
    """Measure campaigns."""
    recipients = recipients_of(options.recipients)
    gc.collect()
    gc.freeze()  # the source is the harness's, and walking through it no cost of the library's
    try:
        _, requests = await run_engine(address, recipients, record=True)
        wires = [wire_bytes(request) for request in requests]
        del requests
        # A floor that lasts a few hundredths of a second would be noise: as many passes as make half a measurement.
        _, seconds = await run_floor(address, wires, CONCURRENCY, passes=1)
        passes = max(1, min(50, round(options.seconds / 2 / seconds)))
        runs: list[Run] = []
        floors: list[float] = []
        for _ in range(options.rounds):
            count, seconds = await run_floor(address, wires, CONCURRENCY, passes=passes)
            floors.append(count / len(wires) * len(recipients) / seconds)
            gc.collect()
            runs.append((await run_engine(address, recipients))[0])
        blocked = await watch_loop(run_engine(address, recipients))
    finally:
        gc.unfreeze()
    name = f"engine, {options.recipients:,} recipients, {CONCURRENCY} in flight"
    return _row(name, "recipients/s", runs, floors), blocked


async def _sends(address: str, options: Options) -> list[Row]:
    """Measure one-recipient sends at each level, with few and with many in flight."""
    prepared = await record_sends(address, _FLOOR_REQUESTS)
    wires = [wire_bytes(request) for request in prepared]
    runs: dict[tuple[str, int], list[Run]] = {(level, n): [] for n in _IN_FLIGHT for level in LEVELS}
    floors: dict[int, list[float]] = {in_flight: [] for in_flight in _IN_FLIGHT}
    for _ in range(options.rounds):
        for in_flight in _IN_FLIGHT:
            count, seconds = await run_floor(address, wires, in_flight, seconds=options.seconds / 2)
            floors[in_flight].append(count / seconds)
            for level in LEVELS:
                gc.collect()
                runs[level, in_flight].append(await run_sends(address, level, in_flight, options.seconds, prepared))
    return [
        _row(f"{level}, one by one, {in_flight} in flight", "requests/s", runs[level, in_flight], floors[in_flight])
        for level in LEVELS
        for in_flight in _IN_FLIGHT
    ]


async def _sandbox(address: str, options: Options) -> list[Row]:
    """Measure against the sandbox, which is a rather slow server; for information."""
    recipients = recipients_of(min(options.recipients, _SANDBOX_RECIPIENTS))
    run, _ = await run_engine(address, recipients)
    rows = [_row(f"engine to the sandbox, {run.count:,} recipients", "recipients/s", [run], [])]
    run = await run_sends(address, "service", 20, options.seconds)
    rows.append(_row("service to the sandbox, one by one, 20 in flight", "requests/s", [run], []))
    return rows


def measure(options: Options) -> Report:
    """Measure everything, with the servers in processes of their own."""
    with serving("server.py") as address:
        engine, blocked = asyncio.run(_engine(address, options))
        rows = [engine, *asyncio.run(_sends(address, options))]
    with serving("sandbox_server.py") as address:
        rows += asyncio.run(_sandbox(address, options))
    machine = f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"
    return Report(machine=machine, rows=rows, blocked=blocked, parts=pure_parts(options.part_seconds))


def table(report: Report, options: Options) -> str:
    """Return the report as text."""
    lines = [
        f"{report.machine}; medians of {options.rounds} rounds",
        "",
        f"{'':<50}{'rate':>10} {'':<13}{'floor':>10}{'ratio':>8}{'cpu us':>9}",
    ]
    for row in report.rows:
        floor = "-" if row.floor is None else f"{row.floor:,.0f}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.3f}"
        lines.append(f"{row.name:<50}{row.rate:>10,.0f} {row.unit:<13}{floor:>10}{ratio:>8}{row.cpu:>9.1f}")
    blocked = report.blocked
    parts = ", ".join(f"{name} {value:.2f}" for name, value in report.parts.items())
    lines += [
        "",
        f"pure parts, us of CPU per recipient: {parts}, in all {sum(report.parts.values()):.2f}",
        f"event loop blocked during a campaign, ms: at most {blocked.longest:.1f}, 99th percentile {blocked.p99:.1f}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Print speed figures with their ratio to bare sockets.")
    parser.add_argument("--recipients", type=int, help="recipients of a campaign (100,000)")
    parser.add_argument("--seconds", type=float, help="length of one measurement of one-recipient sends (1.0)")
    parser.add_argument("--quick", action="store_true", help="few recipients, short measurements: under 20 seconds")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()
    recipients, seconds, rounds, part_seconds = (10_000, 0.2, 1, 0.1) if given.quick else (100_000, 1.0, 3, 0.5)
    options = Options(
        recipients=recipients if given.recipients is None else given.recipients,
        seconds=seconds if given.seconds is None else given.seconds,
        rounds=rounds,
        part_seconds=part_seconds,
    )
    if not (1 <= options.recipients <= 1_000_000 and 0.05 <= options.seconds <= 10):
        parser.error("recipients must be 1 to 1,000,000, and seconds 0.05 to 10")
    report = measure(options)
    print(json.dumps(msgspec.to_builtins(report), indent=2) if given.json else table(report, options))


if __name__ == "__main__":
    main()
