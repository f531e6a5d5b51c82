"""What a PostgreSQL on this machine takes: CPU, memory, and how often it does something."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

__all__ = ["backend_pids", "memory_of", "pgbench", "server_cpu"]

_PGBENCH = str(next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))), "pgbench"))
_TICKS = os.sysconf("SC_CLK_TCK")


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


async def pgbench(place: str, connection: Any, script: str, *, clients: int, seconds: int = 4) -> tuple[float, float]:
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
    await asyncio.sleep(0.5)  # those that ended are counted once the server has taken note
    count = int(re.findall(r"transactions actually processed: (\d+)", out.decode())[0])
    return count / seconds, 1e6 * (await server_cpu(connection) - before) / max(1, count)
