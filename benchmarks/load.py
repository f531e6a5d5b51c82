"""The library under load: a campaign through the engine, and one-recipient sends with so many in flight."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import msgspec

from allmysms_async import Campaign, Recipient, RestBackend, SmsMessage, SmsService
from allmysms_async.backend import SendRequest
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.text import Coding
from allmysms_async.transports import HttpTransport
from allmysms_async.transports.h11 import H11Transport

__all__ = [
    "CONCURRENCY",
    "LEVELS",
    "Blocked",
    "Recorder",
    "Run",
    "campaign_of",
    "recipients_of",
    "record_sends",
    "run_engine",
    "run_sends",
    "watch_loop",
]

CONCURRENCY = 8
LEVELS = ("service", "backend", "transport")
"""Where a send enters: ``SmsService.send``, ``RestBackend.send`` with its request, the transport with its bytes."""

_LOGIN, _KEY = "demo", "demo-key"
_PHONE = "06 12 34 56 78"
_FIRST_NAMES = ("Marie", "Jean", "Zoé", "Amélie", "Paul", "Inès", "Lucas", "Chloé")
_TICK = 0.001


class Run(msgspec.Struct, frozen=True):
    """What a measured run did.

    Attributes:
        count: Recipients, or requests.
        seconds: Wall-clock time.
        cpu: CPU time of this process, in seconds.
    """

    count: int
    seconds: float
    cpu: float


class Blocked(msgspec.Struct, frozen=True):
    """How long the event loop kept a task waiting that wanted to run every millisecond.

    Attributes:
        longest: In milliseconds.
        p99: 99th percentile over the ticks, in milliseconds.
    """

    longest: float
    p99: float


class Recorder:
    """An ``HttpTransport`` that keeps what passes through it."""

    def __init__(self, inner: HttpTransport) -> None:
        self._inner = inner
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Pass a request on, and keep it."""
        self.requests.append(request)
        return await self._inner.send(request)

    async def aclose(self) -> None:
        """Close the transport behind."""
        await self._inner.aclose()


def recipients_of(count: int) -> list[Recipient]:
    """Return so many recipients, each with a name and a code of its own."""
    names = itertools.cycle(_FIRST_NAMES)
    numbers = range(10_000_000, 10_000_000 + count)
    return [Recipient(f"06{number:08d}", (next(names), f"C{number:07d}")) for number in numbers]


def campaign_of(recipients: list[Recipient]) -> Campaign:
    """Return a new campaign of one personalised text."""
    text = "Bonjour #param_1#, -20 % demain avec le code #param_2#. STOP au 36180"
    return Campaign(
        name="speed",
        message=SmsMessage(text, sender="MAGASIN", purpose="marketing"),
        recipients=recipients,
        quiet_hours="ignore",
    )


async def run_engine(
    base_url: str, recipients: list[Recipient], *, record: bool = False
) -> tuple[Run, list[HttpRequest]]:
    """Send a campaign; return the run, and the requests if they are to be recorded."""
    transport = H11Transport()
    recorder = Recorder(transport)
    backend = RestBackend(_LOGIN, _KEY, base_url=base_url, transport=recorder if record else transport)
    try:
        async with SmsService(backend, concurrency=CONCURRENCY) as sms:
            campaign = campaign_of(recipients)
            cpu, start = time.process_time(), time.perf_counter()
            result = await sms.run(campaign)
            run = Run(len(recipients), time.perf_counter() - start, time.process_time() - cpu)
    finally:
        await transport.aclose()
    if result.accepted != len(recipients):
        msg = f"{result.accepted} of {len(recipients)} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)
    return run, recorder.requests


def _code(number: int) -> str:
    """Return a text that no other number has: a gateway takes the same text twice within seconds for a mistake."""
    return f"Votre code est {number:09d}"


def _send_request(number: int) -> SendRequest:
    """Return the request that ``SmsService.send`` makes of one text to one person."""
    return SendRequest(
        message=SmsMessage(_code(number)),
        text=_code(number),
        coding=Coding.GSM7,
        recipients=(Recipient("33612345678"),),
        parts=1,
        idempotency_key=f"{number:032x}",
    )


async def record_sends(base_url: str, count: int) -> list[HttpRequest]:
    """Return one-recipient requests as the library makes them, each with a text of its own."""
    recorder = Recorder(H11Transport())
    try:
        async with SmsService(RestBackend(_LOGIN, _KEY, base_url=base_url, transport=recorder)) as sms:
            for number in range(count):
                await sms.send(_code(number), to=_PHONE)
    finally:
        await recorder.aclose()
    return recorder.requests


def _sender(
    level: str, sms: SmsService, backend: RestBackend, transport: H11Transport, prepared: list[HttpRequest]
) -> Callable[[], Awaitable[object]]:
    """Return what makes one send at a level; each has a text of its own."""
    numbers = itertools.count(100_000_000)
    if level == "service":
        return lambda: sms.send(_code(next(numbers)), to=_PHONE)
    if level == "backend":
        return lambda: backend.send(_send_request(next(numbers)))
    ready = itertools.cycle(prepared)
    return lambda: transport.send(next(ready))


async def run_sends(
    base_url: str, level: str, in_flight: int, seconds: float, prepared: list[HttpRequest] | None = None
) -> Run:
    """Send one text after the other to one person each, with so many in flight, on connections that are open already.

    Args:
        base_url: Where the server is.
        level: One of ``LEVELS``.
        in_flight: Requests in flight.
        seconds: For how long.
        prepared: What ``transport`` sends.
    """
    transport = H11Transport(max_connections=500)
    backend = RestBackend(_LOGIN, _KEY, base_url=base_url, transport=transport)
    count = 0

    async def work(until: float) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await send()
            count += 1

    try:
        async with SmsService(backend) as sms:
            send = _sender(level, sms, backend, transport, prepared or [])
            await asyncio.gather(*(send() for _ in range(in_flight)))
            cpu, start = time.process_time(), time.perf_counter()
            await asyncio.gather(*(work(start + seconds) for _ in range(in_flight)))
            return Run(count, time.perf_counter() - start, time.process_time() - cpu)
    finally:
        await transport.aclose()


async def watch_loop(work: Awaitable[object]) -> Blocked:
    """Await something, and tell how long the event loop was blocked at once meanwhile."""
    lags: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK)
            lags.append(time.perf_counter() - before - _TICK)

    ticking = asyncio.create_task(tick())
    try:
        await asyncio.sleep(0)
        await work
        await asyncio.sleep(2 * _TICK)
    finally:
        ticking.cancel()
    lags.sort()
    return Blocked(1000 * lags[-1], 1000 * lags[int(0.99 * (len(lags) - 1))])
