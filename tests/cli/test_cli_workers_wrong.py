"""The commands of campaigns and workers, given wrongly: what they say, and what they leave alone."""

import json
import socket
import sys

import pytest

from tests.runner.conftest import asked

from .test_cli_workers import clients, place

__all__ = ["clients", "place"]

WORDS = ("--text", "Bonjour", "--phone", "mobile", "--purpose", "transactional")
TABLES = "select tablename from pg_tables where schemaname = 'public' order by tablename"


def with_password(place):
    """Return the place as a driver takes it."""
    return place.replace("@", ":not-shown@")


@pytest.mark.parametrize("command", ["pause", "stop", "resume", "status"])
async def test_a_database_that_is_no_journal_is_refused_and_left_as_it_is(run, place, command):
    """A URL of another database than was meant: nothing is created in it."""
    await asked(with_password(place), "create table users (id integer)")
    ended = await run("campaign", command, place, "--name", "soldes")
    assert ended.code == 3
    assert "is no journal" in ended.err
    assert [row["tablename"] for row in await asked(with_password(place), TABLES)] == ["users"]


async def test_a_journal_without_workers_is_not_made_one_with(run, sandbox, place, clients):
    """Continuing what a command sends leaves no tables of workers behind, nor does a pause that is refused."""
    ended = await run("campaign", "run", clients, "--journal", place, "--name", "soldes", *WORDS)
    assert ended.code == 1, ended.err  # one row is no number
    for command, code in (("resume", 1), ("pause", 2), ("stop", 2)):
        assert (await run("campaign", command, place, "--name", "soldes")).code == code
    tables = {row["tablename"] for row in await asked(with_password(place), TABLES)}
    assert not {name for name in tables if name.startswith(("runner_", "procrastinate", "allmysms_runner"))}


async def test_no_other_campaign_is_opened_for_want_of_a_name(run, sandbox, place, clients):
    """Of two campaigns one was placed for workers and stopped: 'resume' without a name does not open it."""
    await run("campaign", "submit", clients, "--journal", place, "--name", "wrong", *WORDS)
    await run("campaign", "stop", place, "--name", "wrong")
    await run("campaign", "run", clients, "--journal", place, "--name", "soldes", *WORDS)
    ended = await run("campaign", "resume", place)
    assert (ended.code, "name one" in ended.err) == (2, True)
    told = json.loads((await run("campaign", "status", place, "--name", "wrong", "--json")).out)
    assert (told["status"], told["reason"]) == ("stopped", "stopped by an operator")


async def test_what_changes_nothing_and_what_holds_a_campaign_is_said(run, sandbox, place, clients):
    """An option that is each worker's own, and a campaign that was paused, are told by whoever places it again."""
    words = ("campaign", "submit", clients, "--journal", place, "--name", "soldes", *WORDS)
    ended = await run(*words, "--concurrency", "3")
    assert "say it to 'allmysms worker'" in ended.err
    await run("campaign", "pause", place)
    ended = await run(*words)
    assert (ended.code, "It is paused, until 'allmysms campaign resume'." in ended.err) == (0, True)
    ended = await run("campaign", "resume", place, "--concurrency", "3")
    assert "say it to 'allmysms worker'" in ended.err


async def test_a_worker_that_stopped_a_campaign_does_not_end_as_if_all_were_sent(run, sandbox, place, clients):
    """With a limit that is met at once nothing is sent: the exit code says so, and where the reason is."""
    await run("campaign", "submit", clients, "--journal", place, "--name", "soldes", "--max-parts", "1", *WORDS)
    ended = await run("worker", "--journal", place, "--until-idle")
    assert (ended.code, "campaign status" in ended.err) == (3, True)
    told = json.loads((await run("campaign", "status", place, "--json")).out)
    assert (told["status"], "max_parts is 1" in told["reason"], told["pending"]) == ("stopped", True, 3)
    assert sandbox.stats()["messages"] == 0


async def test_a_health_port_that_is_taken_is_told(run, sandbox, place):
    """It is no defect: the port is named, and nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = await run("worker", "--journal", place, "--until-idle", "--health-port", str(port))
    assert (ended.code, f"port {port}" in ended.err) == (2, True)


async def test_without_the_extra_it_is_named_and_what_needs_none_works(run, sandbox, place, clients, monkeypatch):
    """Placing and sending say what to install; pausing and stopping take no engine."""
    await run("campaign", "submit", clients, "--journal", place, "--name", "soldes", *WORDS)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    for words in (("campaign", "submit", clients, "--name", "other", *WORDS), ("worker",)):
        ended = await run(*words, "--journal", place)
        assert (ended.code, 'pip install "allmysms_async[runner]"' in ended.err) == (2, True)
    assert (await run("campaign", "pause", place)).code == 0
    assert (await run("campaign", "resume", place)).code == 0
