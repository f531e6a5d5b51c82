"""The service against a sandbox over real sockets, with a clock that only waiting moves."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import (
    Campaign,
    CampaignResult,
    CampaignRun,
    CampaignStopped,
    Outcome,
    Recipient,
    RestBackend,
    RetryPolicy,
    SmsMessage,
    SmsService,
)
from allmysms_async.model import Totals
from allmysms_async.sandbox import Clock, Sandbox

KEY = "demo-key"
TEMPLATE = "Bonjour #param_1#, rendez-vous demain."


class SandboxClock:
    """The sandbox's own time for the client; waiting moves it, and takes no more than a millisecond.

    Several that wait at once wait at the same time: the clock moves to the latest end, not by the sum.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        """Follow a sandbox."""
        self._sandbox = sandbox
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self._sandbox.clock.now(), UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._sandbox.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Let others run, then let the time have passed."""
        self.waits.append(seconds)
        until = self._sandbox.clock.now() + seconds
        await asyncio.sleep(0.001)
        self._sandbox.advance(max(0.0, until - self._sandbox.clock.now()))


class Ledger:
    """What a campaign's progress told, kept apart from the library's own sums."""

    def __init__(self) -> None:
        """Start with nothing told."""
        self.by_row: dict[int, Outcome] = {}
        self.stopped: CampaignStopped | None = None
        self.result: CampaignResult | None = None

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Take outcomes in; a later one of the same row replaces the one before, unless that was final."""
        for outcome in outcomes:
            before = self.by_row.get(outcome.row)
            assert before is None or before.state == "unknown", "a final outcome was told twice"
            self.by_row[outcome.row] = outcome

    async def follow(self, run: CampaignRun, *, each: Callable[[CampaignRun, Totals], None] | None = None) -> None:
        """Go through a run to its end, and compare its sums with what was told."""
        self.stopped = None
        # A run that continues a campaign tries everything again that surely was not sent.
        self.by_row = {row: outcome for row, outcome in self.by_row.items() if outcome.state != "failed"}
        progress: AsyncIterator[Any] = aiter(run)
        try:
            async with aclosing(progress):  # type: ignore[type-var]
                async for step in progress:
                    self.note(step.outcomes)
                    _assert_sums(step)
                    if each is not None:
                        each(run, step)
        except CampaignStopped as error:
            self.stopped = error
        finally:
            await run.aclose()
            self.result = run.result
        self.check(run.result)

    def check(self, result: CampaignResult) -> None:
        """Assert that a result says what was told."""
        _assert_sums(result)
        told = Counter(outcome.state.value for outcome in self.by_row.values())
        sums = {state: getattr(result, state) for state in ("accepted", "rejected", "failed", "unknown")}
        assert sums == {state: told[state] for state in sums}
        assert result.rows == len(self.by_row) + result.pending
        reasons = Counter(outcome.reason for outcome in self.by_row.values() if outcome.state == "rejected")
        assert dict(result.rejections) == dict(reasons)

    def phones(self, state: str) -> list[str]:
        """Return the numbers that stand in a state, one for each row."""
        return [outcome.phone for outcome in self.by_row.values() if outcome.state == state]


def _assert_sums(totals: Totals) -> None:
    """Assert the sum that always holds."""
    parts = totals.accepted + totals.rejected + totals.failed + totals.unknown + totals.pending
    assert parts == totals.rows
    assert sum(totals.rejections.values()) == totals.rejected


class Crowd:
    """People with a name each, and what each of them must read."""

    def __init__(self, count: int, *, first: int = 0) -> None:
        """Make up some people."""
        self.names = {f"336100{number:05d}": f"Zoé {number}" for number in range(first, first + count)}
        self.texts = {phone: TEMPLATE.replace("#param_1#", name) for phone, name in self.names.items()}
        self.recipients = [Recipient(phone, (name,)) for phone, name in self.names.items()]

    def campaign(self, source: object = None) -> Campaign:
        """Return a campaign to all of them, or to another source."""
        recipients: Any = self.recipients if source is None else source
        return Campaign("soldes", SmsMessage(TEMPLATE, purpose="marketing"), recipients, False, "ignore")

    def assert_texted_once(self, sandbox: Sandbox) -> None:
        """Assert that each of them has one message, with the own text, and nobody else has any."""
        messages = sandbox.messages()
        assert len(messages) == len(self.texts)
        assert {message["phone"]: message["text"] for message in messages} == self.texts


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock stands still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@pytest.fixture
def clock(sandbox: Sandbox) -> SandboxClock:
    """The sandbox's clock, for the client."""
    return SandboxClock(sandbox)


@pytest.fixture
async def service(sandbox: Sandbox, clock: SandboxClock) -> AsyncIterator[Callable[..., SmsService]]:
    """Open a service on the sandbox's account; it is closed after the test."""
    opened: list[SmsService] = []

    def open_service(
        *, key: str = KEY, timeout: float = 20.0, transport: Any = None, url: str = "", **options: Any
    ) -> SmsService:
        backend = RestBackend("demo", key, base_url=url or sandbox.http_url, timeout=timeout, transport=transport)
        options = {"clock": clock, "rng": random.Random(1)} | options
        opened.append(SmsService(backend, **options))
        return opened[-1]

    yield open_service
    for entry in opened:
        await entry.aclose()


@pytest.fixture
def sms(service: Callable[..., SmsService]) -> SmsService:
    """A service with the library's own settings."""
    return service()


@pytest.fixture
def patient() -> RetryPolicy:
    """A policy that outlasts every fault with a chance below one."""
    return RetryPolicy(attempts=60, deadline=1e9)


@pytest.fixture
def crowd() -> type[Crowd]:
    """Makes people up."""
    return Crowd


@pytest.fixture
def ledger() -> Ledger:
    """A book to follow a campaign with."""
    return Ledger()


_drawn = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.fixture
def assert_silent() -> Callable[..., None]:
    """Assert that an error, its causes and all it carries hold none of these words."""

    def check(error: BaseException, *words: str) -> None:
        seen: list[BaseException] = []
        link: BaseException | None = error
        while link is not None and link not in seen:
            seen.append(link)
            # A key is drawn at random, and may hold the four digits of a code.
            shown = _drawn.sub("<key>", f"{link} {link!r} {_shown(vars(link))}")
            for word in (KEY, *words):
                assert word not in shown
            link = link.__cause__ or link.__context__

    return check


def _shown(attributes: Mapping[str, object]) -> str:
    """Return what a dump of an error's attributes would show."""
    return " ".join(f"{name}={value!r}" for name, value in attributes.items())


@pytest.fixture
def closed_port(reserve: Callable[[], int]) -> str:
    """An address where no server is."""
    return f"http://127.0.0.1:{reserve()}"
