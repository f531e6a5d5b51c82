"""The sandbox's HTTP, byte by byte: what any client may write, and what it gets."""

import asyncio
import contextlib
import json
import logging

import pytest

from .raw import answers, exchange

FORM = b"login=demo&apiKey=demo-key"
SEND = FORM + b"&message=a&mobile=0612345678"


def post(body: bytes = SEND, *headers: bytes, path: bytes = b"/http/9.0/", version: bytes = b"1.1") -> bytes:
    """Write a form."""
    lines = [
        b"POST %b HTTP/%b" % (path, version),
        b"Host: api.allmysms.com",
        b"Content-Type: application/x-www-form-urlencoded",
        *(headers or (b"Content-Length: %d" % len(body),)),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


LAST = post(FORM, b"Connection: close", b"Content-Length: %d" % len(FORM), path=b"/http/9.0/getInfo")


async def test_requests_that_come_at_once_are_answered_in_order(sandbox):
    """A client may write its next requests before it reads an answer."""
    sends = [post(FORM + b"&message=a&mobile=06123456%02d" % number) for number in range(20)]
    received = answers(await exchange(sandbox, b"".join(sends) + LAST))
    assert [answer.status for answer in received] == [200] * 21
    assert [json.loads(answer.body)["status"] for answer in received] == [100] * 20 + ["Active Account"]
    assert sandbox.stats()["messages"] == 20


async def test_a_request_may_come_byte_by_byte(sandbox):
    """Where the network cuts a request does not matter."""
    (answer,) = answers(await exchange(sandbox, *(bytes([byte]) for byte in LAST)))
    assert json.loads(answer.body)["status"] == "Active Account"


async def test_a_chunked_body_is_put_together(sandbox):
    """A body in chunks is the body."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, bytes([byte])) for byte in SEND) + b"0\r\n\r\n"
    wire = post(chunks, b"Transfer-Encoding: chunked")
    assert json.loads(answers(await exchange(sandbox, wire + LAST))[0].body)["status"] == 100


async def test_a_client_that_asks_first_is_told_to_go_on(sandbox):
    """Expect: 100-continue is answered before the body has come; PHP's curl waits for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
    writer.write(post(b"", b"Expect: 100-continue", b"Content-Length: %d" % len(SEND)))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(SEND + LAST)
    received = answers(await reader.read())
    assert json.loads(received[0].body)["status"] == 100
    writer.close()
    await writer.wait_closed()


async def test_an_old_client_gets_one_answer_and_the_end(sandbox):
    """HTTP/1.0 is answered without chunks, and the connection closed."""
    (answer,) = answers(await exchange(sandbox, post(version=b"1.0")))
    assert json.loads(answer.body)["status"] == 100
    assert answer.headers["connection"] == "close"
    old = await exchange(sandbox, b"GET /_sandbox/messages HTTP/1.0\r\nHost: localhost\r\n\r\n")
    head, _, body = old.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert json.loads(body)["text"] == "a"


async def test_head_is_an_answer_without_its_body(sandbox):
    """HEAD names the length and gives nothing."""
    wire = b"HEAD /_sandbox/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    (answer,) = answers(await exchange(sandbox, wire), bodiless=True)
    assert answer.status == 200
    assert int(answer.headers["content-length"]) > 10


@pytest.mark.parametrize(
    "wire",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"EHLO there\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    ],
    ids=["tls", "smtp", "no length", "two lengths", "endless header"],
)
async def test_what_is_no_request_is_400(sandbox, wire):
    """Whatever else is written gets 400 and the end of the connection; what a head may hold is bounded."""
    (answer,) = answers(await exchange(sandbox, wire))
    assert answer.status == 400
    assert answer.headers["connection"] == "close"


async def test_requests_before_nonsense_are_answered(sandbox):
    """What was understood is answered, and then the connection ends."""
    received = answers(await exchange(sandbox, post() + b"nonsense\r\n\r\n"))
    assert json.loads(received[0].body)["status"] == 100
    assert received[0].headers["connection"] == "close"


async def test_another_protocol_is_not_changed_to(sandbox):
    """A client that would rather speak HTTP/2 gets its answer in the language it asked in."""
    wire = b"GET /http/9.0/?%b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" % SEND
    (answer,) = answers(await exchange(sandbox, wire))
    assert json.loads(answer.body)["status"] == 100


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(sandbox, until):
    """Half a request has no effect and keeps nobody waiting."""
    for cut in (10, 100, len(post()) - 1):
        _, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
        writer.write(post()[:cut])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await exchange(sandbox, LAST)
    await until(lambda: sandbox.in_flight == 0)
    assert sandbox.stats()["messages"] == 0


async def test_a_failure_of_the_sandbox_is_500(sandbox, caplog, monkeypatch):
    """What the sandbox cannot answer is 500 and in the log, and the connection serves on."""
    monkeypatch.setattr(type(sandbox), "stats", lambda _: 1 / 0)
    wire = b"GET /_sandbox/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with caplog.at_level(logging.ERROR):
        received = answers(await exchange(sandbox, wire + LAST))
    assert [answer.status for answer in received] == [500, 200]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("path", [b"/http/9.0/sendSms/", b"/_sandbox/faults"])
async def test_broken_chunk_is_answered(sandbox, path):
    """A body whose chunks break off in nonsense is refused, and nobody waits for its rest."""
    wire = post(b"ZZ\r\n", b"Transfer-Encoding: chunked", path=path)
    (answer,) = answers(await exchange(sandbox, wire))
    assert answer.status == 400
    assert json.loads(answers(await exchange(sandbox, LAST))[0].body)["status"] == "Active Account"


ENDLESS = {"header": b"GET / HTTP/1.1\r\nHost: a\r\nX: ", "trailer": post(b"0\r\nX: ", b"Transfer-Encoding: chunked")}


@pytest.mark.parametrize("start", ENDLESS.values(), ids=ENDLESS)
async def test_header_without_end_is_refused(sandbox, start):
    """A header, or a trailer, that never ends is refused after a bounded part of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
    writer.write(start + b"x" * 2_000_000)
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
