"""The receiver: tokens, handlers, start and end, and its faces for the servers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self, TypeVar

from allmysms_async import argument
from allmysms_async.backend import Backend
from allmysms_async.border import bordered
from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.inbox import EventStore, event_journal, opened
from allmysms_async.model import DeliveryReport, OptOut, Reply, UnknownEvent
from allmysms_async.watch import catch_up, sends_of
from allmysms_async.webhooks.access import hide_from_logs
from allmysms_async.webhooks.admission import AllowList, Tokens
from allmysms_async.webhooks.asgi import AsgiApplication
from allmysms_async.webhooks.door import Door
from allmysms_async.webhooks.handler import Handlers
from allmysms_async.webhooks.running import Running
from allmysms_async.webhooks.stats import Counters, ReceiverStats

if TYPE_CHECKING:
    from aiohttp.web import RouteDef
    from fastapi import APIRouter

__all__ = ["Receiver"]

R = TypeVar("R", bound=Callable[[DeliveryReport], Awaitable[object]])
A = TypeVar("A", bound=Callable[[Reply], Awaitable[object]])
T = TypeVar("T", bound=Callable[[OptOut], Awaitable[object]])
U = TypeVar("U", bound=Callable[[UnknownEvent], Awaitable[object]])


@bordered
class Receiver:
    """Receives delivery reports and answers that the gateway pushes, and hands them to functions of yours.

    Its address ends in the token: ``https://…/TOKEN``, to be set for reports and for answers. Every request is answered
    at once: ``OK`` when its event is taken in. Handlers run afterwards, those of one number in the order of arrival,
    those of several numbers at the same time. An event whose handler raises is tried again, after 1 s, 2 s, 4 s and so
    on up to 5 minutes, and those of the same number wait behind it, of whatever kind: what came first is told first. So
    a function that fails at an answer holds up the reports of that number, and of no other. What no function is for
    waits for nothing.

    With a journal an event is durable before ``OK``, and handled at least once, also after the process was killed.
    Several receivers share a PostgreSQL journal, none of them a number that another one is handling; only what is being
    handled when PostgreSQL's connection breaks may be handled by two at once.
    Without a journal it is in memory, and what was not handled when the process ends is lost; ``aclose`` waits for it.

    Webhooks are GET requests that nobody signed. The token keeps strangers from forging events as long as nobody reads
    it: serve the address over TLS alone, keep it out of logs (``redact_access_log``, and your proxy's), and change it
    now and then by passing both for a while. ``allow`` keeps others out by address; whoever holds the token and comes
    from there can forge events all the same. A client that never ends its header is for the server, or a proxy, to
    drop.

    Use it as an async context manager, or serve ``asgi`` alone, which starts it. Until it is started requests are
    answered 503; so they are in another event loop than its own.

    Source: HTTPS API v9, §6.2, §14.3, §42.

    Args:
        token: 16 to 200 letters, digits, ``-``, ``_``, ``.`` and ``~`` that nobody can guess, such as those of
            ``secrets.token_urlsafe(32)``; or several, which are all valid.
        journal: A path (SQLite) or a ``postgresql://`` URL: where events are kept until they are handled.
        allow: Networks that requests may come from; any, by default.
        trusted_proxies: Networks of your own proxies, and ``unix`` for one on a Unix socket: only they are believed who
            they speak for, in ``X-Forwarded-For``. (A server that rewrites addresses itself must trust no others.)
        queue: Events that may wait, in memory or for the journal; a request waits 3 s for a place, then it is 503.
        max_query: Bytes that a query string, or a body, may have.
        workers: Events that are handled at the same time.
        grace: Seconds that ``aclose`` waits for handlers.
        clock: Where the time comes from.

    Raises:
        InvalidRequest: An argument cannot be right.
    """

    def __init__(
        self,
        token: str | Iterable[str],
        journal: str | os.PathLike[str] | None = None,
        *,
        allow: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        queue: int = 10_000,
        max_query: int = 16 * 1024,
        workers: int = 32,
        grace: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        if journal is not None:
            argument.given("journal", journal, (str, os.PathLike), "a path or a URL")
        self._queue = argument.count("queue", queue)
        self._workers = argument.count("workers", workers, most=10_000)
        self._grace = argument.seconds("grace", grace, zero=True)
        self._clock = clock or SYSTEM
        self._counters = Counters()
        self._handlers = Handlers(self._clock, self._counters)
        self._door = Door(
            Tokens(token),
            AllowList(allow, trusted_proxies),
            argument.count("max_query", max_query, least=256),
            self._counters,
        )
        hide_from_logs(self._door.tokens)
        self._make_store: Callable[[], EventStore] | None = None
        if journal is not None:
            # Not an attribute that holds it: a URL may have a password.
            self._make_store = lambda: event_journal(journal, self._clock)
        self._asgi = AsgiApplication(self._door, self.start, self.aclose)
        self._users = 0
        self._changing: asyncio.Lock | None = None
        self._running: Running | None = None

    def __repr__(self) -> str:
        """Show how it stands, and no token."""
        kept = "memory" if self._make_store is None else "journal"
        state = "started" if self._running is not None else "not started"
        return f"<Receiver {len(self._door.tokens)} tokens, {kept}, {state}>"

    def on_report(self, handler: R) -> R:
        """Have an asynchronous function called with every ``DeliveryReport``, as a decorator.

        A report that comes late, after one that says more of the same text (a final one, or one of a later date), is
        counted as outdated and not handed over, as far as this process remembers: the last 10,000 texts. Several
        functions are all called; if one of them raises, all are called again.
        """
        self._handlers.add(DeliveryReport, handler)
        return handler

    def on_reply(self, handler: A) -> A:
        """Have an asynchronous function called with every ``Reply``, as a decorator; a STOP is one too."""
        self._handlers.add(Reply, handler)
        return handler

    def on_opt_out(self, handler: T) -> T:
        """Have an asynchronous function called with every ``OptOut``, as a decorator.

        A STOP is one, and so is a START, which ends it: its ``ended_at`` says since when.
        """
        self._handlers.add(OptOut, handler)
        return handler

    def on_unknown(self, handler: U) -> U:
        """Have an asynchronous function called with every ``UnknownEvent``, as a decorator."""
        self._handlers.add(UnknownEvent, handler)
        return handler

    @property
    def stats(self) -> ReceiverStats:
        """What it did so far."""
        return self._counters.snapshot()

    @property
    def asgi(self) -> AsgiApplication:
        """It as an ASGI 3 application: to be mounted anywhere, or served alone, as ``uvicorn app:receiver.asgi``.

        The last segment of the path is the token. Served alone it starts and ends with the server; a mounted
        application is not told when the server starts, so the receiver must be entered elsewhere.
        """
        return self._asgi

    def router(self, prefix: str = "", *, tags: Iterable[str] = ("webhooks",)) -> APIRouter:
        """Return it as a router of FastAPI; including it starts and ends the receiver with the application.

        It answers every path below its prefix that ends in a valid token, and no other. Needs the extra ``fastapi``.

        Args:
            prefix: What the paths begin with, such as ``/allmysms``.
            tags: The headings that the documentation has it under.
        """
        from allmysms_async.webhooks.fastapi import make_router

        return make_router(self._door, self._lifespan, _prefix(prefix), [*tags])

    def routes(self, prefix: str = "") -> list[RouteDef]:
        """Return it as routes of aiohttp.web; enter the receiver in the application's ``cleanup_ctx``.

        They answer paths below the prefix that end in what may be a token. Needs the extra ``aiohttp``.

        Args:
            prefix: What the paths begin with, such as ``/allmysms``.
        """
        from allmysms_async.webhooks.aiohttp import make_routes

        return make_routes(self._door, _prefix(prefix))

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        await self.aclose()

    async def start(self) -> None:
        """Start it; started several times, it is ended by as many ``aclose``.

        Raises:
            JournalError: The journal cannot be opened.
            InvalidRequest: It runs in another event loop.
        """
        if self._users and self._door.is_homeless():
            self._users = 0  # its event loop is over, and so is whatever was in it
        if self._users and not self._door.is_at_home():
            msg = "The receiver runs in another event loop already."
            raise InvalidRequest(msg, remedy="Make one for each event loop.")
        async with self._turn():
            if not self._users:
                self._running = await self._begun()
            self._users += 1

    async def aclose(self) -> None:
        """Let no more events in (503), wait for handlers, and end. It may be started again.

        With a journal, what is not being handled stays there for the next start. Without one it is waited for until
        all is handled, and what the grace does not suffice for is lost: the log says how much.
        """
        if not self._users:
            return
        async with self._turn():
            if self._users:
                self._users -= 1
                running = self._running
                if not self._users and running is not None:
                    self._running = None
                    self._door.close()
                    await running.end(self._grace)

    async def catch_up(self, backend: Backend, sends: Iterable[str] | None = None) -> int:
        """Ask the gateway for what was pushed while the receiver was away; handlers get what is new of it.

        Reports and replies of the sends of the last 72 hours are read, also those that others had handed out to them.
        Once is enough after a start: what comes later is pushed.

        Args:
            backend: Such as the ``backend`` of a service.
            sends: The gateway's identifiers of the sends; needed on protocols that list none (SOAP, Envoyer SMS Pro).

        Returns:
            How many events were new.

        Raises:
            InvalidRequest: There is no journal, which tells what is new, the receiver was not started, or no sends are
                named where they are needed.
            UnsupportedFeature: The backend has neither reports nor replies.
            AllMySmsError: A question failed; what the others brought is kept, and the rest is found the next time.
        """
        running = self._running
        if running is None or running.store is None:
            msg = "Catching up takes a journal, and a receiver that was started: only they tell what is new."
            raise InvalidRequest(msg)
        named = None if sends is None else sends_of(sends)[0]
        try:
            return await catch_up(backend, running.store, self._clock, named)
        finally:
            running.wake()

    async def _begun(self) -> Running:
        """Return it in operation, with its door open."""
        details = (self._handlers, self._clock, self._counters, self._queue, self._workers)
        if self._make_store is None:
            running = Running.in_memory(*details)
        else:
            running = Running.with_store(await opened(self._make_store), *details)
        self._door.open(running.admit)
        return running

    def _turn(self) -> asyncio.Lock:
        """Return what keeps starts and ends apart, in this event loop."""
        if self._changing is None or not self._users:
            self._changing = asyncio.Lock()
        return self._changing

    @asynccontextmanager
    async def _lifespan(self, _: object) -> AsyncGenerator[None]:
        async with self:
            yield


def _prefix(given: str) -> str:
    """Return what paths begin with, without a slash at its end."""
    prefix = argument.text("prefix", given).rstrip("/")
    if prefix and not prefix.startswith("/"):
        msg = "prefix must begin with a slash."
        raise InvalidRequest(msg)
    return prefix
