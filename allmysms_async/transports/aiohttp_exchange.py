"""One exchange over a session of aiohttp, and what every exchange over aiohttp begins and ends with."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import msgspec
import yarl

from allmysms_async.errors import NotSent
from allmysms_async.exchange import HttpRequest, HttpResponse, departure
from allmysms_async.transports.address import Origin, address_of, are_fields
from allmysms_async.transports.aiohttp_session import Held
from allmysms_async.transports.attempt import Body, departed, response_of
from allmysms_async.transports.failure import PROXY_LOGIN, broken, no_http_answer, proxy_login, too_early
from allmysms_async.transports.room import SocketLike, Watch
from allmysms_async.transports.wire import Fields, begun

__all__ = ["Attempt", "Wire", "answer", "body_of", "by_session", "read", "written"]

_WITHOUT_BODY = frozenset({204, 304})
"""Statuses of answers that end with their header. Source: RFC 9112, section 6.3."""


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


class Breakable(Protocol):
    """What aiohttp reads an answer from."""

    def exception(self) -> BaseException | None:
        """Return what ended it."""
        ...


class Attempt:
    """How far an attempt got.

    Args:
        until: When its time is over, by the event loop's clock.

    Attributes:
        until: The same.
        refused: Why it is not to be written.
        written: Whether writing began.
        early: Whether an answer was there before.
        over: Whether it is too late to write.
        connection: What a session wrote on, and reads the answer from.
    """

    __slots__ = ("connection", "early", "over", "refused", "until", "written")

    def __init__(self, until: float) -> None:
        self.until = until
        self.refused: NotSent | None = None
        self.written = self.early = self.over = False
        self.connection: Breakable | None = None


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


# -- the way of a session ---------------------------------------------------------------------------------------------


class _Written(aiohttp.Payload):
    """The body of a request, which tells when its writing begins; it is written once at most.

    aiohttp writes the head together with the first bytes of the body.
    """

    def __init__(self, request: HttpRequest, attempt: Attempt) -> None:
        super().__init__(request.body)
        self._request = request
        self._content = request.body
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
        waits = departure.get() is not None
        try:
            await departed(self._request, attempt.until)
        except NotSent as error:  # which the session would wrap
            attempt.refused = error
            raise ConnectionResetError from None
        # Read while the connection was idle; aiohttp would take it for the answer to this request.
        attempt.early = bool(writer.protocol.should_close) or (waits and _is_readable(writer.transport))
        if attempt.early or attempt.over or attempt.written:
            raise ConnectionResetError
        attempt.written = True
        attempt.connection = writer.protocol
        await writer.write(self._content)


def _is_readable(transport: asyncio.Transport | None) -> bool:
    """Tell whether something came on a connection that was not read yet; TLS has messages that come unasked."""
    if transport is None or transport.get_extra_info("sslcontext") is not None:
        return False
    socket: SocketLike | None = transport.get_extra_info("socket")
    return socket is not None and Watch(socket).is_readable()


async def by_session(
    held: Held,
    request: HttpRequest,
    wire: Wire,
    attempt: Attempt,
    trusted: ssl.SSLContext | bool,
    limits: aiohttp.ClientTimeout,
) -> HttpResponse:
    """Have the session write the request, and read the whole answer."""
    came = await held.session.request(
        request.method,
        wire.url,
        data=_Written(request, attempt),
        headers=wire.headers,
        allow_redirects=False,
        timeout=limits,
        ssl=trusted,
    )
    try:
        if not attempt.written:  # and it will not be, since it is over
            raise too_early(request, written=False)
        body = body_of(request, came.status)
        await read(came.content, body)
        response = answer(request, came.status, came.headers, body, attempt.connection)
        if came.status == PROXY_LOGIN and held.session.trust_env:
            raise proxy_login(request)
        return response
    finally:
        if not came.closed:  # read to its end it is, and its connection with the connector again
            came.close()


# -- both -------------------------------------------------------------------------------------------------------------


def body_of(request: HttpRequest, status: int) -> Body:
    """Return what reads the body of an answer with this status."""
    if not 200 <= status < 1000:
        raise no_http_answer(request)
    return Body(request, status)


async def read(content: aiohttp.StreamReader, body: Body) -> None:
    """Read the body of an answer to its end."""
    while not content.at_eof():
        piece, _ = await content.readchunk()
        if piece:
            body.add(piece)


def answer(
    request: HttpRequest, status: int, headers: Mapping[str, str], body: Body, connection: Breakable | None
) -> HttpResponse:
    """Return an answer whose body was read to its end.

    Raises:
        ConnectionLost: Its end is that of the connection, which broke.
        ProtocolError: It is compressed.
    """
    fields: dict[str, str] = {}
    for name, value in headers.items():
        if "\0" in value:  # older ones of aiohttp let it pass
            raise no_http_answer(request)
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    if "content-length" not in fields and "transfer-encoding" not in fields and status not in _WITHOUT_BODY:
        # aiohttp takes the end of a connection for the end of a body, whichever it is.
        broke = None if connection is None else connection.exception()
        if isinstance(broke, aiohttp.ClientOSError):
            raise broken(request, broke)
    return response_of(request, status, fields, body)
