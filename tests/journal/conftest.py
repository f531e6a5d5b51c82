"""Campaigns with a journal, sent to a sandbox over real sockets by processes that may be killed."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from allmysms_async import (
    AllMySmsError,
    Campaign,
    Recipient,
    RestBackend,
    RetryPolicy,
    SendReceipt,
    SmsMessage,
    SmsService,
)
from allmysms_async.backend import SendRequest
from allmysms_async.batch.chunk import marked_name
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.record import Claim
from allmysms_async.batch.settlement import settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.verdict import Delivery
from allmysms_async.journal import open_sink
from allmysms_async.sandbox import Clock, Sandbox
from tests.process import Forked, nursery

WORKER = Path(__file__).with_name("worker.py")
TEXT = "Bonjour #param_1#. STOP au 36180"


class Unkeyed(RestBackend):
    """The gateway as a protocol without idempotency keys would reach it."""

    limits = msgspec.structs.replace(RestBackend.limits, idempotent=False)


def people(count: int, start: int = 0) -> list[Recipient]:
    """Return so many recipients."""
    return [
        Recipient(f"06{number:08d}", (f"N{number}",))
        for number in range(10_000_000 + start, 10_000_000 + start + count)
    ]


def campaign(recipients: Any, name: str = "soldes", text: str = TEXT, **options: Any) -> Campaign:
    """Return a campaign; each call another object."""
    message = SmsMessage(text, **{"purpose": "marketing", **options})
    return Campaign(name, message, recipients, False, "ignore")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock is still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


QUICK = RetryPolicy(attempts=6, deadline=20.0, base=0.002, cap=0.02, duplicate_wait=0.01)


@pytest.fixture
def service(sandbox: Sandbox) -> Callable[..., SmsService]:
    """Make a service on the sandbox's account."""

    def make(*, keyed: bool = True, policy: RetryPolicy = QUICK, **options: Any) -> SmsService:
        kind = RestBackend if keyed else Unkeyed
        backend = kind("demo", "demo-key", base_url=sandbox.http_url, timeout=options.pop("timeout", 20.0))
        return SmsService(backend, policy=policy, rng=random.Random(1), **options)

    return make


@dataclass
class Life:
    """One life of a worker process."""

    process: asyncio.subprocess.Process | Forked
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def line(self) -> dict[str, Any] | None:
        """Return what it says next, or None at its end."""
        assert self.process.stdout is not None
        raw = await self.process.stdout.readline()
        if not raw:
            return None
        self.lines.append(msgspec.json.decode(raw))
        return self.lines[-1]

    async def end(self) -> dict[str, Any]:
        """Wait for its end, and return the last thing that it said."""
        while await self.line() is not None:
            pass
        await self.process.wait()
        return self.lines[-1]


@pytest.fixture
async def worker(sandbox: Sandbox) -> AsyncIterator[Callable[..., Awaitable[Life]]]:
    """Start a process that sends a campaign; whatever is left of them at the end is killed.

    It is forked from one that has imported everything, or with ``fresh`` a Python of its own.
    """
    started: list[asyncio.subprocess.Process | Forked] = []

    async def start(journal: str | Path, *, fresh: bool = False, **options: Any) -> Life:
        place = {"url": sandbox.http_url, "smtp_port": sandbox.smtp_port}
        task = place | {"journal": str(journal)} | options
        process: asyncio.subprocess.Process | Forked
        if fresh:
            words = (sys.executable, str(WORKER), msgspec.json.encode(task).decode())
            process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        else:
            process = await nursery().fork(WORKER, task)
        started.append(process)
        return Life(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class JumpingClock:
    """A clock that stands still but for sleeps and jumps."""

    def __init__(self) -> None:
        """Start today."""
        self.slept = 0.0
        self._at = time.time()

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self._at, UTC)

    def monotonic(self) -> float:
        """Return seconds."""
        return self._at

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.slept += seconds
        self._at += seconds
        await asyncio.sleep(0)

    def jump(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._at += seconds


class Hand:
    """A process that is led by hand, step by step, over the real journal and the real sandbox."""

    def __init__(self, journal: str, sandbox: Sandbox, *, keyed: bool, clock: JumpingClock | None = None) -> None:
        """Prepare a process."""
        kind = RestBackend if keyed else Unkeyed
        self.backend = kind("demo", "demo-key", base_url=sandbox.http_url)
        self.clock = clock or JumpingClock()
        self.campaign = campaign(())
        self.sink = open_sink(journal, backend="rest", account=self.backend.identity, clock=self.clock, keyed=keyed)
        self._planner: Planner | None = None

    async def open(self) -> None:
        """Open the journal."""
        await self.sink.open(self.campaign)

    async def claimed(self, recipients: list[Recipient]) -> Claim:
        """Plan a chunk of these, and claim it."""
        if self._planner is None:
            await self.open()
            assert await self.sink.lead()
            self._planner = Planner(
                self.campaign.message,
                self.backend.limits,
                chunk_size=1000,
                seen=self.sink.seen,
                accounted=self.sink.accounted,
            )
        first = len(self.sink.accounted) + 1
        for row, recipient in enumerate(recipients, first):
            self._planner.add(row, recipient)
        (chunk,) = self._planner.flush()
        claim = await self.sink.claim(await self.sink.add(chunk), self.clock.now().timestamp())
        assert claim is not None
        return claim

    async def send(self, claim: Claim) -> SendReceipt:
        """Send a claimed chunk."""
        chunk, limits = claim.chunk, self.backend.limits
        key = chunk.key if limits.idempotent else None
        return await self.backend.send(
            SendRequest(
                message=self.campaign.message,
                text=chunk.text,
                coding=chunk.coding,
                params=chunk.params,
                recipients=chunk.recipients,
                parts=chunk.parts,
                campaign_name=marked_name(self.campaign.name, self.sink.run_id, chunk),
                idempotency_key=key,
            )
        )

    async def answered(self, claim: Claim, receipt: SendReceipt) -> None:
        """Record an answer."""
        delivery = Delivery(receipt=receipt)
        await self.sink.settle(claim.chunk, settlement(claim.chunk, delivery))

    async def lose(self, claim: Claim) -> None:
        """Record that no answer came."""
        delivery = Delivery(event=ChunkEvent.LOSE, error=AllMySmsError("No answer."))
        await self.sink.settle(claim.chunk, settlement(claim.chunk, delivery))

    async def die(self) -> None:
        """End as a process that is killed does: without letting go of anything."""
        if self.sink._leases._heart is not None:
            self.sink._leases._heart.cancel()
            await asyncio.wait({self.sink._leases._heart})
        await self.sink._leases.holder.abandon()
        await self.sink._database.close()
        await self.backend.aclose()
