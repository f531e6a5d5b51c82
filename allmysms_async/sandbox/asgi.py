"""One request of a connection as an ASGI application is given it, and the bytes of the answer that it gives."""

import asyncio
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Protocol

from starlette.types import ASGIApp, Message, Scope

__all__ = ["CLOSE", "Carrier", "Exchange", "head"]

_log = logging.getLogger(__name__)

_BODILESS = frozenset((*range(100, 200), 204, 304))
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}

CLOSE = (b"connection", b"close")
"""The header that announces the connection's end."""


class Carrier(Protocol):
    """The connection that a request came over."""

    def abort(self) -> None:
        """Leave at once, whatever is under way."""
        ...

    async def write(self, data: bytes) -> None:
        """Write a piece of an answer, as fast as the client takes it."""
        ...

    def drained(self) -> None:
        """Read on: the request took what had come."""
        ...

    def done(self, exchange: "Exchange") -> None:
        """Go on with the next request, or end the connection: an answer is complete."""
        ...

    def closes(self, exchange: "Exchange") -> bool:
        """Whether an answer that starts now is the connection's last."""
        ...


class Exchange:
    """One request and its answer.

    Attributes:
        lasting: Whether the connection outlives it.
        held: Bytes of the body that came and nobody read.
        started: Whether its answer has begun.
    """

    def __init__(self, connection: Carrier, scope: Scope, *, lasting: bool) -> None:
        """Begin with the request's head."""
        self._connection = connection
        self._scope = scope
        self._http_11 = scope["http_version"] == "1.1"
        self.lasting = lasting and self._http_11
        self._expected = self._http_11 and any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
        )
        self._body = bytearray()
        self._whole = False
        self._told_whole = False
        self._left = False
        self._news = asyncio.Event()
        self._head: Message | None = None
        self.started = False
        self._chunked = False
        self._complete = False

    @property
    def held(self) -> int:
        """Bytes of the body that came and nobody read."""
        return len(self._body)

    def take(self, body: bytes) -> None:
        """Take in a piece of the body; a request that is answered already wants none."""
        if not self._complete:
            self._body += body
            self._news.set()

    def end(self) -> None:
        """The body is whole."""
        self._whole = True
        self._news.set()

    def leave(self) -> None:
        """The client is gone."""
        self._left = True
        self._news.set()

    async def run(self, application: ASGIApp) -> None:
        """Let an application answer; what it cannot is answered 500."""
        try:
            await application(self._scope, self._receive, self._send)
        except Exception:
            _log.exception("The sandbox failed to answer a request.", extra={"allmysms_event": "sandbox_failed"})
            if not self.started and not self._left:
                await self._send({"type": "http.response.start", "status": 500, "headers": []})
                await self._send({"type": "http.response.body", "body": b""})
        if not self._complete and not self._left:
            # The answer stops in the middle: only the end of the connection can tell the client.
            self._connection.abort()

    async def _receive(self) -> Message:
        """Return what came of the body, or that the client left, once either is known."""
        if self._expected and not (self.started or self._whole):
            self._expected = False
            await self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._left or self._complete or self._body or (self._whole and not self._told_whole)):
            self._news.clear()
            await self._news.wait()
        if self._left or self._complete:
            return {"type": "http.disconnect"}
        body = bytes(self._body)
        self._body.clear()
        self._told_whole = self._whole
        self._connection.drained()
        return {"type": "http.request", "body": body, "more_body": not self._whole}

    async def _send(self, message: Message) -> None:
        """Write the head of an answer with the first piece of its body, then the others."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        body: bytes = message.get("body", b"")
        last = not message.get("more_body", False)
        piece = b""
        if self._head is not None:
            piece, self._head, self.started = self._write_head(self._head), None, True
        if self._scope["method"] != "HEAD":
            piece += _framed(body, last=last) if self._chunked else body
        if piece:
            await self._connection.write(piece)
        if last:
            self._complete = True
            self._news.set()
            self._connection.done(self)

    def _write_head(self, message: Message) -> bytes:
        """Write the status and the headers, and decide how the body's end is told."""
        status: int = message["status"]
        headers: list[tuple[bytes, bytes]] = message["headers"]
        names = {name.lower() for name, _ in headers}
        added: list[tuple[bytes, bytes]] = []
        if b"content-length" not in names and status not in _BODILESS:
            self._chunked = self._http_11 and self._scope["method"] != "HEAD"
            if self._chunked:
                added.append((b"transfer-encoding", b"chunked"))
            else:
                self.lasting = False
        if (b"connection", b"close") in headers:
            self.lasting = False
        elif self._connection.closes(self):
            self.lasting = False
            added.append(CLOSE)
        return head(status, headers, added)


def _framed(body: bytes, *, last: bool) -> bytes:
    """Return a piece of a body as a chunk."""
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return chunk + b"0\r\n\r\n" if last else chunk


def head(status: int, *headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the head of an answer."""
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES.get(status, b""))]
    lines += [b"%b: %b\r\n" % header for group in headers for header in group]
    return b"".join(lines) + b"\r\n"
