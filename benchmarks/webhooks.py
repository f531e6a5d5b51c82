"""How many reports a second are received durably, beside a bare endpoint that answers ``OK`` and does nothing?

Both run under uvicorn in processes of their own, and are called over 32 connections that are kept. The receiver answers
``OK`` when a SQLite journal on a disk has the report. CPU time of the server counts, all of its threads included: it
says how many a second one core takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import pathlib
import tempfile
from collections.abc import Sequence

from harness import Claim, Contender, arguments, compare, finish, serving
from webhook_load import call, events

__all__ = ["main"]

_TICKS = os.sysconf("SC_CLK_TCK")
_NAMES = {"bare": "bare Starlette", "received": "allmysms_async", "handled": "allmysms_async, handled as well"}


async def _work(where: str, count: int) -> int:
    """Call an address so often, and return how often that was."""
    return len(await call(where, events(count)))


def _cpu(processes: Sequence[str]) -> float:
    """Return the seconds of CPU that processes took so far, by what the kernel says of them."""
    spent = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / _TICKS


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="reports in a round (10,000)")
    given = parser.parse_args()
    count, rounds = (500, 1) if given.quick else (given.events, given.rounds)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as servers:
        contenders: list[Contender] = []
        for way, name in _NAMES.items():
            options = ("--way", way, "--journal", str(pathlib.Path(folder) / f"{way}.db"))
            where = servers.enter_context(serving("webhook_server.py", *options))
            contenders.append(Contender(name, functools.partial(_work, where, count)))
        children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        claims = [Claim(_NAMES["received"], _NAMES["bare"], least=0.4)]
        measured = asyncio.run(compare(contenders, claims, rounds, clock=functools.partial(_cpu, children)))
    finish("CPU of a server for each delivery report", "reports", measured, given)


if __name__ == "__main__":
    main()
