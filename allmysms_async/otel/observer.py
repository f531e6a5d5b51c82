"""Whether anybody collects spans and metrics, and if so, who records them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from opentelemetry import metrics, trace

from allmysms_async.clock import SYSTEM
from allmysms_async.otel.recorder import Recorder, about, harmless, metrics_of

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
        self._sender: Recorder | None = None  # the same, or None where it drops all that is sent, and counts nothing
        self._collected = False, False
        self._look_at: float | None = 0.0

    def _look(self) -> None:
        """Find out who collects: asking the API each time would take longer than all the rest."""
        self._look_at = SYSTEM.monotonic() + _LOOK_AGAIN
        with harmless:
            tracers, meters = self._given
            self._found(tracers or trace.get_tracer_provider(), meters or metrics.get_meter_provider())
            if all(self._collected) or all(self._given):
                self._look_at = None

    def _found(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> None:
        """Record where somebody collects: nobody's providers are the API's own, an SDK's are elsewhere, and stay."""
        traced, metered = (not type(each).__module__.startswith(_API) for each in (tracers, meters))
        if (traced, metered) == self._collected:
            return
        counted = None if self._recorder is None else self._recorder.metrics
        if metered and counted is None:
            counted = metrics_of(meters)
        self._recorder = recorder = Recorder(tracers, counted) if traced or metered else None
        self._sender = None if recorder is None or recorder.is_idle else recorder
        self._collected = traced, metered

    def _recording(self) -> Recorder | None:
        """Return what records, or None where nobody would collect it."""
        if self._look_at is not None and SYSTEM.monotonic() >= self._look_at:
            self._look()
        return self._recorder

    def _sending(self) -> Recorder | None:
        """Return what records what is sent now, or None where that is dropped."""
        return None if self.overlooks() else self._sender

    # -- sending ------------------------------------------------------------------------------------------------------

    def sending(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one send."""
        if self._look_at is not None and SYSTEM.monotonic() >= self._look_at:
            self._look()
        recorder = self._sender
        if recorder is None or (recorder.metrics is None and recorder.drops()):
            return work
        observed = recorder.delivering(backend, recipients, work)
        return observed if recorder.metrics is None else recorder.counting(backend, observed)

    def overlooks(self) -> bool:
        """Tell whether an attempt that begins now is neither recorded nor counted."""
        if self._look_at is not None and SYSTEM.monotonic() >= self._look_at:
            self._look()
        recorder = self._sender
        return recorder is None or (recorder.metrics is None and recorder.drops())

    def running(self, backend: str, work: Awaitable[T], counts: Callable[[], Counts]) -> Awaitable[T]:
        """Observe a campaign."""
        recorder = self._sending()
        return work if recorder is None else recorder.running(backend, work, counts)

    def told(self, backend: str, outcomes: Sequence[Outcome]) -> None:
        """Count rows of a campaign that ended."""
        recorder = self._recording()
        if recorder is not None and recorder.metrics is not None:
            with harmless:
                recorder.metrics.outcomes(about(backend, "campaign"), outcomes)

    def delivering(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one request of a campaign."""
        recorder = self._sending()
        return work if recorder is None else recorder.delivering(backend, recipients, work)

    def attempting(self, name: str, method: str, url: str, work: Awaitable[A]) -> Awaitable[A]:
        """Observe one attempt over HTTP."""
        recorder = self._sending()
        return work if recorder is None else recorder.attempting(name, method, url, work)

    def mailing(self, name: str, host: str, port: int, work: Awaitable[T]) -> Awaitable[T]:
        """Observe one mail."""
        recorder = self._sending()
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
