"""Who may use the control API: programs of this machine, no page that a browser shows, and nobody without end."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from allmysms_async.sandbox.guard import MAX_INSTRUCTION

from .raw import Answer, answers, exchange

MEGABYTE = b" " * 1_000_000


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """Write a request word for word."""
    lines = [f"{method} {path} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def only(received: bytes) -> Answer:
    """Return the one answer that came."""
    (answer,) = answers(received)
    return answer


HERE = ["127.0.0.1", "localhost", "LOCALHOST", "127.3.2.1", "[::1]"]
FOREIGN = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example#127.0.0.1",
    "127.0.0.1@evil.example",
    "evil.example@127.0.0.1",
    "10.0.0.0",
    "192.168.1.7",
    "[2001:db8::1]",
    "[::1",
    "127.0.0.1/evil",
    "127.0.0.1:port",
    "",
]


@pytest.mark.parametrize("port", ["", ":80", ":8025"])
@pytest.mark.parametrize("host", HERE)
async def test_a_request_to_this_machine_is_carried_out(sandbox, host, port):
    """Any name or address of loopback will do, at any port: a proxy or a container may have another one outside."""
    sandbox.opt_out("0612345678")
    wire = request("POST", "/_sandbox/reset", f"Host: {host}{port}", f"Origin: http://{host}{port}")
    assert only(await exchange(sandbox, wire)).status == 200
    assert sandbox.state()["opt_outs"] == 0


@pytest.mark.parametrize("path", ["/_sandbox/reset", "/_sandbox/messages", "/_sandbox/nothing"])
@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_host_is_refused(sandbox, host, path):
    """A name that was made to lead here gets 421 with a sentence, whatever it asks, and nothing is done or told."""
    sandbox.opt_out("0612345678")
    answer = only(await exchange(sandbox, request("POST", path, f"Host: {host}", body=b"[]")))
    assert answer.status in ({421, 400} if host == "" else {421})
    assert "loopback" in json.loads(answer.body)["error"]
    assert sandbox.state()["opt_outs"] == 1


@pytest.mark.parametrize("headers", [(), ("Host: 127.0.0.1", "Host: evil.example")], ids=["none", "two"])
async def test_a_host_that_is_not_one_is_refused(sandbox, headers):
    """No Host says nothing, and two say anything."""
    sandbox.opt_out("0612345678")
    assert only(await exchange(sandbox, request("POST", "/_sandbox/reset", *headers))).status == 421
    assert sandbox.state()["opt_outs"] == 1


@pytest.mark.parametrize("origin", [*(f"http://{host}" for host in FOREIGN), "https://evil.example", "null", "file://"])
async def test_a_foreign_origin_is_refused(sandbox, origin):
    """What a page of the web makes a browser post is 403 with a sentence, and nothing is done."""
    sandbox.opt_out("0612345678")
    wire = request("POST", "/_sandbox/reset", "Host: 127.0.0.1", f"Origin: {origin}")
    answer = only(await exchange(sandbox, wire))
    assert answer.status == 403
    assert "origin" in json.loads(answer.body)["error"]
    assert sandbox.state()["opt_outs"] == 1


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:9", "http://localhost", "http://127.0.0.1:8025", "https://localhost", "ftp://localhost:8025"],
)
async def test_a_page_of_another_server_of_this_machine_is_refused(sandbox, origin):
    """What listens at another port or under another name here is another origin: its pages may do nothing."""
    sandbox.opt_out("0612345678")
    wire = request("POST", "/_sandbox/reset", "Host: localhost:8025", f"Origin: {origin}")
    assert only(await exchange(sandbox, wire)).status == 403
    assert sandbox.state()["opt_outs"] == 1


async def test_the_other_faces_ask_nobody_where_from(sandbox):
    """The provider answers under any name: clients that were told another host keep working."""
    body = b"login=demo&apiKey=demo-key&message=a&mobile=0612345678"
    wire = request(
        "POST",
        "/http/9.0/",
        "Host: api.allmysms.com",
        "Origin: https://shop.example",
        "Content-Type: application/x-www-form-urlencoded",
        body=body,
    )
    assert json.loads(only(await exchange(sandbox, wire)).body)["status"] == 100


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["faults", "reset", "messages", "nothing"])
async def test_a_length_over_the_bound_is_refused_before_it_comes(sandbox, path, method):
    """A body that says it is too large is 413 with a sentence before any of it is read, wherever it is sent."""
    wire = f"{method} /_sandbox/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_INSTRUCTION + 1}\r\n\r\n"
    answer = only(await exchange(sandbox, wire.encode()))
    assert answer.status == 413
    assert "Nothing was done" in json.loads(answer.body)["error"]


@pytest.mark.parametrize("kind", ["chunked", "length"])
async def test_a_body_without_end_is_not_read(sandbox, kind):
    """200 MB are refused with an answer that the client can read, and never held."""
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += len(MEGABYTE)
            yield b"%x\r\n%b\r\n" % (len(MEGABYTE), MEGABYTE) if kind == "chunked" else MEGABYTE
            await asyncio.sleep(0)

    framing = "Transfer-Encoding: chunked" if kind == "chunked" else "Content-Length: 200000000"
    head = f"POST /_sandbox/faults HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode()
    tracemalloc.start()
    try:
        answer = only(await exchange(sandbox, head, more=flood()))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert held < 4 * MAX_INSTRUCTION
    assert sent < 200 * len(MEGABYTE)


async def test_an_instruction_up_to_the_bound_is_carried_out(sandbox, gateway):
    """The largest instruction that is allowed still does what it says."""
    body = b'[{"phone": "0612345678"}]'.ljust(MAX_INSTRUCTION)
    assert (await gateway.http.post("/_sandbox/optouts", content=body, timeout=60)).status_code == 200
    assert sandbox.state()["opt_outs"] == 1
