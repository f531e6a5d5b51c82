"""``allmysms campaign run`` from the file to the handsets."""

import csv
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async.sandbox import Sandbox

from .conftest import Ended, finish, start

Run = Callable[..., Awaitable[Ended]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
Clients = Callable[[list[str]], Path]

GOOD = [f"06 12 34 50 {number:02d}" for number in range(6, 30)]
KEYS = {
    "total",
    "accepted",
    "rejected",
    "failed",
    "unknown",
    "pending",
    "in_flight",
    "complete",
    "rejections",
    "parts",
    "cost",
    "campaign_ids",
    "source",
}


def words(path: Path, *more: str) -> list[str]:
    """Return the usual words of a campaign on a file."""
    usual = ["campaign", "run", str(path), "--text", "Bonjour #param_1#. STOP au 36180", "--phone", "mobile"]
    return [
        *usual,
        "--param",
        "prénom",
        "--sender",
        "MAGASIN",
        "--purpose",
        "marketing",
        "--quiet-hours",
        "ignore",
        *more,
    ]


def totals(ended: Ended) -> dict[str, Any]:
    """Read the one line of JSON, whose sums must add up."""
    assert ended.out.count("\n") == 1
    result: dict[str, Any] = json.loads(ended.out)
    assert set(result) == KEYS
    states = ("accepted", "rejected", "failed", "unknown", "pending")
    assert sum(result[state] for state in states) == result["total"]
    return result


async def test_everybody_accepted_exits_0(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """A file of good numbers reaches each handset once with its own text, and the exit code is 0."""
    ended = await run(*words(clients(GOOD), "--json", "--chunk-size", "5", "--concurrency", "3"))
    result = totals(ended)
    assert ended.code == 0, ended.err
    assert (result["accepted"], result["complete"], result["rejections"]) == (len(GOOD), True, {})
    assert len(result["campaign_ids"]) == 5
    assert result["cost"] > 0
    received = {message["phone"]: message["text"] for message in sandbox.messages()}
    assert received == {f"336123450{n + 6:02d}": f"Bonjour Zoé{n}. STOP au 36180" for n in range(len(GOOD))}
    assert sandbox.stats()["max_per_handset"] == 1
    assert {message["sender"] for message in sandbox.messages()} == {"MAGASIN"}


async def test_rejected_rows_exit_1(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """Rejected rows make the exit code 1, and the JSON counts them by reason."""
    sandbox.opt_out("33612345006")
    ended = await run(*words(clients([*GOOD, "01 23 45 67 89", "néant", "+33612345007"]), "--json"))
    result = totals(ended)
    assert ended.code == 1
    assert result["rejections"] == {"land_line": 1, "malformed": 1, "duplicate": 1, "opted_out": 1}
    assert result["accepted"] == len(GOOD) - 1


async def test_table_names_lines_and_masks_numbers(run: Run, clients: Clients) -> None:
    """The closing table counts rows, shows the line of a rejected one, and no whole number."""
    ended = await run(*words(clients([*GOOD, "01 23 45 67 89"])))
    assert ended.code == 1
    assert f"line {len(GOOD) + 2} (331****89)" in ended.out
    assert "land line" in ended.out
    assert "€" in ended.out
    assert "01 23 45 67 89" not in ended.out + ended.err
    assert f"{len(GOOD) + 1} read" in ended.err


async def test_positions_separator_encoding_and_text_on_standard_input(
    run: Run, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Columns may be positions, the format may be said, and the text may come on standard input."""
    path = tmp_path / "list.txt"
    path.write_bytes("0612345678|Agnès\n0612345679|Loïc\n".encode())
    options = ["--text", "-", "--phone", "1", "--param", "2", "--separator", "|", "--encoding", "utf-8"]
    ended = await run("campaign", "run", str(path), *options, "--purpose", "otp", "--json", stdin=b"Code #param_1#\n")
    assert ended.code == 0, ended.err
    assert {message["text"] for message in sandbox.messages()} == {"Code Agnès", "Code Loïc"}


async def test_name_and_date_reach_the_gateway(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """The name is the file's unless another is given, and a naive date is Paris time."""
    ended = await run(*words(clients(GOOD), "--json", "--at", "2027-07-14T10:30"))
    assert ended.code == 0, ended.err
    [campaign] = sandbox.state()["campaigns"]
    assert campaign["name"].startswith("clients ")
    assert campaign["send_at"] == "2027-07-14 10:30:00"
    assert sandbox.stats()["messages"] == 0
    await run(*words(clients(GOOD), "--json", "--name", "soldes"))
    assert sandbox.state()["campaigns"][1]["name"].startswith("soldes ")


async def test_outcomes_hold_every_row_and_no_formula(run: Run, clients: Clients, tmp_path: Path) -> None:
    """The file of outcomes has a line for each row, and a cell that starts like a formula is defused."""
    path = tmp_path / "outcomes.csv"
    await run(*words(clients([*GOOD[:2], "=1+1", "+néant", "-x", "@sum"]), "--json", "--outcomes", str(path)))
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["row"]))
    assert [row["state"] for row in rows] == ["accepted"] * 2 + ["rejected"] * 4
    assert [row["line"] for row in rows] == ["2", "3", "4", "5", "6", "7"]
    assert [row["number"] for row in rows] == ["33612345006", "33612345007", "'=1+1", "'+néant", "'-x", "'@sum"]
    assert rows[0]["sms_id"]
    assert rows[0]["campaign_id"]
    assert rows[2]["reason"] == "malformed"


async def test_wrong_login_exits_3(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """A key that no account has stops the campaign with exit code 3, everybody pending, and says what to check."""
    for more, read in (
        (("--include-opt-outs",), len(GOOD)),
        (("--exclude-opt-outs",), 0),
    ):  # whom to leave out is asked for first
        ended = await run(*words(clients(GOOD), "--json", *more), ALLMYSMS_API_KEY="another-one")
        result = totals(ended)
        assert ended.code == 3
        assert result["pending"] == result["total"] == read
        assert "Check the login and the key" in ended.err
        assert "another-one" not in ended.out + ended.err
        assert sandbox.stats()["messages"] == 0


async def test_credit_that_runs_out_exits_3(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """Credit that ends midway stops with exit code 3, and the JSON still accounts for every row."""
    sandbox.set_credits("demo", 15 * 10)
    ended = await run(*words(clients(GOOD), "--json", "--chunk-size", "5", "--concurrency", "1"))
    result = totals(ended)
    assert ended.code == 3
    assert result["accepted"] == sandbox.stats()["messages"] == 10
    assert result["pending"] > 0
    assert "Top the account up" in ended.err


@pytest.mark.slow
async def test_interrupt_finishes_what_is_in_flight_and_exits_3(
    clients: Clients, sandbox: Sandbox, environment: dict[str, str], until: Until
) -> None:
    """Ctrl-C waits for the answers to what was sent, reports the rest as pending, and exits 3."""
    sandbox.faults([{"fault": "latency", "seconds": 0.3}])
    numbers = [f"0612{number:06d}" for number in range(100, 1100)]
    process = await start(
        *words(clients(numbers), "--json", "--chunk-size", "10", "--concurrency", "2", "--include-opt-outs"),
        env=environment,
    )
    await until(lambda: sandbox.in_flight)
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    result = totals(ended)
    assert ended.code == 3
    assert 0 < result["accepted"] == sandbox.stats()["messages"] < 100
    assert result["unknown"] == 0
    assert result["pending"] > 0
    assert "Stopping" in ended.err
    assert f"{result['pending']} pending" in ended.err


async def test_answers_that_are_lost_text_nobody_twice(run: Run, clients: Clients, sandbox: Sandbox) -> None:
    """Lost answers are asked for again under the same key, and the wait is told on standard error."""
    sandbox.faults([{"fault": "reset_after", "times": 2}])
    ended = await run(*words(clients(GOOD), "--json", "--chunk-size", "10", "--include-opt-outs"))
    assert ended.code == 0, ended.err
    assert "attempt 1" in ended.err
    assert sandbox.stats()["max_per_handset"] == 1
