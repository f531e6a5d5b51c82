"""The metrics, made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from allmysms_async.model import Accepted, AcceptedRows, AllAccepted, Outcome, Rejected, SendReceipt
from allmysms_async.otel import convention

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter

    from allmysms_async.telemetry import Ended

__all__ = ["Metrics"]

# Seconds: the buckets that the conventions advise.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_LAGS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0, 259200.0)


class Metrics:
    """Counters and histograms.

    Args:
        meter: What makes them.
    """

    def __init__(self, meter: Meter) -> None:
        self.active = meter.create_up_down_counter(
            convention.ACTIVE_REQUESTS, "{request}", "Attempts without an answer."
        )
        self.http = _seconds(meter, convention.HTTP_DURATION, "How long attempts over HTTP took.")
        self.operation = _seconds(meter, convention.OPERATION_DURATION, "How long sends took, all attempts included.")
        self.process = _seconds(meter, convention.PROCESS_DURATION, "How long handlers of what came back took.")
        self.lag = meter.create_histogram(
            convention.REPORT_LAG,
            "s",
            "From a report's date to its handler.",
            explicit_bucket_boundaries_advisory=_LAGS,
        )
        self._sent = meter.create_counter(convention.SENT, "{message}", "Recipients of requests to send.")
        self._recipients = meter.create_counter(convention.RECIPIENTS, "{recipient}", "What became of recipients.")
        self._parts = meter.create_counter(convention.PARTS, "{part}", "Text parts that were taken.")
        self._cost = meter.create_counter(convention.COST, "EUR", "What sends cost, where the gateway says so.")
        self._retries = meter.create_counter(convention.RETRIES, "{attempt}", "Attempts beyond the first.")

    def ended(self, about: Mapping[str, str], recipients: int, seconds: float, delivery: Ended | None) -> None:
        """Count a request to send.

        Args:
            about: Its attributes.
            recipients: How many it was for.
            seconds: How long it took.
            delivery: How it ended; None if it was broken off.
        """
        self.operation.record(seconds, about)
        self._sent.add(recipients, about)
        if delivery is None:
            return
        receipt = delivery.receipt
        if receipt is not None and receipt.parts:
            self._parts.add(receipt.parts, about)
        if receipt is not None and receipt.cost:
            self._cost.add(float(receipt.cost), about)
        if delivery.attempts > 1:
            self._retries.add(delivery.attempts - 1, about)

    def receipt(self, about: Mapping[str, str], receipt: SendReceipt) -> None:
        """Count what became of the recipients of one send."""
        results = receipt.results
        if isinstance(results, AllAccepted):
            self._recipients.add(len(results), {**about, convention.OUTCOME: "accepted"})
            return
        counted = Counter(
            ("accepted", "")
            if isinstance(each, Accepted)
            else ("rejected", each.reason.value)
            if isinstance(each, Rejected)
            else ("unknown", "not_confirmed")
            for each in results
        )
        self._count(about, counted)

    def outcomes(self, about: Mapping[str, str], outcomes: Sequence[Outcome]) -> None:
        """Count what became of rows of a campaign."""
        if isinstance(outcomes, AcceptedRows):
            self._recipients.add(len(outcomes), {**about, convention.OUTCOME: "accepted"})
            return
        self._count(about, Counter((each.state.value, each.reason.value if each.reason else "") for each in outcomes))

    def _count(self, about: Mapping[str, str], counted: Counter[tuple[str, str]]) -> None:
        for (outcome, reason), count in counted.items():
            more = {convention.OUTCOME: outcome, convention.REASON: reason} if reason else {convention.OUTCOME: outcome}
            self._recipients.add(count, {**about, **more})


def _seconds(meter: Meter, what: str, description: str) -> Histogram:
    return meter.create_histogram(what, "s", description, explicit_bucket_boundaries_advisory=_BUCKETS)
