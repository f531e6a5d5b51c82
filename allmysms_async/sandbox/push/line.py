"""One kept-alive HTTP/1.1 connection to an address of this machine, for plain GETs one after the other."""

import asyncio
from typing import cast

import httptools

__all__ = ["Line", "LineLost"]

_MOST = 64 * 1024
"""The largest answer, in bytes."""


class LineLost(OSError):
    """The connection ended, or what came over it is no answer.

    Attributes:
        unheard: Whether nothing of an answer had come.
    """

    def __init__(self, *, unheard: bool) -> None:
        """Say whether anything had come."""
        super().__init__("the connection was lost")
        self.unheard = unheard


class Line(asyncio.Protocol):
    """Asks, and waits for the answer."""

    def __init__(self) -> None:
        """Prepare; a request needs the connection to be made."""
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[bytes] | None = None
        self._body = bytearray()
        self._size = 0
        self._framed = self._begun = False
        self.open = False

    async def get(self, request: bytes, pause: float | None = None) -> bytes:
        """Write a request, and return the body of the answer; empty unless that is a 200.

        Args:
            request: Its bytes.
            pause: Seconds after each byte; without it, the request is written at once.

        Raises:
            LineLost: There is no answer.
        """
        self._body.clear()
        self._size = 0
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer = answer
        try:
            if pause is None:
                self._transport.write(request)
            else:
                await self._drip(request, pause, answer)
            return await answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None

    def close(self) -> None:
        """Leave at once."""
        self.open = False
        self._transport.abort()

    async def _drip(self, request: bytes, pause: float, answer: asyncio.Future[bytes]) -> None:
        """Write byte by byte, for as long as nobody answers."""
        for position in range(len(request)):
            if answer.done():
                return
            self._transport.write(request[position : position + 1])
            await asyncio.sleep(pause)

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Read on; what nobody asked for ends the connection."""
        self._size += len(data)
        if self._answer is None or self._size > _MOST:
            self._lose()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._lose()

    def eof_received(self) -> None:
        """The end of the connection is the end of an answer that does not say its length."""
        if self._begun and not self._framed:
            self.on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self._lose()

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Begin an answer."""
        self._framed = self._begun = False
        self._body.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note whether the answer says where it ends."""
        self._framed = self._framed or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """The head was read."""
        self._begun = True
        self.open = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Take in a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one is passed over."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._begun = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(bytes(self._body) if status == 200 else b"")
        if not self.open:
            self._transport.close()

    def _lose(self) -> None:
        """Give up the connection, and who waits for an answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LineLost(unheard=self._size == 0))
        self.close()
