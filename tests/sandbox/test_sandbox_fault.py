"""Misbehaviour on demand: what the client sees, and what the request did."""

import asyncio
import json

import httpx
import pytest

from allmysms_async.sandbox import Clock, ControlError, Fault, Sandbox
from tests.cases import each

SEND = {"message": "a", "mobile": "0612345678"}


@pytest.mark.parametrize(
    ("fault", "messages", "error"),
    [
        ("reset_before", 0, httpx.ReadError),
        ("reset_after", 1, httpx.ReadError),
        ("truncated", 1, httpx.RemoteProtocolError),
    ],
)
async def test_broken_connection_is_seen_as_such(sandbox, gateway, fault, messages, error):
    """A reset or a cut answer breaks the exchange, before or after the effect."""
    sandbox.faults([{"fault": fault, "times": 1}])
    with pytest.raises(error):
        await gateway.raw(**SEND)
    assert sandbox.stats()["messages"] == messages
    assert (await gateway.call("getInfo"))["status"] == "Active Account"
    assert sandbox.in_flight == 0


async def test_reset_is_a_real_one(sandbox):
    """The client's socket sees a TCP reset, not an orderly end."""
    sandbox.faults([Fault("reset_before")])
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
    writer.write(b"GET /http/9.0/ HTTP/1.1\r\nhost: x\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_client_that_left_is_not_reset(sandbox, caplog, until):
    """A reset that comes after the client left is nothing: the server goes on without a complaint."""
    sandbox.faults([{"fault": "latency", "seconds": 0.05}, {"fault": "reset_before"}])
    _, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
    writer.write(b"GET /http/9.0/ HTTP/1.1\r\nhost: x\r\n\r\n")
    await until(lambda: sandbox.in_flight)
    writer.close()
    await until(lambda: not sandbox.in_flight)
    assert caplog.records == []


@pytest.mark.parametrize(("fault", "messages"), [("hang_before", 0), ("hang_after", 1)])
async def test_hanging_request_times_out(sandbox, gateway, fault, messages, until, pass_time):
    """A request that hangs is never answered, and is over when the client leaves."""
    sandbox.faults([{"fault": fault, "times": 1}])
    data = {"login": "demo", "apiKey": "demo-key"} | SEND
    posting = asyncio.create_task(gateway.http.post("/http/9.0/", data=data, timeout=300))
    await until(lambda: sandbox.in_flight and sandbox.stats()["messages"] == messages)
    await until(lambda: sandbox.requests)
    pass_time(300)
    with pytest.raises(httpx.ReadTimeout):
        await posting
    assert sandbox.stats()["messages"] == messages


@pytest.mark.parametrize(
    ("fault", "status", "messages"),
    [("http_503", 503, 0), ("http_404", 404, 0), ("http_500_after", 500, 1), ("redirect", 302, 0)],
)
async def test_http_status_comes_before_or_after_the_effect(sandbox, gateway, fault, status, messages):
    """An HTTP error says nothing of the effect by itself."""
    sandbox.faults([{"fault": fault}])
    response = await gateway.raw(**SEND)
    assert response.status_code == status
    assert sandbox.stats()["messages"] == messages


async def test_redirect_stays_on_the_host(sandbox, gateway):
    """A redirect points to another path of the same host."""
    sandbox.faults([{"fault": "redirect"}])
    assert (await gateway.raw("getInfo")).headers["location"] == "/moved/http/9.0/getInfo"


async def test_429_says_when_to_come_back(sandbox, gateway):
    """The rate limit carries Retry-After."""
    sandbox.faults([{"fault": "http_429", "retry_after": 7, "times": 1}])
    response = await gateway.raw("getInfo")
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


async def test_protocol_status_is_answered_without_effect(sandbox, gateway):
    """Any status of the protocol can be had, in the format asked for."""
    sandbox.faults([{"fault": "status_160"}])
    assert (await gateway.call(**SEND))["status"] == 160
    assert "<status>160</status>" in (await gateway.raw("sendSms", returnformat="xml")).text
    assert sandbox.stats()["messages"] == 0


@pytest.mark.parametrize("fault", ["truncated_json", "garbage", "html", "empty", "wrong_charset"])
async def test_unreadable_answer_is_complete_http_with_the_effect_done(sandbox, gateway, fault):
    """The message went out, and the answer is 200 but cannot be read."""
    sandbox.faults([{"fault": fault}])
    response = await gateway.raw(**SEND)
    assert response.status_code == 200
    with pytest.raises((UnicodeDecodeError, json.JSONDecodeError)):
        json.loads(response.content.decode("utf-8"))
    assert sandbox.stats()["messages"] == 1


async def test_drip_gives_the_whole_answer_slowly(sandbox, gateway):
    """Dripped bytes add up to the answer."""
    sandbox.faults([{"fault": "drip", "seconds": 0.0001}])
    assert (await gateway.call(**SEND))["status"] == 100


async def test_huge_answer_is_huge(sandbox, gateway):
    """The flood has the size asked for, and ends when the client has enough."""
    sandbox.faults([{"fault": "huge", "megabytes": 3}])
    assert len((await gateway.raw("getInfo")).content) == 3_000_000
    sandbox.faults([{"fault": "huge", "megabytes": 1000}])
    async with gateway.http.stream("POST", "/http/9.0/getInfo") as response:
        async for chunk in response.aiter_raw():
            assert chunk
            break


async def test_latency_adds_up_and_lets_the_request_through(sandbox, gateway, until, pass_time):
    """Waits come on top of one another and of the other fault."""
    sandbox.faults([{"fault": "latency", "seconds": 2000}, {"fault": "latency", "seconds": 1000}])
    gateway.http.timeout = None
    calling = asyncio.create_task(gateway.call(**SEND))
    await until(lambda: sandbox.requests)
    pass_time(2500)
    assert await asyncio.wait({calling}, timeout=0.05) == (set(), {calling})
    pass_time(500)
    assert (await calling)["status"] == 100


async def test_late_effect_happens_even_when_the_client_left(sandbox, gateway, until, pass_time):
    """A client that times out during the wait is texted for all the same."""
    sandbox.faults([{"fault": "latency", "seconds": 600}])
    data = {"login": "demo", "apiKey": "demo-key"} | SEND
    posting = asyncio.create_task(gateway.http.post("/http/9.0/", data=data, timeout=300))
    await until(lambda: sandbox.requests)
    pass_time(300)
    with pytest.raises(httpx.ReadTimeout):
        await posting
    assert sandbox.stats()["messages"] == 0
    pass_time(300)
    await until(lambda: sandbox.stats()["messages"] == 1)


async def test_fault_strikes_where_and_as_often_as_told(sandbox, gateway):
    """Path and times bound a fault; an empty list clears all."""
    sandbox.faults([{"fault": "http_500", "path": "getInfo", "times": 2}, {"fault": "http_404", "path": "getAcks"}])
    assert [(await gateway.raw("getInfo")).status_code for _ in range(3)] == [500, 500, 200]
    assert (await gateway.raw("getAcks")).status_code == 404
    sandbox.faults([])
    assert (await gateway.raw("getAcks")).status_code == 200


async def test_faults_spare_the_control_api(sandbox, gateway):
    """What controls the sandbox always works."""
    sandbox.faults([{"fault": "reset_before", "path": "/"}])
    assert (await gateway.http.get("/_sandbox/stats")).status_code == 200


async def test_chances_repeat_with_the_seed(sandbox, gateway):
    """The same seed strikes the same requests."""

    async def run(seed):
        sandbox.faults([{"fault": "http_500", "probability": 0.5}], seed=seed)
        return [(await gateway.raw("getInfo")).status_code for _ in range(20)]

    first = await run(7)
    assert await run(7) == first
    assert await run(8) != first
    assert set(first) == {200, 500}


@each(
    "rule",
    [
        {"fault": "nonsense"},
        {"fault": "http_NNN"},
        {"fault": "http_200"},
        {"fault": "status_1234"},
        {"fault": "html", "probability": 1.5},
        {"fault": "html", "probability": "often"},
        {"fault": "html", "times": -1},
        {"fault": "latency", "seconds": -1},
        {"fault": "latency", "seconds": float("inf")},
        {"fault": "http_429", "retry_after": -1},
        {"fault": "huge", "megabytes": 0},
        {"fault": "html", "unknown": 1},
        {},
        5,
    ],
)
def test_senseless_fault_is_refused_and_the_old_ones_stay(rule):
    """A rule that makes no sense is told so."""
    with pytest.raises(ControlError, match="fault"):
        Sandbox().faults([rule])


@pytest.mark.parametrize("fault", ["hang_before", "latency", "drip", "huge"])
async def test_shutdown_cuts_off_whoever_waits(fault, until):
    """Stopping does not wait for hanging, slow or endless answers."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as sandbox:
        sandbox.faults([{"fault": fault, "seconds": 1000, "megabytes": 10_000}])
        _reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.http_port)
        writer.write(b"GET /http/9.0/getInfo HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: sandbox.in_flight)
    writer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
