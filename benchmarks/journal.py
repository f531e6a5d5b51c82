"""What the journal costs: milliseconds a chunk, with and without it, and how fast a long campaign is looked into.

``python benchmarks/journal.py`` sends campaigns of 1,000 recipients a request to the minimal gateway of ``server.py``,
without a journal, with SQLite and, where a ``--postgres`` URL or Debian's package is there, with PostgreSQL; then it
fills a journal with finished chunks and measures the sums, a resume without a source, and reading the numbers back.
It ends with status 1 if anything is over its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator

import msgspec
from harness import postgres, serving

from allmysms_async import Campaign, Recipient, RestBackend, SmsMessage, SmsService
from allmysms_async.batch.chunk import Chunk
from allmysms_async.clock import SystemClock
from allmysms_async.journal import Journal, open_sink
from allmysms_async.journal.packing import pack_numbers, pack_outcomes, pack_payload
from allmysms_async.model import Outcome, OutcomeState
from allmysms_async.text import Coding
from allmysms_async.transports.h11 import H11Transport

__all__ = ["main"]

_CHUNK = 1000
_FLAT = 16.0  # MB: what the numbers of half a million recipients take as bitmaps, and what the allocator keeps
_MESSAGE = SmsMessage("Bonjour #param_1#. STOP au 36180", purpose="marketing")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        name: What was measured.
        value: How much.
        unit: Of what.
        limit: What it must stay under, or None.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def met(self) -> bool:
        """Whether it stays under its limit."""
        return self.limit is None or self.value < self.limit


def _people(count: int) -> Iterator[Recipient]:
    """Yield recipients, so that the source itself takes no memory."""
    for number in range(10_000_000, 10_000_000 + count):
        yield Recipient(f"06{number:08d}", (f"N{number}",))


async def _send(address: str, chunks: int, name: str, journal: str | None) -> float:
    """Send a campaign; return the milliseconds for each chunk."""
    transport = H11Transport()
    try:
        async with SmsService(RestBackend("demo", "k", base_url=address, transport=transport)) as sms:
            campaign = Campaign(name, _MESSAGE, _people(chunks * _CHUNK), quiet_hours="ignore")
            start = time.perf_counter()
            result = await sms.run(campaign, journal=journal, chunk_size=_CHUNK)
            spent = time.perf_counter() - start
    finally:
        await transport.aclose()
    if result.accepted != chunks * _CHUNK:
        msg = f"{result.accepted} of {chunks * _CHUNK} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)
    return 1000 * spent / chunks


def _fill(path: str, address: str, chunks: int) -> None:
    """Fill a journal with finished chunks, every number in it another."""

    async def begin() -> None:
        backend = RestBackend("demo", "k", base_url=address)
        sink = open_sink(path, backend="rest", account=backend.identity, clock=SystemClock(), keyed=True)
        await sink.open(Campaign("long", _MESSAGE, (), quiet_hours="ignore"))
        await sink.close()
        await backend.aclose()

    asyncio.run(begin())
    payload = result = b""
    database = sqlite3.connect(path)
    columns = "campaign,seq,state,generation,attempts,written_off,n,planned_parts"
    columns += ",accepted,rejected,failed,unknown,parts,cost"
    insert = f"insert into chunk ({columns},gateway_id,numbers,payload,result) values ({','.join('?' * 18)})"  # noqa: S608
    for seq in range(1, chunks + 1):
        first = 33_600_000_000 + seq * _CHUNK
        phones = range(first, first + _CHUNK)
        recipients = tuple(Recipient(str(phone), ("Zoé",), row) for row, phone in enumerate(phones))
        rows = tuple(range((seq - 1) * _CHUNK + 1, seq * _CHUNK + 1))
        chunk = Chunk(
            seq=seq, text=_MESSAGE.text, coding=Coding.GSM7, params=1, recipients=recipients, rows=rows, parts=_CHUNK
        )
        if not payload:
            outcomes = [
                Outcome(row, None, "", OutcomeState.ACCEPTED, None, f"{row:08x}-8e0a-11e5-bf51-0000") for row in rows
            ]
            payload, result = pack_payload(chunk), pack_outcomes(outcomes)
        counts = (_CHUNK, _CHUNK, _CHUNK, 0, 0, 0, _CHUNK, "45.000", f"ec{seq:014x}")
        database.execute(insert, (1, seq, "accepted", 0, 1, 0, *counts, pack_numbers(chunk), payload, result))
    database.execute("update campaign set source_complete = 1, next_seq = ?", (chunks + 1,))
    database.commit()
    database.close()


async def _look(path: str, address: str, chunks: int) -> list[Row]:
    """Measure a long campaign that is over."""
    start = time.perf_counter()
    async with Journal(path) as journal:
        stored = await journal.campaign()
    status = time.perf_counter() - start
    if stored.result.accepted != chunks * _CHUNK:
        msg = f"{stored.result.accepted} accepted, not {chunks * _CHUNK}"
        raise RuntimeError(msg)
    async with SmsService(RestBackend("demo", "k", base_url=address)) as sms:
        start = time.perf_counter()
        run = await sms.resume(path)
        async for _ in run:
            pass
        resumed = time.perf_counter() - start
        sink = open_sink(path, backend="rest", account=sms.backend.identity, clock=SystemClock(), keyed=True)
        await sink.open(Campaign("long", _MESSAGE, (), quiet_hours="ignore"))
        start = time.perf_counter()
        counts = [count async for count in sink.recover()]
        rebuilt = time.perf_counter() - start
        await sink.close()
    return [
        Row(name=f"status and totals over {chunks:,} finished chunks", value=status, unit="s", limit=1.0),
        Row(name=f"resume without a source over {chunks:,} finished chunks", value=resumed, unit="s", limit=1.0),
        Row(name=f"reading {counts[-1]:,} numbers back", value=1e6 * rebuilt / counts[-1], unit="us", limit=2.0),
    ]


def _memory() -> float:
    """Return the most memory that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(chunks: int, rounds: int, finished: int, url: str | None) -> list[Row]:
    """Measure everything."""
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        if url is None:
            create = stack.enter_context(postgres())
            url = None if create is None else create("bench")
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        address = stack.enter_context(serving("server.py"))
        places = {"without a journal": None, "SQLite": os.path.join(folder, "bench.db"), "PostgreSQL": url}
        places = {name: place for name, place in places.items() if place or name == "without a journal"}
        times: dict[str, list[float]] = {name: [] for name in places}
        for number in range(rounds + 1):
            for name, place in places.items():
                spent = asyncio.run(_send(address, chunks, f"bench {number}", place))
                if number:  # the first round opens everything for the first time
                    times[name].append(spent)
        bares = times["without a journal"]  # the best of each: what else the machine does only ever adds
        rows.append(Row(name="without a journal", value=min(bares), unit="ms a chunk"))
        for name, spent in times.items():
            if name != "without a journal":
                rows.append(Row(name=f"with {name}", value=min(spent), unit="ms a chunk"))
                added = min(spent) - min(bares)
                rows.append(Row(name=f"added by {name}", value=added, unit="ms a chunk", limit=5.0))
        before = _memory()
        asyncio.run(_send(address, 5 * chunks, "memory", os.path.join(folder, "memory.db")))
        # The same recipients, were they all kept, would take twenty times the limit.
        memory = f"memory that {5 * chunks} chunks took on top of {chunks}"
        rows.append(Row(name=memory, value=_memory() - before, unit="MB", limit=_FLAT))
        path = os.path.join(folder, "long.db")
        _fill(path, address, finished)
        rows += asyncio.run(_look(path, address, finished))
    return rows


def main() -> int:
    """Measure, and print; return 1 if a limit is not met."""
    parser = argparse.ArgumentParser(description="Print what the journal costs.")
    parser.add_argument("--chunks", type=int, default=100, help="chunks of a campaign (100)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; the best counts (5)")
    parser.add_argument("--finished", type=int, default=10_000, help="finished chunks to look into (10,000)")
    parser.add_argument("--postgres", help="URL of an empty database; by default the machine's own is started")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()
    rows = measure(given.chunks, given.rounds, given.finished, given.postgres)
    missed = int(not all(row.met for row in rows))
    if given.json:
        print(json.dumps(msgspec.to_builtins(rows), indent=2))
        return missed
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, chunks of {_CHUNK}, the best of {given.rounds}\n"
    )
    for row in rows:
        limit = "" if row.limit is None else f"  (under {row.limit:g}: {'yes' if row.met else 'NO'})"
        print(f"{row.name:<60}{row.value:>10.2f} {row.unit}{limit}")
    if not any("PostgreSQL" in row.name for row in rows):
        print("PostgreSQL was not measured: this machine has none.")
    return missed


if __name__ == "__main__":
    sys.exit(main())
