"""Spans and metrics, read back by the SDK's own exporters in memory."""

import re
from pathlib import Path
from typing import Any

import opentelemetry.semconv
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    Mail2SmsBackend,
    SmsMessage,
    SmsService,
    telemetry,
)
from allmysms_async.clock import SYSTEM
from allmysms_async.otel import convention, instrument, uninstrument
from allmysms_async.sandbox import Clock, Sandbox
from allmysms_async.webhooks import Receiver

from .conftest import PEOPLE, Quick, Seen, observed, rest


async def test_send_is_a_span_with_its_attempt_below(sandbox: Sandbox, seen: Seen) -> None:
    """One send is one client span by the messaging conventions, and its attempt one by those for HTTP."""
    async with SmsService(rest(sandbox)) as sms:
        await sms.send("Votre code est 4821", "0612345678")
    attempt, send = seen.spans
    assert (send.name, send.kind, attempt.name, attempt.kind) == (
        "send allmysms",
        SpanKind.CLIENT,
        "POST",
        SpanKind.CLIENT,
    )
    assert attempt.parent is not None
    assert attempt.parent.span_id == send.context.span_id
    assert dict(send.attributes or {}) == {
        "messaging.system": "allmysms",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": 1,
        "allmysms.backend": "rest",
    }
    assert dict(attempt.attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": sandbox.http_port,
        "url.full": f"{sandbox.http_url}/http/9.0/sendSms/",
        "allmysms.request": "sendSms",
    }
    assert seen.points(convention.SENT) == {(): 1}
    assert seen.points(convention.RECIPIENTS) == {((convention.OUTCOME, "accepted"),): 1}
    assert seen.points(convention.PARTS) == {(): 1}
    assert seen.points(convention.ACTIVE_REQUESTS) == {(): 0}
    assert seen.points(convention.HTTP_DURATION) == {((convention.HTTP_STATUS, 200),): 1}
    assert seen.points(convention.OPERATION_DURATION) == {(): 1}


async def test_retry_and_refusal_are_told_by_their_kind(sandbox: Sandbox, seen: Seen) -> None:
    """Each attempt is a span; a refusal marks the send by the kind of error alone."""
    sandbox.faults([{"fault": "http_503", "times": 1, "retry_after": 0}])
    async with SmsService(rest(sandbox), clock=Quick()) as sms:
        await sms.send("Bonjour", "0612345678")
    first, second, send = seen.spans
    assert [span.status.status_code for span in (first, second, send)] == [StatusCode.ERROR, *[StatusCode.UNSET] * 2]
    assert (first.attributes or {})["error.type"] == "503"
    assert seen.points(convention.RETRIES) == {(): 1}
    async with SmsService(rest(sandbox, "wrong-key")) as sms:
        with pytest.raises(AuthenticationFailed):
            await sms.send("Bonjour", "0612345678")
    refused = seen.spans[-1]
    assert (refused.status.status_code, (refused.attributes or {})["error.type"]) == (
        StatusCode.ERROR,
        "AuthenticationFailed",
    )
    assert refused.status.description is None
    assert refused.events == ()


async def test_campaign_is_above_its_requests(sandbox: Sandbox, seen: Seen) -> None:
    """A campaign's span holds those of its requests; recipients are counted by outcome and reason."""
    campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), PEOPLE)
    async with SmsService(rest(sandbox)) as sms:
        await sms.run(campaign)
    attempt, request, run = seen.spans
    assert run.name == "campaign allmysms"
    assert request.parent is not None
    assert request.parent.span_id == run.context.span_id
    assert (run.attributes or {})["allmysms.accepted"] == 2
    assert (run.attributes or {})["allmysms.rejected"] == 2
    outcome, reason = convention.OUTCOME, convention.REASON
    assert seen.points(convention.RECIPIENTS) == {
        ((outcome, "accepted"),): 2,
        ((outcome, "rejected"), (reason, "duplicate")): 1,
        ((outcome, "rejected"), (reason, "malformed")): 1,
    }
    assert attempt.name == "POST"


async def test_mail_is_a_span(sandbox: Sandbox, seen: Seen) -> None:
    """A mail that is handed over is told by its server alone."""
    backend = Mail2SmsBackend(
        "demo", "demo-key", mail_from="a@example.com", hostname="127.0.0.1", port=sandbox.smtp_port, security="plain"
    )
    async with SmsService(backend) as sms:
        await sms.send("Bonjour", "0612345678")
    mail, send = seen.spans
    assert (mail.name, (mail.attributes or {})["server.port"]) == ("smtp allmysms", sandbox.smtp_port)
    assert mail.parent is not None
    assert mail.parent.span_id == send.context.span_id


async def test_handler_runs_in_the_context_of_its_span(seen: Seen) -> None:
    """A handler of a webhook is a consumer's span, and what it begins belongs to that; a failure is one of its own."""
    receiver = Receiver("a-token-that-nobody-can-guess-0123456789", clock=Quick())
    inside: list[int] = []

    @receiver.on_report
    async def reported(report: object) -> None:
        inside.append(trace.get_current_span().get_span_context().span_id)
        if len(inside) == 1:
            raise RuntimeError("4821")

    sandbox = Sandbox(clock=Clock(tick=lambda: 0.0))
    async with sandbox, receiver:
        sandbox.push_into(receiver.asgi, "/a-token-that-nobody-can-guess-0123456789")
        async with SmsService(rest(sandbox)) as sms:
            await sms.send("Bonjour", "0612345678")
        sandbox.advance(3600)
        while len(inside) < 2:
            await SYSTEM.sleep(0.01)
    handled = [span for span in seen.spans if span.name == "process allmysms"]
    assert [span.context.span_id for span in handled] == inside
    assert {span.kind for span in handled} == {SpanKind.CONSUMER}
    assert [(span.attributes or {}).get("error.type") for span in handled][:2] == ["RuntimeError", None]
    assert all((span.attributes or {})["allmysms.event"] == "report" for span in handled)
    assert sum(seen.points(convention.REPORT_LAG).values()) == len(inside)


async def test_handler_is_linked_to_the_request_that_brought_its_event(seen: Seen) -> None:
    """Each attempt's span, also the one after a failure, links to the server's span that the request was served in."""
    receiver = Receiver("a-token-that-nobody-can-guess-0123456789", clock=Quick())
    attempts: list[object] = []
    served: list[int] = []

    @receiver.on_report
    async def reported(report: object) -> None:
        attempts.append(report)
        if len(attempts) == 1:
            raise RuntimeError

    async def application(scope: Any, receive: Any, send: Any) -> None:
        span = trace.NonRecordingSpan(SpanContext(7, len(served) + 1, is_remote=False))
        with trace.use_span(span):
            served.append(span.get_span_context().span_id)
            await receiver.asgi(scope, receive, send)

    sandbox = Sandbox(clock=Clock(tick=lambda: 0.0))
    async with sandbox, receiver:
        sandbox.push_into(application, "/a-token-that-nobody-can-guess-0123456789")
        async with SmsService(rest(sandbox)) as sms:
            await sms.send("Bonjour", "0612345678")
        sandbox.advance(3600)
        while len(attempts) < 3:
            await SYSTEM.sleep(0.01)
    linked = [[link.context.span_id for link in span.links] for span in seen.spans if span.name == "process allmysms"]
    assert linked == [[served[0]], [served[0]], [served[1]]]


async def test_nothing_names_anybody(sandbox: Sandbox, seen: Seen) -> None:
    """No attribute and no name of a span or a metric holds a number, a text, a sender, a key or a campaign's name."""
    campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), PEOPLE)
    async with SmsService(rest(sandbox)) as sms:
        await sms.send("Votre code est 4821", "0612345678")
        await sms.run(campaign)
    told = "".join(span.to_json() for span in seen.spans) + str(seen.reader.get_metrics_data())
    assert not any(word in told for word in ("12345678", "98765432", "4821", "Bonjour", "soldes", "demo-key"))


async def test_unsampled_send_begins_no_other_span(sandbox: Sandbox) -> None:
    """Where a send's span is not recorded, nothing below it is; metrics are."""
    unsampled = observed(ALWAYS_OFF)
    try:
        async with SmsService(rest(sandbox)) as sms:
            await sms.send("Bonjour", "0612345678")
        assert unsampled.spans == ()
        assert unsampled.points(convention.SENT) == {(): 1}
    finally:
        uninstrument()
    assert telemetry.observer is None


async def test_providers_of_the_process_may_be_set_later(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an SDK nothing is recorded; one that is set later is found."""
    clock = [0.0]
    monkeypatch.setattr(SYSTEM, "monotonic", lambda: clock[0])
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: trace.NoOpTracerProvider())
    instrument()
    try:
        async with SmsService(rest(sandbox)) as sms:
            await sms.send("Bonjour", "0612345678")
            exporter, provider = InMemorySpanExporter(), TracerProvider()
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
            clock[0] += 1.0
            await sms.send("Bonsoir", "0612345678")
        assert [span.name for span in exporter.get_finished_spans()] == ["POST", "send allmysms"]
    finally:
        uninstrument()


def test_names_are_those_of_the_conventions() -> None:
    """Every name that is not our own is in the conventions' own list."""
    root = Path(opentelemetry.semconv.__path__[0])
    listed = {word for file in root.rglob("*.py") for word in re.findall(r'"([a-z_.]+)"', file.read_text("utf-8"))}
    used = {value for name, value in vars(convention).items() if name in convention.__all__ and name != "SYSTEM_NAME"}
    assert {name for name in used if not name.startswith("allmysms.")} <= listed
