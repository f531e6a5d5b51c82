"""What each worker and each request costs the database: connections, transactions, WAL; idle and at work.

``python benchmarks/fleet.py`` runs several workers in one process on one PostgreSQL, idle and then sending a campaign
to the gateway of ``server.py``. The handbook's page on scale computes from these figures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

import asyncpg
from harness import machine, postgres, serving
from runner import Task, _campaign

from allmysms_async import RestBackend
from allmysms_async.runner import Worker, store, submit
from allmysms_async.runner.control import Control, opened_database

__all__ = ["main"]

_SUMS = """
select (select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) as links,
    (select xact_commit + xact_rollback from pg_stat_database where datname = current_database()) as transactions,
    pg_current_wal_lsn() - '0/0'::pg_lsn as wal,
    pg_total_relation_size('chunk') as chunk_bytes
"""


async def _measure(task: Task, workers: int, chunks: int, size: int, seconds: float) -> None:
    """Print what so many workers cost."""
    looking = await asyncpg.connect(task.journal)
    database = await opened_database(task.journal)
    control = Control(database)

    async def sums() -> asyncpg.Record:
        await asyncio.sleep(1.1)  # what each connection counted is reported once a second
        return await looking.fetchrow(_SUMS)

    def backend() -> RestBackend:
        return RestBackend("demo", "k", base_url=task.address)

    try:
        await control.open()
        made = [Worker(backend, journal=task.journal, concurrency=task.concurrency) for _ in range(workers)]
        running = [asyncio.create_task(worker.run()) for worker in made]
        while not all(worker.ready for worker in made):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
        first = await sums()
        await asyncio.sleep(seconds)
        idle = await sums()
        per_second = (idle["transactions"] - first["transactions"]) / (seconds + 1.1) / workers
        name = f"fleet {workers}"
        own = backend()
        await submit(_campaign(name, chunks * size), journal=task.journal, backend=own, chunk_size=size, lease=120.0)
        await own.aclose()
        await asyncio.sleep(1.0)
        busy = await looking.fetchrow(_SUMS)
        while (found := await store.placed_as(control, name)) is None or found.status != "done":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        end = await sums()
        print(
            f"{workers:>7}{idle['links'] / workers:>12.1f}{busy['links'] / workers:>12.1f}{per_second:>14.1f}"
            f"{(end['transactions'] - idle['transactions']) / chunks:>16.1f}"
            f"{(int(end['wal']) - int(idle['wal'])) / chunks:>14.0f}"
            f"{(end['chunk_bytes'] - idle['chunk_bytes']) / chunks:>14.0f}"
        )
        for worker in made:
            worker.stop()
        await asyncio.gather(*running)
    finally:
        with contextlib.suppress(Exception):
            await control.aclose()
        await database.close()
        await looking.close()


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Print what workers and requests cost the database.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="how many workers, in turn (1 2 4)")
    parser.add_argument("--chunks", type=int, default=400, help="requests of a campaign (400)")
    parser.add_argument("--size", type=int, default=1000, help="recipients in a request (1000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for so long the workers are idle (5)")
    given = parser.parse_args()
    with postgres() as create, serving("server.py", "--latency", "0.05", "--seconds", "3600") as address:
        if create is None:
            print("Nothing was measured: this machine has no PostgreSQL.")
            return 0
        print(f"Workers of 4 requests in flight, {given.size} recipients in each ({machine()})\n")
        print("workers  connections idle, busy  transactions/s idle  transactions, WAL bytes, stored bytes a request")
        for count in given.workers:
            task = Task(address=address, journal=create(f"fleet_{count}"), concurrency=4)
            asyncio.run(_measure(task, count, given.chunks, given.size, given.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
