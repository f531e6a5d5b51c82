"""The floor: the same bytes over bare sockets, with nothing done to the answers but counting them.

No client that speaks HTTP over asyncio can be faster than this on the same machine against the same server; how near
one comes is the only figure about its speed that another machine can compare.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from allmysms_async.exchange import HttpRequest

__all__ = ["FloorError", "run_floor", "wire_bytes"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


class FloorError(Exception):
    """A connection broke, or an answer was not a success."""


def wire_bytes(request: HttpRequest) -> bytes:
    """Return a request as it stands on the wire."""
    parts = urlsplit(request.url)
    fields = {"Host": parts.netloc, **request.headers, "Content-Length": str(len(request.body))}
    head = [f"{request.method} {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(head).encode() + _HEAD_END + request.body


class _Line(asyncio.Protocol):
    """One connection: writes a request, counts the bytes of its answer, writes the next."""

    def __init__(self, take: Callable[[], bytes | None]) -> None:
        self._take = take
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._missing = -1
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what requests are written to; nothing is written yet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what asyncio gives a stream protocol
        self._transport = transport

    def begin(self) -> None:
        """Write the next request, or close the connection if there is none."""
        request = self._take()
        if self._transport is None or request is None:
            self.close()
        else:
            self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
        if not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that the connection broke, unless it was closed here."""
        if not self.over.done():
            self.over.set_exception(FloorError(f"The server closed the connection ({exc})."))

    def data_received(self, data: bytes) -> None:
        """Count the bytes of an answer, and go on when there are no more."""
        if self._missing < 0:
            self._head += data
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            length = _LENGTH.search(self._head, 0, end)
            if length is None or not self._head.startswith(b"HTTP/1.1 200"):
                self.over.set_exception(FloorError(f"The server answered {self._head[:40]!r}."))
                return
            self._missing = int(length[1]) - (len(self._head) - end - len(_HEAD_END))
            self._head = b""
        else:
            self._missing -= len(data)
        if self._missing == 0:
            self._missing = -1
            self.begin()


async def run_floor(
    base_url: str, requests: Sequence[bytes], in_flight: int, *, seconds: float = 0.0, passes: int = 0
) -> tuple[int, float]:
    """Exchange prepared requests over bare sockets; return how many, and in how many seconds.

    Args:
        base_url: Where the server is.
        requests: What is written, one after the other and again from the start.
        in_flight: Connections, each with one request at a time.
        seconds: For how long; without ``passes``.
        passes: How often all of them are written; without ``seconds``.

    Raises:
        FloorError: A connection broke, or an answer was not a success.
    """
    address = urlsplit(base_url)
    loop = asyncio.get_running_loop()
    count = 0
    until = float("inf")
    source: Iterator[bytes] = (
        itertools.chain.from_iterable(itertools.repeat(requests, passes)) if passes else itertools.cycle(requests)
    )

    def take() -> bytes | None:
        nonlocal count
        if time.perf_counter() >= until:
            return None
        request = next(source, None)
        count += request is not None
        return request

    lines: list[_Line] = []
    try:
        for _ in range(in_flight):
            _, line = await loop.create_connection(lambda: _Line(take), address.hostname, address.port)
            lines.append(line)
        start = time.perf_counter()
        if not passes:
            until = start + seconds
        for line in lines:
            line.begin()
        await asyncio.gather(*(line.over for line in lines))
        return count, time.perf_counter() - start
    finally:
        for line in lines:
            line.close()
