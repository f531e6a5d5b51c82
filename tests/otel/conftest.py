"""Who observes, and what is seen."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from allmysms_async import (
    RestBackend,
)
from allmysms_async.clock import SystemClock
from allmysms_async.otel import convention, instrument, uninstrument
from allmysms_async.sandbox import Clock, Sandbox

PEOPLE = ["0612345678", "0698765432", "0612345678", "n/a"]


@dataclass
class Seen:
    """What was exported."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every span, in the order of its end."""
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> dict[tuple[tuple[str, object], ...], float]:
        """A metric's sums (or counts, of a histogram), by the attributes of our own and the kind of error."""
        data = self.reader.get_metrics_data()
        found: dict[tuple[tuple[str, object], ...], float] = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
            for point in metric.data.data_points if metric.name == name else ():
                kept = {key: value for key, value in (point.attributes or {}).items() if key in SHOWN}
                value = point.value if hasattr(point, "value") else point.count
                found[tuple(sorted(kept.items()))] = value
        return found


SHOWN = {convention.OUTCOME, convention.REASON, convention.ERROR_TYPE, convention.HTTP_STATUS, "allmysms.event"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A gateway."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


def observed(sampler: Sampler = ALWAYS_ON) -> Seen:
    """Observe, and return what will be seen."""
    seen = Seen(InMemorySpanExporter(), InMemoryMetricReader())
    tracer = TracerProvider(sampler=sampler)
    tracer.add_span_processor(SimpleSpanProcessor(seen.exporter))
    instrument(tracer_provider=tracer, meter_provider=MeterProvider([seen.reader]))
    return seen


@pytest.fixture
def seen() -> Iterator[Seen]:
    """What is exported in this test."""
    yield observed()
    uninstrument()


class Quick(SystemClock):
    """The machine's clock, but that waiting takes no time."""

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        await asyncio.sleep(0)


def rest(sandbox: Sandbox, key: str = "demo-key") -> RestBackend:
    """Return a backend for a sandbox."""
    return RestBackend("demo", key, base_url=sandbox.http_url)
