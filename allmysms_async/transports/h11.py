"""HTTP over asyncio's own connections, read and written by h11: what is beneath httpx, without what is in between.

httpx gives each request to httpcore, which gives it to h11, over anyio: four fifths of a request's CPU time go into
handing it on. Here h11, which knows no sockets, sits on the connection itself, and a stack of idle connections decides
who goes next: taking one costs the same whether 1 or 500 requests are in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl

import h11

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.exchange import HttpRequest, HttpResponse, departure
from allmysms_async.transports.address import Address, Origin
from allmysms_async.transports.attempt import IDLE_SECONDS, Carrier, departed
from allmysms_async.transports.dial import dial
from allmysms_async.transports.failure import no_http, no_turn, not_connected
from allmysms_async.transports.line import Line
from allmysms_async.transports.peer import certificate_refused
from allmysms_async.transports.room import Room, Rooms
from allmysms_async.transports.wire import Wire, begun, told

__all__ = ["H11Transport"]


async def _leave(line: Line) -> None:
    """Close a connection that nobody uses, and let the event loop take note of it."""
    line.close()
    await asyncio.sleep(0)


def _forget(line: Line, inherited: bool) -> None:
    """Have TLS take note that the socket beneath is closed; what is the parent process's is left as it is."""
    if not inherited:
        with contextlib.suppress(RuntimeError):  # the event loop is closed, and has nothing to do with it any more
            line.close()


def _awake(room: Room[Line], origin: Origin, now: float) -> Line | None:
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
class H11Transport(Carrier[Line, Wire]):
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
        self._begun = functools.lru_cache(maxsize=32)(begun)

    def _wire(self, request: HttpRequest) -> Wire:
        """Return where a request goes, what is written, and what reads the answer if that is decided already."""
        try:
            address, head = self._begun(request.method, request.url, tuple(request.headers.items()))
            if head is None:
                return address, *told(request, address)
            return address, b"%b%d\r\n\r\n%b" % (head, len(request.body), request.body), None
        except (ValueError, TypeError, AttributeError, h11.LocalProtocolError):  # which may quote a header
            raise no_http(request) from None

    async def _turn(self, request: HttpRequest, wire: Wire, until: float, room: Room[Line]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""
        clock, address = asyncio.get_running_loop().time, wire[0]
        now = clock()
        line = _awake(room, address.origin, now)
        fresh = line is None
        if line is None:
            line = await self._open(room, address, request, until)
            now = clock()
        kept = False
        try:
            if departure.get() is not None:
                await departed(request, until)
                now, fresh = clock(), True  # something may have come meanwhile
            if now >= until:
                raise no_turn(request)
            line.write(wire, request, fresh=fresh)
            response = await line.answered(request, until)
            now = clock()
            kept = line.rest(now) and self._rooms.keeps(room)
        finally:
            if kept:
                room.idle.append(line)
                while now - room.idle[0].idle_since >= IDLE_SECONDS:  # of no use any more; the oldest is the first
                    room.idle.pop(0).close()
            else:  # what state an interrupted connection is in is not worth knowing: the next request opens another
                line.close()
        return response

    async def _open(self, room: Room[Line], address: Address, request: HttpRequest, until: float) -> Line:
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
                    _, line = await loop.create_connection(lambda: Line(address.origin), sock=dialled)
                except BaseException:
                    dialled.close()
                    raise
                if trusted is not None:
                    await line.encrypt(trusted)
        except (OSError, UnicodeError) as error:
            raise certificate_refused(error, host, request.name) or not_connected(request, error) from error
        return line
