"""HTTP over asyncio's own connections, read and written by h11: what is beneath httpx, without what is in between.

httpx gives each request to httpcore, which gives it to h11, over anyio: four fifths of a request's CPU time go into
handing it on. Here h11, which knows no sockets, sits on the connection itself, and a stack of idle connections decides
who goes next: taking one costs the same whether 1 or 500 requests are in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import ssl
from typing import TypeAlias

import h11

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import NotSent
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.transports.attempt import (
    IDLE_SECONDS,
    Address,
    Body,
    Carrier,
    Origin,
    address_of,
    broken,
    no_http,
    no_http_answer,
    no_turn,
    not_connected,
    response_of,
    too_early,
    too_late,
)
from allmysms_async.transports.dial import dial
from allmysms_async.transports.peer import certificate_refused
from allmysms_async.transports.room import Room, Rooms, SocketLike

__all__ = ["H11Transport"]

_MAX_HEAD_BYTES = 32 * 1024
_MAX_FIELDS = 200
_MAX_UNREAD_BYTES = 256 * 1024
_MAX_INTERIM = 10
"""Interim answers (1xx) to one request: each costs as much as an answer."""
_BREATH = 256
"""Pieces of an answer after which others get a turn."""
_Wire: TypeAlias = tuple[Address, h11.Request]


def _is_readable(descriptor: int) -> bool:
    """Tell whether something came on a socket, or its end; a closed one has nothing to read either."""
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class _Line(asyncio.Protocol):
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
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._waiter: asyncio.Future[None] | None = None
        self._asked = False
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

    def data_received(self, data: bytes) -> None:
        """Keep what came; what nobody asked for makes the connection useless."""
        if not self._asked:
            self._over = True
        if self._over:
            return
        self._unread += len(data)
        self._parser.receive_data(data)
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
            if self._error is None:
                self._parser.receive_data(b"")
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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
        except BaseException:
            if plain is not None:
                plain.abort()
            raise

    def is_fit(self, now: float) -> bool:
        """Tell whether another request can be written: neither side closed it, and nothing came unasked."""
        if self._over or self._transport is None or self._transport.is_closing() or self.socket is None:
            return False
        return now - self.idle_since < IDLE_SECONDS and not _is_readable(self.socket.fileno())

    def close(self) -> None:
        """Close the connection now; what is not written yet never will be."""
        self._over = True
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):  # the event loop is closed, and has nothing to do with it any more
                self._transport.abort()

    def write(self, head: h11.Request, request: HttpRequest) -> None:
        """Write a request, in one go.

        Raises:
            CannotPass: HTTP has no way to write it; nothing was written.
            NotSent: The connection is closed; nothing was written.
        """
        try:
            wire = self._parser.send(head) or b""
            wire += self._parser.send(h11.Data(request.body)) or b""
            wire += self._parser.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError:  # which may quote a header
            raise no_http(request) from None
        if self._over or self._transport is None:
            msg = f"{request.name}: the connection was closed before it could be used; nothing was sent."
            raise NotSent(msg, request=request.name)
        # Of TLS it is known what came: its own messages come unasked.
        if not self.origin[0] and self.socket is not None and _is_readable(self.socket.fileno()):
            raise too_early(request, written=False)
        self._asked = True
        self._transport.write(wire)

    async def answered(self, request: HttpRequest, until: float) -> HttpResponse:
        """Return the answer to what was written.

        Raises:
            OutcomeUnknown: None came, not in time, or none that can be read.
        """
        deadline = asyncio.get_running_loop().call_at(until, self._expire)
        try:
            return await self._read(request)
        except h11.RemoteProtocolError:  # which quotes what came
            raise no_http_answer(request) from None
        finally:
            deadline.cancel()

    def rest(self, now: float) -> bool:
        """Tell whether the connection can be kept for another request, which is the last that this one does."""
        parser = self._parser
        if self._over or self._transport is None or parser.our_state is not h11.DONE:
            return False
        # More than the answer came, or it came before the request was written: the next answer could be anybody's.
        unwritten = [one.get_write_buffer_size() for one in (self._transport, self._beneath) if one is not None]
        if parser.their_state is not h11.DONE or parser.trailing_data[0] or any(unwritten):
            return False
        parser.start_next_cycle()
        self._asked = False
        self.idle_since = now
        return True

    # -- reading ------------------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        self._late = True
        self._wake()

    async def _read(self, request: HttpRequest) -> HttpResponse:
        """Read an answer to its end."""
        interim = 0
        while not isinstance(event := await self._next(request), h11.Response):
            interim += 1
            if not isinstance(event, h11.InformationalResponse) or interim > _MAX_INTERIM:
                raise no_http_answer(request)
            await asyncio.sleep(0)
        if len(event.headers) > _MAX_FIELDS:
            raise no_http_answer(request)
        status, headers = event.status_code, _fields(event)
        body = Body(request, status)
        while not isinstance(event := await self._next(request), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise no_http_answer(request)
            body.add(event.data)
            if not body.pieces % _BREATH:
                await asyncio.sleep(0)
        return response_of(request, status, headers, body)

    async def _next(self, request: HttpRequest) -> object:
        """Return what h11 finds next in what came, once enough came."""
        while True:
            if self._late:
                raise too_late(request)
            event = self._parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._over:
                raise broken(request, self._error) from self._error
            self._unread = 0
            if self._held and self._transport is not None:
                self._held = False
                self._transport.resume_reading()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


def _fields(answer: h11.Response) -> dict[str, str]:
    """Return an answer's header fields."""
    fields: dict[str, str] = {}
    for name, value in answer.headers:
        key = name.decode("ascii")
        text = _text(value)
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _leave(line: _Line) -> None:
    """Close a connection that nobody uses, and let the event loop take note of it."""
    line.close()
    await asyncio.sleep(0)


def _forget(line: _Line, inherited: bool) -> None:
    """Have TLS take note that the socket beneath is closed; what is the parent process's is left as it is."""
    if not inherited:
        with contextlib.suppress(RuntimeError):  # the event loop is closed, and has nothing to do with it any more
            line.close()


def _awake(room: Room[_Line], origin: Origin, now: float) -> _Line | None:
    """Return an idle connection to a server, the latest first; those that are of no use any more are closed."""
    idle = room.idle
    for position in range(len(idle) - 1, -1, -1):
        if idle[position].origin == origin:
            line = idle.pop(position)
            if line.is_fit(now):
                return line
            line.close()
    return None


@bordered
class H11Transport(Carrier[_Line, _Wire]):
    """The usual ``HttpTransport``, to be used from any event loop and process: each has its own connections.

    It reads nothing from the environment but where httpx looks for authorities (``SSL_CERT_FILE``, ``SSL_CERT_DIR``);
    for a proxy there is ``HttpxTransport``.

    Args:
        max_connections: Connections at most in an event loop, and so requests in flight at most; more wait for their
            turn.
        connect_timeout: Seconds to open a connection, TLS included.
        ssl_context: To trust other authorities than the usual ones; certificates are always verified by the default
            one.

    Raises:
        InvalidRequest: No connection is allowed, or no time.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        argument.count("max_connections", max_connections)
        rooms = Rooms(max_connections, _leave, lambda line: (line.socket,), _forget)
        super().__init__(rooms, connect_timeout, ssl_context)

    def _wire(self, request: HttpRequest) -> _Wire:
        """Return where a request goes, and its head."""
        try:
            address = address_of(request.url)
            fields = [(b"Host", address.field), (b"Accept-Encoding", b"identity")]
            fields += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()]
            fields.append((b"Content-Length", b"%d" % len(request.body)))
            return address, h11.Request(method=request.method, target=address.target, headers=fields)
        except (ValueError, TypeError, AttributeError, h11.LocalProtocolError):  # which may quote a header
            raise no_http(request) from None

    async def _turn(self, request: HttpRequest, wire: _Wire, until: float, room: Room[_Line]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        address, head = wire
        clock = asyncio.get_running_loop().time
        line = _awake(room, address.origin, clock()) or await self._open(room, address, request, until)
        kept = False
        try:
            if clock() >= until:
                raise no_turn(request)
            line.write(head, request)
            response = await line.answered(request, until)
            kept = line.rest(clock()) and self._rooms.keeps(room)
        finally:
            if kept:
                room.idle.append(line)
                while clock() - room.idle[0].idle_since >= IDLE_SECONDS:  # of no use any more; the oldest is the first
                    room.idle.pop(0).close()
            else:  # what state an interrupted connection is in is not worth knowing: the next request opens another
                line.close()
        return response

    async def _open(self, room: Room[_Line], address: Address, request: HttpRequest, until: float) -> _Line:
        """Return a new connection.

        Raises:
            NotSent: There is none, or not in time.
        """
        secure, host, port = address.origin
        trusted = await self._trust(room, request, until) if secure else None
        if trusted is not None:
            trusted.set_alpn_protocols(["http/1.1"])
        if len(room.idle) + room.used > room.most:  # the idle ones lead to other servers
            room.idle.pop(0).close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(until, loop.time() + self._connect_timeout)):
                dialled = await dial(host, port)
                try:
                    _, line = await loop.create_connection(lambda: _Line(address.origin), sock=dialled)
                except BaseException:
                    dialled.close()
                    raise
                if trusted is not None:
                    await line.encrypt(trusted)
        except (OSError, UnicodeError) as error:
            raise certificate_refused(error, host, request.name) or not_connected(request, error) from error
        return line
