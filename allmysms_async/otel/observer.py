"""Whether anybody collects spans and metrics, and if so, who records them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from opentelemetry import metrics, trace

from allmysms_async.clock import SYSTEM
from allmysms_async.otel.recorder import Recorder, about, harmless

if TYPE_CHECKING:
    from allmysms_async.model import Outcome
    from allmysms_async.telemetry import Answer, Counts, Ended

__all__ = ["OpenTelemetry"]

E = TypeVar("E", bound="Ended")
A = TypeVar("A", bound="Answer")
T = TypeVar("T")

_API = ("opentelemetry.trace", "opentelemetry.metrics")
_LOOK_AGAIN = 1.0
"""Seconds after which a process's providers are asked for again: they may be set after this began."""


class OpenTelemetry:
    """An observer that makes spans and metrics, where an SDK collects them.

    Args:
        tracer_provider: Where spans go; the process's own by default, looked for once a second: it may be set later.
        meter_provider: Where metrics go; likewise.
    """

    def __init__(
        self, tracer_provider: trace.TracerProvider | None, meter_provider: metrics.MeterProvider | None
    ) -> None:
        self._given = tracer_provider, meter_provider
        self._recorder: Recorder | None = None
        self._look_at = 0.0

    def _recording(self) -> Recorder | None:
        """Return what records, or None where nobody would collect it."""
        now = SYSTEM.monotonic()
        if now >= self._look_at:  # asking the API each time would take longer than all the rest
            self._look_at = now + _LOOK_AGAIN
            with harmless:
                self._look()
        return self._recorder

    def _look(self) -> None:
        """Find out who collects: nobody's providers are the API's own, an SDK's are elsewhere, and come to stay."""
        tracers, meters = self._given
        tracers = tracers or trace.get_tracer_provider()
        meters = meters or metrics.get_meter_provider()
        traced, metered = (not type(each).__module__.startswith(_API) for each in (tracers, meters))
        known = self._recorder
        if known is not None and (known.metrics is not None) == metered:
            return
        self._recorder = Recorder(tracers, meters, metered=metered) if traced or metered else None

    def sending(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one send."""
        recorder = self._recording()
        return work if recorder is None else recorder.sending(backend, recipients, work)

    def running(self, backend: str, work: Awaitable[T], counts: Callable[[], Counts]) -> Awaitable[T]:
        """Observe a campaign."""
        recorder = self._recording()
        return work if recorder is None else recorder.running(backend, work, counts)

    def told(self, backend: str, outcomes: Sequence[Outcome]) -> None:
        """Count rows of a campaign that ended."""
        recorder = self._recording()
        if recorder is not None and recorder.metrics is not None:
            with harmless:
                recorder.metrics.outcomes(about(backend, "campaign"), outcomes)

    def delivering(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one request of a campaign."""
        recorder = self._recording()
        return work if recorder is None else recorder.delivering(backend, recipients, work)

    def attempting(self, name: str, method: str, url: str, work: Awaitable[A]) -> Awaitable[A]:
        """Observe one attempt over HTTP."""
        recorder = self._recording()
        if recorder is None or recorder.is_quiet:
            return work
        return recorder.attempting(name, method, url, work)

    def mailing(self, name: str, host: str, port: int, work: Awaitable[T]) -> Awaitable[T]:
        """Observe one mail."""
        recorder = self._recording()
        return work if recorder is None else recorder.mailing(name, host, port, work)

    def arriving(self) -> trace.SpanContext | None:
        """Return the span that a request is served in, for its event's handlers to link to; None without one."""
        if self._recording() is None:
            return None
        span = trace.get_current_span().get_span_context()
        return span if span.is_valid else None

    def handling(self, kind: str, since: datetime | None, work: Awaitable[T]) -> Awaitable[T]:
        """Observe a handler."""
        recorder = self._recording()
        return work if recorder is None else recorder.handling(kind, since, work)
