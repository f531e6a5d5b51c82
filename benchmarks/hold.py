"""For how long does a campaign hold the event loop at once, its start and its first journal included?

A CSV file goes to a minimal gateway through the default backend, each time in a fresh process, so that everything is
imported anew, from compiled files as they are after an installation. The file is opened in a thread, as ``read_csv``
says that it should be in an event loop that serves others. A turn
of the event loop is what it runs between two looks at its sockets; what counts is the longest one by the CPU time of
its own thread, which another process on the machine does not lengthen.

Python's garbage collector works inside of turns, or in a thread, and nothing else runs meanwhile. Its longest pass in
a thread counts as a part of the turn in which it falls, and its passes are shown in rows of their own: a full one takes
as long as the process has objects, here those of Python and of the library alone. Prepared is a process that imports
the journal when it starts and then freezes what there is, as the handbook says.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from harness import arguments, compiled, serving
from limits import Row, finish_rows, row

from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService, read_csv

__all__ = ["main"]

_LIMIT = 15.0
_WAYS = ("run", "stream", "run, journal", "stream, journal", "run, journal, prepared")


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that takes the time of its turns, in milliseconds of CPU.

    Attributes:
        turns: What each took.
        bare: The same without the garbage collector.
        passes: What each pass of the garbage collector took.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[float] = []
        self.bare: list[float] = []
        self.passes: list[float] = []
        self._thread = threading.get_ident()
        self._began = self._here = self._elsewhere = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: object) -> None:
        """Take the time of the garbage collector, which no other thread runs beside."""
        now = time.thread_time()
        if phase == "start":
            self._began = now
            return
        spent = now - self._began
        self.passes.append(1000 * spent)
        if threading.get_ident() == self._thread:
            self._here += spent
        else:
            self._elsewhere = max(self._elsewhere, spent)

    def _run_once(self) -> None:
        before, self._here, self._elsewhere = time.thread_time(), 0.0, 0.0
        super()._run_once()  # type: ignore[misc]  # asyncio's own, which typeshed leaves out
        spent = time.thread_time() - before
        self.turns.append(1000 * (spent + self._elsewhere))
        self.bare.append(1000 * (spent - self._here))


async def _send(way: str, path: pathlib.Path, address: str) -> None:
    """Send a campaign in one of the ways."""
    source = await asyncio.to_thread(read_csv, path, phone="mobile")
    message = SmsMessage("Soldes demain, -20 %. STOP au 36180", purpose="marketing")
    journal = path.with_name(f"{way}.db") if "journal" in way else None
    async with SmsService(RestBackend("demo", "k", base_url=address)) as sms:
        campaign = Campaign("hold", message, source, quiet_hours="ignore")
        if way.startswith("run"):
            result = await sms.run(campaign, journal=journal)
        else:
            stream = sms.stream(campaign, journal=journal)
            async for _ in stream:
                pass
            result = stream.result
    if not result.all_accepted:
        msg = f"{result.accepted} of {result.rows} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)


def _one(way: str, path: pathlib.Path, address: str) -> None:
    """Send a campaign in this process; print its longest turns, and the collector's longest pass."""
    if "prepared" in way:
        importlib.import_module("allmysms_async.journal")
        gc.collect()
        gc.freeze()
    loop = _Loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_send(way, path, address))
    turns = sorted(loop.turns, reverse=True)
    print(json.dumps([turns[0], turns[4], max(loop.bare), max(loop.passes, default=0.0)]))


def _fresh(way: str, path: pathlib.Path, address: str) -> list[float]:
    """Send a campaign in a process of its own; return what it printed."""
    for left in path.parent.glob(f"{way}.db*"):
        left.unlink()
    command = [sys.executable, __file__, "--one", way, "--path", str(path), "--address", address]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=compiled(path.parent))
    figures: list[float] = json.loads(done.stdout)
    return figures


def _measure(path: pathlib.Path, address: str, rounds: int) -> list[Row]:
    """Measure all ways in turns."""
    measured: dict[str, list[list[float]]] = {way: [] for way in _WAYS}
    for way in _WAYS:
        _fresh(way, path, address)  # to warm up: it compiles what it imports
    for _ in range(rounds):
        for way in _WAYS:
            measured[way].append(_fresh(way, path, address))
    kinds = (
        ("the longest turn", _LIMIT),
        ("the fifth longest", None),
        ("the longest without the garbage collector", None),
        ("the garbage collector's longest pass", None),
    )
    return [
        row(f"{way}: {kind}", [figures[place] for figures in measured[way]], "ms", limit)
        for place, (kind, limit) in enumerate(kinds)
        for way in _WAYS
    ]


def _given() -> argparse.Namespace:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--recipients", type=int, default=200_000, help="recipients of a campaign (200,000)")
    parser.add_argument("--one", choices=_WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--path", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, and print."""
    given = _given()
    if given.one is not None:
        _one(given.one, given.path, given.address)
        return
    from by_hand import write_list  # with libraries that the processes that are measured do not have

    count, rounds = (20_000, 1) if given.quick else (given.recipients, given.rounds)
    with tempfile.TemporaryDirectory() as folder, serving("server.py") as address:
        path = pathlib.Path(folder) / "clients.csv"
        write_list(path, count)
        rows = _measure(path, address, rounds)
    finish_rows(f"How long a campaign of {count:,} holds the event loop at once", rows, given)


if __name__ == "__main__":
    main()
