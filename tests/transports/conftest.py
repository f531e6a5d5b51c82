"""A server on loopback that answers byte for byte what a test says, and keeps count of what reached it."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from allmysms_async.exchange import HttpRequest
from allmysms_async.transports import HttpTransport
from allmysms_async.transports.aiohttp import AiohttpTransport
from allmysms_async.transports.h11 import H11Transport
from allmysms_async.transports.httpx import HttpxTransport

Script = Callable[["Server", bytes, asyncio.StreamWriter], Awaitable[None]]

OWN = ("default", "httpx", "aiohttp")
"""Transports with connections of their own."""
GIVEN = ("httpx client", "aiohttp session")
"""Transports over what a user gives them."""

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


@pytest.fixture(params=OWN + GIVEN)
def kind(request: pytest.FixtureRequest) -> str:
    """Which transport is tested: every one that there is, unless a test says otherwise."""
    return str(request.param)


class Workshop:
    """Makes transports of one kind.

    Args:
        kind: Which kind.
        trust: Whom they trust, if they are told of nobody else.
    """

    def __init__(self, kind: str, trust: ssl.SSLContext) -> None:
        """Make nothing yet."""
        self.kind = kind
        self._trust = trust
        self.clients: list[httpx.AsyncClient] = []
        self.sessions: list[aiohttp.ClientSession] = []

    def __call__(
        self,
        *,
        max_connections: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | str | None = "usual",
    ) -> Any:
        """Return a transport."""
        context = self._trust if isinstance(ssl_context, str) else ssl_context
        options: Any = {"max_connections": max_connections, "connect_timeout": connect_timeout}
        if self.kind in OWN:
            kinds: Any = {"default": H11Transport, "httpx": HttpxTransport, "aiohttp": AiohttpTransport}
            return kinds[self.kind](ssl_context=context, **options)
        assert context is not None
        if self.kind == "httpx client":
            limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=4)
            client = httpx.AsyncClient(verify=context, limits=limits, trust_env=False, follow_redirects=True)
            self.clients.append(client)
            return HttpxTransport(client, **options)
        connector = aiohttp.TCPConnector(limit=max_connections, ssl=context)
        session = aiohttp.ClientSession(connector=connector, headers={"Authorization": "theirs"})
        self.sessions.append(session)
        return AiohttpTransport(session, **options)

    @property
    def left_open(self) -> int:
        """How many connections stay open when a transport that used one closes."""
        return 1 if self.kind in GIVEN else 0

    async def aclose(self) -> None:
        """Close what is not the transports' own."""
        for client in self.clients:
            await client.aclose()
        for session in self.sessions:
            await session.close()


@pytest.fixture
async def build(kind: str, usual_trust: ssl.SSLContext) -> AsyncIterator[Workshop]:
    """What makes a transport of the kind that is tested."""
    one = Workshop(kind, usual_trust)
    yield one
    await one.aclose()


@pytest.fixture
async def transport(build: Workshop) -> AsyncIterator[HttpTransport]:
    """A transport, closed at the end."""
    async with build() as one:
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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with _secure(context) as one:
        yield one


@pytest.fixture
def secure() -> Callable[[ssl.SSLContext], contextlib.AbstractAsyncContextManager[Server]]:
    """What runs a server with a certificate."""
    return _secure


@contextlib.asynccontextmanager
async def _secure(context: ssl.SSLContext) -> AsyncIterator[Server]:
    """Keep a server with a certificate running for the length of a block."""
    one = Server()
    one.scheme = "https"
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
