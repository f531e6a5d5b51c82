"""HTTP over httpx, with one connection for each pool.

httpx's pool looks at every waiting request for every connection it holds, so that its cost grows with the square of
what is in flight. Here each connection has a pool of its own, and a stack of idle ones decides who goes next: taking
one costs the same whether 1 or 500 requests are in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import httpx

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import (
    CannotPass,
    ConnectionLost,
    InvalidRequest,
    NotSent,
    ProtocolError,
    RequestTimeout,
    ServiceClosed,
    TransportError,
)
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports.peer import certificate_refused, is_host
from allmysms_async.transports.room import Room, Rooms, SocketLike

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["HttpxTransport"]

# Apache closes an idle connection after 5 seconds by default. A request written on a connection that the server is
# just closing is lost without a word on whether it was read, so idle connections are given up before that.
_IDLE_SECONDS = 4.0
# Each piece (chunk) of an answer costs as much as a kilobyte: a megabyte byte by byte would hold up the event loop.
_MANY_PIECES, _SMALL_PIECE = 10_000, 32

# The most specific class wins; what is not here is a broken connection.
_ERRORS: dict[type[httpx.HTTPError], tuple[type[TransportError], str]] = {
    httpx.ConnectError: (NotSent, "no connection could be made"),
    httpx.ConnectTimeout: (NotSent, "no connection could be made in time"),
    httpx.PoolTimeout: (NotSent, "no connection became free in time"),
    httpx.UnsupportedProtocol: (CannotPass, "the address is neither http nor https"),
    httpx.LocalProtocolError: (CannotPass, "the request cannot be written as HTTP"),
    httpx.ProxyError: (NotSent, "the proxy refused to connect"),
    httpx.WriteTimeout: (RequestTimeout, "the request could not be written in time; it may have been taken"),
    httpx.ReadTimeout: (RequestTimeout, "no answer came in time; the request may have been taken"),
    httpx.RemoteProtocolError: (ConnectionLost, "the connection broke before the answer was complete"),
    httpx.HTTPError: (ConnectionLost, "the connection broke; the request may have been taken"),
}

_PROXY_LOGIN = 407


class _Line:
    """A connection, or one that is to be opened.

    Attributes:
        pool: httpx's pool, which never has another.
        socket: Its socket, once it has carried a request.
        host: Whose certificate was asked for last: the server's or the proxy's.
        secure: Whether it knows whom to trust; without, it carries requests in clear alone.
    """

    __slots__ = ("host", "pool", "secure", "socket")

    def __init__(self, pool: httpx.AsyncHTTPTransport, *, secure: bool) -> None:
        self.pool = pool
        self.secure = secure
        self.socket: SocketLike | None = None
        self.host: str | None = None


async def _leave(line: _Line) -> None:
    """Close a connection that nobody uses."""
    with contextlib.suppress(Exception):  # it is of no use to anybody any more, whatever is wrong with it
        await line.pool.aclose()


def _awake(room: Room[_Line], secure: bool) -> _Line | None:
    """Return an idle connection that can carry a request, the latest first; None if there is none."""
    for position in range(len(room.idle) - 1, -1, -1):
        if room.idle[position].secure or not secure:
            return room.idle.pop(position)
    return None


@bordered
class HttpxTransport:
    """An ``HttpTransport`` over httpx, to be used from any event loop and process: each has its own connections.

    Args:
        max_connections: Connections at most in an event loop, and so requests in flight at most; more wait for their
            turn.
        connect_timeout: Seconds to open a connection.
        ssl_context: To trust other authorities than the system's usual ones; certificates are always verified
            by the default one.
        proxy: Address of an HTTP proxy, or None.

    Raises:
        InvalidRequest: No connection is allowed, or the proxy's address cannot be one.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        argument.count("max_connections", max_connections)
        argument.seconds("connect_timeout", connect_timeout)
        argument.given("ssl_context", ssl_context, (ssl.SSLContext, type(None)), "an ssl.SSLContext")
        if proxy is not None:
            argument.text("proxy", proxy)
        self._rooms: Rooms[_Line] = Rooms(max_connections, _leave, lambda line: line.socket)
        self._connect_timeout = connect_timeout
        self._ssl_context = ssl_context
        self._proxy = _proxy(proxy)

    async def __aenter__(self) -> HttpxTransport:
        """Return the transport itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.aclose()

    async def _open(self, room: Room[_Line], secure: bool) -> _Line:
        """Return a connection that is still to be opened."""
        trusted = self._ssl_context or await self._trust(room) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS)
        pool = httpx.AsyncHTTPTransport(verify=trusted, limits=limits, proxy=self._proxy, trust_env=False)
        return _Line(pool, secure=secure)

    async def _trust(self, room: Room[_Line]) -> ssl.SSLContext:
        """Return whom to trust, read once, and only where something is encrypted."""
        async with room.trusting:
            if self._ssl_context is None:
                # Reading every authority of the system takes 20 ms and more: not in the event loop.
                self._ssl_context = await asyncio.to_thread(httpx.create_ssl_context)
        return self._ssl_context

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt.

        Raises:
            NotSent: No connection.
            CannotPass: A certificate that was refused (``CertificateRefused``), an address or a header that cannot be
                written, a proxy that refused the login, or a transport that is closed (``ServiceClosed``).
            RequestTimeout: No complete answer within ``request.timeout``.
            ConnectionLost: The connection broke after writing began.
            ProtocolError: The answer is larger than ``request.max_response_bytes``, or compressed unasked.
        """
        wire = self._wire(request)
        self._check_open(request)
        room = self._rooms.here()
        until = asyncio.get_running_loop().time() + request.timeout
        try:
            async with asyncio.timeout_at(until):
                await room.turns.acquire()
        except TimeoutError as error:
            raise _no_connection(request) from error
        try:
            return await self._turn(request, wire, until, room)
        finally:
            room.turns.release()

    def _check_open(self, request: HttpRequest) -> None:
        """Refuse to send once the transport is closed."""
        if self._rooms.closed:
            msg = f"{request.name}: the transport is closed; nothing was sent."
            raise ServiceClosed(msg, request=request.name, remedy="Make another service, or transport, to send with.")

    async def _turn(self, request: HttpRequest, wire: httpx.Request, until: float, room: Room[_Line]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        self._check_open(request)  # again: it may have been closed while the request waited
        try:
            async with asyncio.timeout_at(until):
                secure = wire.url.scheme == "https" or self._proxy is not None
                line = _awake(room, secure) or await self._open(room, secure)
        except TimeoutError as error:
            raise _no_connection(request) from error
        written, turned = False, asyncio.Event()

        async def trace(event: str, info: Any) -> None:
            nonlocal written
            if event.endswith(".start_tls.started"):
                line.host = info.get("server_hostname")
            if event.endswith(".receive_response_headers.started"):
                asyncio.get_running_loop().call_soon(turned.set)
            # Without a turn of the event loop nothing was read: it came in one go with the answer before, and cannot
            # be the answer to what was written since.
            if event.endswith(".receive_response_headers.complete") and not turned.is_set():
                msg = f"{request.name}: the server had answered before it was asked; the request may have been taken."
                raise ProtocolError(msg, request=request.name)
            if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
                if asyncio.get_running_loop().time() >= until:
                    msg = f"{request.name}: no connection was ready within {request.timeout:g} s; nothing was sent."
                    raise NotSent(msg, request=request.name)
                written = True
                wire.extensions["timeout"].update(read=request.timeout, write=request.timeout)
                deadline.reschedule(until)

        wire.extensions["trace"] = trace
        try:
            # While it connects, the time-outs of the lower library apply, since it leaves the socket open if it is
            # interrupted from outside then.
            async with asyncio.timeout(None) as deadline:
                response = await self._exchange(line, wire, request)
        except BaseException as error:
            # What state an interrupted pool is in is not worth knowing: the next request opens another.
            await asyncio.shield(line.pool.aclose())
            if isinstance(error, Exception) and not isinstance(error, TransportError):
                raise _failure(error, request, line.host or wire.url.host, written=written) from error
            raise
        if self._rooms.keeps(room):
            room.idle.append(line)
        else:
            await _leave(line)
        if response.status == _PROXY_LOGIN and self._proxy is not None:
            raise _proxy_login(request)
        return response

    def _wire(self, request: HttpRequest) -> httpx.Request:
        """Return the request as httpx has it."""
        seconds = request.timeout
        # TCP and TLS have this time each, and so have what is written to a proxy before the request, and its answer.
        connect = min(self._connect_timeout, seconds / (2 if self._proxy is None else 4))
        exchange = seconds if self._proxy is None else connect
        timeouts = {"connect": connect, "read": exchange, "write": exchange, "pool": seconds}
        try:
            wire = httpx.Request(
                request.method,
                request.url,
                headers={**request.headers, "Accept-Encoding": "identity"},
                content=request.body,
                extensions={"timeout": timeouts},
            )
            if not is_host(wire.url.host) or not 0 < (1 if wire.url.port is None else wire.url.port) < 65_536:
                raise ValueError(request.url)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise _no_http(request) from error
        return wire

    async def _exchange(self, line: _Line, wire: httpx.Request, request: HttpRequest) -> HttpResponse:
        """Write the request and read the whole answer."""
        answer = await line.pool.handle_async_request(wire)
        try:
            if line.socket is None or line.socket.fileno() < 0:
                line.socket = answer.extensions["network_stream"].get_extra_info("socket")
            body, pieces = bytearray(), 0
            async for piece in answer.aiter_raw():
                body += piece
                pieces += 1
                if pieces > _MANY_PIECES + len(body) // _SMALL_PIECE:
                    msg = f"{request.name}: the answer comes in {pieces} crumbs of a few bytes; cut off."
                    raise ProtocolError(msg, request=request.name, code=str(answer.status_code))
                if len(body) > request.max_response_bytes:
                    msg = f"{request.name}: the answer is longer than {request.max_response_bytes} bytes; cut off."
                    raise ProtocolError(msg, request=request.name, code=str(answer.status_code))
        finally:
            await answer.aclose()
        headers = {key.lower(): value for key, value in answer.headers.items()}
        if headers.get("content-encoding", "identity").lower() != "identity":
            msg = f"{request.name}: the answer is compressed, which was not asked for."
            raise ProtocolError(msg, request=request.name, code=str(answer.status_code))
        return HttpResponse(status=answer.status_code, headers=headers, body=bytes(body))

    async def aclose(self) -> None:
        """Close idle connections now, in whatever event loop, and those in use as soon as their request ends."""
        await self._rooms.aclose()


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


def _failure(error: Exception, request: HttpRequest, host: str, *, written: bool) -> TransportError:
    """Return the library's error for what ended an attempt."""
    name = request.name
    if isinstance(error, TimeoutError) and written:
        return RequestTimeout(
            f"{name}: no answer within {request.timeout:g} s; the request may have been taken.", request=name
        )
    if not written:
        if refused := certificate_refused(error, host, name):
            return refused
        if isinstance(error, httpx.ProxyError) and str(error).startswith(str(_PROXY_LOGIN)):
            return _proxy_login(request)
    if isinstance(error, httpx.HTTPError):
        return _translate(error, name, written=written)
    # Such as what TLS finds wrong with the bytes of an answer, which comes through as it is.
    kind = ConnectionLost if written else NotSent
    what = "the request may have been taken" if written else "nothing was sent"
    return kind(f"{name}: the connection broke ({type(error).__name__}); {what}.", request=name)


def _translate(error: httpx.HTTPError, name: str, *, written: bool) -> TransportError:
    """Return the library's error for one of httpx's."""
    kind, message = next(_ERRORS[base] for base in type(error).__mro__ if base in _ERRORS)
    if not written and not issubclass(kind, NotSent):  # it was still talking to a proxy
        kind, message = NotSent, "the connection broke, or no answer came, before the request was written"
    return kind(f"{name}: {message} ({type(error).__name__}).", request=name)


def _proxy_login(request: HttpRequest) -> CannotPass:
    """Return the error of a login that the proxy refused."""
    msg = f"{request.name}: the proxy refused the login, or asks for one ({_PROXY_LOGIN}); nothing was sent."
    remedy = "Check login and password in the proxy's address."
    return CannotPass(msg, request=request.name, code=str(_PROXY_LOGIN), remedy=remedy)


def _no_http(request: HttpRequest) -> CannotPass:
    """Return the error of a request that HTTP has no way to write."""
    msg = f"{request.name}: the address or a header cannot be written as HTTP; nothing was sent."
    return CannotPass(msg, request=request.name, remedy="Check the backend's address.")


def _no_connection(request: HttpRequest) -> NotSent:
    """Return the error of a request whose time was over before a connection was there for it."""
    msg = f"{request.name}: no connection became free within {request.timeout:g} s; nothing was sent."
    return NotSent(msg, request=request.name)
