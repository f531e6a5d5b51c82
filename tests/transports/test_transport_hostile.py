"""What an environment or a server gets wrong on purpose or by mistake: told as what it is, and bounded."""

import asyncio
import secrets
import ssl
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest

from allmysms_async.errors import CannotPass, ConnectionLost, NotSent, RequestTimeout, TransportError
from allmysms_async.exchange import HttpRequest
from allmysms_async.transports import HttpTransport
from allmysms_async.transports.h11 import H11Transport
from allmysms_async.transports.httpx import HttpxTransport

from .conftest import OK
from .test_transport import scripted


@pytest.mark.parametrize("kind", ["default", "httpx", "aiohttp"], indirect=True)
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_authorities_that_cannot_be_read_are_told_and_nothing_is_sent(
    build: Any, tls_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """A wrong SSL_CERT_FILE is one error that names it, and that surely nothing was sent: nobody becomes unknown."""
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with build(ssl_context=None) as transport:
        with pytest.raises(CannotPass, match="SSL_CERT_FILE") as caught:
            await transport.send(tls_server.request())
    assert "nothing was sent" in str(caught.value)
    assert tls_server.requests == []


@pytest.mark.parametrize("value", ["SECRET\n", " SECRET", "SECRET\x00", "SECRÉT", "SECRET\r\nx: y"])
async def test_header_that_cannot_be_written_is_not_shown(server: Any, transport: HttpTransport, value: str) -> None:
    """Its value may be a key: neither the error nor what led to it quotes it."""
    request = HttpRequest(name="sendSms", url=f"{server.url}/", body=b"", headers={"Authorization": value})
    with pytest.raises(CannotPass) as caught:
        await transport.send(request)
    assert "SECR" not in "".join(traceback.format_exception(caught.value))
    assert server.requests == []


async def test_answer_that_is_no_http_is_not_quoted(server: Any, transport: HttpTransport) -> None:
    """A server may repeat what it was sent: neither the error nor what led to it shows that."""
    key = secrets.token_hex(8)
    server.script = scripted(b"HTTP/1.1 200 OK\r\nk=%s no header\r\n\r\n" % key.encode())
    with pytest.raises(TransportError) as caught:
        await transport.send(server.request(b"k=" + key.encode()))
    assert key not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", ["default"], indirect=True)
@pytest.mark.parametrize("head", [b"a:\r\n" * 5000, b"a: b\r\n" * 201], ids=["long", "many"])
async def test_answer_of_header_fields_alone_is_cut(server: Any, transport: HttpTransport, head: bytes) -> None:
    """So many fields as no gateway sends are not read on: joined one by one, they would hold the event loop."""
    server.script = scripted(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: 2\r\n\r\n{}")
    with pytest.raises(ConnectionLost):
        await transport.send(server.request())


@pytest.mark.parametrize("kind", ["default"], indirect=True)
async def test_word_of_a_server_before_the_first_request_is_no_answer(transport: HttpTransport) -> None:
    """What came on a new connection before anything was written answers nothing: nothing is written then."""
    asked: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        spoken.set()
        asked.append(await reader.read(1000))
        writer.close()

    spoken = asyncio.Event()
    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        request = HttpRequest(name="sendSms", url=f"http://127.0.0.1:{port}/", body=b"a=1", headers={})
        loop = asyncio.get_running_loop()
        connect = loop.create_connection

        async def late(*args: Any, **options: Any) -> Any:
            made = await connect(*args, **options)
            made[0].pause_reading()
            await spoken.wait()
            return made

        loop.create_connection = late  # type: ignore[method-assign]
        with pytest.raises(NotSent):
            await transport.send(request)
    assert asked in ([], [b""])


async def test_idle_connections_are_closed_though_the_latest_are_used(server: Any, pass_time: Any, until: Any) -> None:
    """After a burst, what is of no use any more does not stay open for as long as others go on."""
    async with H11Transport() as transport:
        await asyncio.gather(*(transport.send(server.request()) for _ in range(20)))
        assert server.open > 1
        for _ in range(3):
            pass_time(3)
            await transport.send(server.request())
        await until(lambda: server.open == 1)


async def test_client_without_a_word_on_its_progress_is_bounded(server: Any) -> None:
    """A client of the user's over something else than httpx's own engine has no more time than the request."""

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    async with httpx.AsyncClient(transport=Silent()) as client, HttpxTransport(client) as transport:
        with pytest.raises(RequestTimeout):
            await transport.send(server.request(timeout=0.01))


@pytest.mark.parametrize("kind", ["default", "aiohttp"], indirect=True)
@pytest.mark.parametrize(("interim", "taken"), [(10, True), (11, False)])
async def test_interim_answers_are_counted(server: Any, transport: HttpTransport, interim: int, taken: bool) -> None:
    """A few are passed over; a server that gives no end of them has not answered."""
    server.script = scripted(b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim + OK)
    if taken:
        assert (await transport.send(server.request())).status == 200
    else:
        with pytest.raises(ConnectionLost):
            await transport.send(server.request())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["default", "aiohttp"], indirect=True)
@pytest.mark.parametrize("tls", [False, True])
async def test_connection_is_not_kept_while_its_request_is_still_being_written(
    build: Any, certificate: Path, tls: bool
) -> None:
    """A server may refuse a long body before it has read it: a second word of it would answer the next request."""
    trusted = None
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    if secure is not None:
        secure.load_cert_chain(certificate)
        trusted = ssl.create_default_context(cafile=str(certificate))
    opened: list[asyncio.StreamWriter] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await over.wait()
        writer.close()

    over = asyncio.Event()
    async with await asyncio.start_server(refuse, "localhost", 0, ssl=secure) as listening:
        port = listening.sockets[0].getsockname()[1]
        url = f"http{'s' if tls else ''}://localhost:{port}/"
        async with build(ssl_context=trusted) as transport:
            for _ in range(2):
                request = HttpRequest(name="sendSms", url=url, body=bytes(30_000_000), headers={}, timeout=250)
                assert (await transport.send(request)).status == 413
        over.set()
    assert len(opened) == 2
