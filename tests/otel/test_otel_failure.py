"""What telemetry leaves behind, and what it does where something fails."""

import socket
from unittest import mock

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from allmysms_async import (
    Accepted,
    Campaign,
    Mail2SmsBackend,
    NotSent,
    Reason,
    Rejected,
    RetryPolicy,
    SendReceipt,
    SmsMessage,
    SmsService,
    Unconfirmed,
    telemetry,
)
from allmysms_async.exchange import HttpResponse
from allmysms_async.otel import convention, instrument, uninstrument
from allmysms_async.otel.metric import Metrics
from allmysms_async.otel.recorder import harmless
from allmysms_async.sandbox import Sandbox

from .conftest import PEOPLE, Seen, observed, rest


async def test_what_was_observed_leaves_no_mark_on_whoever_goes_on(sandbox: Sandbox) -> None:
    """After a send, recorded or not, the caller's own span is the current one, and its next send is recorded."""
    unsampled = observed(ALWAYS_OFF)
    async with SmsService(rest(sandbox)) as sms:
        try:
            await sms.send("Bonjour", "0612345678")
            sampled = observed()
            for text in ("Bonsoir", "Bonne nuit"):
                await sms.send(text, "0612345678")
                assert trace.get_current_span() is trace.INVALID_SPAN
        finally:
            uninstrument()
    assert unsampled.spans == ()
    sends = [span for span in sampled.spans if span.name == "send allmysms"]
    assert [span.parent for span in sends] == [None, None]
    assert sum(sampled.points(convention.COST).values()) > 0


def test_receipt_is_counted_by_outcome_and_reason() -> None:
    """Whoever was accepted, refused or not confirmed is counted as that."""
    reader = InMemoryMetricReader()
    seen = Seen(InMemorySpanExporter(), reader)
    results = (
        Accepted("33612345678", "1"),
        Rejected("33612345679", Reason.DUPLICATE),
        Unconfirmed("33612345670"),
        Unconfirmed("33612345671"),
    )
    receipt = SendReceipt(campaign_id="1", results=results, parts=4, scheduled=False)
    Metrics(MeterProvider([reader]).get_meter("test")).receipt({}, receipt)
    assert seen.points(convention.RECIPIENTS) == {
        ((convention.OUTCOME, "accepted"),): 1,
        ((convention.OUTCOME, "rejected"), (convention.REASON, "duplicate")): 1,
        ((convention.OUTCOME, "unknown"), (convention.REASON, "not_confirmed")): 2,
    }


async def test_mail_that_nobody_takes_is_an_error(seen: Seen) -> None:
    """The span of a mail that no server takes says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mails = Mail2SmsBackend(
            *("demo", "demo-key"),
            mail_from="a@example.com",
            hostname="127.0.0.1",
            port=taken.getsockname()[1],
            security="plain",
        )
        async with SmsService(mails, send_policy=RetryPolicy(attempts=1)) as sms:
            with pytest.raises(NotSent):
                await sms.send("Bonjour", "0612345678")
    mail, _ = seen.spans
    assert (mail.status.status_code, (mail.attributes or {})["error.type"]) == (StatusCode.ERROR, "NotSent")


@pytest.mark.parametrize(
    ("url", "port"), [("https://x.example/a", 443), ("http://x.example", 80), ("http://x.example:8/", 8)]
)
async def test_port_of_an_attempt_is_the_schemes_where_none_is_named(seen: Seen, url: str, port: int) -> None:
    """An attempt tells its server and port."""
    assert telemetry.observer is not None

    async def answer() -> HttpResponse:
        return HttpResponse(status=200, headers={}, body=b"")

    await telemetry.observer.attempting("getInfo", "POST", url, answer())
    (span,) = seen.spans
    assert (span.attributes or {})["server.address"] == "x.example"
    assert (span.attributes or {})["server.port"] == port


class Failing(SpanProcessor):
    """A processor that fails at the beginning of every second span, and at every end."""

    def __init__(self) -> None:
        """Begin with none."""
        self.begun = 0

    def on_start(self, span: object, parent_context: object = None) -> None:
        """Fail every second time."""
        self.begun += 1
        if self.begun % 2:
            raise RuntimeError("4821")

    def on_end(self, span: ReadableSpan) -> None:
        """Fail."""
        raise RuntimeError("4821")


async def test_failure_of_whoever_collects_changes_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A send that was accepted is told to be, and a campaign goes on, whatever becomes of spans and metrics."""
    monkeypatch.setattr(harmless, "_told", set())
    for method in ("ended", "receipt", "outcomes"):
        monkeypatch.setattr(Metrics, method, mock.Mock(side_effect=RuntimeError("4821")))
    tracer = TracerProvider()
    tracer.add_span_processor(Failing())
    instrument(tracer_provider=tracer, meter_provider=MeterProvider([InMemoryMetricReader()]))
    try:
        async with SmsService(rest(sandbox)) as sms:
            for number in range(4):
                await sms.send(f"Bonjour {number}", PEOPLE[0])
            for text in ("Bonsoir", "Bonne nuit"):
                await sms.run(Campaign("soldes", SmsMessage(text, purpose="transactional"), PEOPLE[:2]))
    finally:
        uninstrument()
    assert sandbox.stats()["messages"] == 8
    assert [record.getMessage() for record in caplog.records if record.name.startswith("allmysms_async.otel")] == [
        "Spans or metrics are lost: whoever collects them failed (RuntimeError)."
    ]
