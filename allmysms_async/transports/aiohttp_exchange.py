"""One exchange over aiohttp: the short way over its connector, and the way of its session for all else.

A session makes of every request an address, a header, a payload, a task that writes them and an answer object, and
that is half of the CPU time. Where nobody of the user's looks on, aiohttp opens and keeps the connections and reads the
answers, and the request is written as ``H11Transport`` writes it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
import yarl
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage

from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports.address import Origin, address_of, are_fields
from allmysms_async.transports.aiohttp_session import MAX_FIELD_BYTES, Held
from allmysms_async.transports.attempt import Body, response_of
from allmysms_async.transports.failure import PROXY_LOGIN, no_http_answer, proxy_login, too_early
from allmysms_async.transports.watch import Watch
from allmysms_async.transports.wire import MAX_INTERIM, Fields, begun

__all__ = ["Attempt", "Wire", "by_session", "shortly", "written"]


class Wire(msgspec.Struct, frozen=True):
    """Where a request goes, and its header.

    Attributes:
        url: Where it goes, as aiohttp has it.
        headers: The header as aiohttp has it.
        origin: The server.
        head: The head up to its length, as it is written; None of one that aiohttp is to write.
    """

    url: yarl.URL
    headers: dict[str, str]
    origin: Origin
    head: bytes | None


class Attempt:
    """How far an attempt got.

    Attributes:
        written: Whether writing began.
        early: Whether an answer was there before.
        over: Whether it is too late to write.
    """

    __slots__ = ("early", "over", "written")

    def __init__(self) -> None:
        self.written = self.early = self.over = False


def written(method: str, url: str, fields: Fields) -> Wire:
    """Return where a request goes, and its header.

    Raises:
        ValueError: The address leads nowhere, or HTTP has no way to write the header.
    """
    address = address_of(url)
    headers = {**dict(fields), "Accept-Encoding": "identity"}
    if not are_fields({**headers, method: ""}):  # a method is written as a name is
        raise ValueError
    scheme = "https" if address.origin[0] else "http"
    target = yarl.URL(f"{scheme}://{address.field.decode()}{address.target.decode()}", encoded=True)
    said = {name.lower() for name, _ in fields}
    head = None if "accept-encoding" in said or len(said) < len(fields) else begun(method, url, fields)[1]
    return Wire(url=target, headers=headers, origin=address.origin, head=head)


# -- the short way ----------------------------------------------------------------------------------------------------


async def shortly(
    held: Held,
    request: HttpRequest,
    wire: Wire,
    attempt: Attempt,
    trusted: ssl.SSLContext | bool,
    limits: aiohttp.ClientTimeout,
) -> HttpResponse:
    """Write the request on a connection of the connector's, in one go, and read the whole answer."""
    head = wire.head
    assert head is not None  # noqa: S101  # the request is for this way
    connection = await _connected(held, request, wire, attempt, trusted, limits)
    try:
        protocol, transport = connection.protocol, connection.transport
        assert protocol is not None  # noqa: S101  # it is open
        assert transport is not None  # noqa: S101
        protocol.set_response_params(
            read_until_eof=True, auto_decompress=False, max_line_size=MAX_FIELD_BYTES, max_field_size=MAX_FIELD_BYTES
        )
        attempt.written = True
        transport.write(b"%b%d\r\n\r\n%b" % (head, len(request.body), request.body))
        message, content = await protocol.read()
        if message.code < 200:
            message, content = await _final(protocol, request, message.code)
        body = _body(request, message.code)
        if content.is_eof():  # it came whole
            body.add(content.read_nowait())
        else:
            await _read(content, body)
        response = _response(request, message.code, message.headers, body)
    except BaseException:
        _give_up(connection)
        raise
    if transport.get_write_buffer_size() or (wire.origin[0] and _is_writing_beneath(transport)):
        _give_up(connection)  # the server answered before it read all: what it says of the rest is no answer
    else:
        connection.release()
    return response


async def _connected(
    held: Held,
    request: HttpRequest,
    wire: Wire,
    attempt: Attempt,
    trusted: ssl.SSLContext | bool,
    limits: aiohttp.ClientTimeout,
) -> Connection:
    """Return a connection that nothing came on unasked.

    Raises:
        NotSent: The server spoke before it was asked, or closed the connection.
    """
    connector = held.session.connector
    assert connector is not None  # noqa: S101  # the session is open
    asked = held.asked(wire.url, wire.origin, trusted)
    while True:
        try:
            connection = await connector.connect(asked, [], limits)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        try:
            protocol, transport = connection.protocol, connection.transport
            fresh = False
            if protocol is not None and transport is not None:
                watch = held.watches.get(protocol)
                fresh = watch is None
                if watch is None:
                    watch = held.watches[protocol] = Watch(transport.get_extra_info("socket"))
                    if wire.origin[0]:  # TLS has messages of its own, which come unasked: the event loop reads them
                        await asyncio.sleep(0)
                heard = protocol.should_close or not protocol.is_connected()
                if not heard and not (watch.is_readable() and not (fresh and wire.origin[0])):
                    return connection
        except BaseException:
            _give_up(connection)
            raise
        _give_up(connection)
        if fresh:
            attempt.early = True
            raise too_early(request, written=False)


async def _final(
    protocol: ResponseHandler, request: HttpRequest, code: int
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Return what follows interim answers, the first of which had this code; what is none is refused."""
    interim = 0
    while 100 <= code < 200 and code != 101:
        interim += 1
        if interim > MAX_INTERIM:
            break
        message, content = await protocol.read()
        code = message.code
        if code >= 200:
            return message, content
    raise no_http_answer(request)


def _is_writing_beneath(transport: asyncio.Transport) -> bool:
    """Tell whether TLS has something that is not handed to the system yet; asyncio shows it nowhere else."""
    beneath: asyncio.Transport | None = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return beneath is not None and beneath.get_write_buffer_size() > 0


def _give_up(connection: Connection) -> None:
    """Close a connection now; what is not written yet never will be."""
    transport = connection.transport
    if transport is not None:
        transport.abort()
    connection.close()


# -- the way of a session ---------------------------------------------------------------------------------------------


class _Written(aiohttp.Payload):
    """The body of a request, which tells when its writing begins; it is written once at most.

    aiohttp writes the head together with the first bytes of the body.
    """

    def __init__(self, content: bytes, attempt: Attempt) -> None:
        super().__init__(content)
        self._content = content
        self._attempt = attempt

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
        attempt = self._attempt
        # Read while the connection was idle; aiohttp would take it for the answer to this request.
        attempt.early = bool(writer.protocol.should_close)
        if attempt.early or attempt.over or attempt.written:
            raise ConnectionResetError
        attempt.written = True
        await writer.write(self._content)


async def by_session(
    held: Held,
    request: HttpRequest,
    wire: Wire,
    attempt: Attempt,
    trusted: ssl.SSLContext | bool,
    limits: aiohttp.ClientTimeout,
) -> HttpResponse:
    """Have the session write the request, and read the whole answer."""
    answer = await held.session.request(
        request.method,
        wire.url,
        data=_Written(request.body, attempt),
        headers=wire.headers,
        allow_redirects=False,
        timeout=limits,
        ssl=trusted,
    )
    try:
        if not attempt.written:  # and it will not be, since it is over
            raise too_early(request, written=False)
        body = _body(request, answer.status)
        await _read(answer.content, body)
        response = _response(request, answer.status, answer.headers, body)
        if answer.status == PROXY_LOGIN and held.session.trust_env:
            raise proxy_login(request)
        return response
    finally:
        if not answer.closed:  # read to its end it is, and its connection with the connector again
            answer.close()


# -- both -------------------------------------------------------------------------------------------------------------


def _body(request: HttpRequest, status: int) -> Body:
    """Return what reads the body of an answer with this status."""
    if not 200 <= status < 1000:
        raise no_http_answer(request)
    return Body(request, status)


async def _read(content: aiohttp.StreamReader, body: Body) -> None:
    """Read the body of an answer to its end."""
    while not content.at_eof():
        piece, _ = await content.readchunk()
        if piece:
            body.add(piece)


def _response(request: HttpRequest, status: int, headers: Mapping[str, str], body: Body) -> HttpResponse:
    """Return an answer whose body was read to its end."""
    fields: dict[str, str] = {}
    for name, value in headers.items():
        if "\0" in value:  # older ones of aiohttp let it pass
            raise no_http_answer(request)
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return response_of(request, status, fields, body)
