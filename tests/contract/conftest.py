"""Every backend through the service and the engine, against the sandbox: one entry of WIRES for each."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import (
    Campaign,
    CampaignStopped,
    EnvoyerSmsProBackend,
    Mail2SmsBackend,
    MmsBackend,
    Outcome,
    Reason,
    Recipient,
    RestBackend,
    RetryPolicy,
    SmsMessage,
    SmsService,
    SoapBackend,
)
from allmysms_async.backend import CAPABILITIES, Sends
from allmysms_async.sandbox import Clock, Sandbox
from allmysms_async.testing import MemoryBackend


@dataclass(frozen=True)
class Place:
    """Where a gateway listens."""

    http_url: str
    smtp_port: int | None


@dataclass(frozen=True)
class Wire:
    """A backend, how to open it, and what its protocol can do.

    Attributes:
        name: The backend's own.
        secret: The sandbox's key or password for it.
        open: Returns the backend for a place, a secret, the seconds for one attempt, and what else a backend is given.
        keyed: Whether a request without an answer can be repeated under its key.
        answers: Whether the gateway answers at all: if not, a wrong login is never told.
        opted_out: What is told of a number on the gateway's opt-out list, None if nothing is.
        sender: A sender, where the protocol has one.
        losses: The sandbox's faults that lose the connection, before and after the request is carried out.
        form: Which of several forms the protocol is spoken in, for the test's name.
    """

    name: str
    secret: str
    open: Callable[..., Sends]
    keyed: bool = False
    answers: bool = True
    opted_out: Reason | None = None
    sender: str | None = "MAGASIN"
    losses: Sequence[str] = ("reset_before", "reset_after")
    form: str = ""

    @property
    def id(self) -> str:
        """What a test with this wire is called."""
        return f"{self.name}-{self.form}" if self.form else self.name


WIRES = (
    Wire(
        name="rest",
        secret="demo-key",
        open=lambda place, secret, timeout, **more: RestBackend(
            "demo", secret, base_url=place.http_url, timeout=timeout, **more
        ),
        keyed=True,
        opted_out=Reason.OPTED_OUT,
    ),
    Wire(
        name="rest",
        form="xml",
        secret="demo-key",
        open=lambda place, secret, timeout, **more: RestBackend(
            "demo", secret, base_url=place.http_url, timeout=timeout, flow_format="xml", return_format="xml", **more
        ),
        keyed=True,
        opted_out=Reason.OPTED_OUT,
    ),
    Wire(
        name="soap",
        secret="demo-pass",
        open=lambda place, secret, timeout, **more: SoapBackend(
            "demo", secret, endpoint=f"{place.http_url}/soap/server.php", timeout=timeout, **more
        ),
        # 113 lists who is refused, not why.
        opted_out=Reason.INVALID_AT_GATEWAY,
    ),
    Wire(
        name="mail2sms",
        secret="demo-key",
        open=lambda place, secret, timeout, **more: Mail2SmsBackend(
            "demo",
            secret,
            mail_from="shop@example.com",
            hostname="127.0.0.1",
            port=place.smtp_port,
            security="plain",
            timeout=timeout,
            **more,
        ),
        answers=False,
    ),
    Wire(
        name="mms",
        secret="demo-pass",
        open=lambda place, secret, timeout, **more: MmsBackend(
            "demo", secret, base_url=place.http_url, timeout=timeout, **more
        ),
        opted_out=Reason.INVALID_AT_GATEWAY,
        sender=None,
    ),
    Wire(
        name="envoyersmspro",
        secret="demo-pass",
        open=lambda place, secret, timeout, **more: EnvoyerSmsProBackend(
            "demo", secret, default_sender="MAGASIN", base_url=place.http_url, timeout=timeout, **more
        ),
    ),
)

MEMORY = Wire(name="memory", secret="", open=lambda place, secret, timeout, **more: MemoryBackend(), keyed=True)


class SandboxClock:
    """The sandbox's own time for the client; waiting moves it, and takes no more than a millisecond."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Follow a sandbox."""
        self._sandbox = sandbox

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self._sandbox.clock.now(), UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._sandbox.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Let others run, then let the time have passed."""
        until = self._sandbox.clock.now() + seconds
        await asyncio.sleep(0.001)
        self._sandbox.advance(max(0.0, until - self._sandbox.clock.now()))


class Bench:
    """One wire, a sandbox at its end, and services on it.

    Attributes:
        wire: The backend under test.
        sandbox: The gateway.
    """

    def __init__(self, wire: Wire, sandbox: Sandbox) -> None:
        """Open nothing yet."""
        self.wire = wire
        self.sandbox = sandbox
        self.place = Place(sandbox.http_url, sandbox.smtp_port)
        self._opened: list[SmsService] = []

    def backend(self, *, place: Place | None = None, secret: str | None = None, **more: Any) -> Sends:
        """Return a backend that the caller closes."""
        return self.wire.open(place or self.place, secret or self.wire.secret, 1000.0, **more)

    def service(self, **options: Any) -> SmsService:
        """Return a service on a new backend; both are closed after the test."""
        policy = RetryPolicy(attempts=60, deadline=1e9)
        clock = SandboxClock(self.sandbox)
        service = SmsService(self.backend(**options), policy=policy, clock=clock, rng=random.Random(1))
        self._opened.append(service)
        return service

    def message(self, text: str) -> SmsMessage:
        """Return a message with what the protocol asks for."""
        return SmsMessage(text, sender=self.wire.sender, purpose="transactional")

    def campaign(self, text: str, recipients: Sequence[str | Recipient]) -> Campaign:
        """Return a campaign."""
        return Campaign("contrat", self.message(text), recipients, exclude_opt_outs=False)

    @property
    def chunk_size(self) -> int:
        """A chunk size that needs several requests."""
        return min(40, self.wire.open(self.place, self.wire.secret, 1000.0).limits.max_recipients)

    @property
    def texts(self) -> dict[str, list[str]]:
        """Texts that each handset received."""
        texts: dict[str, list[str]] = {}
        for message in self.sandbox.messages():
            assert message["protocol"]
            texts.setdefault(message["phone"], []).append(message["text"])
        return texts

    async def outcomes(self, service: SmsService, campaign: Campaign, **options: Any) -> dict[str, list[str]]:
        """Run a campaign to its end, again where an outage stops it, and return who ended in each state.

        Every row must end once, and the sums be right.
        """
        told: dict[int, Outcome] = {}
        for _ in range(30):
            run = service.stream(campaign, **options)
            with contextlib.suppress(CampaignStopped):
                async for progress in run:
                    for outcome in progress.outcomes:
                        assert outcome.row not in told or told[outcome.row].state in {"unknown", "failed"}
                        told[outcome.row] = outcome
            result = run.result
            if result.complete and not result.pending:
                break
        assert result.complete
        assert result.pending == 0
        assert result.rows == len(told)
        states: dict[str, list[str]] = {}
        for outcome in told.values():
            states.setdefault(outcome.state.value, []).append(outcome.phone)
        sums = Counter({state: len(phones) for state, phones in states.items()})
        assert (result.accepted, result.rejected) == (sums["accepted"], sums["rejected"])
        assert (result.failed, result.unknown) == (sums["failed"], sums["unknown"])
        return states

    async def aclose(self) -> None:
        """Close the services."""
        for service in self._opened:
            await service.aclose()


class MemoryBench(Bench):
    """A backend of memory, which has no gateway at its end."""

    def __init__(self, wire: Wire, sandbox: Sandbox) -> None:
        """Make nothing yet."""
        super().__init__(wire, sandbox)
        self._backends: list[MemoryBackend] = []

    def backend(self, **options: Any) -> Sends:
        """Return a backend that is looked into."""
        self._backends.append(MemoryBackend())
        return self._backends[-1]

    @property
    def texts(self) -> dict[str, list[str]]:
        """Texts that each number would have received."""
        texts: dict[str, list[str]] = {}
        for backend in self._backends:
            for sent in backend.sent:
                texts.setdefault(sent.phone, []).append(sent.text)
        return texts


async def _bench(wire: Wire) -> AsyncIterator[Bench]:
    """Open the bench for a wire."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as sandbox:
        bench = MemoryBench(wire, sandbox) if wire is MEMORY else Bench(wire, sandbox)
        yield bench
        await bench.aclose()


@pytest.fixture(params=WIRES, ids=lambda wire: wire.id)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each backend, ready to send."""
    async for ready in _bench(request.param):
        yield ready


@pytest.fixture(params=[*WIRES, MEMORY], ids=lambda wire: wire.id)
async def taking(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each backend, and the one that users have for their unit tests."""
    async for ready in _bench(request.param):
        yield ready


@pytest.fixture(params=[wire for wire in (*WIRES, MEMORY) if wire.sender], ids=lambda wire: wire.id)
async def named(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each backend whose protocol has a sender."""
    async for ready in _bench(request.param):
        yield ready


@pytest.fixture(params=[wire for wire in WIRES if wire.answers], ids=lambda wire: wire.id)
async def answering(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each backend whose gateway answers."""
    async for ready in _bench(request.param):
        yield ready


@pytest.fixture(params=[wire for wire in WIRES if wire.opted_out], ids=lambda wire: wire.id)
async def refusing(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each backend whose gateway says of one number that it is refused."""
    async for ready in _bench(request.param):
        yield ready


@pytest.fixture(
    params=[
        pytest.param((wire, capability), id=f"{wire.id}-{capability.__name__}")
        for wire in WIRES
        for capability, (_, backends) in CAPABILITIES.items()
        if wire.name not in backends
    ]
)
async def lacking(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bench, type[object]]]:
    """Each backend with each capability that the library says it lacks."""
    wire, capability = request.param
    async for ready in _bench(wire):
        yield ready, capability


@pytest.fixture
def nowhere(reserve: Callable[[], int]) -> Place:
    """A place where no server is."""
    port = reserve()
    return Place(f"http://127.0.0.1:{port}", port)
