"""What every HTTP transport promises of event loops: a connection ends with its own, and is used in no other."""

import asyncio
import gc
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.errors import NotSent, ServiceClosed
from allmysms_async.transports.httpx import HttpxTransport


def by_hand(begin: Callable[[], Any]) -> Any:
    """Run something in an event loop that ends no generators before it closes."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(begin())
    finally:
        loop.close()


async def test_connection_closes_with_its_event_loop(server: Any, until: Any) -> None:
    """When asyncio.run ends, so do its connections, although nobody closed the transport."""
    transport = HttpxTransport()
    for number in (1, 2, 3):
        response = await asyncio.to_thread(lambda: asyncio.run(transport.send(server.request())))
        assert response.status == 200
        await until(lambda: server.open == 0)
        assert (server.connections, len(server.requests)) == (number, number)


@pytest.mark.parametrize("how", [by_hand, lambda begin: asyncio.run(begin())], ids=["by hand", "run"])
async def test_connection_of_a_closed_loop_is_let_go_of(
    tls_server: Any, certificate: Path, how: Callable[..., Any], until: Any
) -> None:
    """Nothing is written on a connection whose event loop is closed, encrypted or not, and Python warns of nothing."""
    transport = HttpxTransport(ssl_context=ssl.create_default_context(cafile=str(certificate) + ".crt"))
    for number in (1, 2, 3):
        response = await asyncio.to_thread(how, lambda: transport.send(tls_server.request()))
        assert response.status == 200
        assert (tls_server.connections, len(tls_server.requests)) == (number, number)
    await transport.aclose()
    await until(lambda: tls_server.open == 0)
    gc.collect()


async def test_each_event_loop_keeps_its_own_connection(server: Any) -> None:
    """While another loop comes and goes, the first one goes on with the connection that it has."""
    async with HttpxTransport() as transport:
        for _ in range(3):
            await transport.send(server.request())
            await asyncio.to_thread(lambda: asyncio.run(transport.send(server.request())))
        assert (server.connections, len(server.requests)) == (4, 6)


async def test_transport_closed_elsewhere_closes_here_too(server: Any, until: Any) -> None:
    """Closing in one event loop ends the idle connections of another that runs, and refuses its next request."""
    transport = HttpxTransport()
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
