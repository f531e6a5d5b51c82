"""How work spreads over workers of one journal, and what placing and waking cost beside sending from one process.

``python benchmarks/runner.py`` has one worker and four send a campaign to the gateway of ``server.py``, which answers
after 200 ms, in turns: what counts is the time on the wall from the word to begin until all is sent. Then one process
sends a campaign by itself and by way of a submission and a worker, in turns, to a gateway that answers at once: what
counts is its CPU time a chunk.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
from harness import machine, postgres, serving

from allmysms_async import Campaign, Recipient, RestBackend, SmsMessage, SmsService
from allmysms_async.runner import Worker, store, submit
from allmysms_async.runner.control import Control, opened_database

__all__ = ["main"]

_MESSAGE = SmsMessage("Bonjour #param_1#.", purpose="transactional")
_WORKERS = 4
_MOST_TIME, _MOST_CPU = 1.15, 1.10


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do: where the gateway and the journal are, and its requests in flight at most."""

    address: str
    journal: str
    concurrency: int


def _campaign(name: str, count: int) -> Campaign:
    """Return a campaign."""
    people = [Recipient(f"06{number:08d}", (f"N{number}",)) for number in range(10_000_000, 10_000_000 + count)]
    return Campaign(name, _MESSAGE, people, exclude_opt_outs=False, quiet_hours="ignore")


async def _work(task: Task) -> None:
    """Work until killed."""
    worker = Worker(
        lambda: RestBackend("demo", "k", base_url=task.address), journal=task.journal, concurrency=task.concurrency
    )
    working = asyncio.create_task(worker.run())
    while not (worker.ready or working.done()):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await working


@contextlib.contextmanager
def _workers(task: Task, count: int) -> Iterator[None]:
    """Have so many workers ready."""
    command = [sys.executable, __file__, "--task", msgspec.json.encode(task).decode()]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for each in processes:
            if each.stdout is None or each.stdout.readline() != "ready\n":
                msg = "A worker did not start."
                raise RuntimeError(msg)
        yield
    finally:
        for each in processes:
            each.terminate()
        for each in processes:
            each.wait()


async def _spread(task: Task, name: str, chunks: int, size: int, workers: int) -> float:
    """Have so many workers send a campaign that is placed before; return the seconds that it takes."""
    database = await opened_database(task.journal)
    control = Control(database)
    try:
        backend = RestBackend("demo", "k", base_url=task.address)
        await control.open()
        for each, count in ((f"warm {name}", 8 * workers * task.concurrency), (name, chunks)):
            await submit(_campaign(each, count * size), journal=task.journal, backend=backend, chunk_size=size)
            await _change(control, each, "paused")
        await backend.aclose()
        with _workers(task, workers):
            # What is loaded once in a process's life is loaded before.
            await _change(control, f"warm {name}", "open")
            await _none_left(control, f"warm {name}")
            await asyncio.sleep(1.0)
            start = time.perf_counter()
            await _change(control, name, "open")
            await _none_left(control, name)
            return time.perf_counter() - start
    finally:
        await control.aclose()
        await database.close()


async def _change(control: Control, name: str, status: store.Status) -> None:
    """Pause a campaign, or open it."""
    found = await store.placed_as(control, name)
    if found is None:
        raise RuntimeError(name)
    await store.change(control, found.campaign, status)


async def _none_left(control: Control, name: str) -> None:
    """Wait until nothing of a campaign waits or is sent any more."""
    while (found := await store.placed_as(control, name)) is None or found.waiting:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.02)


async def _alone(task: Task, name: str, chunks: int, size: int) -> float:
    """Send a campaign from this process; return its CPU seconds a chunk."""
    began = time.process_time()
    async with SmsService(RestBackend("demo", "k", base_url=task.address), concurrency=task.concurrency) as sms:
        await sms.run(_campaign(name, chunks * size), journal=task.journal, chunk_size=size)
    return (time.process_time() - began) / chunks


async def _placed(task: Task, name: str, chunks: int, size: int) -> float:
    """Place a campaign and work on it, in this process; return its CPU seconds a chunk."""
    began = time.process_time()
    backend = RestBackend("demo", "k", base_url=task.address)
    await submit(_campaign(name, chunks * size), journal=task.journal, backend=backend, chunk_size=size)
    await backend.aclose()
    worker = Worker(
        lambda: RestBackend("demo", "k", base_url=task.address),
        journal=task.journal,
        concurrency=task.concurrency,
        until_idle=True,
    )
    await worker.run()
    return (time.process_time() - began) / chunks


def main() -> int:
    """Measure, and print; return 1 where a figure is not what it must be."""
    parser = argparse.ArgumentParser(description="Print how work spreads over workers, and what that costs.")
    parser.add_argument("--quick", action="store_true", help="little work, one round: whether it runs at all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the median counts (3)")
    parser.add_argument("--chunks", type=int, default=640, help="requests of a campaign (640)")
    parser.add_argument("--size", type=int, default=20, help="recipients in a request (20)")
    parser.add_argument("--concurrency", type=int, default=4, help="requests in flight in each worker (4)")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds after which the gateway answers (0.2)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures as JSON as well")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task is not None:
        asyncio.run(_work(msgspec.json.decode(given.task, type=Task)))
        return 0
    chunks, rounds = (40, 1) if given.quick else (given.chunks, given.rounds)
    with postgres() as create:
        if create is None:
            print("Nothing was measured: this machine has no PostgreSQL.")
            return 0
        ones: list[float] = []
        fours: list[float] = []
        with serving("server.py", "--latency", str(given.latency), "--seconds", "3600") as address:
            task = Task(address=address, journal=create("spread"), concurrency=given.concurrency)
            for number in range(rounds):
                ones.append(asyncio.run(_spread(task, f"one {number}", chunks, given.size, 1)))
                fours.append(asyncio.run(_spread(task, f"four {number}", chunks, given.size, _WORKERS)))
        alone: list[float] = []
        placed: list[float] = []
        with serving("server.py", "--seconds", "3600") as address:
            task = Task(address=address, journal=create("overhead"), concurrency=8)
            asyncio.run(_alone(task, "first", 20, given.size))
            asyncio.run(_placed(task, "second", 20, given.size))
            for number in range(rounds):
                alone.append(asyncio.run(_alone(task, f"alone {number}", 5 * chunks, given.size)))
                placed.append(asyncio.run(_placed(task, f"placed {number}", 5 * chunks, given.size)))
    share = statistics.median(four / (one / _WORKERS) for one, four in zip(ones, fours, strict=True))
    cpu = statistics.median(two / one for one, two in zip(alone, placed, strict=True))
    print(f"Workers on one journal ({machine()})\n")
    one, four = statistics.median(ones), statistics.median(fours)
    print(f"{chunks} requests of {1000 * given.latency:.0f} ms, {given.concurrency} in flight in each worker")
    print(
        f"  one worker {one:.2f} s, {_WORKERS} workers {four:.2f} s: {share:.2f} times a quarter (at most {_MOST_TIME})"
    )
    one, two = 1e3 * statistics.median(alone), 1e3 * statistics.median(placed)
    print(f"CPU a request, from one process {one:.2f} ms, placed and worked on {two:.2f} ms: {cpu:.2f} times", end=" ")
    print(f"(at most {_MOST_CPU:.2f})")
    if given.json is not None:
        report = {"machine": machine(), "one": ones, "four": fours, "alone": alone, "placed": placed}
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(not given.quick and (share > _MOST_TIME or cpu > _MOST_CPU))


if __name__ == "__main__":
    sys.exit(main())
