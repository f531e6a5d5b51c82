"""What every HTTP transport promises: how each way an exchange can end is told."""

import asyncio
import gzip
import socket
import ssl
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.errors import ConnectionLost, NotSent, OutcomeUnknown, ProtocolError, RequestTimeout
from allmysms_async.exchange import HttpRequest
from allmysms_async.transports import HttpTransport


def scripted(*pieces: bytes, pause: float = 0.0, close: bool = True, reset: bool = False) -> Any:
    """Return a script that writes some bytes, and then closes or resets the connection."""

    async def script(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif close:
            writer.close()

    return script


def answer(status: str, body: bytes = b"{}", *headers: bytes) -> bytes:
    """Return the bytes of an answer."""
    fields = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), fields, body)


# -- what is carried --------------------------------------------------------------------------------------------------


async def test_request_arrives_as_it_was_given(server: Any, transport: HttpTransport) -> None:
    """The method, the path, the headers and the bytes of the body reach the server unchanged."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Allmysms-Subaccount": "jdoe"}
    url = f"{server.url}/http/9.0/sendSms/"
    response = await transport.send(HttpRequest(name="sendSms", url=url, body=b"a=%C3%A9&b=1", headers=headers))
    ((head, body),) = server.requests
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /http/9.0/sendsms/ http/1.1"
    assert {b"allmysms-subaccount: jdoe", b"content-length: 12", b"accept-encoding: identity"} <= set(lines)
    assert body == b"a=%C3%A9&b=1"
    assert (response.status, response.body) == (200, b"{}")


@pytest.mark.parametrize("status", [200, 204, 302, 307, 400, 401, 404, 408, 429, 500, 503, 599])
async def test_any_status_is_brought_back(server: Any, transport: HttpTransport, status: int) -> None:
    """What a status means is not the transport's to judge, and no redirect is followed."""
    body = b"" if status == 204 else b"{}"
    server.script = scripted(answer(f"{status} X", body, b"Location: /elsewhere/", b"Retry-After: 3"), close=False)
    response = await transport.send(server.request())
    assert (response.status, response.headers["retry-after"]) == (status, "3")
    assert len(server.requests) == 1


async def test_answer_in_chunks_is_read_to_its_end(server: Any, transport: HttpTransport) -> None:
    """A chunked answer comes back whole."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.script = scripted(head, b"2\r\n{}\r\n", b"1\r\n \r\n0\r\n\r\n", close=False)
    assert (await transport.send(server.request())).body == b"{} "


# -- surely not sent --------------------------------------------------------------------------------------------------


async def test_refused_connection_is_not_sent(transport: HttpTransport) -> None:
    """Where nobody listens, nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(NotSent) as caught:
            await transport.send(HttpRequest(name="sendSms", url=url, body=b"", headers={}))
    assert caught.value.request == "sendSms"
    assert caught.value.__cause__ is not None


async def test_unknown_host_is_not_sent(transport: HttpTransport) -> None:
    """A name that no server has is told as not sent."""
    with pytest.raises(NotSent):
        await transport.send(HttpRequest(name="sendSms", url="http://gateway.invalid/", body=b"", headers={}))


async def test_untrusted_certificate_is_not_sent(tls_server: Any, transport: HttpTransport) -> None:
    """A server that cannot prove who it is gets nothing."""
    with pytest.raises(NotSent):
        await transport.send(tls_server.request())
    assert tls_server.requests == []


async def test_trusted_certificate_is_taken(tls_server: Any, certificate: Path, build: Any) -> None:
    """The caller's own authority can be trusted."""
    context = ssl.create_default_context(cafile=str(certificate) + ".crt")
    async with build(ssl_context=context) as transport:
        assert (await transport.send(tls_server.request())).status == 200
        assert (await transport.send(tls_server.request())).status == 200
    assert tls_server.connections == 1


async def test_plain_server_behind_https_is_not_sent(server: Any, transport: HttpTransport) -> None:
    """A server that does not speak TLS gets nothing."""
    server.scheme = "https"
    with pytest.raises(NotSent):
        await transport.send(server.request(timeout=0.2))
    assert server.requests == []


async def test_handshake_that_never_ends_is_not_sent(transport: HttpTransport) -> None:
    """A request whose time runs out before its writing began was surely not sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NotSent):
            await transport.send(HttpRequest(name="sendSms", url=url, body=b"", headers={}, timeout=0.1))


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("", {}),
        ("ftp://localhost/", {}),
        ("http://", {}),
        ("http://localhost:99999/", {}),
        ("http://local host/", {}),
        ("http://[::1/", {}),
        ("http://127.0.0.1:{port}/", {"X-Name": "a\r\nX-Other: b"}),
        ("http://127.0.0.1:{port}/", {"X-Name": "a\x00"}),
        ("http://127.0.0.1:{port}/", {"X-Name\n": "a"}),
        ("http://127.0.0.1:{port}/", {"": "a"}),
        ("http://127.0.0.1:{port}/", {"X-Name": "\ud800"}),
    ],
)
async def test_request_that_is_no_http_is_not_sent(
    server: Any, transport: HttpTransport, url: str, headers: dict[str, str]
) -> None:
    """An address or a header that HTTP cannot carry is refused, and the transport stays usable."""
    url = url.replace("{port}", str(server.port))
    with pytest.raises(NotSent):
        await transport.send(HttpRequest(name="sendSms", url=url, body=b"a=1", headers=headers))
    assert server.requests == []
    assert (await transport.send(server.request())).status == 200


# -- may have been taken ----------------------------------------------------------------------------------------------

BROKEN = {
    "closed at once": scripted(),
    "closed in the head": scripted(b"HTTP/1.1 200 OK\r\nContent-"),
    "closed in the body": scripted(answer("200 OK")[:-1]),
    "closed in a chunk": scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{"),
    "reset at once": scripted(reset=True),
    "reset in the body": scripted(answer("200 OK")[:-1], pause=0.01, reset=True),
    "no http": scripted(b"220 mail.example ESMTP\r\n\r\n"),
    "bad status": scripted(b"HTTP/1.1 abc OK\r\n\r\n"),
    "status below 100": scripted(b"HTTP/1.1 099 OK\r\n\r\n"),
    "bad length": scripted(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"),
    "two lengths": scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "bad chunk": scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    "endless head": scripted(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000),
    "nul in a header": scripted(b"HTTP/1.1 200 OK\r\nX-A: \x00\r\nContent-Length: 2\r\n\r\n{}"),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
async def test_broken_exchange_leaves_the_outcome_open(server: Any, transport: HttpTransport, script: Any) -> None:
    """Once the request was written, whatever breaks may have been a send; it was tried once."""
    server.script = script
    with pytest.raises((ConnectionLost, ProtocolError)) as caught:
        await transport.send(server.request())
    assert caught.value.request == "sendSms"
    assert len(server.requests) == 1


async def test_no_answer_is_told_in_time(server: Any, transport: HttpTransport, until: Any, pass_time: Any) -> None:
    """A server that says nothing is waited for until the time-out, and no longer."""
    server.script = scripted(b"", pause=1e6)
    sending = asyncio.create_task(transport.send(server.request(timeout=1000)))
    await until(lambda: server.requests)
    pass_time(800)
    assert await asyncio.wait({sending}, timeout=0.05) == (set(), {sending})
    pass_time(200)
    with pytest.raises(RequestTimeout):
        await sending


async def test_slow_drip_is_cut_at_the_time_out(
    server: Any, transport: HttpTransport, until: Any, pass_time: Any
) -> None:
    """A byte now and then does not keep a request going for ever."""
    written = 0

    async def drip(server: Any, head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            written += 1
            await asyncio.sleep(90)

    server.script = drip
    sending = asyncio.create_task(transport.send(server.request(timeout=1050)))
    for count in range(1, 13):
        await until(lambda count=count: written >= count)
        assert not sending.done()
        pass_time(90)
    with pytest.raises(RequestTimeout):
        await sending
    assert written < 20


@pytest.mark.parametrize("head", [b"Content-Length: 100000000000", b"Transfer-Encoding: chunked"])
async def test_endless_body_is_cut_with_bounded_memory(server: Any, transport: HttpTransport, head: bytes) -> None:
    """A body over the limit is given up, without reading on."""
    piece = b" " * 65_536
    piece = b"10000\r\n" + piece + b"\r\n" if b"chunked" in head else piece
    server.script = scripted(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", *[piece] * 4000)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="longer than 1000000 bytes"):
            await transport.send(server.request(max_response_bytes=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


async def test_body_of_just_the_limit_is_read(server: Any, transport: HttpTransport) -> None:
    """The limit itself is allowed."""
    server.script = scripted(answer("200 OK", b" " * 1000), close=False)
    assert len((await transport.send(server.request(max_response_bytes=1000))).body) == 1000


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b"br"])
async def test_compressed_answer_is_no_answer(server: Any, transport: HttpTransport, encoding: bytes) -> None:
    """A body compressed unasked is not unpacked: a small one could be huge."""
    body = gzip.compress(b"{}" * 1000)
    server.script = scripted(answer("200 OK", body, b"Content-Encoding: " + encoding))
    with pytest.raises(ProtocolError) as caught:
        await transport.send(server.request())
    assert isinstance(caught.value, OutcomeUnknown)


async def test_answer_in_crumbs_is_cut_off(server: Any, transport: HttpTransport) -> None:
    """A long answer byte by byte, which costs seconds to put together, is given up; one of many lines is not."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.script = scripted(head, b"1\r\n \r\n" * 100_000, b"0\r\n\r\n")
    with pytest.raises(ProtocolError, match="crumbs"):
        await transport.send(server.request(timeout=250))
    server.script = scripted(head, b"14\r\n%s\r\n" % (b"a" * 20) * 5_000, b"0\r\n\r\n", close=False)
    assert len((await transport.send(server.request(timeout=250))).body) == 100_000
