"""How much sooner two processes are done with one journal than one, where the gateway takes its time.

``python benchmarks/processes.py`` sends a campaign to the gateway of ``server.py``, which answers after 300 ms, by one
process and by two on the same journal, in turns, with SQLite and with PostgreSQL. Requests in flight are few, so that
processes wait and do not compute: what counts is the time on the wall from the word to begin until all have sent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import msgspec
from harness import machine, postgres, serving

from allmysms_async import Campaign, Recipient, RestBackend, SmsMessage, SmsService

__all__ = ["main"]

_MESSAGE = SmsMessage("Bonjour #param_1#. STOP au 36180", purpose="marketing")
_LEAST = 1.9


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is to do.

    Attributes:
        address: Where the gateway is.
        journal: Where the journal is.
        name: The campaign's.
        chunks: Requests that it takes.
        size: Recipients in each.
        concurrency: Requests in flight at most, in each process.
    """

    address: str
    journal: str
    name: str
    chunks: int
    size: int
    concurrency: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        journal: Its kind.
        one: Median of the seconds that one process takes.
        two: Median of those that two take.
        share: Median part of the requests that the process with fewer of them sent.
        ratio: Median over the rounds of how many times the work of one two do.
        reached: Whether that is what it must be.
    """

    journal: str
    one: float
    two: float
    share: float
    ratio: float
    reached: bool


def _people(count: int) -> Iterator[Recipient]:
    """Yield recipients."""
    for number in range(10_000_000, 10_000_000 + count):
        yield Recipient(f"06{number:08d}", (f"N{number}",))


async def _work(task: Task) -> None:
    """Send the campaign at a word from the standard input; say at the end how many recipients were sent to from here.

    What is loaded once in a process's life is loaded before, for another campaign of one request.
    """
    here = 0
    async with SmsService(RestBackend("demo", "k", base_url=task.address), concurrency=task.concurrency) as sms:
        first = Campaign(f"{task.name} {os.getpid()}", _MESSAGE, _people(1), quiet_hours="ignore")
        await sms.run(first, journal=task.journal)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        campaign = Campaign(task.name, _MESSAGE, _people(task.chunks * task.size), quiet_hours="ignore")
        run = sms.stream(campaign, journal=task.journal, chunk_size=task.size)
        async for progress in run:
            here += len(progress.outcomes)
    print(json.dumps({"here": here, "accepted": run.result.accepted, "pending": run.result.pending}), flush=True)


def _measure(task: Task, count: int) -> tuple[float, float]:
    """Have so many processes send a campaign; return the seconds that it takes, and the least part of one of them."""
    command = [sys.executable, __file__, "--task", msgspec.json.encode(task).decode()]
    processes: list[subprocess.Popen[str]] = []
    try:
        while len(processes) < count:
            processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for each in processes:
            if each.stdout is None or each.stdout.readline() != "ready\n":
                msg = "A process that sends did not start."
                raise RuntimeError(msg)
        start = time.perf_counter()
        for each in processes:
            if each.stdin is not None:
                each.stdin.write("go\n")
                each.stdin.flush()
        ends = [json.loads(each.stdout.readline()) for each in processes if each.stdout is not None]
        seconds = time.perf_counter() - start
    finally:
        for each in processes:
            each.kill()
            each.wait()
    total = task.chunks * task.size
    sent = [end["here"] for end in ends]
    if sum(sent) != total or max(end["accepted"] for end in ends) != total:
        msg = f"Of {total} recipients the processes sent to {sent}: {ends}"
        raise RuntimeError(msg)
    return seconds, min(sent) / total


def _compare(kind: str, task: Task, rounds: int) -> Row:
    """Measure one process and two, in turns."""
    ones: list[float] = []
    twos: list[float] = []
    shares: list[float] = []
    for number in range(rounds):
        ones.append(_measure(msgspec.structs.replace(task, name=f"one {number}"), 1)[0])
        seconds, share = _measure(msgspec.structs.replace(task, name=f"two {number}"), 2)
        twos.append(seconds)
        shares.append(share)
    ratio = statistics.median(one / two for one, two in zip(ones, twos, strict=True))
    one, two, share = map(statistics.median, (ones, twos, shares))
    return Row(journal=kind, one=one, two=two, share=share, ratio=ratio, reached=ratio >= _LEAST)


def measure(given: argparse.Namespace) -> list[Row]:
    """Measure on every kind of journal that this machine has."""
    chunks, rounds = (40, 1) if given.quick else (given.chunks, given.rounds)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        places = {"SQLite": os.path.join(folder, "bench.db")}
        create = stack.enter_context(postgres())
        if create is not None:
            places["PostgreSQL"] = create("bench")
        address = stack.enter_context(serving("server.py", "--latency", str(given.latency), "--seconds", "3600"))
        sizes = {"chunks": chunks, "size": given.size, "concurrency": given.concurrency}
        tasks = {kind: Task(address=address, journal=place, name="", **sizes) for kind, place in places.items()}
        return [_compare(kind, task, rounds) for kind, task in tasks.items()]


def main() -> int:
    """Measure, and print; return 1 if two processes do not do as much as they must."""
    parser = argparse.ArgumentParser(description="Print how much more two processes do on one journal than one.")
    parser.add_argument("--quick", action="store_true", help="little work, one round: whether it runs at all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the median counts (3)")
    parser.add_argument("--chunks", type=int, default=300, help="requests of a campaign (300)")
    parser.add_argument("--size", type=int, default=50, help="recipients in a request (50)")
    parser.add_argument("--concurrency", type=int, default=4, help="requests in flight in each process (4)")
    parser.add_argument("--latency", type=float, default=0.3, help="seconds after which the gateway answers (0.3)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures as JSON as well")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task is not None:
        asyncio.run(_work(msgspec.json.decode(given.task, type=Task)))
        return 0
    rows = measure(given)
    title = f"Two processes on one journal, the gateway answers after {1000 * given.latency:.0f} ms"
    print(f"{title} ({machine()})\n")
    print(f"{'':<14}{'one s':>10}{'two s':>10}{'least share':>14}{'times the work':>18}")
    for row in rows:
        missed = "" if row.reached else ": MISSED"
        print(
            f"{row.journal:<14}{row.one:>10.2f}{row.two:>10.2f}{row.share:>14.0%}{row.ratio:>18.2f}"
            f"  (must be at least {_LEAST:g}{missed})"
        )
    if len(rows) == 1:
        print("PostgreSQL was not measured: this machine has none.")
    if given.json is not None:
        report = {"title": title, "machine": machine(), "rows": msgspec.to_builtins(rows)}
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(not given.quick and not all(row.reached for row in rows))


if __name__ == "__main__":
    sys.exit(main())
