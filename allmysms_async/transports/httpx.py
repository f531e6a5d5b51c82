"""HTTP over httpx, with one connection for each pool.

httpx's pool looks at every waiting request for every connection it holds, so that its cost grows with the square of
what is in flight. Here each connection has a pool of its own, and a stack of idle ones decides who goes next: taking
one costs the same whether 1 or 500 requests are in flight.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import httpx

from allmysms_async.errors import ConnectionLost, NotSent, ProtocolError, RequestTimeout, TransportError
from allmysms_async.exchange import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["HttpxTransport"]

# Apache closes an idle connection after 5 seconds by default. A request written on a connection that the server is
# just closing is lost without a word on whether it was read, so idle connections are given up before that.
_IDLE_SECONDS = 4.0

# The most specific class wins; what is not here is a broken connection.
_ERRORS: dict[type[httpx.HTTPError], tuple[type[TransportError], str]] = {
    httpx.ConnectError: (NotSent, "no connection could be made"),
    httpx.ConnectTimeout: (NotSent, "no connection could be made in time"),
    httpx.PoolTimeout: (NotSent, "no connection became free in time"),
    httpx.UnsupportedProtocol: (NotSent, "the address is neither http nor https"),
    httpx.LocalProtocolError: (NotSent, "the request cannot be written as HTTP"),
    httpx.ProxyError: (NotSent, "the proxy refused to connect"),
    httpx.WriteTimeout: (RequestTimeout, "the request could not be written in time; it may have been taken"),
    httpx.ReadTimeout: (RequestTimeout, "no answer came in time; the request may have been taken"),
    httpx.RemoteProtocolError: (ConnectionLost, "the connection broke before the answer was complete"),
    httpx.HTTPError: (ConnectionLost, "the connection broke; the request may have been taken"),
}


def _translate(error: httpx.HTTPError, name: str) -> TransportError:
    """Return the library's error for one of httpx's."""
    kind, message = next(_ERRORS[base] for base in type(error).__mro__ if base in _ERRORS)
    return kind(f"{name}: {message} ({type(error).__name__}).", request=name)


class HttpxTransport:
    """An ``HttpTransport`` over httpx.

    Args:
        max_connections: Connections at most, and so requests in flight at most; more wait for their turn.
        connect_timeout: Seconds to open a connection.
        ssl_context: To trust other authorities than the system's usual ones; certificates are always verified
            by the default one.
        proxy: Address of an HTTP proxy, or None.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        if max_connections < 1:
            msg = f"max_connections is {max_connections}, it must be at least 1."
            raise ValueError(msg)
        self._turns = asyncio.Semaphore(max_connections)
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._connect_timeout = connect_timeout
        self._ssl_context = ssl_context
        self._trusting = asyncio.Lock()
        self._proxy = proxy
        self._closed = False

    async def __aenter__(self) -> HttpxTransport:
        """Return the transport itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.aclose()

    async def _open(self) -> httpx.AsyncHTTPTransport:
        """Return a pool for one connection; nothing is opened yet."""
        async with self._trusting:
            if self._ssl_context is None:
                # Reading every authority of the system takes 20 ms and more: not in the event loop.
                self._ssl_context = await asyncio.to_thread(httpx.create_ssl_context)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS)
        return httpx.AsyncHTTPTransport(verify=self._ssl_context, limits=limits, proxy=self._proxy, trust_env=False)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt.

        Raises:
            NotSent: No connection, TLS refused, or the transport is closed.
            RequestTimeout: No complete answer within ``request.timeout``.
            ConnectionLost: The connection broke after writing began.
            ProtocolError: The answer is larger than ``request.max_response_bytes``, or compressed unasked.
        """
        wire = self._wire(request)
        until = asyncio.get_running_loop().time() + request.timeout
        try:
            async with asyncio.timeout_at(until):
                await self._turns.acquire()
        except TimeoutError as error:
            msg = f"{request.name}: no connection became free within {request.timeout:g} s; nothing was sent."
            raise NotSent(msg, request=request.name) from error
        try:
            return await self._turn(request, wire, until)
        finally:
            self._turns.release()

    async def _turn(self, request: HttpRequest, wire: httpx.Request, until: float) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        # Asked only now, since the transport may have been closed while the request waited.
        if self._closed:
            msg = f"{request.name}: the transport is closed; nothing was sent."
            raise NotSent(msg, request=request.name)
        written = False

        async def trace(event: str, info: object) -> None:
            nonlocal written
            if event.endswith(".send_request_headers.started"):
                if asyncio.get_running_loop().time() >= until:
                    msg = f"{request.name}: no connection was ready within {request.timeout:g} s; nothing was sent."
                    raise NotSent(msg, request=request.name)
                written = True
                deadline.reschedule(until)

        wire.extensions["trace"] = trace
        line = self._idle.pop() if self._idle else await self._open()
        try:
            # While it connects, the time-outs of the lower library apply, since it leaves the socket open if it is
            # interrupted from outside then.
            async with asyncio.timeout(None) as deadline:
                response = await self._exchange(line, wire, request)
        except BaseException as error:
            # What state an interrupted pool is in is not worth knowing: the next request opens another.
            await asyncio.shield(line.aclose())
            if isinstance(error, TimeoutError) and written:
                msg = f"{request.name}: no answer within {request.timeout:g} s; the request may have been taken."
                raise RequestTimeout(msg, request=request.name) from error
            if isinstance(error, httpx.HTTPError):
                raise _translate(error, request.name) from error
            if isinstance(error, Exception) and not isinstance(error, TransportError):
                # Such as what TLS finds wrong with the bytes of an answer, which comes through as it is.
                kind = ConnectionLost if written else NotSent
                what = "the request may have been taken" if written else "nothing was sent"
                msg = f"{request.name}: the connection broke ({type(error).__name__}); {what}."
                raise kind(msg, request=request.name) from error
            raise
        if self._closed:
            await line.aclose()
        else:
            self._idle.append(line)
        return response

    def _wire(self, request: HttpRequest) -> httpx.Request:
        """Return the request as httpx has it."""
        seconds = request.timeout
        # TCP and TLS have this time each.
        connect = min(self._connect_timeout, seconds / 2)
        timeouts = {"connect": connect, "read": seconds, "write": seconds, "pool": seconds}
        try:
            wire = httpx.Request(
                request.method,
                request.url,
                headers={**request.headers, "Accept-Encoding": "identity"},
                content=request.body,
                extensions={"timeout": timeouts},
            )
            if not wire.url.host or not 0 < (wire.url.port or 1) < 65_536:
                raise ValueError(request.url)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            msg = f"{request.name}: the address or a header cannot be written as HTTP; nothing was sent."
            raise NotSent(msg, request=request.name) from error
        return wire

    async def _exchange(
        self, line: httpx.AsyncHTTPTransport, wire: httpx.Request, request: HttpRequest
    ) -> HttpResponse:
        """Write the request and read the whole answer."""
        answer = await line.handle_async_request(wire)
        try:
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
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
        """Close idle connections now, and those in use as soon as their request ends."""
        self._closed = True
        while self._idle:
            await self._idle.pop().aclose()
