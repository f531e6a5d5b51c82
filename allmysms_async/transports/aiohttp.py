"""HTTP over aiohttp, for applications that have a session of it already."""

from __future__ import annotations

import asyncio
import functools
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import TransportError
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports.aiohttp_exchange import Attempt, Wire, by_session, written
from allmysms_async.transports.aiohttp_session import Held, own_session, shared_session
from allmysms_async.transports.aiohttp_short import shortly
from allmysms_async.transports.attempt import Carrier, Home
from allmysms_async.transports.failure import (
    PROXY_LOGIN,
    broken,
    closed,
    no_http,
    no_http_answer,
    no_turn,
    not_connected,
    proxy_login,
    too_early,
    too_late,
)
from allmysms_async.transports.peer import certificate_refused
from allmysms_async.transports.room import Room, Rooms

__all__ = ["AiohttpTransport"]

# What aiohttp makes of bytes that are no HTTP: the second is the first as its session hands it on.
_NO_HTTP = (HttpProcessingError, aiohttp.ClientResponseError)


@bordered
class AiohttpTransport(Carrier[Held, Wire]):
    """An ``HttpTransport`` over aiohttp (extra ``aiohttp``), with connections of its own or those of a session.

    With its own it can be used from any event loop and process, each of which has its own; with a session, from the
    session's event loop alone.

    Args:
        session: The session whose connector is used, and that stays open: its connections, authorities, limits, traces
            and ``trust_env`` are used; its headers, cookies, login, middlewares and base address do not go with them,
            and redirects are not followed.
        max_connections: Connections at most in an event loop, and so requests in flight at most; more wait for their
            turn.
        connect_timeout: Seconds to open a connection.
        ssl_context: To trust other authorities than the usual ones, or the session's.

    Raises:
        InvalidRequest: No connection is allowed, no time, or the session is none.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        max_connections: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        argument.given("session", session, (aiohttp.ClientSession, type(None)), "an aiohttp.ClientSession")
        argument.count("max_connections", max_connections)
        rooms = Rooms(max_connections, Held.leave, lambda held: held.sockets, Held.forget)
        super().__init__(rooms, connect_timeout, ssl_context)
        self._session = session
        self._home = Home("aiohttp.ClientSession", getattr(session, "_loop", None))
        # A session's connector may have a request wait, which is bounded by the request's own time.
        connect, alone = (connect_timeout, None) if session is None else (None, connect_timeout)
        self._written = functools.lru_cache(maxsize=32)(written)
        self._limits = aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=alone)

    def _wire(self, request: HttpRequest) -> Wire:
        """Return the address and the header of a request as aiohttp has them."""
        try:
            return self._written(request.method, request.url, tuple(request.headers.items()))
        except (ValueError, TypeError, AttributeError):  # which may quote a header
            raise no_http(request) from None

    def _hold(self, room: Room[Held], request: HttpRequest) -> Held:
        """Return the session of this event loop, which is made now if there is none."""
        if self._session is not None:
            self._home.check(request)
            if self._session.closed:
                raise closed(request, "session")
        if room.idle:
            return room.idle[0]
        held = own_session(room.most) if self._session is None else shared_session(self._session)
        if self._rooms.keeps(room):
            room.idle.append(held)
        else:
            held.over = True
        return held

    async def _turn(self, request: HttpRequest, wire: Wire, until: float, room: Room[Held]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        secure = wire.origin[0] and (self._session is None or self._ssl_context is not None)
        trusted = await self._trust(room, request, until) if secure else True
        if asyncio.get_running_loop().time() >= until:
            raise no_turn(request)
        held = self._hold(room, request)
        attempt = Attempt(until)
        held.users += 1
        try:
            with room.deadlines.until(until):
                exchange = shortly if held.direct and wire.head is not None else by_session
                return await exchange(held, request, wire, attempt, trusted, self._limits)
        except TransportError:
            raise
        except Exception as error:
            raise _failure(error, request, wire.url.host or "", attempt) from _cause(error)
        finally:
            attempt.over = True
            held.users -= 1
            if held.over:
                await held.leave()


def _cause(error: Exception) -> BaseException | None:
    """Return what can be shown of an error: many hold the request's header, or the words of the answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return error if type(error) in {TimeoutError, OSError} else None


def _failure(error: Exception, request: HttpRequest, host: str, attempt: Attempt) -> TransportError:
    """Return the library's error for what ended an attempt."""
    if attempt.refused is not None:
        return attempt.refused
    if attempt.early:
        return too_early(request, written=False)
    if attempt.written:
        if isinstance(error, TimeoutError):
            return too_late(request)
        return no_http_answer(request) if isinstance(error, _NO_HTTP) else broken(request, error)
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == PROXY_LOGIN:
        return proxy_login(request)
    if isinstance(error, aiohttp.InvalidURL):
        return no_http(request)
    return certificate_refused(_cause(error) or error, host, request.name) or not_connected(request, error)
