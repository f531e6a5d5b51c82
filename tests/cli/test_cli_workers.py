"""``campaign submit``, ``worker``, ``campaign status``, ``pause``, ``resume`` and ``stop`` on a PostgreSQL."""

import json

import pytest


@pytest.fixture
def place(postgres, monkeypatch):
    """A database, as the command line may be given it: the password comes in the environment."""
    monkeypatch.setenv("PGPASSWORD", "not-shown")
    return postgres.empty().replace(":not-shown", "")


@pytest.fixture
def clients(tmp_path):
    """A file of three customers and one that is none."""
    path = tmp_path / "clients.csv"
    path.write_text("mobile,prenom\n0612345671,Ana\n0612345672,Bob\n0612345673,Cy\nnobody,Di\n")
    return str(path)


async def test_a_campaign_is_submitted_paused_resumed_and_sent_by_a_worker(run, sandbox, place, clients):
    """The fixed names, from placing to complete; everything that a script reads is one line of JSON."""
    words = ("--text", "Bonjour #param_1#. STOP au 36180", "--phone", "mobile", "--param", "prenom")
    words += (
        "--purpose",
        "marketing",
        "--include-opt-outs",
        "--quiet-hours",
        "ignore",
        "--chunk-size",
        "2",
        "--max-parts",
        "100",
    )
    ended = await run("campaign", "submit", clients, "--name", "soldes", "--journal", place, *words, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["pending"] == 3
    assert sandbox.stats()["messages"] == 0
    status = await run("campaign", "status", place, "--name", "soldes", "--json")
    told = json.loads(status.out)
    assert (told["complete"], told["status"], told["workers"], told["pending"]) == (False, "open", 0, 3)
    assert (await run("campaign", "pause", place, "--name", "soldes")).err == "soldes is paused.\n"
    again = await run("campaign", "pause", place, "--name", "soldes", "--json")
    assert json.loads(again.out) == {"campaign": "soldes", "status": "paused", "changed": False}
    assert json.loads((await run("campaign", "status", place, "--json")).out)["status"] == "paused"
    kept = await run("campaign", "resume", place, "--name", "soldes", "--quiet-hours", "ignore")
    assert kept.code == 2
    assert "campaign submit" in kept.err
    resumed = await run("campaign", "resume", place, "--name", "soldes")
    assert (resumed.code, resumed.err) == (0, "soldes is open for workers again.\n")
    worked = await run(
        "--log-format", "json", "-v", "worker", "--journal", place, "--until-idle", "--max-in-flight", "4"
    )
    assert worked.code == 0, worked.err
    events = [json.loads(line) for line in worked.err.splitlines()]
    assert {event.get("allmysms_campaign") for event in events} >= {"soldes"}
    assert "6123456" not in worked.err
    followed = await run("campaign", "status", place, "--name", "soldes", "--follow", "--json")
    told = json.loads(followed.out)
    assert (told["complete"], told["status"], told["accepted"], told["rejected"]) == (True, "done", 3, 1)
    assert told["dead_letters"] == []
    assert sandbox.stats() == {"messages": 3, "handsets": 3, "max_per_handset": 1}


async def test_what_was_never_placed_is_told(run, sandbox, place, clients, tmp_path):
    """Pausing what is not there, or placing in a file, says what to do instead."""
    words = ("--text", "Bonjour", "--phone", "mobile", "--purpose", "transactional")
    await run("campaign", "submit", clients, "--journal", place, "--name", "other", *words)
    ended = await run("campaign", "stop", place, "--name", "soldes")
    assert ended.code == 2
    assert "campaign submit" in ended.err
    ended = await run("campaign", "submit", clients, "--journal", str(tmp_path / "soldes.db"), *words)
    assert ended.code == 2
    assert "postgresql://" in ended.err
    ended = await run("campaign", "submit", clients, *words)
    assert ended.code == 2
    assert "--journal" in ended.err
