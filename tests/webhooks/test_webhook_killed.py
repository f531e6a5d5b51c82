"""Receivers that are killed in mid-stream: no event that was answered OK is lost, none handled beside another."""

import asyncio
import contextlib
import itertools
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.process import Forked, nursery

from .conftest import TOKEN, reply_query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORKER = Path(__file__).with_name("webhook_worker.py")
KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
PEOPLE = 25
_SECONDS = 250.0


class Receiving:
    """One receiver in a process of its own, and those that follow it when it is killed.

    Attributes:
        port: Where the present one listens.
    """

    def __init__(self, journal: str, folder: Path) -> None:
        """Know what it is told."""
        self._task = {"token": TOKEN, "journal": journal, "folder": str(folder)}
        self._process: Forked | None = None
        self.port = 0

    async def start(self) -> None:
        """Start one, and wait until its port is known."""
        self._process = await nursery().fork(WORKER, self._task)
        self.port = int(await self._process.stdout.readline())

    async def kill(self) -> None:
        """Kill it, as ``kill -9`` does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


class Gateway:
    """A sender that calls again whatever was not answered OK, at any receiver, each number's events in their order.

    Attributes:
        ok: What was answered OK, in order for each number.
        calls: How many calls there were.
    """

    def __init__(self, receivers: list[Receiving]) -> None:
        """Know whom to call."""
        self._receivers = receivers
        self._rng = random.Random(20270402)
        self.ok: dict[str, list[str]] = defaultdict(list)
        self.calls = 0
        self.stopping = False

    @property
    def answered(self) -> int:
        """How many events were answered OK."""
        return sum(map(len, self.ok.values()))

    async def push(self, person: int) -> None:
        """Call with one event of a number after the other."""
        for number in itertools.count():
            if self.stopping:
                return
            query = reply_query(person, str(number), receptionDate=f"2027-01-05+11%3A45%3A{number % 60:02}")
            while not await self._call(query):  # noqa: ASYNC110  # what it waits for is in another process
                await asyncio.sleep(0.005)  # there is nothing to be told by
            self.ok[f"336{person:08d}"].append(str(number))
            if self._rng.random() < 0.05:  # its OK may have been lost on the way: it comes again
                await self._call(query)

    async def _call(self, query: str) -> bool:
        """Call once; tell whether the answer was OK, whole."""
        self.calls += 1
        request = f"GET /hooks/{TOKEN}?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(30):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._rng.choice(self._receivers).port)
                try:
                    writer.write(request.encode())
                    answer = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nOK")


@contextlib.asynccontextmanager
async def running(journal: str, folder: Path, count: int) -> AsyncIterator[list[Receiving]]:
    """Run receivers on one journal; whatever is left of them at the end is killed."""
    receivers = [Receiving(journal, folder) for _ in range(count)]
    try:
        for receiver in receivers:
            await receiver.start()
        yield receivers
    finally:
        for receiver in receivers:
            await receiver.kill()


def handled(folder: Path) -> list[tuple[str, str]]:
    """Return what was handled: number and text."""
    path = folder / "handled"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(phone, text) for phone, text in map(str.split, lines)]


async def later(condition: object, message: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + _SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, message
        await asyncio.sleep(0.01)


async def test_killed_in_mid_stream_it_loses_nothing_that_was_answered_ok(journal: str, tmp_path: Path) -> None:
    """Every event answered OK is handled, in order for its number, and never two of one number at once."""
    folder, rng = tmp_path / "handled", random.Random(20270403)
    folder.mkdir()
    count = 1 if journal.endswith(".db") else 2
    async with running(journal, folder, count) as receivers:
        gateway = Gateway(receivers)
        async with asyncio.TaskGroup() as group:
            for person in range(PEOPLE):
                group.create_task(gateway.push(person))
            for kill in range(KILLS):
                goal = gateway.answered + rng.randint(1, 150)
                await later(lambda: gateway.answered >= goal, "nothing is answered OK")  # noqa: B023  # at once
                await asyncio.sleep(rng.uniform(0, 0.02))
                victim = receivers[kill % count]
                await victim.kill()
                await victim.start()
            gateway.stopping = True
        sent = {(phone, text) for phone, texts in gateway.ok.items() for text in texts}
        await later(lambda: sent <= set(handled(folder)), "an event that was answered OK was never handled")
    assert not (folder / "parallel").exists(), (folder / "parallel").read_text(encoding="utf-8")
    times = Counter(handled(folder))
    assert set(times) == sent
    orders: dict[str, list[int]] = defaultdict(list)
    for phone, text in handled(folder):
        if int(text) not in orders[phone]:
            orders[phone].append(int(text))
    assert all(order == sorted(order) for order in orders.values())
    again = times.total() - len(times)
    # Only what was being handled, or was not noted yet, when its process was killed is handled again: one of a number.
    assert again <= KILLS * PEOPLE
    figures = f"{gateway.calls} calls, {len(sent)} answered OK, 0 lost, {again} handled again"
    sys.stdout.write(f"{count} receivers, {KILLS} kills: {figures}\n")
