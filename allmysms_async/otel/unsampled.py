"""What is not sampled: most of what runs, where chance decides, so that it must cost next to nothing.

A sampler is asked by beginning a span, for which the SDK makes two identifiers, a result and a span that records
nothing: a good part of a send's own work. The SDK's own samplers say in their description what they do, and keep to it;
what they are sure to drop is not asked for.

Source: OpenTelemetry Specification 1.50, Tracing SDK, "Built-in samplers" and "GetDescription".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar, cast

from opentelemetry import context, trace

__all__ = ["Unrecorded", "drops_of", "everything_dropped", "unrecorded"]

T = TypeVar("T")

_MODULE: Final = "opentelemetry.sdk.trace.sampling"
_ALWAYS_OFF: Final = "AlwaysOffSampler"
# The last three of its five: with one brace at the end they are its own, not those of a sampler within it.
_follows_parent: Final = re.compile(
    r"ParentBased\{.*,remoteParentNotSampled:AlwaysOffSampler,localParentSampled:\w+,localParentNotSampled:AlwaysOffSampler\}",
    re.DOTALL,
).fullmatch

_current, _Unsampled, _SAMPLED = context.get_current, trace.NonRecordingSpan, trace.TraceFlags.SAMPLED
(_SPAN,) = trace.set_span_in_context(trace.INVALID_SPAN, context.Context())  # where a context has its span


class Unrecorded(context.Context):
    """The context of a send or a campaign whose span is not recorded.

    That span is the current one: spans that others begin within it belong to a trace that is not sampled, and are no
    traces of their own. Nothing of this library's below it begins a span.
    """


async def unrecorded(span: trace.Span, now: context.Context, work: Awaitable[T]) -> T:
    """Await work whose span is not recorded, with that span as the current one.

    Args:
        span: The span.
        now: The context of whoever awaits.
        work: What is awaited.
    """
    token = context.attach(Unrecorded({**now, _SPAN: span}))
    try:
        return await work
    finally:
        context.detach(token)


class _Describes(Protocol):
    def get_description(self) -> str: ...


def drops_of(tracers: trace.TracerProvider) -> Callable[[], bool]:
    """Return what tells whether a span that began now would be dropped for sure, or belongs to one that was.

    Sure is what the SDK's own samplers say that they drop: everything (``everything_dropped`` is returned), or what is
    below a span that is not sampled. A class of somebody's own may have its description from one of the SDK's,
    and do something else.

    Args:
        tracers: The provider; the SDK's has its sampler as an attribute.
    """
    sampler: object = getattr(tracers, "sampler", None)
    if sampler is None or type(sampler).__module__ != _MODULE:
        return _is_unrecorded
    description = cast("_Describes", sampler).get_description()
    if description == _ALWAYS_OFF:
        return everything_dropped
    return _below_unsampled() if _follows_parent(description) else _is_unrecorded


def everything_dropped() -> bool:
    """Tell that a span is dropped, whichever it is."""
    return True


def _is_unrecorded() -> bool:
    return type(_current()) is Unrecorded


def _below_unsampled() -> Callable[[], bool]:
    last: object = None  # the span that was looked at last: attempts are made below that of their send

    def is_below_unsampled() -> bool:
        nonlocal last
        now = _current()
        span = now.get(_SPAN)
        if span is last:
            return span is not None
        if type(span) is not _Unsampled:  # one that records is asked for
            return False
        parent = span.get_span_context()
        if type(now) is not Unrecorded and (parent.trace_flags & _SAMPLED or not parent.is_valid):
            return False
        last = span
        return True

    return is_below_unsampled
