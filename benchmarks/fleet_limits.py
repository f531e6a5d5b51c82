"""Limits of the database that a fleet meets, each brought as far as 100 machines would bring it, or as runs here."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import asyncpg
from fleet_server import backend_pids, memory_of, pgbench, server_cpu
from runner import _campaign

from allmysms_async import RestBackend
from allmysms_async.clock import SYSTEM
from allmysms_async.runner import store, submit
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.rate import Rate
from allmysms_async.runner.seat import Seat, Seats

__all__ = ["measure", "versions"]

_SESSIONS = 1400  # of 100 workers with one campaign
_LOCK = "select pg_advisory_lock(7, n) from generate_series($1::int, $2::int) n"
_COPY = (
    "insert into chunk select r.* from chunk c, generate_series($1::int, $2::int) as another (seq),"
    " lateral jsonb_populate_record(c, jsonb_build_object('seq', another.seq)) r where c.seq = 1"
)
_END = "update chunk set state = $1, attempts = attempts + 1 where seq > $2"
_DEAD = "select n_dead_tup from pg_stat_user_tables where relname = 'chunk'"


async def versions(connection: Any, requests: int) -> None:
    """Print what requests left behind in the tables, and what it takes to tidy it up."""
    await asyncio.sleep(1.1)
    names = ("chunk", "campaign", "runner_line", "runner_worker", "procrastinate_jobs")
    for name in names:
        row = await connection.fetchrow("select * from pg_stat_user_tables where relname = $1", name)
        if row["n_tup_upd"] + row["n_tup_del"]:
            print(
                f"         {name:<20}{row['n_tup_upd'] / requests:>8.2f} versions a request left by updates, "
                f"{row['n_tup_hot_upd'] / max(1, row['n_tup_upd']):>4.0%} pruned in place, "
                f"{row['n_tup_del'] / requests:.2f} by deletes; autovacuum came {row['autovacuum_count']} times"
            )


async def measure(create: Callable[[str], str], connections: int) -> None:
    """Print each limit."""
    place = create("limits")
    database = await opened_database(place)
    control = Control(database)
    connection = await asyncpg.connect(place)
    try:
        await control.open()
        await store.limit(control, "line", None, 1000.0)
        await _sessions(place, connection)
        await _locks(connection, connections)
        await _seats(database)
        await _rate(database, connection)
        await _notifications(place, connection)
        await _vacuum(place, control, connection)
    finally:
        await connection.close()
        await control.aclose()
        await database.close()


async def _sessions(place: str, connection: Any) -> None:
    """Open as many sessions as 100 workers have, and look at what a small transaction takes beside them."""
    print("\nSessions")
    alone = await pgbench(place, connection, "select 1;\n", clients=4)
    began, opened = time.perf_counter(), []
    for _ in range(_SESSIONS // 20):
        opened += await asyncio.gather(*(asyncpg.connect(place) for _ in range(20)))
    took = time.perf_counter() - began
    try:
        await asyncio.gather(*(each.fetchval("select count(*) from runner_line") for each in opened))
        kilobytes = memory_of(await backend_pids(connection))
        beside = await pgbench(place, connection, "select 1;\n", clients=4)
        print(
            f"{_SESSIONS} idle sessions: opened in {took:.0f} s, {kilobytes / 1024 / _SESSIONS:.1f} MB each; "
            f"a small transaction takes the server {beside[1]:.0f} us beside them, {alone[1]:.0f} without"
        )
    finally:
        await asyncio.gather(*(each.close() for each in opened))


async def _locks(connection: Any, connections: int) -> None:
    """Take locks until there is no room for more."""
    per = int(await connection.fetchval("show max_locks_per_transaction"))
    count = 0
    try:
        while True:
            await connection.fetch(
                "select pg_advisory_lock(7, n) from generate_series($1::int, $2::int) n", count, count + 999
            )
            count += 1000
    except asyncpg.OutOfMemoryError:
        count = await connection.fetchval("select count(*) from pg_locks where locktype = 'advisory'")
    finally:
        await connection.execute("select pg_advisory_unlock_all()")
    print(
        f"\nLocks\n{count} fit, {count / per / connections:.2f} times max_locks_per_transaction ({per}) * "
        f"max_connections ({connections})"
    )


async def _seats(database: Any) -> None:
    """Take one seat after the other, up to what 100 workers of 10 requests have."""
    print("\nSeats")
    seats, took = Seats(database, "line", SYSTEM), []
    seats.limit = 1000
    try:
        for _ in range(1000):
            began = time.perf_counter()
            if not await seats.take(Seat(), 0.0):
                raise RuntimeError
            took.append(1e3 * (time.perf_counter() - began))
        ends = [statistics.median(part) for part in (took[:50], took[450:550], took[-50:])]
        print("ms to take one of 1,000: {:.2f} the first, {:.2f} the 500th, {:.2f} the last".format(*ends))
    finally:
        await seats.aclose()


async def _rate(database: Any, connection: Any) -> None:
    """Have workers take and use permits as fast as they get them: at a rate that they fill, and at one far below."""
    print("\nRate")
    for workers, limit in ((1, 1000.0), (10, 1000.0), (100, 1000.0), (100, 50.0)):
        line, sent, over = f"rate of {workers} and {limit}", 0, asyncio.Event()
        controls = [Control(database) for _ in range(workers)]
        rates = [Rate(control, line, SYSTEM) for control in controls]

        async def send(rate: Rate, limit: float, over: asyncio.Event) -> None:
            nonlocal sent
            rate.limit = limit
            while (permit := await rate.permit(over)) is not None:
                rate.used(permit)
                sent += 1

        try:
            for control in controls:
                await control.open()
            sending = [asyncio.create_task(send(rate, limit, over)) for rate in rates for _ in range(4)]
            await asyncio.sleep(3.0)
            first = (sent, await _committed(connection), await server_cpu(connection), time.perf_counter())
            await asyncio.sleep(5.0)
            last = (sent, await _committed(connection), await server_cpu(connection), time.perf_counter())
            over.set()
            permits, transactions, cpu, seconds = (after - before for before, after in zip(first, last, strict=True))
            print(
                f"{workers:>4} workers, {limit:.0f} a second: {permits / seconds:.0f} permits and "
                f"{transactions / seconds:.0f} transactions a second, {cpu / seconds:.2f} cores of the server"
            )
            await asyncio.gather(*sending)
        finally:
            for each in rates:
                await each.aclose()
            for control in controls:
                await control.aclose()
    await asyncio.sleep(1.1)
    row = await connection.fetchrow("select * from pg_stat_user_tables where relname = 'runner_slot'")
    pages = await connection.fetchval("select pg_relation_size('runner_slot') / 8192")
    print(f"{row['n_live_tup']} slots in {pages} pages, {row['n_tup_hot_upd'] / row['n_tup_upd']:.0%} pruned in place")


async def _committed(connection: Any) -> int:
    """Return the transactions of a database so far, as its connections have reported them."""
    await asyncio.sleep(1.1)
    count: int = await connection.fetchval(
        "select xact_commit from pg_stat_database where datname = current_database()"
    )
    return count


async def _notifications(place: str, connection: Any) -> None:
    """Notify as fast as it goes, while others listen: on another channel, so that only the server works for them."""
    print("\nNotifications")
    listening: list[Any] = []
    try:
        for count in (0, 100, 300):
            while len(listening) < count:
                each = await asyncpg.connect(place)
                await each.execute("listen elsewhere")
                listening.append(each)
            per_second, micro = await pgbench(place, connection, "select pg_notify('here', '');\n", clients=8)
            used = await connection.fetchval("select pg_notification_queue_usage()")
            print(f"{count:>4} listen: {per_second:.0f} a second, {micro:.0f} us of the server each, queue {used:.0%}")
    finally:
        for each in listening:
            await each.close()


async def _vacuum(place: str, control: Control, connection: Any) -> None:
    """End requests without a vacuum, then with one, then with autovacuum, and look at what looking for more takes."""
    print("\nVacuum")
    backend = RestBackend("demo", "k")
    await submit(_campaign("tidied up", 1000), journal=place, backend=backend, chunk_size=1000)
    await backend.aclose()
    line, done = store.line_of(backend), 1

    async def end(upto: int) -> None:
        nonlocal done
        await connection.execute(_COPY, done + 1, upto, timeout=300)
        for state in ("in_flight", "accepted"):
            await connection.execute(_END, state, done, timeout=300)
        done = upto

    async def looked() -> str:
        took = []
        for _ in range(7):
            began = time.perf_counter()
            await store.placed(control, line)
            took.append(1e3 * (time.perf_counter() - began))
        return f"{took[0]:.2f} ms to look for more at first, then {statistics.median(took):.2f}"

    await connection.execute("alter table chunk set (autovacuum_enabled = off)")
    print(f"{done:>8} request placed: {await looked()}")
    await end(20_000)
    print(f"{done:>8} requests ended, no vacuum: {await looked()}")
    old = await asyncpg.connect(place)
    await old.execute("begin isolation level repeatable read; select count(*) from runner_line")
    await end(50_000)
    print(f"{done:>8} requests ended, no vacuum, an old snapshot kept: {await looked()}")
    await old.close()
    began, spent = time.perf_counter(), await server_cpu(connection)
    await connection.execute("vacuum chunk", timeout=300)
    took, spent = time.perf_counter() - began, await server_cpu(connection) - spent
    print(f"{'':>8} vacuum: {took:.1f} s, {1e6 * spent / done:.0f} us of the server a request; then {await looked()}")
    await connection.execute("alter table chunk set (autovacuum_enabled = on, autovacuum_vacuum_scale_factor = 0.02)")
    began, most = time.perf_counter(), 0
    while time.perf_counter() - began < 30.0:
        await end(done + 1000)
        most = max(most, await connection.fetchval(_DEAD))
        await asyncio.sleep(1.0)
    took = time.perf_counter() - began
    times = await connection.fetchval("select autovacuum_count from pg_stat_user_tables where relname = 'chunk'")
    print(
        f"{done:>8} requests ended, {(done - 50_000) / took:.0f} a second with autovacuum at 2 %: "
        f"{most} dead versions at most, it came {times} times; {await looked()}"
    )
