"""What every HTTP transport promises of event loops: a connection ends with its own, and is used in no other."""

import asyncio
import contextlib
import gc
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.errors import NotSent, ServiceClosed
from allmysms_async.transports.httpx import HttpxTransport

from . import conftest as here

own = pytest.mark.parametrize("kind", here.OWN, indirect=True)


def by_hand(begin: Callable[[], Any]) -> Any:
    """Run something in an event loop that ends no generators before it closes."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(begin())
    finally:
        loop.close()


@own
async def test_connection_closes_with_its_event_loop(build: Any, server: Any, until: Any) -> None:
    """When asyncio.run ends, so do its connections, although nobody closed the transport."""
    transport = build()
    for number in (1, 2, 3):
        response = await asyncio.to_thread(lambda: asyncio.run(transport.send(server.request())))
        assert response.status == 200
        await until(lambda: server.open == 0)
        assert (server.connections, len(server.requests)) == (number, number)


@pytest.mark.slow
@pytest.mark.parametrize("how", [by_hand, lambda begin: asyncio.run(begin())], ids=["by hand", "run"])
@own
async def test_connection_of_a_closed_loop_is_let_go_of(
    build: Any, tls_server: Any, certificate: Path, how: Callable[..., Any], until: Any
) -> None:
    """Nothing is written on a connection whose event loop is closed, encrypted or not, and Python warns of nothing."""
    transport = build(ssl_context=ssl.create_default_context(cafile=str(certificate) + ".crt"))
    for number in (1, 2, 3):
        response = await asyncio.to_thread(how, lambda: transport.send(tls_server.request()))
        assert response.status == 200
        assert (tls_server.connections, len(tls_server.requests)) == (number, number)
    await transport.aclose()
    await until(lambda: tls_server.open == 0)
    gc.collect()


@own
async def test_each_event_loop_keeps_its_own_connection(build: Any, server: Any) -> None:
    """While another loop comes and goes, the first one goes on with the connection that it has."""
    async with build() as transport:
        for _ in range(3):
            await transport.send(server.request())
            await asyncio.to_thread(lambda: asyncio.run(transport.send(server.request())))
        assert (server.connections, len(server.requests)) == (4, 6)


@own
async def test_transport_closed_elsewhere_closes_here_too(build: Any, server: Any, until: Any) -> None:
    """Closing in one event loop ends the idle connections of another that runs, and refuses its next request."""
    transport = build()
    await transport.send(server.request())
    assert server.open == 1
    await asyncio.to_thread(lambda: asyncio.run(transport.aclose()))
    await until(lambda: server.open == 0)
    with pytest.raises(ServiceClosed):
        await transport.send(server.request())
    assert len(server.requests) == 1


async def test_proxy_that_never_answers_is_given_up_in_time() -> None:
    """A proxy that says nothing to CONNECT was told nothing of the request: surely not sent, within its time-out."""
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with HttpxTransport(proxy=f"http://127.0.0.1:{port}", ssl_context=ssl.create_default_context()) as transport:
        with pytest.raises(NotSent, match=r"in time|no answer came"):
            await transport.send(_request("https://gateway.example/"))
    assert [request.partition(b" ")[0] for request in asked] == [b"CONNECT"]
    listener.close()
    await listener.wait_closed()


def _request(url: str) -> Any:
    """Return a request."""
    from allmysms_async.exchange import HttpRequest

    return HttpRequest(name="sendSms", url=url, body=b"a=1", headers={}, timeout=0.4)


FORKS = """
import asyncio, os, sys
from allmysms_async.exchange import HttpRequest
from allmysms_async.transports import AiohttpTransport, H11Transport, HttpxTransport

def send():
    return transport.send(HttpRequest(name="sendSms", url=sys.argv[2], body=b"a=1", headers={}))

transport = {"default": H11Transport, "httpx": HttpxTransport, "aiohttp": AiohttpTransport}[sys.argv[1]]()
loop = asyncio.new_event_loop()
assert loop.run_until_complete(send()).status == 200
child = os.fork()
if not child:
    assert asyncio.run(send()).status == 200
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert loop.run_until_complete(send()).status == 200
loop.run_until_complete(transport.aclose())
loop.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", here.OWN)
async def test_a_process_that_is_forked_off_leaves_the_parents_connection_alone(server: Any, kind: str) -> None:
    """The child opens a connection of its own, the parent goes on with its own, and neither says a word on stderr."""
    # From 3.12 on Python warns of every fork beside a thread, as the one that looks addresses up.
    warnings = ("-W", "default", "-W", "ignore:This process:DeprecationWarning")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *warnings, "-c", FORKS, kind, f"{server.url}/"), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")
    assert (server.connections, len(server.requests)) == (2, 3)


HTTPX_LEAVES = ("httpx", "shaking hands")
MOMENTS = ("connecting", "shaking hands", "written", "answered")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "moment"),
    # asyncio's own connecting, which aiohttp uses, leaves the socket open if it is interrupted between that and the
    # handshake; httpx does if it is interrupted in the handshake. Python closes it when it finds it.
    [
        ("default", "connected"),
        *((kind, moment) for kind in here.OWN + here.GIVEN for moment in MOMENTS if (kind[:5], moment) != HTTPX_LEAVES),
    ],
    indirect=["kind"],
)
async def test_cancelled_request_leaves_nothing_open(build: Any, server: Any, moment: str, until: Any) -> None:
    """Whenever a request is cancelled, its connection is closed, and no task goes on."""
    before = asyncio.all_tasks()
    reached, ended = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if moment == "shaking hands":
            await reader.readexactly(1)
        elif moment in {"written", "answered"}:
            await reader.readuntil(b"a=1")
        if moment == "answered":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            await writer.drain()
        reached.set()
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                pass
        writer.close()
        ended.set()

    transport = build()
    listener = await asyncio.start_server(hold, "localhost", 0)
    server.port = listener.sockets[0].getsockname()[1]
    server.scheme = "https" if moment in {"connected", "shaking hands"} else "http"
    sending = asyncio.create_task(transport.send(server.request()))
    if moment == "connecting":
        await asyncio.sleep(0)
    else:
        await reached.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    if moment != "connecting":
        await ended.wait()
    await transport.aclose()
    await build.aclose()
    listener.close()
    await listener.wait_closed()
    await until(lambda: asyncio.all_tasks() <= before)
    gc.collect()
