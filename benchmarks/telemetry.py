"""What does OpenTelemetry cost a ``send`` that is not sampled?

The same sends over the default transport to a minimal gateway, one after the other: observed by nobody; with the API
alone (``no SDK``); with the SDK's tracer whose sampler takes no span (``sampled out``), and with its meter as well. CPU
time counts, for each send.
"""

from __future__ import annotations

import asyncio

from harness import Claim, Contender, Measured, arguments, compare, finish, serving
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from allmysms_async import RestBackend, SmsService
from allmysms_async.otel import instrument, uninstrument

__all__ = ["main"]

_PHONE = "06 12 34 56 78"


async def _measure(address: str, count: int, rounds: int) -> Measured:
    """Measure with and without."""
    tracer = TracerProvider(sampler=ALWAYS_OFF)
    without, metered = NoOpMeterProvider(), MeterProvider([InMemoryMetricReader()])
    async with SmsService(RestBackend("demo", "demo-key", base_url=address)) as sms:

        async def sends() -> int:
            for _ in range(count):
                await sms.send("Votre code est 4821", to=_PHONE)
            return count

        async def plain() -> int:
            uninstrument()
            return await sends()

        async def no_sdk() -> int:
            instrument()
            try:
                return await sends()
            finally:
                uninstrument()

        async def unsampled() -> int:
            instrument(tracer_provider=tracer, meter_provider=without)
            try:
                return await sends()
            finally:
                uninstrument()

        async def measured() -> int:
            instrument(tracer_provider=tracer, meter_provider=metered)
            try:
                return await sends()
            finally:
                uninstrument()

        contenders = [
            Contender("observed by nobody", plain),
            Contender("no SDK", no_sdk),
            Contender("sampled out", unsampled),
            Contender("sampled out, with metrics", measured),
        ]
        claims = [
            Claim("no SDK", "observed by nobody", most=1.02),
            Claim("sampled out", "observed by nobody", most=1.02),
        ]
        return await compare(contenders, claims, rounds)


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.add_argument("--sends", type=int, default=3000, help="sends of a round (3,000)")
    given = parser.parse_args()
    count, rounds = (500, 1) if given.quick else (given.sends, given.rounds)
    with serving("server.py") as address:
        measured = asyncio.run(_measure(address, count, rounds))
    finish("CPU for each send, observed or not", "sends", measured, given)


if __name__ == "__main__":
    main()
