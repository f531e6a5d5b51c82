"""What every HTTP transport promises of its connections: how many, which ones, and until when."""

import asyncio
import os
import ssl
import time
from pathlib import Path
from socket import SHUT_WR
from typing import Any

import httpx
import msgspec
import pytest

from allmysms_async.errors import NotSent, OutcomeUnknown, RequestTimeout
from allmysms_async.exchange import HttpResponse
from allmysms_async.transports import HttpTransport

from . import conftest as here

own = pytest.mark.parametrize("kind", here.OWN, indirect=True)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def gated() -> tuple[asyncio.Event, Any]:
    """Return a gate, and a script that answers once it is open."""
    gate = asyncio.Event()

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(OK)
        await writer.drain()

    return gate, script


async def test_one_connection_carries_request_after_request(server: Any, transport: HttpTransport) -> None:
    """A connection is kept and used again."""
    for _ in range(20):
        await transport.send(server.request())
    assert (server.connections, len(server.requests)) == (1, 20)


async def test_answer_that_closes_is_followed_by_another_connection(server: Any, transport: HttpTransport) -> None:
    """Where the server says that it closes, the next request opens a connection of its own."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await writer.drain()
        writer.close()

    server.script = script
    for _ in range(3):
        assert (await transport.send(server.request())).status == 200
    assert (server.connections, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_connection_closed_while_idle_is_not_used_again(
    server: Any, transport: HttpTransport, turns: Any, how: str
) -> None:
    """A connection that the server gave up between two requests costs no request."""
    for sent in range(1, 6):
        assert (await transport.send(server.request())).status == 200
        assert len(server.requests) == sent
        writer = server.writers[-1]
        writer.close() if how == "close" else writer.transport.abort()
        await turns()  # the client notices
    assert server.connections == 5


@pytest.mark.parametrize("kind", ["default", "aiohttp", "aiohttp session"], indirect=True)
@pytest.mark.parametrize("early", [None, "whole", "crumb"])
async def test_what_came_and_nobody_read_yet_is_no_answer(
    server: Any, transport: HttpTransport, early: str | None
) -> None:
    """A connection on which something came, or its end, is not used, though the event loop had no turn to read it."""
    assert (await transport.send(server.request())).body == b"{}"
    socket = server.writers[-1].get_extra_info("socket")
    if early is None:
        socket.shutdown(SHUT_WR)
    else:
        os.write(socket.fileno(), EARLY[early])
    assert (await transport.send(server.request())).body == b"{}"
    assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 7, 100, 500])
async def test_requests_wait_their_turn_and_are_all_answered(build: Any, server: Any, limit: int) -> None:
    """However many are in flight, there are never more connections than allowed, and each request is sent once.

    A client of httpx has its own pool, which opens connections while it closes others, and looks at each of them for
    each request that waits: 500 would take it long.
    """
    count = 100 if build.kind == "httpx client" else 500 if limit >= 100 else 50
    async with build(max_connections=limit) as transport:
        requests = [server.request(b"n=%d" % number, timeout=250) for number in range(count)]
        responses = await asyncio.gather(*map(transport.send, requests))
    assert {response.status for response in responses} == {200}
    assert sorted(body for _, body in server.requests) == sorted(request.body for request in requests)
    if build.kind != "httpx client":
        assert server.most <= limit
        assert server.connections <= limit


async def test_all_allowed_connections_are_used_at_once(build: Any, server: Any, until: Any, turns: Any) -> None:
    """Requests really go out side by side."""
    gate, server.script = gated()
    async with build(max_connections=50) as transport:
        sends = [asyncio.ensure_future(transport.send(server.request())) for _ in range(60)]
        await until(lambda: len(server.requests) == 50)
        await turns()
        assert (len(server.requests), server.most) == (50, 50)
        gate.set()
        await asyncio.gather(*sends)
    assert len(server.requests) == 60


async def test_limit_holds_when_requests_fail(build: Any, server: Any, until: Any, pass_time: Any) -> None:
    """Connections given up by a time-out or a cancellation are closed before others take their place."""
    gate, server.script = gated()
    async with build(max_connections=10) as transport:
        sends = [asyncio.ensure_future(transport.send(server.request(timeout=300))) for _ in range(10)]
        sends += [asyncio.ensure_future(transport.send(server.request(timeout=3000))) for _ in range(20)]
        await until(lambda: len(server.requests) == 10)
        pass_time(300)
        await until(lambda: len(server.requests) >= 20)  # the first ten are all given up
        sends[-1].cancel()
        sends[12].cancel()
        gate.set()
        ended = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(error, RequestTimeout) for error in ended[:10])
        assert [type(error) for error in (ended[12], ended[-1])] == [asyncio.CancelledError] * 2
        assert sum(getattr(response, "status", 0) == 200 for response in ended) == 18
        # The server hears of a closed connection a moment after the next one was opened.
        assert server.most <= 20
        await until(lambda: server.open <= 10)


@pytest.mark.parametrize("moment", ["in flight", "at once", "waiting"])
async def test_cancelled_request_leaves_the_transport_usable(build: Any, server: Any, moment: str, until: Any) -> None:
    """Cancelling a request ends it at once, and the next one gets its own answer, not that of the cancelled one."""
    gate, server.script = gated()
    async with build(max_connections=1) as transport:
        first = asyncio.ensure_future(transport.send(server.request(b"n=1")))
        if moment != "at once":
            await until(lambda: server.requests)
        cancelled = first
        if moment == "waiting":
            cancelled = asyncio.ensure_future(transport.send(server.request(b"n=2")))
            await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        gate.set()
        if moment == "waiting":
            assert (await first).status == 200
        assert (await transport.send(server.request(b"n=3"))).status == 200
    bodies = [body for _, body in server.requests]
    assert bodies[-1] == b"n=3"
    assert b"n=2" not in bodies


async def test_request_that_gets_no_turn_in_time_is_not_sent(build: Any, server: Any, until: Any) -> None:
    """Waiting for a connection is bounded by the time-out too, and then nothing was sent."""
    gate, server.script = gated()
    async with build(max_connections=1) as transport:
        first = asyncio.ensure_future(transport.send(server.request()))
        await until(lambda: server.requests)
        with pytest.raises(NotSent):
            await transport.send(server.request(timeout=0.05))
        gate.set()
        assert (await first).status == 200
    assert len(server.requests) == 1


async def test_closed_transport_sends_nothing(build: Any, server: Any, until: Any) -> None:
    """After closing, a request is not sent, and closing again does nothing."""
    transport = build()
    await transport.send(server.request())
    await transport.aclose()
    await transport.aclose()
    with pytest.raises(NotSent):
        await transport.send(server.request())
    assert len(server.requests) == 1
    await until(lambda: server.open == build.left_open)


async def test_request_that_waits_while_the_transport_closes_is_not_sent(build: Any, server: Any, until: Any) -> None:
    """A request in flight is answered although the transport closes; one that waits is not begun."""
    gate, server.script = gated()
    transport = build(max_connections=1)
    first = asyncio.ensure_future(transport.send(server.request()))
    second = asyncio.ensure_future(transport.send(server.request()))
    await until(lambda: server.requests)
    await transport.aclose()
    gate.set()
    assert (await first).status == 200
    with pytest.raises(NotSent):
        await second
    assert len(server.requests) == 1
    await until(lambda: server.open == build.left_open)


@own
@pytest.mark.parametrize("limit", [0, -1])
async def test_transport_without_connections_is_refused(build: Any, limit: int) -> None:
    """A transport needs one connection at least."""
    with pytest.raises(ValueError, match="max_connections"):
        build(max_connections=limit)


@own
async def test_time_that_passes_before_the_connection_is_ready_sends_nothing(
    build: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the whole time went by before a byte could be written, it is told as surely not sent, and is not sent."""
    make = httpx.create_ssl_context

    def slowly() -> ssl.SSLContext:
        time.sleep(0.2)
        return make()

    monkeypatch.setattr(httpx, "create_ssl_context", slowly)
    async with build(ssl_context=None) as transport:
        with pytest.raises(NotSent, match="nothing was sent"):
            await transport.send(msgspec.structs.replace(server.request(timeout=0.1), url="https://127.0.0.1:1/"))
        assert server.requests == []


@own
async def test_request_in_clear_waits_for_nobody_to_be_trusted(
    build: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is encrypted, the authorities of the system are not read."""
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: pytest.fail("somebody was to be trusted"))
    async with build(ssl_context=None) as transport:
        assert (await transport.send(server.request())).status == 200


EARLY = {
    "whole": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly",
    "half": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nearl",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n0\r\n\r\n",
    "crumb": b"e",
}


@pytest.mark.parametrize(("early", "tls"), [*((name, False) for name in EARLY), ("whole", True), ("half", True)])
@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
async def test_answer_that_came_before_the_request_is_not_believed(
    build: Any, server: Any, tls_server: Any, certificate: Path, tls: bool, early: str, later: bool, turns: Any
) -> None:
    """What a server says beyond an answer is never taken for another one's.

    The next request goes over another connection, or is told as not sent, or its outcome is left open.
    """

    async def twice(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) > 1:
            writer.write(OK)
        elif later:
            writer.write(OK)
            asyncio.get_running_loop().call_later(0, writer.write, EARLY[early])
        else:
            writer.write(OK + EARLY[early])
        await writer.drain()

    async def ask() -> bytes | None:
        before = len(one.requests)
        try:
            response: HttpResponse = await transport.send(one.request())
        except NotSent:
            assert len(one.requests) == before
            return None
        except OutcomeUnknown as error:
            assert "may have been taken" in str(error)  # noqa: PT017  # each of the three ends is right
            return None
        return response.body

    one = tls_server if tls else server
    one.script = twice
    async with build(ssl_context=ssl.create_default_context(cafile=f"{certificate}.crt")) as transport:
        first = await ask()
        await turns()
        second = await ask()
        third = await ask()
    assert {first, second} <= {b"{}", None}
    assert third == b"{}"
    assert one.connections == 2
