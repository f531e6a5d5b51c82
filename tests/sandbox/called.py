"""An address that webhooks are pushed to: it keeps what it was asked, and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

__all__ = ["OK", "Called", "called"]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Called:
    """What was asked, in order.

    Attributes:
        targets: The target of each request.
        connections: How many connections were made.
        most: The most requests that waited for an answer at once.
        answer: Makes an answer; None leaves the request without one, and b"" ends the connection.
        gate: Holds answers back while it is clear.
    """

    def __init__(self) -> None:
        """Answer OK until told otherwise."""
        self.url = ""
        self.targets: list[str] = []
        self.connections = self.now = self.most = 0
        self.answer: Callable[[str], bytes | None] = lambda _: OK
        self.gate = asyncio.Event()
        self.gate.set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def queries(self) -> list[str]:
        """What followed the question mark."""
        return [target.partition("?")[2] for target in self.targets]

    @property
    def variables(self) -> list[dict[str, str]]:
        """The variables of each request."""
        return [dict(parse_qsl(query, keep_blank_values=True)) for query in self.queries]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, version = head.split(b"\r\n")[0].decode("ascii").split(" ")
                assert (method, urlsplit(target).path) == ("GET", "/hook")
                if version == "HTTP/1.0":  # the check of configureWebhook, which is no event
                    writer.write(OK)
                    return
                self.targets.append(target)
                self.now += 1
                self.most = max(self.most, self.now)
                await self.gate.wait()
                self.now -= 1
                answer = self.answer(target)
                if answer is not None:
                    writer.write(answer)
                if answer == b"" or (answer is not None and b"\r\nConnection: close" in answer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def called() -> AsyncIterator[Called]:
    """Listen."""
    address = Called()
    server = await asyncio.start_server(address.serve, "127.0.0.1", 0, backlog=200)
    address.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield address
    finally:
        server.close()
        address.gate.set()
        address.hang_up()
        await server.wait_closed()
