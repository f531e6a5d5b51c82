"""The user's handlers, and which of them an event is for."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from allmysms_async import telemetry
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import (
    DeliveryReport,
    DeliveryStatus,
    Event,
    OptOut,
    Reason,
    Reply,
    UnknownEvent,
    ends_opt_out,
    opt_out_of,
    supersedes,
    text_key,
)
from allmysms_async.webhooks.stats import Counters

__all__ = ["Handler", "Handlers"]

Handler: TypeAlias = Callable[[Any], Awaitable[object]]

_MOST_TEXTS = 10_000
_KINDS: Mapping[type, str] = {DeliveryReport: "report", Reply: "reply", OptOut: "opt_out"}


class Handlers:
    """Runs the handlers of an event.

    Args:
        clock: Says since when an opt-out has ended whose START has no date.
        counters: What is counted.

    Attributes:
        of: The handlers of each kind of thing.
    """

    def __init__(self, clock: Clock, counters: Counters) -> None:
        self.of: dict[type, list[Handler]] = {DeliveryReport: [], Reply: [], OptOut: [], UnknownEvent: []}
        self._clock = clock
        self._counters = counters
        self._latest: dict[tuple[str, str], DeliveryReport] = {}

    def add(self, kind: type, handler: Handler) -> None:
        """Add a handler.

        Raises:
            InvalidRequest: It is no asynchronous function.
        """
        called: object = handler
        if not any(map(inspect.iscoroutinefunction, (called, getattr(called, "__call__", None)))):  # noqa: B004
            msg = "A handler must be an asynchronous function of one argument."
            raise InvalidRequest(msg, remedy="Write it with `async def`.")
        self.of[kind].append(handler)

    def is_unheard(self, event: Event) -> bool:
        """Tell whether no handler is for an event, nor for what it may tell of an opt-out."""
        if self.of[type(event)]:
            return False
        may_tell = isinstance(event, Reply) or (
            isinstance(event, DeliveryReport) and event.status is DeliveryStatus.OPTED_OUT
        )
        return not (may_tell and self.of[OptOut])

    async def deliver(self, event: Event) -> None:
        """Run every handler that an event is for: that of an opt-out before that of the answer which it is.

        A report that says no more of its text than one that was handled before is for none.

        Raises:
            Exception: As the first handler that failed raised it; the others were run all the same.
        """
        if isinstance(event, DeliveryReport) and self._is_outdated(event):
            self._counters.outdated += 1
            return
        failure: BaseException | None = None
        for one in self._told(event):
            for handler in self.of[type(one)].copy():
                try:
                    await _handled(handler, one)
                except Exception as error:
                    failure = failure or error
        if failure is not None:
            raise failure
        if isinstance(event, DeliveryReport):
            self._remember(event)

    def _told(self, event: Event) -> Sequence[Event | OptOut]:
        """Return what an event tells."""
        opt_out: OptOut | None = None
        if isinstance(event, Reply):
            opt_out = opt_out_of(event)
            if opt_out is None and ends_opt_out(event):
                ended = event.received_at or self._clock.now()
                opt_out = OptOut(phone=event.phone, source="reply", ended_at=ended)
        elif isinstance(event, DeliveryReport) and event.status is DeliveryStatus.OPTED_OUT:
            opt_out = OptOut(phone=event.phone, reason=Reason.OPTED_OUT, since=event.received_at, source="report")
        return (event,) if opt_out is None else (opt_out, event)

    def _is_outdated(self, report: DeliveryReport) -> bool:
        """Tell whether a report of its text was handled that holds against it; a status nobody knows is always new."""
        if report.status is DeliveryStatus.UNKNOWN:
            return False
        known = self._latest.get(_text(report))
        return known is not None and not supersedes(report, known)

    def _remember(self, report: DeliveryReport) -> None:
        """Remember the state of a text, and forget that of the oldest."""
        if report.status is DeliveryStatus.UNKNOWN:
            return
        key = _text(report)
        self._latest.pop(key, None)
        # Without what it came with: there are many, and only status and date are asked for.
        self._latest[key] = DeliveryReport(phone="", status=report.status, code="", received_at=report.received_at)
        if len(self._latest) > _MOST_TEXTS:
            del self._latest[next(iter(self._latest))]


async def _handled(handler: Handler, one: Event | OptOut) -> None:
    """Call a handler, while somebody observes it or nobody does."""
    handling, observer = handler(one), telemetry.observer
    if observer is not None:
        kind = _KINDS.get(type(one), "unknown")
        since = one.since if isinstance(one, OptOut) else getattr(one, "received_at", None)
        handling = observer.handling(kind, since, handling)
    await handling


def _text(report: DeliveryReport) -> tuple[str, str]:
    """Return what names the text of a report that a webhook brought: its own identifier, where it has one."""
    return ("", report.sms_id) if report.sms_id else text_key(report)
