"""Campaigns that are placed in a PostgreSQL and sent by several processes, which may be killed."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from allmysms_async import Campaign, Recipient, RestBackend, SmsMessage
from allmysms_async.backend import Sends
from allmysms_async.journal import Journal
from allmysms_async.runner import submit
from allmysms_async.runner.control import TELL, Control, opened_database
from allmysms_async.sandbox import Clock, Sandbox
from tests.journal.conftest import Life, Unkeyed
from tests.process import nursery

# Four networks and all that can happen take minutes, and root.
collect_ignore = [] if os.environ.get("RUNNER_FULL") else ["test_runner_networks.py"]

_MACHINE = Path(__file__).with_name("machine.py")


def people(count: int) -> list[Recipient]:
    """Return so many recipients."""
    return [Recipient(f"06{number:08d}", (f"N{number}",)) for number in range(10_000_000, 10_000_000 + count)]


def campaign(count: int, name: str = "soldes", *, native: bool = True) -> Campaign:
    """Return a campaign; its text is the same for all where the protocol does not personalise."""
    message = SmsMessage("Bonjour #param_1#." if native else "Bonjour.", purpose="transactional")
    return Campaign(name, message, people(count))


def texts_of(sandbox: Sandbox) -> Counter[str]:
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock is still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
def place(postgres: Any) -> str:
    """An empty database."""
    return str(postgres.empty())


Machine = Callable[..., Awaitable[Life]]


@pytest.fixture
async def machine(sandbox: Sandbox, place: str) -> AsyncIterator[Machine]:
    """Start a worker process; whatever is left of them at the end is killed."""
    started: list[Any] = []

    async def start(**options: Any) -> Life:
        task = {"url": sandbox.http_url, "smtp_port": sandbox.smtp_port, "journal": place, "timeout": 20.0}
        process = await nursery().fork(_MACHINE, task | options)
        started.append(process)
        return Life(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def backend(sandbox: Sandbox) -> Callable[..., RestBackend]:
    """Make a backend on the sandbox's account."""

    def make(*, keyed: bool = True, **options: Any) -> RestBackend:
        kind = RestBackend if keyed else Unkeyed
        return kind("demo", "demo-key", base_url=sandbox.http_url, **options)

    return make


async def placed(campaign: Campaign, journal: str, backend: Sends, **options: Any) -> Any:
    """Place a campaign, and close the backend."""
    try:
        return await submit(campaign, journal=journal, backend=backend, **options)
    finally:
        await backend.aclose()


async def result_of(journal: str, name: str | None = None) -> Any:
    """Return what the journal has of a campaign."""
    async with Journal(journal) as opened:
        return (await opened.campaign(name)).result


async def asked(journal: str, statement: str, *values: object) -> list[Any]:
    """Ask the database something."""
    connection = await asyncpg.connect(journal)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


async def until_status(journal: str, wanted: str = "done", *, name: str | None = None) -> None:
    """Wait until every campaign, or that of a name, has a status."""
    statement = "select r.status, k.name from runner_campaign r join campaign k on k.id = r.campaign"
    connection = await asyncpg.connect(journal)
    try:
        async with asyncio.timeout(250):
            while True:
                rows = await connection.fetch(statement)
                if all(row["status"] == wanted for row in rows if name in {None, row["name"]}):
                    return
                await asyncio.sleep(0.03)
    finally:
        await connection.close()


async def look_around(journal: str) -> None:
    """Have every worker look at the tables now, as whoever changes them through the library does."""
    await asked(journal, TELL)


async def fall_silent(journal: str) -> None:
    """Have the engine miss workers that have died, as it does some seconds later; those that live are heard soon."""
    await asked(journal, "update procrastinate_workers set last_heartbeat = last_heartbeat - interval '4 seconds'")
    await look_around(journal)


class Watching:
    """An observer that notes when each request reached handsets, and of which campaign it was."""

    def __init__(self) -> None:
        """Have noted nothing yet."""
        self.moments: list[float] = []
        self.names: list[str] = []

    def delivered(self, campaign: Any) -> None:
        """Note a request."""
        self.moments.append(time.monotonic())
        self.names.append(campaign.name)

    def __getattr__(self, name: str) -> Any:
        """Note nothing else."""
        return lambda *_: None


class Halt:
    """Says when nothing new is to be sent, and is told what failed."""

    def __init__(self) -> None:
        """Let all be sent."""
        self.stopping = asyncio.Event()
        self.errors: list[Exception] = []

    def fail(self, error: Exception) -> None:
        """Stop because of an error."""
        self.errors.append(error)
        self.stopping.set()


async def sent(sandbox: Sandbox, count: int) -> None:
    """Wait until so many texts were sent."""
    async with asyncio.timeout(250):
        while sandbox.stats()["messages"] < count:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


@asynccontextmanager
async def controls(journal: str, count: int = 1) -> AsyncIterator[list[Control]]:
    """Have so many connections as workers have one."""
    database = await opened_database(journal)
    opened = [Control(database) for _ in range(count)]
    try:
        for each in opened:
            await each.open()
        yield opened
    finally:
        for each in opened:
            await each.aclose()
        await database.close()


def most_within(moments: Sequence[float], seconds: float) -> int:
    """Return how many moments lie within a window of so many seconds at most."""
    ordered, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
