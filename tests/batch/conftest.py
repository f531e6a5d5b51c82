"""A gateway that keeps its own books, a clock that only sleeping moves, and a campaign that can be continued."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from allmysms_async.backend import SendLimits, SendRequest
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.batch.run import CampaignRun
from allmysms_async.errors import AuthenticationFailed, GatewayError, NotPermitted, StillProcessing
from allmysms_async.model import Accepted, Campaign, Outcome, Progress, Recipient, SendReceipt, SmsMessage
from allmysms_async.text import Coding, Template

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
# These are answered before the identifier is looked at, so they are never the answer to it.
_BEFORE_THE_KEY = (AuthenticationFailed, NotPermitted, StillProcessing)


class FakeClock:
    """Time that passes by sleeping only.

    Attributes:
        waits: How long each sleep was.
        elapsed: Seconds since the start.
    """

    def __init__(self) -> None:
        """Begin on a Monday morning."""
        self.waits: list[float] = []
        self.elapsed = 0.0

    def now(self) -> datetime:
        """Return the present moment."""
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return the seconds of a clock that began elsewhere."""
        return 5000.0 + self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Let the time pass, and let others run."""
        self.waits.append(seconds)
        self.elapsed += seconds
        await asyncio.sleep(0)


class Gateway:
    """The other side: handsets, identifiers with the first answer to each, and faults by script.

    Attributes:
        script: Called with a request and how many came before; an error it returns is raised before anything is
            taken, one in a tuple after all of it was taken.
        handsets: Texts received by each number.
        keys: The first answer to each identifier.
        requests: All requests, in the order of arrival.
        most: Requests in flight at once, at most.
        gate: Requests wait here before they are taken.
    """

    name = "test"

    def __init__(self, *, personalises: bool = True, idempotent: bool = True, recipients: int = 1000) -> None:
        """Serve everybody."""
        self.limits = SendLimits(
            recipients=recipients,
            max_recipients=recipients,
            max_gsm_units=1224,
            max_ucs2_units=536,
            personalises=personalises,
            idempotent=idempotent,
        )
        self.script: Callable[[SendRequest, int], object] = lambda request, before: None
        self.handsets: dict[str, list[str]] = {}
        self.keys: dict[str, SendReceipt | GatewayError] = {}
        self.requests: list[SendRequest] = []
        self.in_flight = self.most = self.taken = 0
        self.gate = asyncio.Event()
        self.gate.set()

    def check(self, message: SmsMessage) -> None:
        """Take every message."""

    async def aclose(self) -> None:
        """Close nothing."""

    async def send(self, request: SendRequest) -> SendReceipt:
        """Answer one attempt."""
        fault = self.script(request, len(self.requests))
        self.requests.append(request)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
            return self._answer(request, fault)
        finally:
            self.in_flight -= 1

    def _answer(self, request: SendRequest, fault: object) -> SendReceipt:
        key = request.idempotency_key
        if isinstance(fault, BaseException) and (
            isinstance(fault, _BEFORE_THE_KEY) or not isinstance(fault, GatewayError)
        ):
            raise fault
        answer = self.keys.get(key) if key else None
        if answer is None:
            answer = fault if isinstance(fault, GatewayError) else self._take(request)
            if key:
                self.keys[key] = answer
        if isinstance(fault, tuple):
            raise fault[0]
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def _take(self, request: SendRequest) -> SendReceipt:
        self.taken += 1
        template = Template(request.text) if request.params else None
        for recipient in request.recipients:
            text = template.render(recipient.params) if template else request.text
            self.handsets.setdefault(recipient.phone, []).append(text)
        results = tuple(Accepted(recipient.phone) for recipient in request.recipients)
        return SendReceipt(campaign_id=f"c{self.taken}", results=results, parts=request.parts, cost=Decimal("0.05"))

    @property
    def texted(self) -> Counter[str]:
        """How many texts each number received."""
        return Counter({phone: len(texts) for phone, texts in self.handsets.items()})


class Bench:
    """One campaign with its sink and its intake, run as often as asked."""

    def __init__(
        self, clock: FakeClock, gateway: Gateway, source: object, *, text: str = "Bonjour", **options: object
    ) -> None:
        """Keep what stays the same over the runs."""
        self.clock = clock
        self.gateway = gateway
        self.campaign = Campaign("soldes", SmsMessage(text, purpose="marketing"), source)
        self.sink = MemorySink()
        self.intake = Intake(source)
        self.options = EngineOptions(
            **{"chunk_size": 10, "concurrency": 3, "policy": RetryPolicy(), "grace": 0.05} | options
        )
        self.outcomes: list[Outcome] = []

    def run(self, seed: int = 7) -> CampaignRun:
        """Return a new run that continues the campaign."""
        rng = random.Random(seed)
        return CampaignRun(self.gateway, self.campaign, self.intake, self.sink, self.options, self.clock, rng)

    async def finish(self, run: CampaignRun | None = None) -> Progress | None:
        """Run to the end, checking the sums at each step; return the last progress."""
        last = None
        async for last in run or self.run():
            self.outcomes.extend(last.outcomes)
            balanced(last)
        return last


def balanced(totals) -> None:
    """Check that every row is somewhere."""
    states = totals.accepted + totals.rejected + totals.failed + totals.unknown + totals.pending
    assert states == totals.rows
    assert min(totals.accepted, totals.rejected, totals.failed, totals.unknown, totals.pending) >= 0
    assert min(totals.rejections.values(), default=1) > 0


def number(index: int) -> str:
    """Return the canonical number of one of a million people."""
    return str(33612_000000 + index)


def chunk_of(seq: int, rows: range, **fields: object) -> Chunk:
    """Return a chunk of one-part texts."""
    recipients = tuple(Recipient(number(row), line=row) for row in rows)
    plain = {"text": "Bonjour", "coding": Coding.GSM7, "params": 0, "parts": len(rows)}
    return Chunk(**{"seq": seq, "recipients": recipients, "rows": tuple(rows)} | plain | fields)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only sleeping moves."""
    return FakeClock()


@pytest.fixture
def gateway() -> Gateway:
    """A gateway with personalisation and identifiers."""
    return Gateway()


@pytest.fixture(scope="session")
def make_clock() -> type[FakeClock]:
    """The clock's class."""
    return FakeClock


@pytest.fixture(scope="session")
def make_gateway() -> type[Gateway]:
    """The gateway's class."""
    return Gateway


@pytest.fixture(scope="session")
def bench_type() -> type[Bench]:
    """The class of a campaign that can be continued."""
    return Bench


@pytest.fixture
def make_bench(clock: FakeClock, gateway: Gateway) -> Callable[..., Bench]:
    """Return a campaign by its source."""

    def make(source: object, **options: object) -> Bench:
        other = options.pop("gateway", gateway)
        return Bench(options.pop("clock", clock), other, source, **options)

    return make


@pytest.fixture(name="number", scope="session")
def number_fixture() -> Callable[[int], str]:
    """The function that numbers people."""
    return number


@pytest.fixture(name="chunk_of", scope="session")
def chunk_of_fixture() -> Callable[..., Chunk]:
    """The function that makes chunks."""
    return chunk_of


@pytest.fixture(name="balanced", scope="session")
def balanced_fixture() -> Callable[..., None]:
    """The check that every row is somewhere."""
    return balanced
