"""A server on loopback that answers byte for byte what a test says, and keeps count of what reached it."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.exchange import HttpRequest
from allmysms_async.transports.httpx import HttpxTransport

Script = Callable[["Server", bytes, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def answer_ok(server: "Server", head: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer every request with an empty object."""
    writer.write(OK)
    await writer.drain()


class Server:
    """One listening socket.

    Attributes:
        script: What happens once a whole request was read.
        requests: Head and body of each request, in the order of arrival.
        connections: Connections opened so far.
        open: Connections open now.
        most: Connections open at once, at most.
    """

    def __init__(self) -> None:
        """Answer 200 until a test says otherwise."""
        self.script: Script = answer_ok
        self.requests: list[tuple[bytes, bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.connections = self.open = self.most = 0
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.scheme}://localhost:{self.port}"

    def request(self, body: bytes = b"a=1", *, timeout: float = 1000.0, **options: object) -> HttpRequest:
        """Return a request to this server."""
        url = f"{self.url}/http/9.0/sendSms/"
        return HttpRequest(name="sendSms", url=url, body=body, headers={}, timeout=timeout, **options)  # type: ignore[arg-type]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        self.writers.append(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                self.requests.append((head, await reader.readexactly(length)))
                await self.script(self, head, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A running server."""
    one = Server()
    async with _listening(one):
        yield one


@pytest.fixture(scope="session")
def usual_trust() -> ssl.SSLContext:
    """Whom the system trusts, read before any time-out runs: a busy machine takes long over it."""
    return ssl.create_default_context()


@pytest.fixture
async def transport(usual_trust: ssl.SSLContext) -> AsyncIterator[HttpxTransport]:
    """A transport, closed at the end."""
    async with HttpxTransport(ssl_context=usual_trust) as one:
        yield one


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a self-signed certificate of localhost and its key."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    options = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(path) + ".crt"]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
async def tls_server(certificate: Path) -> AsyncIterator[Server]:
    """A running server with a certificate that nobody vouches for."""
    one = Server()
    one.scheme = "https"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with _listening(one, context):
        yield one


@contextlib.asynccontextmanager
async def _listening(server: Server, context: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """Keep a server running for the length of a block."""
    listener = await asyncio.start_server(server.serve, "localhost", 0, ssl=context, backlog=1024)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        listener.close()
        for writer in server.writers:
            writer.transport.abort()
        await listener.wait_closed()
        for _ in range(3):
            await asyncio.sleep(0)
