"""HTTP over aiohttp: the fastest, and for applications that have a session of it already."""

from __future__ import annotations

import asyncio
import functools
import ssl
from typing import Any, TypeAlias

import aiohttp
import yarl

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import TransportError
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports.address import address_of, are_fields
from allmysms_async.transports.aiohttp_session import Held, own_session, shared_session
from allmysms_async.transports.attempt import Body, Carrier, Home, response_of
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

_Wire: TypeAlias = tuple[yarl.URL, dict[str, str]]


class _Written(aiohttp.Payload):
    """The body of a request, which knows whether its writing began; it is written once at most.

    aiohttp writes the head together with the first bytes of the body.

    Attributes:
        written: Whether writing began.
        early: Whether an answer was there before.
        over: Whether it is too late to write.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.written = self.early = self.over = False
        self._content = content

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self._content)

    @property
    def autoclose(self) -> bool:
        """There is nothing to close."""
        return True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Show nothing: it holds the credentials."""
        return ""

    async def write(self, writer: Any) -> None:
        """Write it."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        """Write it, unless an answer is there already, or it was written before."""
        # Read while the connection was idle; aiohttp would take it for the answer to this request.
        self.early = bool(writer.protocol.should_close)
        if self.early or self.over or self.written:
            raise ConnectionResetError
        self.written = True
        await writer.write(self._content)


def _written(method: str, url: str, fields: tuple[tuple[str, str], ...]) -> _Wire:
    """Return an address and a header as aiohttp has them.

    Raises:
        ValueError: The address leads nowhere, or HTTP has no way to write the header.
    """
    address = address_of(url)
    headers = {**dict(fields), "Accept-Encoding": "identity"}
    if not are_fields({**headers, method: ""}):  # a method is written as a name is
        raise ValueError
    scheme = "https" if address.origin[0] else "http"
    return yarl.URL(f"{scheme}://{address.field.decode()}{address.target.decode()}", encoded=True), headers


@bordered
class AiohttpTransport(Carrier[Held, _Wire]):
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
        self._written = functools.lru_cache(maxsize=32)(_written)
        self._limits = aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=alone)

    def _wire(self, request: HttpRequest) -> _Wire:
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

    async def _turn(self, request: HttpRequest, wire: _Wire, until: float, room: Room[Held]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        secure = wire[0].scheme == "https" and (self._session is None or self._ssl_context is not None)
        trusted = await self._trust(room, request, until) if secure else True
        if asyncio.get_running_loop().time() >= until:
            raise no_turn(request)
        held = self._hold(room, request)
        body = _Written(request.body)
        held.users += 1
        try:
            async with asyncio.timeout_at(until):
                return await self._exchange(held, request, wire, body, trusted)
        except TransportError:
            raise
        except Exception as error:
            raise _failure(error, request, wire[0].host or "", body) from _cause(error)
        finally:
            body.over = True
            held.users -= 1
            if held.over:
                await held.leave()

    async def _exchange(
        self, held: Held, request: HttpRequest, wire: _Wire, body: _Written, trusted: ssl.SSLContext | bool
    ) -> HttpResponse:
        """Write the request and read the whole answer."""
        url, headers = wire
        answer = await held.session.request(
            request.method,
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=self._limits,
            ssl=trusted,
        )
        try:
            if not body.written:  # and it will not be, since it is over
                raise too_early(request, written=False)
            if not 200 <= answer.status < 1000:
                raise no_http_answer(request)
            read = Body(request, answer.status)
            content = answer.content
            while not content.at_eof():
                piece, _ = await content.readchunk()
                if piece:
                    read.add(piece)
            fields: dict[str, str] = {}
            for name, value in answer.headers.items():
                if "\0" in value:  # older ones of aiohttp let it pass
                    raise no_http_answer(request)
                key = name.lower()
                fields[key] = f"{fields[key]}, {value}" if key in fields else value
            if answer.status == PROXY_LOGIN and held.session.trust_env:
                raise proxy_login(request)
            return response_of(request, answer.status, fields, read)
        finally:
            if not answer.closed:  # read to its end it is, and its connection with the connector again
                answer.close()


def _cause(error: Exception) -> BaseException | None:
    """Return what can be shown of an error: many hold the request's header, or the words of the answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return error if type(error) in {TimeoutError, OSError} else None


def _failure(error: Exception, request: HttpRequest, host: str, body: _Written) -> TransportError:
    """Return the library's error for what ended an attempt."""
    if body.early:
        return too_early(request, written=False)
    if body.written:
        if isinstance(error, TimeoutError):
            return too_late(request)
        return no_http_answer(request) if isinstance(error, aiohttp.ClientResponseError) else broken(request, error)
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == PROXY_LOGIN:
        return proxy_login(request)
    if isinstance(error, aiohttp.InvalidURL):
        return no_http(request)
    return certificate_refused(_cause(error) or error, host, request.name) or not_connected(request, error)
