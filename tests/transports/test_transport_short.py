"""The short way of ``AiohttpTransport`` beside the way of a session: the same is written, and the same comes of it."""

import asyncio
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.errors import ConnectionLost, TransportError
from allmysms_async.transports import aiohttp as aiohttp_transport
from allmysms_async.transports import aiohttp_session
from allmysms_async.transports.address import are_fields
from allmysms_async.transports.aiohttp import AiohttpTransport
from allmysms_async.transports.aiohttp_exchange import written

from .conftest import OK

ANSWERS = {
    "whole": OK,
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "to its end": b"HTTP/1.1 200 OK\r\n\r\n{}",
    "said twice": b"HTTP/1.1 200 OK\r\nX: 1\r\nx: 2\r\nContent-Length: 2\r\n\r\n{}",
    "nothing to say": b"HTTP/1.1 204 No Content\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    "refused": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 1\r\n\r\n-",
    "failed": b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 1\r\n\r\n-",
    "interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK,
    "switched": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "long": b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + bytes(101),
    "long in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + bytes(101) + b"\r\n0\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    "cut in its head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "nothing": b"",
}


async def outcome(server: Any, **options: Any) -> tuple[object, ...]:
    """Return what comes of a request over a transport of its own."""
    async with AiohttpTransport() as transport:
        try:
            response = await transport.send(server.request(max_response_bytes=100, **options))
        except TransportError as error:
            return type(error), str(error), error.code
    return response.status, dict(response.headers), response.body


@pytest.mark.parametrize("answer", ANSWERS)
async def test_both_ways_come_to_the_same(server: Any, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Whatever a server answers, the response or the error is the same, whichever way the request went."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWERS[answer])
        await writer.drain()
        writer.close()

    server.script = script
    short = await outcome(server)
    monkeypatch.setattr(aiohttp_session, "_is_direct", lambda session: False)
    assert short == await outcome(server)
    assert len(server.requests) == 2


@pytest.mark.parametrize("direct", [True, False], ids=["short", "session"])
@pytest.mark.parametrize(
    ("said", "is_whole"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", False),
        (b"HTTP/1.0 503 Busy\r\n\r\n", False),
        (OK, True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", True),
        (ANSWERS["chunked"], True),
        (ANSWERS["nothing to say"], True),
    ],
)
async def test_a_body_that_the_connection_ends_is_whole_if_it_ends_in_order(
    server: Any, monkeypatch: pytest.MonkeyPatch, turns: Any, direct: bool, said: bytes, is_whole: bool
) -> None:
    """Where nothing but the end of the connection says that a body is whole, a connection that breaks says nothing."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await turns()
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    server.script = script
    if not direct:
        monkeypatch.setattr(aiohttp_session, "_is_direct", lambda session: False)
    came = await outcome(server)
    assert came[0] == (int(said.split()[1]) if is_whole else ConnectionLost)


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/xml; charset=utf-8", "X": ""}, {"Host": "elsewhere"}])
async def test_both_ways_write_the_same(
    server: Any, monkeypatch: pytest.MonkeyPatch, method: str, headers: dict[str, str]
) -> None:
    """The server reads the same request, but for the order of its header fields."""

    async def ask() -> tuple[bytes, set[bytes], bytes]:
        request = server.request(b"a=%C3%A9", method=method)
        request.headers.update(headers)
        async with AiohttpTransport() as transport:
            assert (await transport.send(request)).status == 200
        head, body = server.requests[-1]
        first, *fields = head.rstrip().split(b"\r\n")
        assert len(set(fields)) == len(fields)
        return first, set(fields), body

    short = await ask()
    monkeypatch.setattr(aiohttp_session, "_is_direct", lambda session: False)
    assert short == await ask()


names = st.text(st.characters(max_codepoint=127), max_size=12)


@given(st.lists(st.tuples(names, names), max_size=4), st.sampled_from(["POST", "GET"]))
def test_what_can_be_written_can_be_written_both_ways(fields: list[tuple[str, str]], method: str) -> None:
    """A header is refused with a ``ValueError``, or h11 writes it as well."""
    try:
        wire = written(method, "http://localhost/", tuple(fields))
    except ValueError:
        assert not are_fields(dict(fields))
        return
    for name, value in fields if wire.head is not None else ():
        assert f"\r\n{name}: {value}\r\n".encode() in (wire.head or b"")


async def test_the_traces_of_a_session_are_told_of_each_request(server: Any) -> None:
    """Who looks on at a session sees what goes over its connections."""
    told: list[str] = []

    async def tell(_session: object, _context: object, told_of: aiohttp.TraceRequestStartParams) -> None:
        told.append(told_of.method)

    traces = aiohttp.TraceConfig()
    traces.on_request_start.append(tell)
    async with aiohttp.ClientSession(trace_configs=[traces]) as session, AiohttpTransport(session) as transport:
        for _ in range(2):
            await transport.send(server.request())
    assert told == ["POST", "POST"]


async def test_a_connector_that_keeps_no_connection_is_heeded(server: Any) -> None:
    """With ``force_close`` each request has a connection of its own, and says that it is the last on it."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, AiohttpTransport(session) as transport:
        for _ in range(2):
            await transport.send(server.request())
    assert server.connections == 2
    assert all(b"connection: close" in head.lower() for head, _ in server.requests)


async def test_a_connector_of_the_users_own_making_is_asked_by_its_session(server: Any) -> None:
    """What a class of the user's expects of a request is the session's to know."""
    asked: list[str] = []

    class Counting(aiohttp.TCPConnector):
        async def connect(self, req: aiohttp.ClientRequest, *args: Any, **options: Any) -> Any:
            asked.append(req.url.path)
            return await super().connect(req, *args, **options)

    async with aiohttp.ClientSession(connector=Counting()) as session, AiohttpTransport(session) as transport:
        await transport.send(server.request())
    assert asked == ["/http/9.0/sendSms/"]


@pytest.mark.parametrize("kind", ["default", "aiohttp", "aiohttp session"], indirect=True)
@pytest.mark.parametrize("tls", [False, True], ids=["in clear", "TLS"])
async def test_a_whole_answer_counts_though_more_came_behind_it(
    build: Any, server: Any, tls_server: Any, certificate: Path, turns: Any, tls: bool
) -> None:
    """What comes with the end of an answer and does not belong to it ends the connection, and not the answer."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        await writer.drain()
        await turns()
        writer.write(b"llox")
        await writer.drain()

    one = tls_server if tls else server
    one.script = script
    async with build(ssl_context=ssl.create_default_context(cafile=f"{certificate}.crt")) as transport:
        for _ in range(2):
            assert (await transport.send(one.request())).body == b"hello"
    assert (one.connections, len(one.requests)) == (2, 2)


async def renamed(self: Any, request: Any, tracing: Any, limits: Any) -> None:
    """Be called in another way than a connector's ``connect``."""


@pytest.mark.parametrize(
    ("place", "other"),
    [
        ("connector.Connection.transport", None),
        ("http.RawResponseMessage", None),
        ("streams.StreamReader.read_nowait", None),
        ("client_proto.ResponseHandler._parser", property()),
        ("client_proto.ResponseHandler.set_response_params", lambda self, *, read_until_eof: None),
        ("client_proto.ResponseHandler.read", lambda self, most: None),
        ("TCPConnector.connect", renamed),
    ],
)
async def test_another_aiohttp_is_asked_by_its_session(
    monkeypatch: pytest.MonkeyPatch, place: str, other: object
) -> None:
    """Where a later version of aiohttp has not inside what this one has, a session is asked for each request."""
    async with aiohttp.ClientSession() as session:
        assert aiohttp_session._is_direct(session)
        with monkeypatch.context() as patch:
            if other is None:
                patch.delattr(f"aiohttp.{place}")
            else:
                patch.setattr(f"aiohttp.{place}", other, raising=False)
            assert not aiohttp_session._is_direct(session)
        assert aiohttp_session._is_direct(session)


async def test_what_aiohttp_lacks_is_done_without(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, requests are sent and answered all the same."""
    reads: list[object] = []
    monkeypatch.setattr(aiohttp_session, "_INNER", {"connector.Connection": ("no_such_thing",)})
    monkeypatch.setattr(aiohttp_transport, "shortly", reads.append)
    async with AiohttpTransport() as transport:
        for _ in range(2):
            assert (await transport.send(server.request())).status == 200
    assert (server.connections, len(server.requests), reads) == (1, 2, [])
