"""What the library does, as spans and metrics."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode

from allmysms_async import logs, telemetry
from allmysms_async.clock import SYSTEM
from allmysms_async.otel import convention
from allmysms_async.otel.metric import Metrics
from allmysms_async.otel.unsampled import drops_of, everything_dropped, unrecorded

if TYPE_CHECKING:
    from allmysms_async.telemetry import Answer, Counts, Ended

__all__ = ["Recorder", "about", "harmless", "metrics_of"]

E = TypeVar("E", bound="Ended")
A = TypeVar("A", bound="Answer")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_SCOPE = "allmysms_async"
_COUNTED = ("accepted", "rejected", "failed", "unknown")


@functools.lru_cache(maxsize=64)
def _server(url: str) -> tuple[str, int]:
    """Return the name and the port that an address leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@functools.lru_cache(maxsize=64)
def about(backend: str, operation: str) -> dict[str, str]:
    """Return the attributes of an operation, which nobody changes."""
    return {
        convention.SYSTEM: convention.SYSTEM_NAME,
        convention.OPERATION: operation,
        convention.BACKEND: backend,
    }


class _Harmless:
    """Lets no error of a processor, a sampler or an exporter out: what is observed ends as it would unobserved."""

    def __init__(self) -> None:
        self._told: set[type] = set()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Warn of an error, of each kind once, without its words: they may hold anything."""
        if not isinstance(error, Exception):
            return False
        self.tell(error)
        return True

    def tell(self, error: Exception) -> None:
        """Warn of an error that was caught."""
        kind = type(error)
        if kind not in self._told:
            self._told.add(kind)
            words = "Spans or metrics are lost: whoever collects them failed (%s)."
            _log.warning(words, kind.__name__, extra=logs.fields("telemetry_failed", error=error))


harmless = _Harmless()
"""What only tells of the work runs within it."""


def metrics_of(meters: metrics.MeterProvider) -> Metrics:
    """Return the metrics of a provider."""
    return Metrics(metrics.get_meter(_SCOPE, meter_provider=meters))


class Recorder:
    """Begins and ends spans, and counts; it returns and raises what it observes.

    Without metrics nobody asks it to observe what ``drops`` is sure of.

    Args:
        tracers: Where spans go.
        metrics: The metrics, or None where nobody collects them.

    Attributes:
        metrics: The metrics.
        drops: Tells whether a span that began now would be dropped for sure.
    """

    def __init__(self, tracers: trace.TracerProvider, metrics: Metrics | None) -> None:
        self._start = trace.get_tracer(_SCOPE, tracer_provider=tracers).start_span
        self.drops = drops_of(tracers)
        self.metrics = metrics

    @property
    def is_idle(self) -> bool:
        """Whether nothing of what is sent is recorded, nor counted."""
        return self.drops is everything_dropped and self.metrics is None

    # -- sending ------------------------------------------------------------------------------------------------------

    async def counting(self, backend: str, work: Awaitable[E]) -> E:
        """Observe what became of one send's recipients."""
        delivery = await work
        if self.metrics is not None and delivery.receipt is not None:
            with harmless:
                self.metrics.receipt(about(backend, "send"), delivery.receipt)
        return delivery

    def delivering(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one request to send."""
        now = context.get_current()  # the SDK would ask for it several times
        span = self._begin("send allmysms", now, SpanKind.CLIENT)
        if self.metrics is not None or (span is not None and span.is_recording()):
            return self._delivering(span, backend, recipients, work)
        return work if span is None else unrecorded(span, now, work)

    async def _delivering(self, span: Span | None, backend: str, recipients: int, work: Awaitable[E]) -> E:
        told, began = about(backend, "send"), SYSTEM.monotonic()
        ended: E | None = None
        try:
            delivery = ended = await _below(span, work)
            if delivery.receipt is None:
                told = {**told, convention.ERROR_TYPE: type(delivery.error).__name__}
            return delivery
        except BaseException as error:
            told = {**told, convention.ERROR_TYPE: type(error).__name__}
            raise
        finally:
            if self.metrics is not None:
                with harmless:
                    self.metrics.ended(told, recipients, SYSTEM.monotonic() - began, ended)
            if span is not None and span.is_recording():
                _end(span, {**told, convention.OPERATION_TYPE: "send", convention.BATCH_SIZE: recipients})

    def running(self, backend: str, work: Awaitable[T], counts: Callable[[], Counts]) -> Awaitable[T]:
        """Observe a campaign."""
        now = context.get_current()
        span = self._begin("campaign allmysms", now, SpanKind.INTERNAL)
        if span is None:
            return work
        return _running(span, backend, work, counts) if span.is_recording() else unrecorded(span, now, work)

    # -- on the way ---------------------------------------------------------------------------------------------------

    def attempting(self, name: str, method: str, url: str, work: Awaitable[A]) -> Awaitable[A]:
        """Observe one attempt over HTTP."""
        span = self._begin(method, context.get_current(), SpanKind.CLIENT)
        if span is None and self.metrics is None:
            return work
        return self._attempting(span, name, method, url, work)

    async def _attempting(self, span: Span | None, name: str, method: str, url: str, work: Awaitable[A]) -> A:
        server, port = _server(url)
        told: dict[str, str | int] = {
            convention.HTTP_METHOD: method,
            convention.SERVER: server,
            convention.PORT: port,
        }
        began = SYSTEM.monotonic()
        if self.metrics is not None:
            with harmless:
                self.metrics.active.add(1, told)
        ended = dict(told)
        try:
            answer = await _below(span, work)
            ended[convention.HTTP_STATUS] = answer.status
            if answer.status >= 400:
                ended[convention.ERROR_TYPE] = str(answer.status)
            return answer
        except BaseException as error:
            ended[convention.ERROR_TYPE] = type(error).__name__
            raise
        finally:
            if self.metrics is not None:
                with harmless:
                    self.metrics.active.add(-1, told)
                    self.metrics.http.record(SYSTEM.monotonic() - began, ended)
            if span is not None and span.is_recording():
                _end(span, {**ended, convention.URL: url, convention.REQUEST: name})

    def mailing(self, name: str, host: str, port: int, work: Awaitable[T]) -> Awaitable[T]:
        """Observe one mail."""
        now = context.get_current()
        span = self._begin("smtp allmysms", now, SpanKind.CLIENT)
        if span is None:
            return work
        return _mailing(span, name, host, port, work) if span.is_recording() else unrecorded(span, now, work)

    # -- what comes back ----------------------------------------------------------------------------------------------

    async def handling(self, kind: str, since: datetime | None, work: Awaitable[T]) -> T:
        """Observe a handler, linked to the request that brought its event; a moment in the future is none ago."""
        told, began = {**about("webhooks", "process"), convention.EVENT: kind}, SYSTEM.monotonic()
        span = self._begin_handling()
        if self.metrics is not None and since is not None and kind == "report":
            with harmless:
                self.metrics.lag.record(max(0.0, (SYSTEM.now() - since).total_seconds()), told)
        try:
            return await (work if span is None else _within(span, work))
        except BaseException as error:
            told[convention.ERROR_TYPE] = type(error).__name__
            raise
        finally:
            if self.metrics is not None:
                with harmless:
                    self.metrics.process.record(SYSTEM.monotonic() - began, told)
            if span is not None and span.is_recording():
                _end(span, {**told, convention.OPERATION_TYPE: "process"})

    def _begin(self, what: str, now: context.Context, kind: SpanKind) -> Span | None:
        """Begin a span, which a sampler may drop; or none, where it would be dropped for sure, and is only counted."""
        try:
            if self.metrics is not None and self.drops():
                return None
            return self._start(what, now, kind)
        except Exception as error:
            harmless.tell(error)
            return None

    def _begin_handling(self) -> Span | None:
        """Begin a handler's span, also where nothing is recorded: what the handler asks of others belongs to it."""
        brought = telemetry.cause.get()
        with harmless:
            links = [Link(brought)] if isinstance(brought, SpanContext) else None
            return self._start("process allmysms", kind=SpanKind.CONSUMER, links=links)
        return None


async def _running(span: Span, backend: str, work: Awaitable[T], counts: Callable[[], Counts]) -> T:
    """Await a campaign with its span, which is told where it stands in the end."""
    told: dict[str, str | int] = {**about(backend, "campaign")}
    try:
        return await _within(span, work)
    finally:
        with harmless:
            now = counts()
            told |= {f"allmysms.{what}": getattr(now, what) for what in _COUNTED}
        _end(span, told)


async def _mailing(span: Span, name: str, host: str, port: int, work: Awaitable[T]) -> T:
    """Await a mail with its span."""
    told: dict[str, str | int] = {convention.PROTOCOL: "smtp", convention.SERVER: host, convention.PORT: port}
    try:
        return await _within(span, work)
    finally:
        _end(span, {**told, convention.REQUEST: name})


def _end(span: Span, told: Mapping[str, str | int]) -> None:
    """End a span; it failed where a kind of error is told."""
    with harmless:
        span.set_attributes(told)
        if convention.ERROR_TYPE in told:
            span.set_status(StatusCode.ERROR)
        span.end()


def _below(span: Span | None, work: Awaitable[T]) -> Awaitable[T]:
    """Return what awaits work below a span, recorded or not; without one, the work itself."""
    if span is None:
        return work
    return _within(span, work) if span.is_recording() else unrecorded(span, context.get_current(), work)


async def _within(span: Span, work: Awaitable[T]) -> T:
    """Await work with a span as the one that what it does belongs to; it is told what kind an error is."""
    token = context.attach(trace.set_span_in_context(span))
    try:
        return await work
    except BaseException as error:
        span.set_attribute(convention.ERROR_TYPE, type(error).__name__)
        span.set_status(StatusCode.ERROR)
        raise
    finally:
        context.detach(token)
