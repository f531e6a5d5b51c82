"""A client that writes bytes as they are, and reads what comes back to the end of the connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field

from allmysms_async.sandbox import Sandbox

__all__ = ["Answer", "answers", "exchange"]


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes = field(default=b"")


async def exchange(sandbox: Sandbox, *pieces: bytes, more: AsyncIterable[bytes] | None = None) -> bytes:
    """Write pieces, then more as fast as it is taken, and return all that came back until the sandbox left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
    reading = asyncio.ensure_future(reader.read(-1))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            async for piece in more or _nothing():
                if reading.done():
                    break
                writer.write(piece)
                await writer.drain()
        return await reading
    finally:
        writer.transport.abort()


async def _nothing() -> AsyncIterator[bytes]:
    """Have nothing more to say."""
    return
    yield b""


def answers(received: bytes, *, bodiless: bool = False) -> list[Answer]:
    """Take apart what came back, by the letter of RFC 9112; any byte too many or too few fails."""
    found: list[Answer] = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status = first.split(" ")[:2]
        assert version == "HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines)
        answer = Answer(int(status), headers)
        found.append(answer)
        if bodiless or answer.status < 200:
            continue
        if headers.get("transfer-encoding") == "chunked":
            size = -1
            while size:
                length, _, received = received.partition(b"\r\n")
                size = int(length, 16)
                answer.body += received[:size]
                assert received[size : size + 2] == b"\r\n"
                received = received[size + 2 :]
        else:
            size = int(headers["content-length"])
            answer.body, received = received[:size], received[size:]
            assert len(answer.body) == size
    return found
