"""What each worker and each request costs the database, and where a fleet first meets a limit of it.

``python benchmarks/fleet.py`` runs workers in one process on one PostgreSQL, idle and then sending a campaign to the
gateway of ``server.py``, and then has each limit met by as much as 100 machines would bring, or as much as runs here.
The handbook's page on scale has these figures, and says by what factor it goes beyond them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable

import asyncpg
import fleet_limits
from fleet_server import backend_pids, memory_of, server_cpu
from harness import machine, postgres, serving
from runner import Task, _campaign

from allmysms_async import Campaign, RestBackend, read_csv
from allmysms_async.runner import Worker, store, submit
from allmysms_async.runner.control import Control, opened_database

__all__ = ["main"]

_SUMS = """
select (select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) as links,
    (select xact_commit + xact_rollback from pg_stat_database where datname = current_database()) as transactions,
    pg_current_wal_lsn() - '0/0'::pg_lsn as wal,
    pg_total_relation_size('chunk') as chunk_bytes
"""
_CONNECTIONS = 1600
_SETTINGS = (f"max_connections={_CONNECTIONS}", "autovacuum=on", "autovacuum_naptime=5s", "max_wal_size=4GB")
_CONCURRENCY = 4


class _Fleet:
    """Workers in this process, on one database.

    Args:
        task: Where the gateway and the database are.
        workers: How many.
    """

    def __init__(self, task: Task, workers: int) -> None:
        self._task = task
        self._count = workers
        self._running: list[asyncio.Task[None]] = []
        self._workers: list[Worker] = []
        self.looking: asyncpg.Connection | None = None

    def backend(self) -> RestBackend:
        """Return what reaches the gateway."""
        return RestBackend("demo", "k", base_url=self._task.address)

    async def __aenter__(self) -> _Fleet:
        """Start them, and wait until all are ready."""
        self.looking = await asyncpg.connect(self._task.journal)
        database = await opened_database(self._task.journal)
        await database.close()
        for number in range(self._count):
            worker = Worker(self.backend, journal=self._task.journal, concurrency=self._task.concurrency)
            self._workers.append(worker)
            self._running.append(asyncio.create_task(worker.run()))
            if number % 5 == 4:  # machines do not start in one moment
                await asyncio.sleep(0.2)
        while not all(worker.ready for worker in self._workers):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them."""
        for worker in self._workers:
            worker.stop()
        await asyncio.gather(*self._running)
        if self.looking is not None:
            await self.looking.close()

    async def sums(self) -> dict[str, float]:
        """Return what was counted so far, the server's CPU seconds and this process's among it."""
        await asyncio.sleep(1.1)  # what each connection counted is reported once a second
        if self.looking is None:
            raise RuntimeError
        row = await self.looking.fetchrow(_SUMS)
        spent = await server_cpu(self.looking)
        found = {name: float(value) for name, value in row.items()}
        return found | {"cpu": spent, "own": time.process_time(), "at": time.perf_counter()}

    async def over(self, seconds: float) -> dict[str, float]:
        """Return by how much each sum rises in a second, over some seconds."""
        first = await self.sums()
        await asyncio.sleep(seconds)
        last = await self.sums()
        passed = last["at"] - first["at"]
        return {name: (last[name] - first[name]) / passed for name in first} | {"links": last["links"]}


async def _idle(task: Task, workers: int, seconds: float) -> None:
    """Print what so many workers cost that have nothing to send."""
    async with _Fleet(task, workers) as fleet:
        seen = await fleet.over(seconds)
        if fleet.looking is None:
            return
        kilobytes = memory_of(await backend_pids(fleet.looking))
        print(
            f"{workers:>8} idle{seen['links'] / workers:>13.1f}{seen['transactions'] / workers:>16.1f}"
            f"{1e3 * seen['cpu'] / workers:>13.2f}{1e3 * seen['own'] / workers:>13.2f}"
            f"{kilobytes / 1024 / seen['links']:>13.1f}"
        )


async def _busy(task: Task, workers: int, campaigns: int, seconds: float) -> None:
    """Print what so many workers cost while campaigns are open whose requests take long: their looking around alone."""
    async with _Fleet(task, workers) as fleet:
        before = await fleet.over(seconds / 2)
        own = fleet.backend()
        for number in range(campaigns):
            people = _campaign(f"looked at {number}", 4000)
            await submit(people, journal=task.journal, backend=own, chunk_size=1, lease=120.0)
        await own.aclose()
        await asyncio.sleep(3.0)
        seen = await fleet.over(seconds)
        more = {name: (seen[name] - before[name]) / workers / campaigns for name in seen}
        print(
            f"{workers:>8} with {campaigns:<3}{seen['links'] / workers:>9.1f}{more['transactions']:>+16.1f}"
            f"{1e3 * more['cpu']:>+13.2f}{1e3 * more['own']:>+13.2f}   for each campaign that is open"
        )
        connection = fleet.looking
        if connection is not None:
            await connection.execute("update runner_campaign set status = 'stopped'")


async def _sent(task: Task, workers: int, chunks: int, size: int) -> None:
    """Print what each request of a campaign costs."""
    database = await opened_database(task.journal)
    control = Control(database)
    try:
        await control.open()
        async with _Fleet(task, workers) as fleet:
            own, name = fleet.backend(), f"fleet {workers}"
            idle = await fleet.over(2.0)
            first = await fleet.sums()
            await submit(
                _campaign(name, chunks * size), journal=task.journal, backend=own, chunk_size=size, lease=120.0
            )
            await own.aclose()
            while (found := await store.placed_as(control, name)) is None or found.status != "done":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            end = await fleet.sums()
            passed = end["at"] - first["at"]
            each = {key: (end[key] - first[key] - idle[key] * passed) / chunks for key in first if key != "links"}
            print(
                f"{workers:>8}{each['transactions']:>14.1f}{each['wal']:>12.0f}{each['chunk_bytes']:>14.0f}"
                f"{1e3 * each['cpu']:>14.2f}{1e3 * each['own']:>14.2f}"
            )
            await fleet_limits.versions(fleet.looking, chunks)
    finally:
        with contextlib.suppress(Exception):
            await control.aclose()
        await database.close()


async def _placing(task: Task) -> None:
    """Print how fast one process reads a file into the journal, of numbers that lie scattered, and what that takes."""
    count, drawn = 300_000, random.Random(1)  # no secret
    numbers = drawn.sample(range(600_000_000, 800_000_000), count)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("mobile;prenom\n")
        file.writelines(f"0{number};N{number % 1000}\n" for number in numbers)
        file.flush()
        people = _campaign("placed", 0)
        source = read_csv(file.name, phone="mobile", params=["prenom"])
        backend = RestBackend("demo", "k", base_url=task.address)
        connection = await asyncpg.connect(task.journal)
        before = await connection.fetchval("select pg_current_wal_lsn()::text")
        began = time.process_time()
        whole = Campaign(people.name, people.message, source, exclude_opt_outs=False, quiet_hours="ignore")
        result = await submit(whole, journal=task.journal, backend=backend, chunk_size=1000)
        spent = time.process_time() - began
        await backend.aclose()
    stored = await connection.fetchval("select pg_total_relation_size('chunk')")
    wal = await connection.fetchval("select pg_current_wal_lsn() - $1::text::pg_lsn", before)
    await connection.close()
    if result.pending != count:
        raise RuntimeError(result)
    print(
        f"\nPlacing a file: {count / spent:.0f} recipients for each second of the process's CPU; "
        f"{1000 * stored / count:.0f} bytes stored and {1000 * wal / count:.0f} of WAL for a request of 1000 scattered "
        "numbers, before it is sent"
    )


def _workers(given: argparse.Namespace, create: Callable[[str], str], address: str, waiting: str) -> None:
    """Print what workers and their requests cost."""
    print(" workers       connections  transactions/s  server ms/s  worker ms/s  MB each connection   (each worker)")
    for count in given.workers:
        task = Task(address=address, journal=create(f"idle_{count}"), concurrency=_CONCURRENCY)
        asyncio.run(_idle(task, count, given.seconds))
    for count, campaigns in ((4, 1), (16, 1), (4, 4)):
        task = Task(address=waiting, journal=create(f"busy_{count}_{campaigns}"), concurrency=_CONCURRENCY)
        asyncio.run(_busy(task, count, campaigns, given.seconds))
    print("\n workers  transactions   WAL bytes  stored bytes     server ms     worker ms", end="")
    print(f"   (each request of {given.size}, placing included)")
    for count in (1, 4):
        task = Task(address=address, journal=create(f"fleet_{count}"), concurrency=_CONCURRENCY)
        asyncio.run(_sent(task, count, given.chunks, given.size))
    asyncio.run(_placing(Task(address=address, journal=create("placing"), concurrency=_CONCURRENCY)))


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Print what workers and requests cost the database.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 100], help="idle ones, in turn (1 10 100)")
    parser.add_argument("--chunks", type=int, default=400, help="requests of a campaign (400)")
    parser.add_argument("--size", type=int, default=1000, help="recipients in a request (1000)")
    parser.add_argument("--limits", action="store_true", help="the database's limits alone")
    parser.add_argument("--seconds", type=float, default=8.0, help="for so long each is looked at (8)")
    given = parser.parse_args()
    server = serving("server.py", "--latency", "0.05", "--seconds", "3600")
    slow = serving("server.py", "--latency", "5", "--seconds", "3600")
    with postgres(*_SETTINGS) as create, server as address, slow as waiting:
        if create is None:
            print("Nothing was measured: this machine has no PostgreSQL.")
            return 0
        print(f"Workers of {_CONCURRENCY} requests in flight ({machine()})\n")
        if not given.limits:
            _workers(given, create, address, waiting)
        asyncio.run(fleet_limits.measure(create, _CONNECTIONS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
