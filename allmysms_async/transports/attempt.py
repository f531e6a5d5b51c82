"""What every HTTP transport does alike: it refuses what HTTP cannot carry, gives turns, and bounds each answer."""

from __future__ import annotations

import abc
import asyncio
import ssl
import weakref
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import CannotPass, ProtocolError
from allmysms_async.exchange import HttpRequest, HttpResponse, departure
from allmysms_async.transports.failure import closed, no_turn
from allmysms_async.transports.room import Room, Rooms

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["IDLE_SECONDS", "Body", "Carrier", "Home", "departed", "response_of", "usual_trust"]

L = TypeVar("L")
W = TypeVar("W")

# Apache closes an idle connection after 5 seconds by default. A request written on a connection that the server is
# just closing is lost without a word on whether it was read, so idle connections are given up before that.
IDLE_SECONDS = 4.0
# Each piece (chunk) of an answer costs as much as a kilobyte: a megabyte byte by byte would hold up the event loop.
_MANY_PIECES, _SMALL_PIECE = 10_000, 32


def usual_trust() -> ssl.SSLContext:
    """Return whom httpx trusts; reading every authority takes 20 ms and more."""
    import httpx  # takes long, and only what is encrypted needs it

    return httpx.create_ssl_context()


# -- answers ----------------------------------------------------------------------------------------------------------


class Body:
    """The body of an answer as it comes, within bounds.

    Args:
        request: What is answered.
        status: Status of the answer.

    Attributes:
        pieces: In how many pieces it came so far.
        read: What came so far.
    """

    __slots__ = ("_request", "_status", "pieces", "read")

    def __init__(self, request: HttpRequest, status: int) -> None:
        self._request = request
        self._status = status
        self.pieces = 0
        self.read: bytes | bytearray = b""

    def add(self, piece: bytes | bytearray) -> None:
        """Take another piece.

        Raises:
            ProtocolError: They are too long together, or too short each.
        """
        self.pieces += 1
        if self.pieces == 1:
            self.read = piece  # nearly every answer comes in one: nothing is copied
        elif self.pieces == 2:
            self.read = bytearray().join((self.read, piece))
        else:
            self.read += piece
        request = self._request
        if self.pieces > _MANY_PIECES + len(self.read) // _SMALL_PIECE:
            msg = f"{request.name}: the answer comes in {self.pieces} crumbs of a few bytes; cut off."
            raise ProtocolError(msg, request=request.name, code=str(self._status))
        if len(self.read) > request.max_response_bytes:
            msg = f"{request.name}: the answer is longer than {request.max_response_bytes} bytes; cut off."
            raise ProtocolError(msg, request=request.name, code=str(self._status))


def response_of(request: HttpRequest, status: int, headers: dict[str, str], body: Body) -> HttpResponse:
    """Return an answer that was read to its end.

    Args:
        request: What is answered.
        status: HTTP status.
        headers: Header fields, their names in lower case.
        body: What came.

    Raises:
        ProtocolError: It is compressed: a small body could be huge once unpacked.
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        msg = f"{request.name}: the answer is compressed, which was not asked for."
        raise ProtocolError(msg, request=request.name, code=str(status))
    return HttpResponse(status=status, headers=headers, body=bytes(body.read))


class Home:
    """The event loop that something of the user's belongs to: the first that it is used in.

    Args:
        what: What it is that belongs to one.
        loop: Which one, where that is known from the start.
    """

    def __init__(self, what: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._what = what
        self._loop = None if loop is None else weakref.ref(loop)

    def check(self, request: HttpRequest) -> None:
        """Refuse another event loop.

        Raises:
            CannotPass: This is another one.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = weakref.ref(loop)
        elif self._loop() is not loop:
            msg = f"{request.name}: the {self._what} belongs to another event loop; nothing was sent."
            remedy = f"Make one in each event loop, or give the transport no {self._what}: it makes its own then."
            raise CannotPass(msg, request=request.name, remedy=remedy)


# -- turns ------------------------------------------------------------------------------------------------------------


async def departed(request: HttpRequest, until: float) -> None:
    """Wait for leave to write a request, where somebody gives it; its connection is there.

    Args:
        request: What is to be written next.
        until: When its time is over, by the event loop's clock.

    Raises:
        NotSent: It is not to be written, or its time was over first.
    """
    leave = departure.get()
    if leave is None:
        return
    try:
        async with asyncio.timeout_at(until):
            await leave()
    except TimeoutError as error:
        raise no_turn(request) from error


@bordered
class Carrier(abc.ABC, Generic[L, W]):
    """What carries requests, so many at once in each event loop; the others wait for their turn.

    Args:
        rooms: Its connections.
        connect_timeout: Seconds to open a connection.
        ssl_context: Whom to trust; None for the usual authorities.
    """

    def __init__(self, rooms: Rooms[L], connect_timeout: float, ssl_context: ssl.SSLContext | None) -> None:
        argument.seconds("connect_timeout", connect_timeout)
        argument.given("ssl_context", ssl_context, (ssl.SSLContext, type(None)), "an ssl.SSLContext")
        self._rooms = rooms
        self._connect_timeout = connect_timeout
        self._ssl_context = ssl_context

    async def __aenter__(self) -> Self:
        """Return the transport itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.aclose()

    @abc.abstractmethod
    def _wire(self, request: HttpRequest) -> W:
        """Return the request as it is written.

        Raises:
            CannotPass: HTTP has no way to write it.
        """

    @abc.abstractmethod
    async def _turn(self, request: HttpRequest, wire: W, until: float, room: Room[L]) -> HttpResponse:
        """Make the attempt, now that it is this request's turn; to end at a moment of the event loop's clock."""

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
        if self._rooms.closed:
            raise closed(request, "transport")
        room = self._rooms.here()
        until = asyncio.get_running_loop().time() + request.timeout
        turns = room.turns
        if turns.locked():
            try:
                async with asyncio.timeout_at(until):
                    await turns.acquire()
            except TimeoutError as error:
                raise no_turn(request) from error
        else:
            await turns.acquire()  # which waits for nothing
        room.used += 1
        try:
            if self._rooms.closed:  # while the request waited
                raise closed(request, "transport")
            return await self._turn(request, wire, until, room)
        finally:
            room.used -= 1
            turns.release()

    async def _trust(self, room: Room[L], request: HttpRequest, until: float) -> ssl.SSLContext:
        """Return whom to trust, read once, only where something is encrypted, and not in the event loop.

        Raises:
            NotSent: It took longer than the request has.
            CannotPass: They cannot be read.
        """
        if self._ssl_context is None:
            try:
                async with asyncio.timeout_at(until), room.trusting:
                    if self._ssl_context is None:
                        self._ssl_context = await asyncio.to_thread(usual_trust)
            except TimeoutError as error:
                raise no_turn(request) from error
            except OSError as error:
                msg = f"{request.name}: whom to trust cannot be read ({type(error).__name__}); nothing was sent."
                remedy = "Check the files that SSL_CERT_FILE and SSL_CERT_DIR name."
                raise CannotPass(msg, request=request.name, remedy=remedy) from None
        return self._ssl_context

    async def aclose(self) -> None:
        """Close idle connections now, in whatever event loop, and those in use as soon as their request ends."""
        await self._rooms.aclose()
