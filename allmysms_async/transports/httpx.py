"""HTTP over httpx: for proxies, and for a user's own client.

httpx's pool looks at every waiting request for every connection it holds, so that its cost grows with the square of
what is in flight. So each connection made here has a pool of its own, and a stack of idle ones decides who goes next. A
user's own client keeps the pool that it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import httpx

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import (
    InvalidRequest,
    TransportError,
)
from allmysms_async.exchange import HttpRequest, HttpResponse, departure
from allmysms_async.transports.address import are_fields
from allmysms_async.transports.attempt import IDLE_SECONDS, Body, Carrier, Home, departed, response_of
from allmysms_async.transports.failure import (
    PROXY_LOGIN,
    broken,
    closed,
    no_http,
    no_turn,
    proxy_login,
    too_early,
)
from allmysms_async.transports.httpx_failure import BEFORE, failure_of
from allmysms_async.transports.peer import is_host
from allmysms_async.transports.room import Room, Rooms, SocketLike, Watch

__all__ = ["HttpxTransport"]


class _Line:
    """A connection, or one that is to be opened; or a user's client, which has as many as it likes.

    Attributes:
        pool: httpx's pool, which never has another connection; None with a client.
        socket: Its socket, once it has carried a request.
        host: Whose certificate was asked for last: the server's or the proxy's.
        secure: Whether it knows whom to trust; without, it carries requests in clear alone.
    """

    __slots__ = ("host", "pool", "secure", "socket")

    def __init__(self, pool: httpx.AsyncHTTPTransport | None, *, secure: bool) -> None:
        self.pool = pool
        self.secure = secure
        self.socket: SocketLike | None = None
        self.host: str | None = None

    def is_heard(self) -> bool:
        """Tell whether something came that was not read yet, or the end; TLS has messages that come unasked."""
        socket = None if self.secure else self.socket
        return socket is not None and socket.fileno() >= 0 and Watch(socket).is_readable()

    async def close(self) -> None:
        """Close the connection; a client is its owner's to close."""
        if self.pool is not None:
            await self.pool.aclose()


async def _leave(line: _Line) -> None:
    """Close a connection that nobody uses."""
    with contextlib.suppress(Exception):  # it is of no use to anybody any more, whatever is wrong with it
        await line.close()


def _awake(room: Room[_Line], secure: bool) -> _Line | None:
    """Return an idle connection that can carry a request, the latest first; None if there is none."""
    for position in range(len(room.idle) - 1, -1, -1):
        if room.idle[position].secure or not secure:
            return room.idle.pop(position)
    return None


class _Trace:
    """What httpcore tells of an attempt while it makes it.

    Args:
        line: What the attempt is made on.
        request: What is sent.
        wire: The same as httpx has it.
        until: When its time is over.
        deadline: What ends it then, once the request is written.

    Attributes:
        heard: Whether anything was told at all: a client may be over something else than httpcore.
        written: Whether writing began.
    """

    def __init__(
        self, line: _Line, request: HttpRequest, wire: httpx.Request, until: float, deadline: asyncio.Timeout
    ) -> None:
        self.heard = self.written = False
        self._line = line
        self._request = request
        self._wire = wire
        self._until = until
        self._deadline = deadline
        self._turned = asyncio.Event()

    async def __call__(self, event: str, info: Any) -> None:
        """Take note of an event."""
        self.heard = True
        loop = asyncio.get_running_loop()
        if event.endswith(".start_tls.started"):
            self._line.host = info.get("server_hostname")
        elif event.endswith(".send_request_headers.started") and _method(info["request"]) != b"CONNECT":
            if self.written:  # a client that repeats what it sends is not let
                raise broken(self._request)
            if departure.get() is not None:
                await departed(self._request, self._until)
                if self._line.is_heard():
                    raise too_early(self._request, written=False)
            if loop.time() >= self._until:
                raise no_turn(self._request)
            self.written = True
            self._wire.extensions["timeout"].update(read=self._request.timeout, write=self._request.timeout)
            self._deadline.reschedule(self._until)
        elif event == "http11.receive_response_headers.started":
            loop.call_soon(self._turned.set)
        # Without a turn of the event loop nothing was read: it came in one go with the answer before, and cannot be the
        # answer to what was written since.
        elif event == "http11.receive_response_headers.complete" and not self._turned.is_set():
            raise too_early(self._request, written=True)


def _method(request: Any) -> bytes:
    """Return the method of a request of httpcore's."""
    return bytes(request.method)


@bordered
class HttpxTransport(Carrier[_Line, httpx.Request]):
    """An ``HttpTransport`` over httpx, for proxies and for a client of one's own.

    It can be used from any event loop and process, each of which has its own connections; with a client, from the
    client's event loop alone.

    Args:
        client: Carries the requests, and stays open: its connections, proxies, authorities and event hooks are used;
            its headers, cookies, parameters and login do not go with them, and redirects are not followed.
        max_connections: Connections at most in an event loop, and so requests in flight at most; more wait for their
            turn.
        connect_timeout: Seconds to open a connection.
        ssl_context: To trust other authorities than the usual ones; certificates are always verified by the default
            one.
        proxy: Address of an HTTP proxy, or None.

    Raises:
        InvalidRequest: No connection is allowed, the proxy's address cannot be one, or a client is given together with
            what is the client's own to know.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        max_connections: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        argument.given("client", client, (httpx.AsyncClient, type(None)), "an httpx.AsyncClient")
        argument.count("max_connections", max_connections)
        if proxy is not None:
            argument.text("proxy", proxy)
        super().__init__(Rooms(max_connections, _leave, lambda line: (line.socket,)), connect_timeout, ssl_context)
        if client is not None and (proxy is not None or ssl_context is not None):
            msg = "A client knows its own proxy and ssl_context; nothing was sent."
            raise InvalidRequest(msg, remedy="Give them to the httpx.AsyncClient.")
        self._client = client
        self._home = Home("httpx.AsyncClient")
        self._proxy = _proxy(proxy)

    async def _line(self, room: Room[_Line], secure: bool, request: HttpRequest, until: float) -> _Line:
        """Return a connection that is idle, or still to be opened."""
        if self._client is not None:
            self._home.check(request)
            if self._client.is_closed:
                raise closed(request, "client")
            return _Line(None, secure=True)
        line = _awake(room, secure)
        if line is not None:
            return line
        trusted = await self._trust(room, request, until) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS)
        pool = httpx.AsyncHTTPTransport(verify=trusted, limits=limits, proxy=self._proxy, trust_env=False)
        return _Line(pool, secure=secure)

    async def _turn(self, request: HttpRequest, wire: httpx.Request, until: float, room: Room[_Line]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        secure = wire.url.scheme == "https" or self._proxy is not None
        line = await self._line(room, secure, request, until)
        # Lower libraries bound each read: a proxy that drips, or a client of the user's, could take any time.
        deadline = asyncio.timeout_at(until)
        trace = _Trace(line, request, wire, until, deadline)
        wire.extensions["trace"] = trace
        try:
            # While it connects, the time-outs of the lower library end it earlier where they can: it leaves the socket
            # open if it is interrupted from outside then.
            async with deadline:
                response = await self._exchange(line, wire, request)
        except BaseException as error:
            # What state an interrupted pool is in is not worth knowing: the next request opens another.
            await asyncio.shield(line.close())
            if isinstance(error, Exception) and not isinstance(error, TransportError):
                written = trace.written or not (trace.heard or isinstance(error, BEFORE))
                failure = failure_of(error, request, line.host or wire.url.host, written=written)
                # Both quote what came, and what was written.
                raise failure from (None if isinstance(error, httpx.ProtocolError) else error)
            raise
        if line.pool is not None and self._rooms.keeps(room):
            room.idle.append(line)
        else:
            await _leave(line)
        if response.status == PROXY_LOGIN and self._proxy is not None:
            raise proxy_login(request)
        return response

    def _wire(self, request: HttpRequest) -> httpx.Request:
        """Return the request as httpx has it."""
        seconds = request.timeout
        # TCP and TLS have this time each, and so have what is written to a proxy before the request, and its answer.
        connect = min(self._connect_timeout, seconds / (2 if self._proxy is None else 4))
        exchange = seconds if self._proxy is None else connect
        timeouts = {"connect": connect, "read": exchange, "write": exchange, "pool": seconds}
        try:
            if not are_fields(request.headers):
                raise ValueError
            wire = httpx.Request(
                request.method,
                request.url,
                headers={**request.headers, "Accept-Encoding": "identity"},
                content=request.body,
                extensions={"timeout": timeouts},
            )
            if not is_host(wire.url.host) or not 0 < (1 if wire.url.port is None else wire.url.port) < 65_536:
                raise ValueError(request.url)
        except (httpx.InvalidURL, ValueError, TypeError):  # which may quote a header
            raise no_http(request) from None
        return wire

    async def _exchange(self, line: _Line, wire: httpx.Request, request: HttpRequest) -> HttpResponse:
        """Write the request and read the whole answer."""
        if self._client is not None:
            answer = await self._client.send(wire, stream=True, auth=None, follow_redirects=False)
        else:
            assert line.pool is not None  # noqa: S101  # without a client every line has one
            answer = await line.pool.handle_async_request(wire)
        try:
            if line.pool is not None and (line.socket is None or line.socket.fileno() < 0):
                line.socket = answer.extensions["network_stream"].get_extra_info("socket")
            body = Body(request, answer.status_code)
            async for piece in answer.aiter_raw():
                body.add(piece)
        finally:
            await answer.aclose()
        headers = {key.lower(): value for key, value in answer.headers.items()}
        return response_of(request, answer.status_code, headers, body)


# -- what went wrong --------------------------------------------------------------------------------------------------


def _proxy(address: str | None) -> httpx.Proxy | None:
    """Return a proxy as httpx has it.

    Raises:
        InvalidRequest: The address, which may hold a password and is not shown, cannot be a proxy's.
    """
    if address is None:
        return None
    try:
        proxy = httpx.Proxy(address)
    except (httpx.InvalidURL, ValueError, TypeError):
        proxy = None
    if proxy is None or not is_host(proxy.url.host):
        msg = "The proxy's address cannot be one."
        raise InvalidRequest(msg, remedy="Write it as http://host:port, or http://login:password@host:port.")
    return proxy
