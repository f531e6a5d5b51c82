"""Limits of the database that a fleet meets, each brought as far as 100 machines would bring it, or as runs here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import re
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from runner import _campaign

from allmysms_async import RestBackend
from allmysms_async.clock import SYSTEM
from allmysms_async.runner import store, submit
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.seat import Seat, Seats

__all__ = ["backend_pids", "measure", "memory_of", "server_cpu", "versions"]

_PGBENCH = str(next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))), "pgbench"))
_TICKS = os.sysconf("SC_CLK_TCK")
_SESSIONS = 1400  # of 100 workers with one campaign
_LOCK = "select pg_advisory_lock(7, n) from generate_series($1::int, $2::int) n"
_RATE = (
    "update runner_line set tat = greatest(tat, clock_timestamp()) + make_interval(secs => 1 * 0.0000001::float8)"
    " where line = 'line' returning extract(epoch from tat - clock_timestamp())::float8 as ends;\n"
)
_COPY = (
    "insert into chunk select r.* from chunk c, generate_series($1::int, $2::int) as another (seq),"
    " lateral jsonb_populate_record(c, jsonb_build_object('seq', another.seq)) r where c.seq = 1"
)
_END = "update chunk set state = $1, attempts = attempts + 1 where seq > $2"
_DEAD = "select n_dead_tup from pg_stat_user_tables where relname = 'chunk'"


def _stat(pid: int) -> list[str]:
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


async def server_cpu(connection: Any) -> float:
    """Return the CPU seconds that the server took so far, with all of its processes, those that ended included."""
    return _cpu_of(int(_stat(await connection.fetchval("select pg_backend_pid()"))[1]))


def _cpu_of(postmaster: int) -> float:
    fields = _stat(postmaster)
    ticks = sum(int(value) for value in fields[11:15])  # its own, and those of children that ended
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if entry.name.isdigit() and (fields := _stat(int(entry.name)))[1] == str(postmaster):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


async def backend_pids(connection: Any) -> list[int]:
    """Return the processes of a database's other connections."""
    rows = await connection.fetch(
        "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    return [row["pid"] for row in rows]


def memory_of(pids: Sequence[int]) -> int:
    """Return the kilobytes that processes have, what they share counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
            total += int(re.findall(r"^Pss:\s+(\d+)", words, re.M)[0])
    return total


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
        await _rate(place, connection)
        await _notifications(place, connection)
        await _vacuum(place, control, connection)
    finally:
        await connection.close()
        await control.aclose()
        await database.close()


async def _sessions(place: str, connection: Any) -> None:
    """Open as many sessions as 100 workers have, and look at what a small transaction takes beside them."""
    print("\nSessions")
    alone = await _pgbench(place, connection, "select 1;\n", clients=4)
    began, opened = time.perf_counter(), []
    for _ in range(_SESSIONS // 20):
        opened += await asyncio.gather(*(asyncpg.connect(place) for _ in range(20)))
    took = time.perf_counter() - began
    try:
        await asyncio.gather(*(each.fetchval("select count(*) from runner_line") for each in opened))
        kilobytes = memory_of(await backend_pids(connection))
        beside = await _pgbench(place, connection, "select 1;\n", clients=4)
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


async def _rate(place: str, connection: Any) -> None:
    """Update the row of the rate as fast as it goes, with more and more at once, and while an old snapshot is kept."""
    print("\nRow of the rate")
    for clients, kept in ((1, False), (16, False), (100, False), (16, True)):
        old = await asyncpg.connect(place) if kept else None
        if old is not None:
            await old.execute("begin isolation level repeatable read; select count(*) from runner_line")
        per_second, micro = await _pgbench(place, connection, _RATE, clients=clients)
        pages = await connection.fetchval("select pg_relation_size('runner_line') / 8192")
        await asyncio.sleep(1.1)
        row = await connection.fetchrow("select * from pg_stat_user_tables where relname = 'runner_line'")
        print(
            f"{clients:>4} at once{', an old snapshot kept' if kept else '':<24}{per_second:>8.0f} a second, "
            f"{micro:.0f} us of the server each, {pages} pages, {row['n_tup_hot_upd'] / row['n_tup_upd']:.0%} in place"
        )
        if old is not None:
            await old.close()


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
            per_second, micro = await _pgbench(place, connection, "select pg_notify('here', '');\n", clients=8)
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


async def _pgbench(place: str, connection: Any, script: str, *, clients: int, seconds: int = 4) -> tuple[float, float]:
    """Have clients run a script for some seconds; return how often a second, and the server's microseconds for each."""
    url = urlsplit(place)
    words = [
        "-n",
        "-h",
        "127.0.0.1",
        "-p",
        str(url.port),
        "-U",
        str(url.username),
        "-M",
        "prepared",
        "-f",
        "/dev/stdin",
    ]
    words += ["-c", str(clients), "-j", "1", "-T", str(seconds), url.path[1:]]
    before = await server_cpu(connection)
    process = await asyncio.create_subprocess_exec(
        *(_PGBENCH, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(script.encode())
    if process.returncode:
        raise RuntimeError(err.decode())
    count = int(re.findall(r"transactions actually processed: (\d+)", out.decode())[0])
    return count / seconds, 1e6 * (await server_cpu(connection) - before) / max(1, count)
