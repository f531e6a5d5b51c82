"""What does OpenTelemetry cost a ``send`` that is not sampled?

The same sends over the default transport to a minimal gateway, one after the other: observed by nobody; with the API
alone (``no SDK``); and with the SDK, whose sampler takes no span: because it is off (``sampled out``), because each
send is below the span of a request that was not sampled either (``sampled out above``, beside ``below a request``,
which nobody observes), or by chance, each send being a trace of its own (``sampled out one by one``); and with the
SDK's meter as well. Chance takes that the SDK begins a span for each send, which makes it an identifier to draw by:
``the SDK alone`` does nothing but that, by hand, around sends that nobody observes. CPU time counts, for each send, in
many short rounds: a hundredth of a send is less than what a busy machine adds from one second to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness import Claim, Contender, Measured, arguments, compare, finish, serving
from opentelemetry import metrics
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, use_span

from allmysms_async import RestBackend, SmsService
from allmysms_async.otel import instrument, uninstrument

__all__ = ["main"]

_PHONE = "06 12 34 56 78"


async def _measure(address: str, count: int, rounds: int) -> Measured:
    """Measure with and without."""
    tracer, by_chance = TracerProvider(sampler=ALWAYS_OFF), TracerProvider(ParentBased(TraceIdRatioBased(1e-9)))
    start_span = by_chance.get_tracer("benchmark").start_span
    without, metered = NoOpMeterProvider(), MeterProvider([InMemoryMetricReader()])
    async with SmsService(RestBackend("demo", "demo-key", base_url=address)) as sms:

        async def sends() -> int:
            for _ in range(count):
                await sms.send("Votre code est 4821", to=_PHONE)
            return count

        async def requests() -> int:
            for number in range(1, count + 1):
                with use_span(NonRecordingSpan(SpanContext(number, number, is_remote=False))):
                    await sms.send("Votre code est 4821", to=_PHONE)
            return count

        async def observed(
            tracers: TracerProvider | None,
            meters: metrics.MeterProvider | None,
            work: Callable[[], Awaitable[int]] = sends,
        ) -> int:
            instrument(tracer_provider=tracers, meter_provider=meters)
            try:
                return await work()
            finally:
                uninstrument()

        async def plain() -> int:
            uninstrument()
            return await sends()

        async def below() -> int:
            uninstrument()
            return await requests()

        async def alone() -> int:
            uninstrument()
            for _ in range(count):
                span = start_span("send allmysms", kind=SpanKind.CLIENT)
                await sms.send("Votre code est 4821", to=_PHONE)
                span.end()
            return count

        async def no_sdk() -> int:
            return await observed(None, None)

        async def unsampled() -> int:
            return await observed(tracer, without)

        async def unsampled_above() -> int:
            return await observed(by_chance, without, requests)

        async def unsampled_each() -> int:
            return await observed(by_chance, without)

        async def measured() -> int:
            return await observed(tracer, metered)

        contenders = [
            Contender("observed by nobody", plain),
            Contender("no SDK", no_sdk),
            Contender("sampled out", unsampled),
            Contender("below a request", below),
            Contender("sampled out above", unsampled_above),
            Contender("sampled out one by one", unsampled_each),
            Contender("the SDK alone", alone),
            Contender("sampled out, with metrics", measured),
        ]
        claims = [
            Claim("no SDK", "observed by nobody", most=1.02),
            Claim("sampled out", "observed by nobody", most=1.02),
            Claim("sampled out above", "below a request", most=1.02),
            Claim("sampled out one by one", "the SDK alone", most=1.05),
            Claim("sampled out one by one", "observed by nobody"),
            Claim("the SDK alone", "observed by nobody"),
        ]
        return await compare(contenders, claims, rounds)


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.set_defaults(rounds=40)
    parser.add_argument("--sends", type=int, default=300, help="sends of a round (300)")
    given = parser.parse_args()
    count, rounds = (100, 1) if given.quick else (given.sends, given.rounds)
    with serving("server.py") as address:
        measured = asyncio.run(_measure(address, count, rounds))
    finish("CPU for each send, observed or not", "sends", measured, given)


if __name__ == "__main__":
    main()
