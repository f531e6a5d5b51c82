"""Spans and metrics of OpenTelemetry, for sends, campaigns, their requests, each attempt, and what comes back.

.. code-block:: python

    from allmysms_async.otel import instrument, uninstrument

    instrument()  # with the providers of the process
    uninstrument()  # ends it

It needs the extra ``otel``, which is the API alone: what collects and exports is the application's. No attribute holds
a number, a text, a name or a key.

Spans, by the conventions for messaging and HTTP:

- ``send allmysms`` (client): one ``SmsService.send``, or one request of a campaign, with all its attempts.
- ``campaign allmysms`` (internal): a campaign's run, above its requests.
- ``POST`` (client): one attempt over HTTP; ``smtp allmysms`` one mail.
- ``process allmysms`` (consumer): one handler of a ``Receiver``, in whose context the handler runs; without a journal
  it links to the span that the webhook's request was served in.

What is not sampled costs next to nothing: below a span that is not, or where the SDK's sampler is off, no span is asked
for. Where chance decides for each send, the SDK has to begin a span to draw by, which is most of what it costs. Such a
span is the current one all the same: what a hook, a handler or a client of your own begins within it is not sampled
either, where the sampler follows parents. Below it this library begins no other.

Metrics: ``messaging.client.sent.messages`` (recipients), ``messaging.client.operation.duration``,
``messaging.process.duration``, ``http.client.request.duration``, ``http.client.active_requests``, and of our own
``allmysms.recipients`` (by ``allmysms.outcome`` and ``allmysms.reason``), ``allmysms.parts``, ``allmysms.cost``,
``allmysms.retries``, ``allmysms.report.lag``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from allmysms_async.telemetry import observe

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["instrument", "uninstrument"]


def instrument(*, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None) -> None:
    """Observe every service and receiver of this process from now on.

    Args:
        tracer_provider: Where spans go; the process's own by default.
        meter_provider: Where metrics go; the process's own by default.

    Raises:
        ModuleNotFoundError: The extra ``otel`` is not installed.
    """
    from allmysms_async.otel.observer import OpenTelemetry

    observe(OpenTelemetry(tracer_provider, meter_provider))


def uninstrument() -> None:
    """Observe nothing any more; spans that are open end as they would have."""
    observe(None)
