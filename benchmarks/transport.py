"""What does a request cost over each transport, in CPU, against plain aiohttp with the same bytes?

``python benchmarks/transport.py`` starts the minimal gateway of ``server.py`` in a process of its own and sends the
same requests over every transport in turn, with 1, 20, 200 and 500 in flight. A round measures each contender once;
what counts is the median over the rounds of this process's own CPU time for each request. ``share`` is what plain
aiohttp takes over what the transport takes: 1 is as fast.

- ``plain aiohttp``: ``session.post(url, data=body, headers=headers)`` and ``read()``, as one would write it.
- ``default``: ``H11Transport``, which a backend takes by itself.
- ``aiohttp``: ``AiohttpTransport`` with connections of its own; ``aiohttp session``: over a session that it is given.
- ``httpx``: ``HttpxTransport`` with a connection a pool; ``httpx client``: over a client that it is given, whose cost
  grows with the square of what is in flight, so that it is measured up to 20.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import pathlib
import platform
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp
import httpx
import msgspec
from harness import serving
from load import record_sends

from allmysms_async.exchange import HttpRequest
from allmysms_async.transports import AiohttpTransport, H11Transport, HttpTransport, HttpxTransport

__all__ = ["main"]

_IN_FLIGHT = (1, 20, 200, 500)
_MOST = 500
_REQUESTS = 200
_PLAIN = "plain aiohttp"
_UP_TO = {"httpx client": 20}

Send = Callable[[HttpRequest], Awaitable[object]]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        contender: Over what.
        in_flight: Requests in flight.
        cpu: Microseconds of CPU for each, the median of the rounds.
        lowest: The same in the best round.
        share: What plain aiohttp took over what this took.
        rate: Requests each second, the median of the rounds.
    """

    contender: str
    in_flight: int
    cpu: float
    lowest: float
    share: float
    rate: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is printed.

    Attributes:
        machine: Python and cores: without them a time means nothing.
        rounds: How often each was measured.
        rows: The table.
    """

    machine: str
    rounds: int
    rows: list[Row]


@contextlib.asynccontextmanager
async def _plain() -> AsyncIterator[Send]:
    """Give aiohttp itself."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_MOST)) as session:

        async def send(request: HttpRequest) -> None:
            async with session.post(request.url, data=request.body, headers=request.headers) as answer:
                await answer.read()

        yield send


def _own(make: Callable[..., HttpTransport]) -> Callable[[], contextlib.AbstractAsyncContextManager[Send]]:
    """Return what gives a transport with connections of its own."""

    @contextlib.asynccontextmanager
    async def give() -> AsyncIterator[Send]:
        transport = make(max_connections=_MOST)
        try:
            yield transport.send
        finally:
            await transport.aclose()

    return give


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[Send]:
    """Give the transport over a session of aiohttp."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_MOST)) as session,
        AiohttpTransport(session, max_connections=_MOST) as transport,
    ):
        yield transport.send


@contextlib.asynccontextmanager
async def _client() -> AsyncIterator[Send]:
    """Give the transport over a client of httpx."""
    limits = httpx.Limits(max_connections=_MOST, max_keepalive_connections=_MOST)
    async with (
        httpx.AsyncClient(limits=limits, trust_env=False) as client,
        HttpxTransport(client, max_connections=_MOST) as transport,
    ):
        yield transport.send


_CONTENDERS: Mapping[str, Callable[[], contextlib.AbstractAsyncContextManager[Send]]] = {
    _PLAIN: _plain,
    "default": _own(H11Transport),
    "aiohttp": _own(AiohttpTransport),
    "aiohttp session": _session,
    "httpx": _own(HttpxTransport),
    "httpx client": _client,
}


async def _measure(contender: str, in_flight: int, seconds: float, requests: list[HttpRequest]) -> tuple[float, float]:
    """Send for so long with so many in flight; return the microseconds of CPU for each, and how many each second."""
    source = itertools.cycle(requests)
    count = 0

    async def work(until: float) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await send(next(source))
            count += 1

    async with _CONTENDERS[contender]() as send:
        await asyncio.gather(*(send(next(source)) for _ in range(in_flight)))  # so that every connection is open
        gc.collect()
        cpu, start = time.process_time(), time.perf_counter()
        await asyncio.gather(*(work(start + seconds) for _ in range(in_flight)))
        cpu, spent = time.process_time() - cpu, time.perf_counter() - start
    return 1e6 * cpu / max(count, 1), count / spent


def measure(rounds: int, seconds: float, levels: tuple[int, ...]) -> Report:
    """Measure everything, each contender once a round, with the server in a process of its own."""
    rows: list[Row] = []
    with serving("server.py") as address:
        requests = asyncio.run(record_sends(address, _REQUESTS))
        for in_flight in levels:
            names = [name for name in _CONTENDERS if in_flight <= _UP_TO.get(name, _MOST)]
            runs: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
            for turn in range(rounds):
                # Another one begins in every round: whoever comes first may find the machine busier.
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    runs[name].append(asyncio.run(_measure(name, in_flight, seconds, requests)))
            cost = {name: statistics.median(cpu for cpu, _ in run) for name, run in runs.items()}
            rows += [
                Row(
                    contender=name,
                    in_flight=in_flight,
                    cpu=cost[name],
                    lowest=min(cpu for cpu, _ in run),
                    share=cost[_PLAIN] / cost[name],
                    rate=statistics.median(rate for _, rate in run),
                )
                for name, run in runs.items()
            ]
    machine = f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"
    return Report(machine=machine, rounds=rounds, rows=rows)


def table(report: Report) -> str:
    """Return the report as text."""
    lines = [f"{report.machine}; medians of {report.rounds} rounds", ""]
    lines.append(f"{'':<17}{'in flight':>10}{'cpu us':>9}{'lowest':>9}{'share':>8}{'requests/s':>12}")
    lines += [
        f"{row.contender:<17}{row.in_flight:>10}{row.cpu:>9.0f}{row.lowest:>9.0f}{row.share:>8.2f}{row.rate:>12,.0f}"
        for row in report.rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Print what a request costs over each transport.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured (9)")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one measurement (0.5)")
    parser.add_argument("--quick", action="store_true", help="one short round with few in flight")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    rounds, seconds, levels = (1, 0.1, (1, 20)) if given.quick else (given.rounds, given.seconds, _IN_FLIGHT)
    if not (1 <= rounds <= 1000 and 0.05 <= seconds <= 10):
        parser.error("rounds must be 1 to 1,000, and seconds 0.05 to 10")
    report = measure(rounds, seconds, levels)
    print(table(report))
    if given.json is not None:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


if __name__ == "__main__":
    main()
