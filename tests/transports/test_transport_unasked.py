"""What came on a connection before the request that it is to carry is no answer to it."""

import asyncio
import functools
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import aiohttp
import pytest

from allmysms_async.errors import NotSent
from allmysms_async.exchange import HttpRequest
from allmysms_async.transports.aiohttp import AiohttpTransport

from .conftest import OK


def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection at once, beneath TLS too."""
    writer.get_extra_info("socket").shutdown(SHUT_RDWR)


def speak(writer: asyncio.StreamWriter) -> None:
    """Say something at once, in an encrypted message if there is TLS."""
    writer.write(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n")


def crumble(writer: asyncio.StreamWriter) -> None:
    """Say something at once that makes no sense."""
    os.write(writer.get_extra_info("socket").fileno(), b"e")


@pytest.mark.parametrize("before", ["theirs", "another transport", "the session's way"])
@pytest.mark.parametrize("tls", [False, True], ids=["in clear", "TLS"])
@pytest.mark.parametrize("happens", [hang_up, speak, crumble])
async def test_a_connection_that_another_used_before_is_looked_at(
    server: Any,
    tls_server: Any,
    certificate: Path,
    before: str,
    tls: bool,
    happens: Callable[[asyncio.StreamWriter], None],
) -> None:
    """An idle connection that is dead, or that something came on, is replaced, whoever used it last."""
    one = tls_server if tls else server
    trusted = ssl.create_default_context(cafile=f"{certificate}.crt")
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(connector=connector) as session, AiohttpTransport(session) as transport:
        if before == "theirs":
            async with session.post(one.url, data=b"a=1") as answer:
                await answer.read()
        elif before == "another transport":
            async with AiohttpTransport(session) as another:
                await another.send(one.request())
        else:
            request = one.request()
            request.headers["Accept-Encoding"] = "gzip"
            await transport.send(request)
        happens(one.writers[-1])
        assert (await transport.send(one.request())).status == 200
    assert (one.connections, len(one.requests)) == (2, 2)


@pytest.mark.parametrize("kind", ["default", "aiohttp", "aiohttp session"], indirect=True)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_speaks_first_over_tls_is_heard_before_the_request_is_written(
    build: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    """What came with the handshake is no answer to a request that follows it: nothing is written then."""
    asked: list[bytes] = []
    spoken = asyncio.Event()

    async def speak_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speak(writer)
        spoken.set()
        asked.append(await reader.read(1000))
        writer.transport.abort()

    def late(encrypt: Any) -> Any:
        """Read nothing between the handshake and the server's word, as a busy event loop does until its next turn."""

        @functools.wraps(encrypt)
        async def encrypted(*args: Any, **options: Any) -> Any:
            made = await encrypt(*args, **options)
            beneath = getattr(made, "transport", made)._ssl_protocol._transport
            beneath.pause_reading()
            await spoken.wait()
            beneath.resume_reading()
            return made

        return encrypted

    if build.kind == "default":
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "start_tls", late(loop.start_tls))
    else:
        monkeypatch.setattr(aiohttp.TCPConnector, "connect", late(aiohttp.TCPConnector.connect))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.minimum_version = context.maximum_version = version
    async with await asyncio.start_server(speak_first, "localhost", 0, ssl=context) as listening:
        port = listening.sockets[0].getsockname()[1]
        request = HttpRequest(name="sendSms", url=f"https://localhost:{port}/", body=b"a=1", headers={})
        async with build(ssl_context=ssl.create_default_context(cafile=f"{certificate}.crt")) as transport:
            with pytest.raises(NotSent, match="nothing was sent"):
                await transport.send(request)
    assert asked in ([], [b""])


@pytest.mark.parametrize("tls", [False, True], ids=["in clear", "TLS"])
async def test_the_beginning_of_an_answer_that_nobody_asked_for_is_not_passed_over(
    server: Any, tls_server: Any, certificate: Path, turns: Any, tls: bool
) -> None:
    """An idle connection on which another answer begins is given up, though what came is not an answer yet."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await turns()
        writer.write(b"HTTP/1.1 2")
        await writer.drain()

    one = tls_server if tls else server
    one.script = script
    async with AiohttpTransport(ssl_context=ssl.create_default_context(cafile=f"{certificate}.crt")) as transport:
        for _ in range(2):
            assert (await transport.send(one.request())).body == b"{}"
            await turns()
            await turns()
    assert (one.connections, len(one.requests)) == (2, 2)
