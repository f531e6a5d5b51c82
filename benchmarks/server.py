"""A gateway that does next to nothing: it accepts every number of every request, as fast as Python can say so.

It reads no more of a request than its length and its numbers, so that what is measured is the client. Run as a script
it serves on a loopback port of its own choice, prints its address, and ends by itself after ``--seconds``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import re
import socket
from collections.abc import Callable

__all__ = ["Gateway", "answer", "main"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_NUMBERS = re.compile(rb"MOBILEPHONE%22%3A\+?%22([0-9]+)")
# What stands between two numbers of an answer, for the 2,000 that a request holds at most; no two texts share an
# identifier.
_BETWEEN = [b'","smsId":"f1e2d3c4b5a6978869%06d"},{"phoneNumber":"' % number for number in range(2000)]


def answer(body: bytes) -> bytes:
    """Return the whole HTTP answer to a ``sendSms`` request, with an identifier for each of its numbers."""
    numbers = _NUMBERS.findall(body)
    count = len(numbers)
    pieces: list[bytes] = [b""] * (2 * count)
    pieces[0::2] = numbers
    pieces[1::2] = _BETWEEN[:count]
    listed = b'{"phoneNumber":"' + b"".join(pieces).removesuffix(b',{"phoneNumber":"') if count else b""
    text = (
        b'{"status":100,"statusText":"Your messages have been sent","invalidNumbers":"",'
        b'"campaignId":"5b0a1c2d3e4f5061","credits":999999985,"creditsUsed":%d,"nbContacts":%d,"nbSms":%d,'
        b'"smsIds":[%s],"balance":2999999.96,"cost":0.045}'
    ) % (15 * count, count, count, listed)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


class Gateway(asyncio.Protocol):
    """One connection to the gateway; requests on it are answered one after the other.

    Args:
        reply: Returns the whole answer to a request's body.
        latency: Seconds after which each is answered.
    """

    def __init__(self, reply: Callable[[bytes], bytes] = answer, latency: float = 0.0) -> None:
        self._reply = reply
        self._latency = latency
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._wanted = 0
        self._body_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what asyncio gives a stream protocol
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while True:
            if not self._wanted:
                end = self._received.find(_HEAD_END)
                if end < 0:
                    return
                length = _LENGTH.search(self._received, 0, end)
                self._body_at = end + len(_HEAD_END)
                self._wanted = self._body_at + (int(length[1]) if length else 0)
            if len(self._received) < self._wanted:
                return
            body = bytes(self._received[self._body_at : self._wanted])
            del self._received[: self._wanted]
            self._wanted = 0
            if self._transport is None:
                continue
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, self._reply(body))
            else:
                self._transport.write(self._reply(body))


async def _serve(seconds: float, latency: float) -> None:
    """Serve for so long, after printing the address."""
    loop = asyncio.get_running_loop()
    bound = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await loop.create_server(lambda: Gateway(latency=latency), sock=bound, backlog=1024)
    print(f"http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
    async with server:
        await asyncio.sleep(seconds)


def main() -> None:
    """Serve until told to end, or until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="end by itself after so long")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds after which a request is answered (0)")
    given = parser.parse_args()
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.seconds, given.latency))


if __name__ == "__main__":
    main()
