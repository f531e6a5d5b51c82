"""What a transport promises over a client or a session that a user gives it: it is used, and left as it was."""

import asyncio
import ssl
from typing import Any

import aiohttp
import httpx
import pytest

from allmysms_async import InvalidRequest
from allmysms_async.errors import CannotPass, NotSent, OutcomeUnknown, ServiceClosed
from allmysms_async.transports.aiohttp import AiohttpTransport
from allmysms_async.transports.httpx import HttpxTransport

from . import conftest as here

given = pytest.mark.parametrize("kind", here.GIVEN, indirect=True)


@given
async def test_what_is_given_stays_open(build: Any, server: Any) -> None:
    """Closing the transport leaves the client, or the session, to its owner, with its connection."""
    transport = build()
    await transport.send(server.request())
    await transport.aclose()
    for client in build.clients:
        assert (await client.post(server.url, content=b"a=1")).status_code == 200
    for session in build.sessions:
        async with session.post(server.url, data=b"a=1") as answer:
            assert answer.status == 200
    assert (server.connections, len(server.requests)) == (1, 2)


@given
async def test_what_is_given_adds_nothing_to_a_request_and_keeps_nothing_of_an_answer(build: Any, server: Any) -> None:
    """What the client, or the session, would add does not go along; no cookie is kept, and no redirect followed."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: theirs=1; Path=/\r\nContent-Length: 0\r\n\r\n"
        )
        await writer.drain()

    server.script = script
    async with build() as transport:
        for client in build.clients:
            client.headers["Authorization"] = "theirs"
            client.cookies.set("mine", "1", domain="localhost")
        for session in build.sessions:
            session.cookie_jar.update_cookies({"mine": "1"}, yarl_url(server.url))
        for _ in range(2):
            assert (await transport.send(server.request())).status == 302
    heads = b"".join(head for head, _ in server.requests).lower()
    assert len(server.requests) == 2
    assert b"cookie" not in heads
    assert b"authorization" not in heads


def yarl_url(url: str) -> Any:
    """Return an address as aiohttp has it."""
    import yarl

    return yarl.URL(url)


@given
async def test_what_is_closed_sends_nothing(build: Any, server: Any) -> None:
    """Once its owner closed the client, or the session, a request is told as not sent."""
    async with build() as transport:
        await transport.send(server.request())
        await build.aclose()
        with pytest.raises(ServiceClosed, match=r"(client|session) is closed; nothing was sent"):
            await transport.send(server.request())
    assert len(server.requests) == 1


@given
async def test_what_belongs_to_one_event_loop_is_not_used_in_another(build: Any, server: Any) -> None:
    """In another event loop nothing is sent, and the error says what to do."""
    async with build() as transport:
        await transport.send(server.request())
        with pytest.raises(CannotPass, match="belongs to another event loop; nothing was sent") as caught:
            await asyncio.to_thread(lambda: asyncio.run(transport.send(server.request())))
        assert caught.value.remedy
        assert (await transport.send(server.request())).status == 200
    assert len(server.requests) == 2


async def test_a_client_that_repeats_is_stopped(server: Any) -> None:
    """A client whose transport sends again by itself is not let: what was begun once may have been taken."""

    class Repeating(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return await super().handle_async_request(request)
            except httpx.TransportError:
                return await super().handle_async_request(request)

    async def hang_up(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server.script = hang_up
    async with httpx.AsyncClient(transport=Repeating(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))) as client:
        with pytest.raises(OutcomeUnknown):
            await HttpxTransport(client).send(server.request())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("x"), NotSent),
        (httpx.PoolTimeout("x"), NotSent),
        (httpx.ReadTimeout("x"), OutcomeUnknown),
        (httpx.ReadError("x"), OutcomeUnknown),
        (ValueError("x"), OutcomeUnknown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_a_client_over_something_else_is_not_believed_too_much(
    server: Any, error: Exception, kind: type[Exception]
) -> None:
    """Where nobody tells whether writing began, it may have, unless the error says by itself that it did not."""

    class Strange(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise error

    async with httpx.AsyncClient(transport=Strange()) as client:
        with pytest.raises(kind):
            await HttpxTransport(client).send(server.request())


async def test_an_idempotent_request_is_not_repeated_by_aiohttp(server: Any) -> None:
    """aiohttp sends a PUT again where the connection broke; this transport makes one attempt."""

    async def once(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
        else:
            writer.transport.abort()

    server.script = once
    async with AiohttpTransport() as transport:
        await transport.send(server.request(method="PUT"))
        with pytest.raises(OutcomeUnknown):
            await transport.send(server.request(method="PUT"))
    assert len(server.requests) == 2


@pytest.mark.parametrize("option", [{"proxy": "http://127.0.0.1:9"}, {"ssl_context": ssl.create_default_context()}])
async def test_a_client_knows_its_own_proxy_and_trust(option: dict[str, Any]) -> None:
    """What the client would not heed is refused, rather than passed over."""
    async with httpx.AsyncClient() as client:
        with pytest.raises(InvalidRequest, match="client knows its own"):
            HttpxTransport(client, **option)


@pytest.mark.parametrize("make", [AiohttpTransport, HttpxTransport])
async def test_what_is_no_client_is_refused(make: Any) -> None:
    """A client of the other library, or anything else, is refused when the transport is made."""
    async with httpx.AsyncClient() as client, aiohttp.ClientSession() as session:
        with pytest.raises(InvalidRequest):
            make(session if make is HttpxTransport else client)
