"""What is not sampled: what it is asked for, and what belongs to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from opentelemetry import context, trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService
from allmysms_async.clock import SYSTEM
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.otel import instrument, uninstrument
from allmysms_async.otel.unsampled import Unrecorded, drops_of
from allmysms_async.sandbox import Clock, Sandbox
from allmysms_async.transports import H11Transport
from allmysms_async.webhooks import Receiver
from tests.cases import each

from .conftest import PEOPLE, Quick

NONE = ParentBased(TraceIdRatioBased(0.0))
TOKEN = "a-token-that-nobody-can-guess-0123456789"


class Counting(RandomIdGenerator):
    """Counts the spans that are begun, recorded or not."""

    def __init__(self) -> None:
        """Begin with none."""
        self.begun = 0

    def generate_span_id(self) -> int:
        """Return an identifier."""
        self.begun += 1
        return super().generate_span_id()


class Named(Sampler):
    """Drops what this library begins, and samples all else."""

    def should_sample(
        self,
        parent_context: context.Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: object = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        """Tell by the name."""
        return SamplingResult(Decision.DROP if "allmysms" in name else Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        """Return what others say who drop everything."""
        return "AlwaysOffSampler"


class Inherited(ParentBased):
    """Samples everything, and says what its parent class says."""

    def should_sample(self, *args: object, **more: object) -> SamplingResult:
        """Sample."""
        return SamplingResult(Decision.RECORD_AND_SAMPLE)


@contextmanager
def exported(
    sampler: Sampler, generator: RandomIdGenerator | None = None
) -> Iterator[tuple[InMemorySpanExporter, TracerProvider]]:
    """Observe with spans alone; give what is exported, and who makes them."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler, id_generator=generator)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrument(tracer_provider=provider, meter_provider=NoOpMeterProvider())
    try:
        yield exporter, provider
    finally:
        uninstrument()


def below(trace_id: int, flags: int, *, is_remote: bool) -> context.Context:
    """Return the context of what runs below a span."""
    parent = SpanContext(trace_id, trace_id, is_remote=is_remote, trace_flags=TraceFlags(flags))
    return trace.set_span_in_context(NonRecordingSpan(parent))


CONTEXTS = {
    "root": context.Context(),
    "invalid": below(0, 0, is_remote=False),
    "unsampled": below(7, 0, is_remote=False),
    "unsampled elsewhere": below(7, 0, is_remote=True),
    "unsampled of a random trace": below(7, 2, is_remote=False),
    "sampled": below(7, 1, is_remote=False),
    "sampled elsewhere": below(7, 3, is_remote=True),
}
UNSAMPLED = {"unsampled", "unsampled elsewhere", "unsampled of a random trace"}


@each(
    ("sampler", "sure"),
    [
        (ALWAYS_OFF, set(CONTEXTS)),
        (DEFAULT_OFF, UNSAMPLED),
        (DEFAULT_ON, UNSAMPLED),
        (NONE, UNSAMPLED),
        (ParentBased(NONE), UNSAMPLED),
        (ALWAYS_ON, set()),
        (TraceIdRatioBased(0.5), set()),
        (ParentBased(ALWAYS_OFF, local_parent_not_sampled=ALWAYS_ON), set()),
        (ParentBased(ALWAYS_OFF, remote_parent_not_sampled=ALWAYS_ON), set()),
        (ParentBased(ALWAYS_OFF, local_parent_not_sampled=NONE), set()),
        (ParentBased(ALWAYS_OFF, local_parent_sampled=NONE), set()),
        (ParentBased(DEFAULT_OFF, local_parent_not_sampled=ALWAYS_ON), set()),
        (Named(), set()),
        (Inherited(ALWAYS_OFF), set()),
    ],
)
def test_what_is_surely_dropped_is_what_the_sdk_drops(sampler: Sampler, sure: set[str]) -> None:
    """Nobody is asked where the SDK's own sampler would drop a span, whatever ran before; all else is asked for."""
    provider = TracerProvider(sampler)
    drops, tracer = drops_of(provider), provider.get_tracer("test")
    found: set[str] = set()
    for name, now in [*CONTEXTS.items(), *CONTEXTS.items()]:
        token = context.attach(now)
        try:
            if drops():
                found.add(name)
                assert not tracer.start_span("send allmysms", kind=SpanKind.CLIENT).is_recording()
        finally:
            context.detach(token)
    assert found == sure


def test_what_belongs_to_something_unrecorded_is_not_asked_for() -> None:
    """Below a send or a campaign that is not recorded nothing is begun, whatever the sampler."""
    for sampler in (ALWAYS_ON, DEFAULT_ON, TraceIdRatioBased(1.0)):
        token = context.attach(Unrecorded(below(7, 0, is_remote=False)))
        try:
            assert drops_of(TracerProvider(sampler))()
        finally:
            context.detach(token)


async def test_send_below_an_unsampled_request_begins_no_span(sandbox: Sandbox) -> None:
    """Where a web application's request was not sampled, the SDK is not asked to begin a span for its texts."""
    generator = Counting()
    with exported(NONE, generator) as (exporter, _):
        async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
            with trace.use_span(NonRecordingSpan(SpanContext(7, 7, is_remote=False))):
                await sms.send("Bonjour", "0612345678")
                assert generator.begun == 0
            await sms.send("Bonsoir", "0612345678")
    assert generator.begun == 1
    assert exporter.get_finished_spans() == ()


async def test_span_of_a_hook_is_below_the_unsampled_send(sandbox: Sandbox) -> None:
    """What somebody begins within a send, or a campaign, that is not sampled is no trace of its own."""
    spans: list[trace.Span] = []

    def hook(note: object) -> None:
        spans.append(tracer.start_span("of a hook"))

    generator = Counting()
    with exported(ParentBased(Named()), generator) as (exporter, provider):
        tracer = trace.get_tracer("test", tracer_provider=provider)
        backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url, hooks=[hook])
        async with SmsService(backend) as sms:
            await sms.send("Bonjour", "0612345678")
            assert len({span.get_span_context().trace_id for span in spans}) == 1
            await sms.run(Campaign("soldes", SmsMessage("Bonsoir", purpose="transactional"), PEOPLE))
        spans.append(tracer.start_span("of nobody"))
    assert [span.is_recording() for span in spans] == [*[False] * 4, True]
    assert generator.begun == 2 + len(spans)
    assert exporter.get_finished_spans() == ()


async def test_span_of_a_handler_is_below_the_unsampled_process(sandbox: Sandbox) -> None:
    """A handler whose span is not sampled still runs below it, so that what it asks of others is not sampled either."""
    receiver = Receiver(TOKEN, clock=Quick())
    inside: list[SpanContext] = []

    @receiver.on_report
    async def reported(report: object) -> None:
        inside.append(trace.get_current_span().get_span_context())

    with exported(ALWAYS_OFF):
        async with Sandbox(clock=Clock(tick=lambda: 0.0)) as gateway, receiver:
            gateway.push_into(receiver.asgi, f"/{TOKEN}")
            async with SmsService(RestBackend("demo", "demo-key", base_url=gateway.http_url)) as sms:
                await sms.send("Bonjour", "0612345678")
            gateway.advance(3600)
            while len(inside) < 2:
                await SYSTEM.sleep(0.01)
    assert all(span.is_valid and not span.trace_flags.sampled for span in inside)


class Instrumented(H11Transport):
    """A transport that begins a span of its own, as instrumented clients do."""

    tracer: trace.Tracer

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Carry a request within a span."""
        with self.tracer.start_as_current_span("of a client"):
            return await super().send(request)


async def test_span_of_a_client_is_below_its_attempt(sandbox: Sandbox) -> None:
    """What a user's own client begins belongs to the attempt that it carries."""
    async with Instrumented() as carrier:
        with exported(ALWAYS_ON) as (exporter, provider):
            carrier.tracer = trace.get_tracer("test", tracer_provider=provider)
            backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url, transport=carrier)
            async with SmsService(backend) as sms:
                await sms.send("Bonjour", "0612345678")
    spans: dict[str, ReadableSpan] = {span.name: span for span in exporter.get_finished_spans()}
    parent = spans["of a client"].parent
    assert parent is not None
    assert parent.span_id == spans["POST"].context.span_id


async def test_tracer_that_is_set_after_the_meter_is_found(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may set its providers one after the other; counting goes on."""
    clock, reader = [0.0], InMemoryMetricReader()
    monkeypatch.setattr(SYSTEM, "monotonic", lambda: clock[0])
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: trace.NoOpTracerProvider())
    instrument(meter_provider=MeterProvider([reader]))
    try:
        async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
            await sms.send("Bonjour", "0612345678")
            exporter, provider = InMemorySpanExporter(), TracerProvider()
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
            clock[0] += 1.0
            await sms.send("Bonsoir", "0612345678")
    finally:
        uninstrument()
    assert [span.name for span in exporter.get_finished_spans()] == ["POST", "send allmysms"]
    data = reader.get_metrics_data()
    assert data is not None
    sums = {
        metric.name: sum(getattr(point, "value", 0) for point in metric.data.data_points)
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert sums["messaging.client.sent.messages"] == 2
