"""Who observes what the library does, while it does it: nobody, until ``allmysms_async.otel`` or another one does.

Where nobody observes, all that it costs is a look at ``observer``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Protocol, TypeVar

from allmysms_async.model import Outcome, SendReceipt

__all__ = ["Answer", "Counts", "Ended", "Observer", "because_of", "cause", "observe", "observer"]


class Ended(Protocol):
    """How a request ended, after all its attempts."""

    @property
    def receipt(self) -> SendReceipt | None:
        """The answer, if there was one."""
        ...

    @property
    def error(self) -> Exception | None:
        """What ended it otherwise."""
        ...

    @property
    def attempts(self) -> int:
        """How many were made."""
        ...


class Answer(Protocol):
    """An answer of HTTP."""

    @property
    def status(self) -> int:
        """Its status."""
        ...


class Counts(Protocol):
    """Where a campaign stands."""

    @property
    def accepted(self) -> int:
        """Recipients whose text was taken."""
        ...

    @property
    def rejected(self) -> int:
        """Recipients who were refused."""
        ...

    @property
    def failed(self) -> int:
        """Recipients who were surely not texted."""
        ...

    @property
    def unknown(self) -> int:
        """Recipients of whom nobody knows."""
        ...


E = TypeVar("E", bound=Ended)
A = TypeVar("A", bound=Answer)
T = TypeVar("T")


class Observer(Protocol):
    """Observes what the library does: each method returns what awaits the work, with its result or its error."""

    def sending(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one ``send``, with all its attempts.

        Args:
            backend: The protocol's short name.
            recipients: How many are to be texted.
            work: What sends.
        """
        ...

    def running(self, backend: str, work: Awaitable[T], counts: Callable[[], Counts]) -> Awaitable[T]:
        """Observe a campaign, from its first row to its end.

        Args:
            backend: The protocol's short name.
            work: What sends.
            counts: Tells where the campaign stands.
        """
        ...

    def told(self, backend: str, outcomes: Sequence[Outcome]) -> None:
        """Be told of rows of a campaign that ended; in columns, as ``Progress.outcomes`` has them.

        Args:
            backend: The protocol's short name.
            outcomes: How they ended.
        """
        ...

    def delivering(self, backend: str, recipients: int, work: Awaitable[E]) -> Awaitable[E]:
        """Observe one request of a campaign, with all its attempts; arguments as for ``sending``."""
        ...

    def overlooks(self) -> bool:
        """Tell whether an attempt over HTTP that begins now is observed by nobody, so that it is not announced."""
        ...

    def attempting(self, name: str, method: str, url: str, work: Awaitable[A]) -> Awaitable[A]:
        """Observe one attempt over HTTP.

        Args:
            name: Name of the operation.
            method: Method of HTTP.
            url: Where it goes, which holds no secret.
            work: What carries it.
        """
        ...

    def mailing(self, name: str, host: str, port: int, work: Awaitable[T]) -> Awaitable[T]:
        """Observe one mail that is handed over.

        Args:
            name: Name of the operation.
            host: The mail server.
            port: Its port.
            work: What carries it.
        """
        ...

    def arriving(self) -> object:
        """Return what is to be known later of the request that brings an event in, or None.

        Events wait in memory with it; while one is handled, ``cause`` holds it.
        """
        ...

    def handling(self, kind: str, since: datetime | None, work: Awaitable[T]) -> Awaitable[T]:
        """Observe a handler of what came back.

        Args:
            kind: ``report``, ``reply``, ``opt_out`` or ``unknown``.
            since: When it happened, as the gateway says; None where it does not.
            work: The handler.
        """
        ...


cause: ContextVar[object] = ContextVar("allmysms_async_cause", default=None)
"""What ``arriving`` returned for the event that is being handled, or None."""


async def because_of(what: object, work: Awaitable[T]) -> T:
    """Await the handling of an event, with what is known of the request that brought it as its cause."""
    token = cause.set(what)
    try:
        return await work
    finally:
        cause.reset(token)


observer: Observer | None = None
"""Who observes, or None."""


def observe(one: Observer | None) -> None:
    """Have somebody observe all services and receivers of this process from now on, or nobody with None."""
    global observer  # noqa: PLW0603, RUF100  # one process is observed by one
    observer = one
