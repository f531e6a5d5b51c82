"""The control API, its Python twin, and the life of the sandbox itself."""

import asyncio
import json
import logging
import signal
from datetime import datetime

import pytest

from allmysms_async.sandbox import Clock, ControlError, Sandbox, SandboxError

from .conftest import plain_client

SEND = {"message": "a", "mobile": "0612345678"}


async def test_stats_and_messages_answer_over_http(sandbox, gateway):
    """Both say over HTTP what they say in Python; all messages come as JSON lines."""
    await gateway.raw(**SEND)
    await gateway.raw(**SEND | {"mobile": "0612345679;0612345678"})
    stats = (await gateway.http.get("/_sandbox/stats")).json()
    assert stats == sandbox.stats() == {"messages": 3, "handsets": 2, "max_per_handset": 2}
    one = (await gateway.http.get("/_sandbox/messages", params={"phone": "33612345679"})).json()
    assert one == sandbox.messages("33612345679")
    assert list(one[0]) == ["phone", "text", "sender", "campaign_id", "protocol", "received_at"]
    lines = (await gateway.http.get("/_sandbox/messages")).text.splitlines()
    assert [json.loads(line) for line in lines] == sandbox.messages()


async def test_state_shows_everything_but_secrets(sandbox, gateway):
    """Accounts, campaigns and counters are there, and no key or pass code."""
    await gateway.raw(**SEND)
    await gateway.raw("sendsms")
    response = await gateway.http.get("/_sandbox/state")
    state = response.json()
    assert state["accounts"][0] == {"login": "demo", "master": None, "credits": 999_999_985}
    assert state["campaigns"][0]["status"] == "sent"
    assert state["requests"] == sandbox.requests == {"v9.send": 1, "v9.sendSms": 1}
    assert (state["in_flight"], state["max_in_flight"]) == (0, 1)
    assert state["clock"] == "2027-03-02 10:00:00"
    for secret in ("demo-key", "demo-pass", "demo-shop-key"):
        assert secret not in response.text


async def test_reset_forgets_everything(sandbox, gateway):
    """State, counters, faults and clock start over."""
    await gateway.raw(**SEND | {"uniqueidentifier": "k"})
    sandbox.opt_out("0612345670")
    sandbox.advance(3600)
    sandbox.faults([{"fault": "http_500"}])
    assert (await gateway.http.post("/_sandbox/reset")).status_code == 200
    state = sandbox.state()
    assert (state["campaigns"], state["opt_outs"], state["requests"]) == ([], 0, {})
    assert state["clock"] == "2027-03-02 10:00:00"
    assert state["accounts"][0]["credits"] == 1_000_000_000
    assert "treatmentStatus" not in await gateway.call(**SEND | {"uniqueidentifier": "k"})


async def test_instructions_work_over_http(sandbox, gateway):
    """Clock, faults, credits and opt-outs are set over HTTP as in Python."""

    async def post(name, body):
        assert (await gateway.http.post(f"/_sandbox/{name}", json=body)).status_code == 200

    await post("clock", {"advance": 90})
    assert sandbox.state()["clock"] == "2027-03-02 10:01:30"
    await post("credits", {"login": "demo", "credits": 20})
    await post("optouts", [{"phone": "33612345670", "reason": "blacklist_manual"}, {"phone": "+33612345671"}])
    assert sandbox.state()["opt_outs"] == 2
    await post("faults", [{"fault": "status_121", "times": 1}])
    assert (await gateway.call(**SEND))["status"] == 121
    await post("faults", {"faults": [{"fault": "http_500", "probability": 0.5}], "seed": 3})
    await post("faults", [])
    assert (await gateway.call(**SEND))["credits"] == 5


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", b""),
        ("clock", b'{"advance": "soon"}'),
        ("clock", b'{"advance": -1}'),
        ("clock", b'{"advance": 1e300}'),
        ("clock", b'{"forward": 1}'),
        ("credits", b'{"login": "nobody", "credits": 1}'),
        ("credits", b'{"login": "demo", "credits": -1}'),
        ("optouts", b'[{"phone": "0493000000"}]'),
        ("optouts", b'[{"phone": "0612345678", "reason": "tired"}]'),
        ("optouts", b'[{"phone": "0612345678", "login": "nobody"}]'),
        ("optouts", b'{"phone": "\xff"}'),
        ("faults", b'[{"fault": "nonsense"}]'),
        ("faults", b'[{"fault": "html", "often": 1}]'),
        ("faults", b'{"seed": 1}'),
        ("faults", b"null"),
        ("faults", b"\0"),
    ],
)
async def test_senseless_instruction_is_400_with_a_sentence(gateway, path, body):
    """What cannot be done is told in words."""
    response = await gateway.http.post(f"/_sandbox/{path}", content=body)
    assert response.status_code == 400
    assert len(response.json()["error"]) > 20
    assert response.json()["error"].endswith(".")


async def test_path_that_nobody_serves_is_404_with_a_sentence(gateway):
    """An address that no part of the provider has is told so."""
    response = await gateway.http.get("/nothing")
    assert (response.status_code, response.json()) == (404, {"error": "Nothing is served here."})


async def test_messages_of_no_mobile_number_are_400(gateway):
    """Asking for a handset that cannot exist is a mistake, not an empty list."""
    assert (await gateway.http.get("/_sandbox/messages", params={"phone": "abc"})).status_code == 400
    assert (await gateway.http.get("/_sandbox/messages", params={"phone": "0612345678"})).json() == []


async def test_opt_out_holds_for_one_account_or_all(sandbox, gateway):
    """An opt-out with a login leaves the other accounts alone."""
    sandbox.opt_out("0612345678", login="demo-shop")
    assert (await gateway.call(**SEND))["status"] == 100
    assert (await gateway.call(**SEND, subAccount="demo-shop"))["status"] == 114


async def test_clock_runs_with_real_time_and_can_be_set():
    """The clock runs from its fixed morning as its tick does; another start can be had."""
    passed = [100.0]
    clock = Clock(tick=lambda: passed[0])
    async with Sandbox(clock=clock) as sandbox:
        before = clock.now()
        assert sandbox.state()["clock"] == "2027-03-02 10:00:00"
        passed[0] += 5
        assert clock.now() - before == 5
        assert sandbox.state()["clock"] == "2027-03-02 10:00:05"
    async with Sandbox(clock=Clock(datetime(2027, 7, 14, 9), tick=lambda: 0.0)) as sandbox:
        assert sandbox.state()["clock"] == "2027-07-14 09:00:00"


async def test_taken_port_is_a_clear_error(sandbox):
    """A second sandbox on the same port says which port, as an OSError."""
    with pytest.raises(SandboxError, match=str(sandbox.http_port)) as caught:
        async with Sandbox(http_port=sandbox.http_port):
            raise AssertionError("it listens twice")
    assert isinstance(caught.value, OSError)


async def test_sandbox_can_be_used_again_and_again():
    """Each use listens afresh, leaves no task and no signal handler."""
    handlers = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    sandbox = Sandbox()
    async with plain_client() as http:
        for _ in range(5):
            async with sandbox:
                response = await http.post(
                    f"{sandbox.http_url}/http/9.0/", data=SEND | {"login": "demo", "apiKey": "demo-key"}
                )
                assert response.json()["credits"] == 999_999_985
                assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == handlers
            assert sandbox.http_url == ""
            assert asyncio.all_tasks() == {asyncio.current_task()}
    assert sandbox.smtp_port not in (0, sandbox.http_port)


async def test_two_sandboxes_do_not_share_state(sandbox, gateway):
    """Each sandbox is a provider of its own."""
    async with Sandbox() as other:
        await gateway.raw(**SEND)
        assert (sandbox.stats()["messages"], other.stats()["messages"]) == (1, 0)


async def test_keys_are_never_logged(sandbox, gateway, caplog):
    """Nothing of a request reaches the log."""
    with caplog.at_level(logging.DEBUG):
        await gateway.raw(**SEND)
        await gateway.http.get("/http/9.0/getInfo", params={"login": "demo", "apiKey": "demo-key"})
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not [line for line in ours if "demo-key" in line]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e12])
def test_clock_cannot_be_moved_by_nonsense(seconds):
    """Only finite steps forward are taken."""
    with pytest.raises(ControlError, match="clock"):
        Sandbox().advance(seconds)
