"""The client's backend against the sandbox, which knows nothing of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import EnvoyerSmsProBackend
from allmysms_async.protocols.envoyersmspro import window
from allmysms_async.sandbox import Clock, Sandbox


class SandboxTime:
    """The sandbox's own time for the client; a wait lets that time pass."""

    def __init__(self, sandbox: Sandbox, speed: float = 0.0) -> None:
        """Follow a sandbox; with a speed its clock runs by itself, else waiting moves it."""
        self.sandbox = sandbox
        self.speed = speed
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self.sandbox.clock.now(), UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self.sandbox.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Wait, or let the time have passed."""
        self.waits.append(seconds)
        if self.speed:
            await asyncio.sleep(seconds / self.speed)
            return
        until = self.sandbox.clock.now() + seconds
        await asyncio.sleep(0)
        self.sandbox.advance(max(0.0, until - self.sandbox.clock.now()))


@pytest.fixture(autouse=True)
def fresh_windows() -> Iterator[None]:
    """Forget the request windows of earlier tests, whose sandboxes may have had the same port."""
    window._windows.clear()
    yield
    window._windows.clear()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock stands still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
async def fast_sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox on whose clock ten hours pass in a second."""
    async with Sandbox(clock=Clock(tick=lambda: time.monotonic() * 36_000)) as running:
        yield running


@pytest.fixture
async def connect(sandbox: Sandbox) -> AsyncIterator[Callable[..., EnvoyerSmsProBackend]]:
    """Opens backends on the sandbox, closed after the test."""
    opened: list[EnvoyerSmsProBackend] = []

    def one(**options: Any) -> EnvoyerSmsProBackend:
        at = options.pop("sandbox", sandbox)
        options = {"default_sender": "MAGASIN", "base_url": at.http_url, "clock": SandboxTime(at)} | options
        login, password = options.pop("login", "demo"), options.pop("password", "demo-pass")
        opened.append(EnvoyerSmsProBackend(login, password, **options))
        return opened[-1]

    yield one
    for backend in opened:
        await backend.aclose()


@pytest.fixture
def sandbox_time() -> type[SandboxTime]:
    """The client's clock on a sandbox."""
    return SandboxTime
