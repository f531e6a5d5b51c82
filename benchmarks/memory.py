"""How much memory does a campaign take at most, without a journal and with one?

A generator yields recipients, so that the source itself takes none; each campaign goes to a minimal gateway in a fresh
process, whose peak (``VmHWM``) counts, Python and every library included. Sizes are such that a run stays short;
``--full`` sends to as many as the limits are set for.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from harness import arguments, compiled, serving
from limits import Row, finish_rows, row

from allmysms_async import Campaign, Recipient, RestBackend, SmsMessage, SmsService

__all__ = ["main", "peak"]

_FULL = {"no journal": 10_000_000, "SQLite journal": 1_000_000}
_LIMITS = {"no journal": 67.0, "SQLite journal": 82.0}
_SHORT = 10
"""What a full size is divided by where the run is to be short."""


def _people(count: int) -> Iterator[Recipient]:
    """Yield so many people, by the numbers of 06 and 07 in turn."""
    for number in range(count):
        yield Recipient(f"0{6 + number % 2}{10_000_000 + number // 2:08d}")


async def _send(count: int, address: str, journal: str | None) -> None:
    """Send a campaign."""
    message = SmsMessage("Soldes demain, -20 %. STOP au 36180", purpose="marketing")
    async with SmsService(RestBackend("demo", "k", base_url=address)) as sms:
        result = await sms.run(Campaign("memory", message, _people(count), quiet_hours="ignore"), journal=journal)
    if result.accepted != count:
        msg = f"{result.accepted} of {count} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)


def peak() -> float:
    """Return the peak of this process in MB."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _fresh(kind: str, count: int, address: str, folder: pathlib.Path) -> float:
    """Send a campaign in a process of its own; return its peak."""
    command = [sys.executable, __file__, "--one", str(count), "--address", address]
    if kind != "no journal":
        for left in folder.glob("memory.db*"):
            left.unlink()
        command += ["--journal", str(folder / "memory.db")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=compiled(folder))
    return float(done.stdout)


def _measure(sizes: dict[str, int], rounds: int) -> list[Row]:
    """Measure all kinds in turns."""
    peaks: dict[str, list[float]] = {kind: [] for kind in sizes}
    with tempfile.TemporaryDirectory() as name, serving("server.py", "--seconds", "3600") as address:
        folder = pathlib.Path(name)
        for kind in sizes:
            _fresh(kind, 1000, address, folder)  # to warm up: compiling what is imported takes memory
        for _ in range(rounds):
            for kind, count in sizes.items():
                peaks[kind].append(_fresh(kind, count, address, folder))
    return [row(f"{kind}, {count:,} recipients", peaks[kind], "MB", _LIMITS[kind]) for kind, count in sizes.items()]


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.set_defaults(rounds=1)
    parser.add_argument("--full", action="store_true", help="10,000,000 recipients, and 1,000,000 with a journal")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    parser.add_argument("--journal", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        asyncio.run(_send(given.one, given.address, given.journal))
        print(peak())
        return
    divisor = 500 if given.quick else 1 if given.full else _SHORT
    sizes = {kind: count // divisor for kind, count in _FULL.items()}
    finish_rows("Peak memory of a campaign", _measure(sizes, given.rounds), given)


if __name__ == "__main__":
    main()
