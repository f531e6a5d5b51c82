"""What the library does, as spans and metrics."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
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

if TYPE_CHECKING:
    from allmysms_async.telemetry import Answer, Counts, Ended

__all__ = ["Recorder", "about", "harmless"]

E = TypeVar("E", bound="Ended")
A = TypeVar("A", bound="Answer")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_SCOPE = "allmysms_async"
_COUNTED = ("accepted", "rejected", "failed", "unknown")

# Whether the span that something belongs to is not recorded: then it begins none, which would be one without a parent.
_quiet: ContextVar[bool] = ContextVar("allmysms_async_quiet", default=False)


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
        if kind is None or not isinstance(error, Exception):
            return False
        if kind not in self._told:
            self._told.add(kind)
            words = "Spans or metrics are lost: whoever collects them failed (%s)."
            _log.warning(words, kind.__name__, extra=logs.fields("telemetry_failed", error=error))
        return True


harmless = _Harmless()
"""What only tells of the work runs within it."""


class Recorder:
    """Begins and ends spans, and counts; it returns and raises what it observes.

    Args:
        tracers: Where spans go.
        meters: Where metrics go.
        metered: Whether somebody collects those.

    Attributes:
        metrics: The metrics, or None where nobody collects them.
    """

    def __init__(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider, *, metered: bool) -> None:
        self._start = trace.get_tracer(_SCOPE, tracer_provider=tracers).start_span
        self.metrics = Metrics(metrics.get_meter(_SCOPE, meter_provider=meters)) if metered else None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of what runs now is recorded."""
        return self.metrics is None and _quiet.get()

    # -- sending ------------------------------------------------------------------------------------------------------

    async def sending(self, backend: str, recipients: int, work: Awaitable[E]) -> E:
        """Observe one send."""
        delivery = await self.delivering(backend, recipients, work)
        if self.metrics is not None and delivery.receipt is not None:
            with harmless:
                self.metrics.receipt(about(backend, "send"), delivery.receipt)
        return delivery

    async def delivering(self, backend: str, recipients: int, work: Awaitable[E]) -> E:
        """Observe one request to send."""
        span = self._begin("send allmysms", SpanKind.CLIENT)
        if span is None and self.metrics is None:
            return await _quietly(work)
        told, began = about(backend, "send"), SYSTEM.monotonic()
        ended: E | None = None
        try:
            delivery = ended = await (_quietly(work) if span is None else _within(span, work))
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
            if span is not None:
                _end(span, {**told, convention.OPERATION_TYPE: "send", convention.BATCH_SIZE: recipients})

    async def running(self, backend: str, work: Awaitable[T], counts: Callable[[], Counts]) -> T:
        """Observe a campaign."""
        span = self._begin("campaign allmysms", SpanKind.INTERNAL)
        if span is None:
            return await _quietly(work)
        told: dict[str, str | int] = {**about(backend, "campaign")}
        try:
            return await _within(span, work)
        finally:
            with harmless:
                now = counts()
                told |= {f"allmysms.{what}": getattr(now, what) for what in _COUNTED}
            _end(span, told)

    # -- on the way ---------------------------------------------------------------------------------------------------

    async def attempting(self, name: str, method: str, url: str, work: Awaitable[A]) -> A:
        """Observe one attempt over HTTP."""
        server, port = _server(url)
        told: dict[str, str | int] = {
            convention.HTTP_METHOD: method,
            convention.SERVER: server,
            convention.PORT: port,
        }
        began = SYSTEM.monotonic()
        span = self._begin(method, SpanKind.CLIENT)
        if self.metrics is not None:
            with harmless:
                self.metrics.active.add(1, told)
        ended = dict(told)
        try:
            answer = await work
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
            if span is not None:
                _end(span, {**ended, convention.URL: url, convention.REQUEST: name})

    async def mailing(self, name: str, host: str, port: int, work: Awaitable[T]) -> T:
        """Observe one mail."""
        span = self._begin("smtp allmysms", SpanKind.CLIENT)
        if span is None:
            return await work
        told: dict[str, str | int] = {convention.PROTOCOL: "smtp", convention.SERVER: host, convention.PORT: port}
        try:
            return await _within(span, work)
        finally:
            _end(span, {**told, convention.REQUEST: name})

    # -- what comes back ----------------------------------------------------------------------------------------------

    async def handling(self, kind: str, since: datetime | None, work: Awaitable[T]) -> T:
        """Observe a handler, linked to the request that brought its event; a moment in the future is none ago."""
        told, began = {**about("webhooks", "process"), convention.EVENT: kind}, SYSTEM.monotonic()
        brought = telemetry.cause.get()
        links = [Link(brought)] if isinstance(brought, SpanContext) else None
        span = self._begin("process allmysms", SpanKind.CONSUMER, links)
        if self.metrics is not None and since is not None and kind == "report":
            with harmless:
                self.metrics.lag.record(max(0.0, (SYSTEM.now() - since).total_seconds()), told)
        try:
            return await (_quietly(work) if span is None else _within(span, work))
        except BaseException as error:
            told[convention.ERROR_TYPE] = type(error).__name__
            raise
        finally:
            if self.metrics is not None:
                with harmless:
                    self.metrics.process.record(SYSTEM.monotonic() - began, told)
            if span is not None:
                _end(span, {**told, convention.OPERATION_TYPE: "process"})

    def _begin(self, what: str, kind: SpanKind, links: Sequence[Link] | None = None) -> Span | None:
        """Begin a span, or none where it would not be recorded."""
        if _quiet.get():
            return None
        span: Span | None = None
        with harmless:
            span = self._start(what, kind=kind, links=links)
        return span if span is not None and span.is_recording() else None


def _end(span: Span, told: Mapping[str, str | int]) -> None:
    """End a span; it failed where a kind of error is told."""
    with harmless:
        span.set_attributes(told)
        if convention.ERROR_TYPE in told:
            span.set_status(StatusCode.ERROR)
        span.end()


async def _quietly(work: Awaitable[T]) -> T:
    """Await work, whose parts begin no spans."""
    token = _quiet.set(True)
    try:
        return await work
    finally:
        _quiet.reset(token)


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
