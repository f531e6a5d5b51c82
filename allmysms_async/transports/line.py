"""One connection to a server, that one request at a time goes over; h11 reads what is not read in one pass.

Nearly every answer comes whole, with status 200 and a plain ``Content-Length``: ``read_ordinary`` reads it. h11 is told
of an exchange only where its answer is anything else, and then reads all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import ssl

import h11

from allmysms_async.errors import NotSent
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports.address import Address, Origin
from allmysms_async.transports.attempt import IDLE_SECONDS, Body, response_of
from allmysms_async.transports.failure import broken, no_http_answer, too_early, too_late
from allmysms_async.transports.room import SocketLike, Watch
from allmysms_async.transports.wire import MAX_FIELDS, MAX_INTERIM, Wire, fields_of, read_ordinary, told

__all__ = ["Line"]

_MAX_UNREAD_BYTES = 256 * 1024
_BREATH = 256
"""Pieces of an answer after which others get a turn."""
_ORDINARY_BYTES = 64 * 1024
_ORDINARY_PIECES = 4
"""Pieces that an ordinary answer comes in at most."""


class Line(asyncio.Protocol):
    """A connection to one server.

    Attributes:
        origin: Which one.
        socket: Its socket.
        idle_since: When its last answer was read, by the event loop's clock.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.socket: SocketLike | None = None
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._beneath: asyncio.Transport | None = None
        self._watch: Watch | None = None
        self._asking: tuple[HttpRequest, Address] | None = None
        self._came = b""
        self._pieces = 0
        self._ordinary: tuple[dict[str, str], int, int] | None = None
        self._whole = False
        self._parser: h11.Connection | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until = math.inf
        self._over = False
        self._late = False
        self._held = False
        self._unread = 0
        self._error: Exception | None = None

    # -- what asyncio calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what asyncio gives a stream protocol
        self._transport = transport
        self.socket = transport.get_extra_info("socket")
        self._watch = None if self.socket is None else Watch(self.socket)

    def data_received(self, data: bytes) -> None:
        """Keep what came; what nobody asked for makes the connection useless."""
        asking = self._asking
        if asking is None or self._whole:
            self._over = True
        if self._over or asking is None:
            return
        if self._parser is None:
            self._came += data
            self._pieces += 1
            self._ordinary = found = self._ordinary or read_ordinary(self._came)
            if found is not None and found[2] - found[1] <= min(_ORDINARY_BYTES, asking[0].max_response_bytes):
                self._whole = len(self._came) == found[2]
                if not self._whole and len(self._came) < found[2] and self._pieces < _ORDINARY_PIECES:
                    return
            if not self._whole:
                self._tell()
        else:
            self._parser.receive_data(data)
            self._unread += len(data)
            if self._unread > _MAX_UNREAD_BYTES and self._transport is not None:
                self._held = True
                self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Take note that nothing more comes; asyncio closes the connection then."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone."""
        self._error = self._error or exc
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if self._error is None and self._asking is not None and not self._whole:
                self._tell().receive_data(b"")
        self._stop_timer()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        """Let more come."""
        self._unread = 0
        if self._held and self._transport is not None:
            self._held = False
            self._transport.resume_reading()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> h11.Connection:
        """Return what reads the answer: h11, told now of the request and of what came, if it was not before."""
        if self._parser is None:
            assert self._asking is not None  # noqa: S101  # an answer is to something
            _, self._parser = told(*self._asking)
            if self._came:
                self._parser.receive_data(self._came)
        return self._parser

    # -- what the transport calls -------------------------------------------------------------------------------------

    async def encrypt(self, trusted: ssl.SSLContext) -> None:
        """Have the server prove who it is, and speak TLS with it.

        asyncio can do so while it connects, and leaves the socket open if it is interrupted between the two.

        Raises:
            OSError: It did not; the connection is closed.
        """
        plain = self._beneath = self._transport
        try:
            if plain is None or self._over:
                raise ConnectionResetError
            self._transport = await asyncio.get_running_loop().start_tls(
                plain, self, trusted, server_hostname=self.origin[1]
            )
            # Have the event loop read what came meanwhile: in its first turn it only finds that there is something.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        except BaseException:
            if plain is not None:
                plain.abort()
            raise

    def is_fit(self, now: float) -> bool:
        """Tell whether another request can be written: neither side closed it, and nothing came unasked."""
        if self._over or self._transport is None or self._transport.is_closing():
            return False
        return now - self.idle_since < IDLE_SECONDS and not self._is_readable()

    def _is_readable(self) -> bool:
        return self._watch is None or self._watch.is_readable()

    def close(self) -> None:
        """Close the connection now; what is not written yet never will be."""
        self._over = True
        self._stop_timer()
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):  # the event loop is closed, and has nothing to do with it any more
                self._transport.abort()

    def write(self, wire: Wire, request: HttpRequest, *, fresh: bool) -> None:
        """Write a request, in one go.

        Args:
            wire: What is written, and what is to read the answer if that is decided already.
            request: The request.
            fresh: Whether nobody looked yet what came on the connection.

        Raises:
            NotSent: The connection is closed, or the server spoke first; nothing was written.
        """
        if self._over or self._transport is None:
            msg = f"{request.name}: the connection was closed before it could be used; nothing was sent."
            raise NotSent(msg, request=request.name)
        # Of TLS it is known what came: its own messages come unasked.
        if fresh and not self.origin[0] and self._is_readable():
            raise too_early(request, written=False)
        self._asking = (request, wire[0])
        self._parser = wire[2]
        self._transport.write(wire[1])

    async def answered(self, request: HttpRequest, until: float) -> HttpResponse:
        """Return the answer to what was written.

        Raises:
            OutcomeUnknown: None came, not in time, or none that can be read.
        """
        loop = asyncio.get_running_loop()
        self._until = until
        # One timer serves request after request: it is set anew only where it would come too late.
        if self._timer is None or self._timer.when() > until:
            self._stop_timer()
            self._timer = loop.call_at(until, self._expire, until)
        try:
            if self._parser is None and not (self._whole or self._over):
                self._waiter = loop.create_future()
                await self._waiter
            if not self._whole:
                return await self._read(self._tell(), request)
        except h11.RemoteProtocolError:  # which quotes what came
            raise no_http_answer(request) from None
        finally:
            self._until = math.inf
        assert self._ordinary is not None  # noqa: S101  # it came whole
        headers, begin, _ = self._ordinary
        return HttpResponse(status=200, headers=headers, body=self._came[begin:])

    def rest(self, now: float) -> bool:
        """Tell whether the connection can be kept for another request, which is the last that this one does."""
        parser = self._parser
        if self._over or self._late or self._transport is None:
            return False
        if parser is not None and (
            parser.our_state is not h11.DONE or parser.their_state is not h11.DONE or parser.trailing_data[0]
        ):
            return False  # more than the answer came: the next answer could be anybody's
        # The same where it came before the request was written.
        if self._transport.get_write_buffer_size() or (self._beneath and self._beneath.get_write_buffer_size()):
            return False
        if parser is not None:
            self._resume()
        self._asking = self._parser = self._ordinary = None
        self._came, self._pieces, self._whole = b"", 0, False
        self.idle_since = now
        return True

    # -- reading ------------------------------------------------------------------------------------------------------

    def _expire(self, moment: float) -> None:
        """Have the request fail whose time is over; there may be a later one by now."""
        self._timer = None
        if self._until <= moment:
            # An answer that came whole in the same turn is read, and the connection goes on to other requests.
            self._late = not self._whole
            self._wake()
        elif self._until < math.inf:
            self._timer = asyncio.get_running_loop().call_at(self._until, self._expire, self._until)

    async def _read(self, parser: h11.Connection, request: HttpRequest) -> HttpResponse:
        """Read an answer to its end, by h11."""
        interim = 0
        while not isinstance(event := await self._next(parser, request), h11.Response):
            interim += 1
            if not isinstance(event, h11.InformationalResponse) or interim > MAX_INTERIM:
                raise no_http_answer(request)
            await asyncio.sleep(0)
        if len(event.headers) > MAX_FIELDS:
            raise no_http_answer(request)
        status, headers = event.status_code, fields_of(event)
        body = Body(request, status)
        while not isinstance(event := await self._next(parser, request), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise no_http_answer(request)
            body.add(event.data)
            if not body.pieces % _BREATH:
                await asyncio.sleep(0)
        return response_of(request, status, headers, body)

    async def _next(self, parser: h11.Connection, request: HttpRequest) -> object:
        """Return what h11 finds next in what came, once enough came."""
        while True:
            if self._late:
                raise too_late(request)
            event = parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._over:
                raise broken(request, self._error) from self._error
            self._resume()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
