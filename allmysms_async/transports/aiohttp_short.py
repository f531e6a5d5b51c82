"""One exchange over a connector of aiohttp, without its session.

A session makes of every request an address, a header, a payload, a task that writes them and an answer object, and
that is half of the CPU time. Where nobody of the user's looks on, aiohttp opens and keeps the connections and reads the
answers, and the request is written as ``H11Transport`` writes it.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, cast

import aiohttp

from allmysms_async.exchange import HttpRequest, HttpResponse, departure
from allmysms_async.transports.aiohttp_exchange import Attempt, Wire, answer, body_of, read
from allmysms_async.transports.aiohttp_session import MAX_FIELD_BYTES, Held
from allmysms_async.transports.attempt import departed
from allmysms_async.transports.failure import no_http_answer, too_early
from allmysms_async.transports.room import Watch
from allmysms_async.transports.wire import MAX_INTERIM

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage

__all__ = ["shortly"]


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
        if departure.get() is not None:
            await departed(request, attempt.until)
            if protocol.should_close or not protocol.is_connected():  # meanwhile
                raise ConnectionResetError
            if not wire.origin[0] and held.watches[protocol].is_readable():
                raise too_early(request, written=False)
        attempt.written = True
        transport.write(b"%b%d\r\n\r\n%b" % (head, len(request.body), request.body))
        message, content = await protocol.read()
        if message.code < 200:
            message, content = await _final(protocol, request, message.code)
        body = body_of(request, message.code)
        if content.is_eof():  # it came whole
            body.add(content.read_nowait())
        else:
            await read(content, body)
        response = answer(request, message.code, message.headers, body, protocol)
        fit = _is_fit(protocol, transport, wire.origin[0])
    except BaseException:
        _give_up(connection)
        raise
    if fit:
        _set_down(protocol)
        connection.release()
    else:
        _give_up(connection)
    return response


async def _connected(
    held: Held,
    request: HttpRequest,
    wire: Wire,
    attempt: Attempt,
    trusted: ssl.SSLContext | bool,
    limits: aiohttp.ClientTimeout,
) -> Connection:
    """Return a connection that nothing came on unasked; one that was used before is replaced where something did.

    Raises:
        NotSent: The server spoke on a new connection before it was asked, or closed it.
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
                if watch is None:
                    fresh = not _was_used(protocol)
                    watch = held.watches[protocol] = Watch(transport.get_extra_info("socket"))
                    if fresh and wire.origin[0]:
                        # TLS has messages of its own, which come unasked: the event loop reads them. Its first turn
                        # only finds that there is something to read, behind this task's own.
                        await asyncio.sleep(0)
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


def _was_used(protocol: ResponseHandler) -> bool:
    """Tell whether somebody else had an answer read on a connection; aiohttp shows it nowhere else."""
    return getattr(protocol, "_parser", None) is not None


def _set_down(protocol: ResponseHandler) -> None:
    """Let what comes on a connection while it is idle be kept as it is: the beginning of an answer would not show."""
    cast("Any", protocol)._parser = None


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


def _is_fit(protocol: ResponseHandler, transport: asyncio.Transport, secure: bool) -> bool:
    """Tell whether a connection is fit for another request, now that its answer was read."""
    if protocol.should_close or transport.is_closing():  # and a closed one of TLS cannot be asked what follows
        return False
    # The server may have answered before it read all: what it says of the rest is no answer.
    return not transport.get_write_buffer_size() and not (secure and _is_writing_beneath(transport))


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
