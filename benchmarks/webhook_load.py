"""Calls of webhooks over connections that are kept, each with an event that did not come before."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

__all__ = ["CONNECTIONS", "call", "events"]

CONNECTIONS = 32
_ANSWER = b"\r\n\r\nOK"
_MOST = 2000
_REPORT = (
    "smsId={number}&status=1&statusText=D%C3%A9livr%C3%A9&receptionDate=2027-01-05+11%3A40%3A35"
    "&phoneNumber=336{phone:08}&campaignId=ap_28423"
)
_REPLY = (
    "smsId={number}&smsMoId={number}&receptionDate=2027-01-05+11%3A40%3A35&phoneNumber=336{phone:08}"
    "&campaignId=ap_28423&message=R%C3%A9ponse+{number}"
)
_numbers = itertools.count()


def events(count: int, *, replies: bool = False) -> Iterator[tuple[int, str]]:
    """Return events that did not come before: the end of the number of each, and its query string.

    Args:
        count: How many.
        replies: Whether every other one is a reply.
    """
    for number in itertools.islice(_numbers, count):
        phone = number * 7919 % 100_000_000
        yield phone, (_REPLY if replies and number % 2 else _REPORT).format(number=number, phone=phone)


class _Line(asyncio.Protocol):
    """One connection, which writes the next request when the last one was answered."""

    def __init__(self, head: str, end: str, given: Iterator[tuple[int, str]], latencies: list[float]) -> None:
        self._head, self._end = head, end
        self._given = given
        self._latencies = latencies
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._began = 0.0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what asyncio gives a stream protocol
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Go on after an answer, if it is ``OK``."""
        self._received += data
        if self._received.endswith(_ANSWER) and self._received.startswith(b"HTTP/1.1 200 "):
            self._latencies.append(time.perf_counter() - self._began)
            self._received = b""
            self._next()
        elif len(self._received) > _MOST or self._received.endswith(_ANSWER):
            self._fail()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that the server closed it, unless all was done."""
        self._fail()

    def _next(self) -> None:
        """Write the next request, or end."""
        given = next(self._given, None)
        if self._transport is None:
            return
        if given is not None:
            self._began = time.perf_counter()
            self._transport.write((self._head + given[1] + self._end).encode())
            return
        if not self.over.done():
            self.over.set_result(None)
        self._transport.close()

    def _fail(self) -> None:
        """Say that the answer is none."""
        if not self.over.done():
            self.over.set_exception(RuntimeError(f"The server answered {self._received[:80]!r}."))


async def call(where: str, given: Iterator[tuple[int, str]], connections: int = CONNECTIONS) -> list[float]:
    """Call an address with events; return the seconds that each answer took.

    Raises:
        RuntimeError: An answer was not ``OK``.
    """
    parts = urlsplit(where)
    head, end = f"GET {parts.path}?", f" HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Line(head, end, given, latencies), parts.hostname, parts.port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(line.over for _, line in opened))
    return latencies
