"""What do the handbook's two receivers do with reports and replies at full speed?

Each of the handbook's examples runs as it stands in a process of its own, and is called with new reports and replies
over 32 connections. What its handlers print tells which events came: each must, once. Printed are the 99th percentile
of the time until ``OK``, and how much memory the server took after a tenth of the events.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from harness import arguments
from limits import Row, finish_rows, row
from webhook_load import call, events

__all__ = ["main"]

_RECIPES = pathlib.Path(__file__).parent.parent / "allmysms_async" / "handbook" / "recipes"
_BLOCK = re.compile(r"^<!-- example: (\w+) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = {
    "fastapi": ["-m", "uvicorn", "example:app", "--no-access-log", "--port", "{port}"],
    "aiohttp": ["example.py"],
}
_SECONDS = 120.0


def _example(library: str) -> str:
    """Return the handbook's example for a library."""
    page = (_RECIPES / f"{library}.md").read_text(encoding="utf-8")
    return dict(_BLOCK.findall(page))[library]


@contextlib.contextmanager
def _running(library: str, folder: pathlib.Path) -> Iterator[tuple[str, int, pathlib.Path]]:
    """Run an example; give its address, its process and the file of what it prints."""
    (folder / "example.py").write_text(_example(library), encoding="utf-8")
    token = secrets.token_urlsafe(32)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *(word.format(port=port) for word in _COMMANDS[library])]
    known = os.environ | {"ALLMYSMS_WEBHOOK_TOKEN": token, "PORT": str(port)}
    printed = folder / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=known, stdout=out)
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}/allmysms/{token}", process.pid, printed
        finally:
            process.terminate()
            process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens.

    Raises:
        RuntimeError: It does not.
    """
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("The example does not listen.")


def _memory(process: int) -> float:
    """Return the megabytes that a process has now."""
    status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _handled(printed: pathlib.Path) -> Counter[int]:
    """Return how often each number was told of, by its last eight digits."""
    # Of a number of an overseas department the beginning is another one: 33690… is handed over as 590690….
    return Counter(map(int, re.findall(r"^\d+(\d{8}) ", printed.read_text(encoding="utf-8"), re.MULTILINE)))


async def _flood(
    where: str, process: int, printed: pathlib.Path, count: int
) -> tuple[Sequence[float], float, int, int]:
    """Call with events; return latencies, megabytes more than after a tenth, how many were lost, and came twice."""
    given = list(events(count, replies=True))
    waited = iter(given)
    latencies = await call(where, (next(waited) for _ in range(count // 10)))
    before = _memory(process)
    latencies += await call(where, waited)
    deadline = time.monotonic() + _SECONDS
    seen = _handled(printed)
    while seen.total() < count and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        seen = _handled(printed)
    more = _memory(process) - before
    lost = sum(phone not in seen for phone, _ in given)
    return latencies, more, lost, sum(times > 1 for times in seen.values())


def _rows(library: str, count: int) -> list[Row]:
    """Measure one example."""
    with tempfile.TemporaryDirectory() as folder, _running(library, pathlib.Path(folder)) as (where, process, printed):
        began = time.perf_counter()
        latencies, more, lost, twice = asyncio.run(_flood(where, process, printed, count))
        seconds = time.perf_counter() - began
    late = sorted(latencies)[int(0.99 * len(latencies))]
    return [
        row(f"{library}: OK, 99th percentile", [1000 * late], "ms", 100.0),
        row(f"{library}: memory after a tenth", [more], "MB more", 20.0),
        row(f"{library}: lost", [lost], "events", 0.0),
        row(f"{library}: twice", [twice], "events", 0.0),
        row(f"{library}: received and handled", [count / seconds], "a second"),
    ]


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="reports and replies (20,000)")
    given = parser.parse_args()
    count = 1000 if given.quick else given.events
    rows = [each for library in _COMMANDS for each in _rows(library, count)]
    finish_rows(f"{count:,} reports and replies at full speed, to the handbook's receivers", rows, given)


if __name__ == "__main__":
    main()
