"""``allmysms send``, ``sandbox`` and ``demo``."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from allmysms_async.cli.demo import run, sample
from allmysms_async.cli.demo.sample import sample_path
from allmysms_async.sandbox import Sandbox

from .conftest import Ended, call, finish, start, start_script

Run = Callable[..., Awaitable[Ended]]


async def test_send_reaches_the_handset(run: Run, sandbox: Sandbox) -> None:
    """A text is sent to each number once, and the exit code is 0."""
    ended = await run("send", "--to", "06 12 34 56 78", "--to", "+33612345679", "--to", "0612345678", "Bonjour")
    assert ended.code == 0, ended.err
    assert sorted(message["phone"] for message in sandbox.messages()) == ["33612345678", "33612345679"]
    assert "accepted  336****78" in ended.out
    assert "2 parts" in ended.out


async def test_send_in_json_says_what_became_of_each(run: Run, sandbox: Sandbox) -> None:
    """The JSON lists accepted and rejected numbers; a rejected one makes the exit code 1."""
    sandbox.opt_out("33612345679")
    ended = await run("send", "--to", "0612345678", "--to", "0612345679", "--json", "-", stdin=b"Bonjour\n")
    result = json.loads(ended.out)
    assert ended.code == 1
    assert [one["phone"] for one in result["accepted"]] == ["33612345678"]
    assert result["rejected"] == [{"phone": "33612345679", "reason": "opted_out"}]
    assert result["unknown"] == []
    assert sandbox.messages("0612345678")[0]["text"] == "Bonjour"


async def test_send_with_a_key_twice_texts_once(run: Run, sandbox: Sandbox) -> None:
    """The same idempotency key again returns the first answer, and nobody is texted twice."""
    words = ["send", "--to", "0612345678", "--idempotency-key", "one", "--json", "Bonjour"]
    assert not json.loads((await run(*words)).out)["replayed"]
    assert json.loads((await run(*words)).out)["replayed"]
    assert sandbox.stats()["messages"] == 1


@pytest.mark.parametrize(("change", "credits"), [({"ALLMYSMS_LOGIN": "nobody"}, 100), ({}, 0)])
async def test_send_without_account_or_credit_exits_3(
    run: Run, sandbox: Sandbox, change: dict[str, str], credits: int
) -> None:
    """A wrong login and an empty account exit 3 with one sentence that says what to do."""
    sandbox.set_credits("demo", credits)
    ended = await run("send", "--to", "0612345678", "Bonjour", **change)
    assert (ended.code, ended.out) == (3, "")
    assert "Check the login" in ended.err or "Top the account up" in ended.err
    assert ended.err.count("\n") == 1


async def test_send_refused_for_every_number_exits_1(run: Run, sandbox: Sandbox) -> None:
    """A text that the gateway takes for nobody exits 1 and names the reason."""
    sandbox.opt_out("33612345678")
    ended = await run("send", "--to", "0612345678", "Bonjour")
    assert ended.code == 1
    assert "opted_out" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_sandbox_runs_until_it_is_stopped(number: signal.Signals) -> None:
    """The sandbox says in one line of JSON where it listens, serves, and exits 0 on SIGTERM or Ctrl-C."""
    process = await start("sandbox", "--http-port", "0", "--smtp-port", "0", "--json")
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    assert set(ready) == {"http_url", "smtp_port"}
    async with httpx.AsyncClient(timeout=250) as http:
        answer = await http.post(f"{ready['http_url']}/http/9.0/getInfo/", data={"login": "demo", "apiKey": "demo-key"})
    assert answer.status_code == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", ready["smtp_port"])
    assert (await reader.readline()).startswith(b"220 ")
    writer.close()
    process.send_signal(number)
    ended = await finish(process)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


async def test_sandbox_on_a_taken_port_exits_2(sandbox: Sandbox) -> None:
    """A port that is taken is one sentence that says how to choose another, and exit code 2."""
    for ports in ((sandbox.http_port, 0), (0, sandbox.smtp_port)):
        ended = await call("sandbox", "--http-port", str(ports[0]), "--smtp-port", str(ports[1]))
        assert ended.code == 2
        assert "--http-port and --smtp-port" in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.slow
async def test_demo_ends_as_it_must() -> None:
    """The demo needs no account, finds every row as the sample says, shows a handset and the states, and exits 0."""
    ended = await finish(await start_script("demo", env={"TZ": "Pacific/Auckland"}))
    assert ended.code == 0, ended.out
    assert "every one of 3031 rows ended as it must" in ended.out
    assert "MAGASIN  10:00" in ended.out
    assert "delivered" in ended.out
    assert "unknown number" in ended.out


@pytest.fixture
def waits_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what the demo waits for between attempts pass on the sandbox's clock alone."""

    async def sleep(clock: run.SandboxClock, seconds: float) -> None:
        clock._sandbox.advance(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(run.SandboxClock, "sleep", sleep)


SHORT = 200
"""Rows of the sample where the point is not what becomes of each."""


@pytest.fixture
def short_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A sample that is only the beginning of the real one."""
    with sample_path() as path:
        lines = path.read_bytes().decode("cp1252").splitlines(keepends=True)
    short = tmp_path / "sample.csv"
    short.write_bytes("".join(lines[: SHORT + 1]).encode("cp1252"))
    for module in (run, sample):
        monkeypatch.setattr(module, "sample_path", lambda: contextlib.nullcontext(short))


@pytest.mark.usefixtures("short_sample", "waits_pass")
async def test_demo_in_json_is_one_line() -> None:
    """With --json the demo's standard output is the result alone, and its sums add up."""
    assert "ALLMYSMS_LOGIN" not in os.environ
    ended = await call("demo", "--json")
    assert ended.code == 0, ended.err
    assert ended.out.count("\n") == 1
    result = json.loads(ended.out)
    states = ("accepted", "rejected", "failed", "unknown", "pending")
    assert sum(result[state] for state in states) == result["total"] == SHORT
    assert f"every one of {SHORT} rows ended as it must" in ended.err


@pytest.mark.slow
@pytest.mark.usefixtures("waits_pass")
async def test_demo_over_every_protocol_ends_in_one_table() -> None:
    """The same rows over each protocol, side by side, each ended as its manual lets it."""
    ended = await call("demo", "--protocol", "all")
    assert ended.code == 0, ended.out
    names = ["rest", "soap", "mail2sms", "mms", "envoyersmspro"]
    assert any(line.split() == names for line in ended.out.splitlines())
    for name in names:
        assert f"{name}: every one of 3031 rows ended as it must" in ended.out


@pytest.mark.slow
@pytest.mark.usefixtures("short_sample", "waits_pass")
async def test_demo_over_every_protocol_in_json_is_one_object() -> None:
    """With --json each protocol's result is under its name."""
    ended = await call("demo", "--protocol", "all", "--json")
    assert ended.code == 0, ended.err
    results = json.loads(ended.out)
    assert {name: result["total"] for name, result in results.items()} == dict.fromkeys(
        ("rest", "soap", "mail2sms", "mms", "envoyersmspro"), SHORT
    )
