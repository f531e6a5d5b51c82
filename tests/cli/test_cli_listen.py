"""``allmysms webhooks listen``: a receiver as a process, called over real sockets, that ends as it is asked to."""

import asyncio
import contextlib
import json
import logging
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import uvicorn

from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.model import DeliveryStatus

from .conftest import Ended, Process, Run, call, finish, start, start_script
from .test_cli_campaign import words

Clients = Callable[[list[str]], Path]
Until = Callable[[Callable[[], object]], Awaitable[None]]


TOKEN = "t0ken-of-the-environment"
OLD = "t0ken-of-the-time-before"
REPORT = "smsId=s1&status=1&receptionDate=2027-01-05+11%3A40%3A35&phoneNumber=33612345678&campaignId=ap_1"
REPLY = "smsId=s1&smsMoId=m{}&receptionDate=2027-01-05+11%3A45%3A00&phoneNumber=33612345678&message={}"


@contextlib.asynccontextmanager
async def listening(journal: Path, *more: str, token: str | None = TOKEN) -> AsyncIterator[tuple[Process, str]]:
    """Start a receiver that prints for machines; give it and its address once it listens."""
    environment = {} if token is None else {"ALLMYSMS_WEBHOOK_TOKEN": token}
    process = await start(
        "webhooks", "listen", "--port", "0", "--journal", str(journal), "--json", *more, env=environment
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        yield process, json.loads(line)["url"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ended_by(process: Process, number: signal.Signals = signal.SIGINT) -> Ended:
    """Ask a receiver to end, and wait until it did."""
    process.send_signal(number)
    return await finish(process)


def command_line(pid: int) -> bytes:
    """Return what a list of processes shows of one, where the system tells."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_bytes() if path.exists() else b""


async def handled(events: EventJournal) -> None:
    """Wait until the receiver, another process, has marked everything."""
    while await events.waiting():  # noqa: ASYNC110  # nothing here is told of it
        await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_what_comes_is_in_the_journal(number: signal.Signals, tmp_path: Path) -> None:
    """Reports, answers and a STOP are answered OK, kept and marked as handled; the counts are told at the end."""
    journal = tmp_path / "j.db"
    async with listening(journal) as (process, url), EventJournal(journal) as events:
        assert url.endswith(f"/{TOKEN}")
        async with httpx.AsyncClient() as client:
            for query in ("", REPORT, REPORT, REPLY.format(1, "Oui"), REPLY.format(2, "STOP"), "smsId=s9&status=77"):
                answer = await client.get(f"{url}?{query}")
                assert (answer.status_code, answer.text) == (200, "OK"), query
            assert (await client.get(f"{url}x?{REPORT}")).status_code == 404
        await handled(events)
        assert await events.deliveries() == {DeliveryStatus.DELIVERED: 1}
        assert await events.reply_count() == 2
        assert [each.phone async for each in events.opt_outs()] == ["33612345678"]
        ended = await ended_by(process, number)
    assert (ended.code, ended.out) == (0, "")  # after its one line
    assert ended.err.splitlines()[-1] == (
        "5 events received, 1 of them once more, 1 of an unknown kind; 1 checks by the gateway; 1 requests refused."
    )
    assert not any(secret in ended.err for secret in (TOKEN, "33612345678", "Oui", "HTTP"))


def log_settings() -> list[object]:
    """Return how the loggers that a server writes to are set."""
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "uvicorn.asgi")]
    return [(each.level, each.propagate, each.disabled, [*each.handlers], [*each.filters]) for each in loggers]


async def test_program_that_goes_on_has_its_logs_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls the command line in a program of theirs, with a server beside it, finds no logger changed."""
    set_before = log_settings()
    served = list[object]()

    async def serve(server: uvicorn.Server, sockets: object = None) -> None:
        served.append((server.config.access_log, log_settings() != set_before))

    monkeypatch.setattr(uvicorn.Server, "serve", serve)
    assert (await call("webhooks", "listen", "--port", "0", "--journal", str(tmp_path / "j.db"))).code == 0
    assert served == [(False, True)]  # nothing of a request is logged, and nothing below an error
    assert log_settings() == set_before


@pytest.mark.slow
async def test_killed_receiver_has_lost_nothing(tmp_path: Path) -> None:
    """What was answered OK is in the journal of the next one, which handles it."""
    journal = tmp_path / "j.db"
    async with listening(journal) as (process, url):
        async with httpx.AsyncClient() as client:
            for place in range(20):
                assert (await client.get(f"{url}?{REPLY.format(place, f'Oui{place}')}")).text == "OK"
        process.kill()
    async with listening(journal) as (process, _), EventJournal(journal) as events:
        assert await events.reply_count() == 20
        await handled(events)
        assert (await ended_by(process)).code == 0


@pytest.mark.slow
async def test_token_is_told_once_and_in_no_list_of_processes(tmp_path: Path) -> None:
    """A person is shown the address once, and what comes next; a drawn token is another one each time."""
    drawn = set[str]()
    for token in (TOKEN, None, None):
        env = {} if token is None else {"ALLMYSMS_WEBHOOK_TOKEN": token}
        process = await start_script("webhooks", "listen", "--port", "0", "--journal", str(tmp_path / "j.db"), env=env)
        assert process.stdout is not None
        first = (await process.stdout.readline()).decode()
        url = re.search(r"http://127\.0\.0\.1:\d+/(\S+)", first)
        assert url is not None
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url[0]}?{REPORT}")).text == "OK"
        shown = command_line(process.pid)
        ended = await ended_by(process)
        assert ended.code == 0
        assert url[1] not in ended.out + ended.err
        assert url[1].encode() not in shown
        assert "33612345678" not in ended.out + ended.err
        assert "allmysms webhooks set https://" in ended.out
        assert ("drawn" in ended.out) == (token is None)
        drawn.add(url[1])
    assert TOKEN in drawn
    assert len(drawn) == 3
    assert all(len(each) >= 43 for each in drawn - {TOKEN})


@pytest.mark.slow
async def test_token_changes_while_both_are_valid(tmp_path: Path) -> None:
    """The first is the one to be set; behind a prefix as a proxy has it."""
    async with listening(tmp_path / "j.db", "--prefix", "/allmysms/", token=f"{TOKEN}, {OLD}") as (process, url):
        assert url.endswith(f"/allmysms/{TOKEN}")
        async with httpx.AsyncClient() as client:
            for token in (TOKEN, OLD):
                assert (await client.get(url.replace(TOKEN, token))).text == "OK"
        assert (await ended_by(process)).code == 0


@pytest.mark.slow
async def test_named_proxies_alone_are_believed(tmp_path: Path) -> None:
    """Without one the sender is who connects, whatever the request says."""
    sender = {"X-Forwarded-For": "192.0.2.7"}
    for more, status in (((), 403), (("--trusted-proxy", "127.0.0.1"), 200)):
        async with listening(tmp_path / "j.db", "--allow", "192.0.2.0/24", *more) as (process, url):
            async with httpx.AsyncClient(headers=sender) as client:
                assert (await client.get(f"{url}?{REPORT}")).status_code == status
            assert (await ended_by(process)).code == 0


@pytest.mark.slow
async def test_stop_is_left_out_of_the_next_campaign(run: Run, clients: Clients, tmp_path: Path) -> None:
    """The gateway accepts the address, and who answered STOP to it is rejected before anything is sent."""
    journal = tmp_path / "j.db"
    async with listening(journal) as (process, url):
        assert (await run("webhooks", "set", "-", stdin=url.encode())).code == 0
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}?{REPLY.format(1, 'STOP')}")).text == "OK"
        file = clients(["06 12 34 56 78", "06 12 34 56 79"])
        ended = await run(*words(file, "--json", "--journal", str(journal)))
        assert json.loads(ended.out)["rejections"] == {"opted_out": 1}
        assert (await ended_by(process)).code == 0


@pytest.mark.slow
async def test_request_that_never_ends_keeps_nobody_waiting(tmp_path: Path, until: Until) -> None:
    """A client that holds its connection open delays neither others nor the end."""
    async with listening(tmp_path / "j.db") as (process, url):
        at = httpx.URL(url)
        _, held = await asyncio.open_connection(at.host, at.port)
        held.write(b"GET /")
        await held.drain()
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).text == "OK"
        assert (await asyncio.wait_for(ended_by(process), 250)).code == 0
        held.close()


async def test_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    """Nothing is printed that a machine would take for an address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await call("webhooks", "listen", "--port", port, "--journal", str(tmp_path / "j.db"), "--json")
    assert (ended.code, ended.out) == (2, "")
    assert "Address already in use" in ended.err
    assert "--port" in ended.err


@pytest.mark.parametrize(
    ("more", "token", "said"),
    [
        ((), "", "ALLMYSMS_WEBHOOK_TOKEN is empty"),
        ((), " , ", "ALLMYSMS_WEBHOOK_TOKEN is empty"),
        ((), "n0tShown", "A token in ALLMYSMS_WEBHOOK_TOKEN must have"),
        ((), "n0tShown/n0tShown/n0tShown", "A token in ALLMYSMS_WEBHOOK_TOKEN must have"),
        ((), ",".join(f"n0tShown-n0tShown-{each}" for each in range(17)), "ALLMYSMS_WEBHOOK_TOKEN needs 1 to 16"),
        (("--token", "n0tShown-n0tShown"), TOKEN, "No such option"),
        (("--allow", "example.com"), TOKEN, "Each --allow must be a network"),
        (("--trusted-proxy", "me"), TOKEN, "Each --trusted-proxy must be a network"),
        (("--prefix", "sms"), TOKEN, "--prefix must be a path"),
        (("--prefix", "/a?b"), TOKEN, "--prefix must be a path"),
        (("--prefix", "//a"), TOKEN, "--prefix must be a path"),
        (("--port", "65536"), TOKEN, "--port"),
        (("--host", ""), TOKEN, "--host"),
        (("--host", "no.such.host.invalid"), TOKEN, "no address of this machine"),
        (("--host", "a" * 300), TOKEN, "no address of this machine"),
        (("--host", "192.0.2.1"), TOKEN, "cannot listen there"),
        (("--journal", ""), TOKEN, "The journal needs a path"),
        (("--journal", "mysql://h/d"), TOKEN, "mysql"),
        (("--journal", "postgresql://u:n0tShown@h/d"), TOKEN, "PGPASSWORD"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else str(value)[:20],
)
async def test_what_cannot_be_is_one_sentence(more: tuple[str, ...], token: str, said: str, tmp_path: Path) -> None:
    """With the code of bad usage, nothing printed, and no token shown."""
    usual = ("webhooks", "listen", "--port", "0", "--journal", str(tmp_path / "j.db"), "--json")
    ended = await call(*usual, *more, env={"ALLMYSMS_WEBHOOK_TOKEN": token})
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert said in ended.err
    assert "n0tShown" not in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_journal_must_be_named() -> None:
    """It is the point: without one there would be nothing to look into."""
    ended = await call("webhooks", "listen", "--port", "0")
    assert (ended.code, ended.out) == (2, "")
    assert "ALLMYSMS_JOURNAL" in ended.err


async def test_journal_that_cannot_be_opened_is_found_before_it_listens(tmp_path: Path) -> None:
    """Whoever waits for the address does not get one that answers 503 for ever."""
    (tmp_path / "j.db").write_bytes(b"no journal at all" * 100)
    ended = await call("webhooks", "listen", "--port", "0", "--json", "--journal", str(tmp_path / "j.db"))
    assert (ended.code, ended.out) == (3, "")
    assert "j.db" in ended.err


async def test_server_that_is_not_installed_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.delitem(sys.modules, "allmysms_async.cli.listen", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ended = await call("webhooks", "listen", "--journal", str(tmp_path / "j.db"))
    assert (ended.code, ended.out) == (2, "")
    assert 'needs uvicorn: run pip install "allmysms_async[cli]"' in ended.err
