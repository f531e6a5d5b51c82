"""``allmysms campaign run --journal``, ``status``, ``resume``, ``report``, ``resolve`` and ``list``."""

import csv
import json
import os
import signal
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.sandbox import Sandbox

from .conftest import Ended, finish, start

Run = Callable[..., Awaitable[Ended]]
Clients = Callable[[list[str]], Path]
GOOD = [f"06 12 34 50 {number:02d}" for number in range(6, 30)]


def words(path: Path, journal: Path, *more: str) -> list[str]:
    """Return the usual words of a campaign with a journal."""
    usual = ["campaign", "run", str(path), "--text", "Bonjour #param_1#. STOP au 36180", "--phone", "mobile"]
    return [
        *usual,
        "--param",
        "prénom",
        "--purpose",
        "marketing",
        "--quiet-hours",
        "ignore",
        "--journal",
        str(journal),
        *more,
    ]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "soldes.db"


Until = Callable[[Callable[[], object]], Awaitable[None]]


async def test_same_command_again_texts_nobody_again(
    run: Run, clients: Clients, sandbox: Sandbox, journal: Path
) -> None:
    """The second run of the same command accounts for everybody and sends nothing."""
    path = clients([*GOOD, "néant"])
    first = await run(*words(path, journal, "--json", "--chunk-size", "5"))
    again = await run(*words(path, journal, "--json", "--chunk-size", "5"))
    assert (first.code, again.code) == (1, 1), first.err + again.err
    one, two = json.loads(first.out), json.loads(again.out)
    assert (one.pop("continued"), one.pop("accepted_before")) == (False, 0)
    assert (two.pop("continued"), two.pop("accepted_before")) == (True, 24)
    assert one == two
    assert first.err.splitlines()[0] == f"Journal {journal}: new, nothing of this campaign was sent from it before."
    assert again.err.splitlines()[0] == f"Journal {journal}: continues, 24 accepted already."
    assert json.loads(again.out)["accepted"] == len(GOOD)
    assert sandbox.stats()["messages"] == len(GOOD)


@pytest.mark.slow
async def test_interrupted_run_is_resumed_and_then_reads_the_rest(
    clients: Clients, sandbox: Sandbox, environment: dict[str, str], journal: Path, run: Run, until: Until
) -> None:
    """After Ctrl-C `resume` sends what was read, and the same `run` reads the rest; nobody is texted twice."""
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    numbers = [f"0612{number:06d}" for number in range(100, 3100)]
    path = clients(numbers)
    process = await start(*words(path, journal, "--json", "--chunk-size", "10", "--concurrency", "2"), env=environment)
    await until(lambda: sandbox.stats()["messages"])
    process.send_signal(signal.SIGTERM)
    ended = await finish(process)
    stopped = json.loads(ended.out)
    assert ended.code == 3
    assert "campaign resume" in ended.err
    assert (stopped["unknown"], stopped["complete"]) == (0, False)
    assert stopped["pending"] > 0
    sandbox.faults([])
    resumed = await run("campaign", "resume", str(journal), "--json")
    assert json.loads(resumed.out)["accepted"] == stopped["total"], resumed.err
    assert resumed.code == 1
    last = await run(*words(path, journal, "--json"))
    assert (last.code, json.loads(last.out)["accepted"]) == (0, len(numbers)), last.err
    assert sandbox.stats()["messages"] == len(numbers)
    assert sandbox.stats()["max_per_handset"] == 1


async def test_report_has_a_line_for_each_recipient(
    run: Run, clients: Clients, sandbox: Sandbox, journal: Path, tmp_path: Path
) -> None:
    """The CSV report has line, row, number, state, reason, sms id and campaign id of every row of the file."""
    sandbox.opt_out("33612345006")
    await run(*words(clients([*GOOD, "néant", "=1+1", "0612345007"]), journal))
    path = tmp_path / "report.csv"
    ended = await run("campaign", "report", str(journal), "--csv", str(path))
    assert ended.code == 1, ended.err
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["line", "row", "number", "state", "reason", "sms_id", "campaign_id"]
    assert len(rows) == len(GOOD) + 3
    reasons = sorted(row["reason"] for row in rows if row["state"] == "rejected")
    assert reasons == ["duplicate", "malformed", "malformed", "opted_out"]
    sent = {row["number"]: row for row in rows if row["state"] == "accepted"}
    assert set(sent) == {message["phone"] for message in sandbox.messages()}
    assert all(row["sms_id"] and row["campaign_id"] for row in sent.values())
    assert "'=1+1" in {row["number"] for row in rows}


async def test_html_report_shows_a_chart_and_names_nobody(
    run: Run, clients: Clients, journal: Path, tmp_path: Path
) -> None:
    """The HTML report is one file with a chart whose bars are the outcomes, without numbers, names or the text."""
    await run(*words(clients([*GOOD, "néant"]), journal, "--name", "<soldes> & co"))
    path = tmp_path / "report.html"
    ended = await run("campaign", "report", str(journal), "--html", str(path))
    assert ended.code == 1, ended.err
    html = path.read_text(encoding="utf-8")
    assert "&lt;soldes&gt; &amp; co" in html
    assert "<soldes>" not in html
    chart = ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])  # noqa: S314  # written by the command
    assert chart.get("aria-label") == "24 accepted, 1 rejected, 0 failed, 0 unknown, 0 in flight, 0 pending"
    widths = [float(bar.get("width", "")) for bar in chart.iter("rect")]
    assert widths[0] > 10 * widths[1] > 0
    assert widths[2:] == [0.0, 0.0, 0.0, 0.0]
    assert "http" not in html
    assert not any(secret in html for secret in ("Bonjour", "336123450", "Zo"))


@pytest.mark.slow
async def test_unknown_requests_are_listed_and_resolved(
    run: Run, clients: Clients, sandbox: Sandbox, journal: Path, environment: dict[str, str], until: Until
) -> None:
    """`status` lists what is unknown, `resolve` decides about it, and says no to what is not unknown."""
    sandbox.faults([{"fault": "reset_after"}])
    asked = words(clients(GOOD[:4]), journal, "--json", "--chunk-size", "2", "--include-opt-outs")
    process = await start(*asked, env=environment)
    await until(lambda: sandbox.stats()["messages"] == 4)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"Stopping" in await process.stderr.readuntil(b"Stopping")  # two signals at once would be one
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert json.loads(ended.out)["unknown"] == 4, ended.err
    sandbox.faults([])
    shown = await run("campaign", "status", str(journal))
    assert shown.code == 1
    assert "Unknown requests" in shown.out
    wrong = await run("campaign", "resolve", str(journal), "--resend", "1", "7")
    assert (wrong.code, "no request 7" in wrong.err) == (2, True), wrong.err
    assert (await run("campaign", "resolve", str(journal), "1")).code == 2
    marked = await run("campaign", "resolve", str(journal), "--mark-sent", "1")
    assert (marked.code, marked.err) == (0, "2 recipients count as accepted.\n")
    again = await run("campaign", "resolve", str(journal), "--resend", "1")
    assert (again.code, "not unknown" in again.err) == (2, True)
    assert (await run("campaign", "resolve", str(journal), "--resend", "2")).code == 0
    sandbox.advance(11)  # the gateway refuses the same request within ten seconds
    resumed = await run("campaign", "resume", str(journal), "--json")
    assert json.loads(resumed.out)["accepted"] == 4, resumed.err
    assert sorted(len(sandbox.messages(phone.replace(" ", ""))) for phone in GOOD[:4]) == [1, 1, 2, 2]


async def test_journal_with_several_campaigns_asks_which(run: Run, clients: Clients, journal: Path) -> None:
    """`list` shows every campaign; the other commands need a name where there are several."""
    for name in ("hiver", "été"):
        assert (await run(*words(clients(GOOD), journal, "--name", name))).code == 0
    listed = await run("campaign", "list", str(journal), "--json")
    assert [(each["name"], each["accepted"]) for each in json.loads(listed.out)] == [("hiver", 24), ("été", 24)]
    assert "été" in (await run("campaign", "list", str(journal))).out
    which = await run("campaign", "status", str(journal))
    assert (which.code, "hiver, été" in which.err) == (2, True)
    named = await run("campaign", "status", str(journal), "--name", "été", "--json")
    assert json.loads(named.out)["accepted"] == 24


async def test_changed_text_and_missing_journal_are_refused(
    run: Run, clients: Clients, journal: Path, sandbox: Sandbox
) -> None:
    """Another text under the same name sends nothing and says so; a journal that is not there is one sentence."""
    path = clients(GOOD)
    await run(*words(path, journal))
    changed = await run(*(word.replace("Bonjour", "Bonsoir") for word in words(path, journal)))
    assert (changed.code, "another text" in changed.err) == (2, True), changed.err
    missing = await run("campaign", "status", str(journal.with_name("other.db")))
    assert (missing.code, "There is no journal" in missing.err) == (3, True)
    assert sandbox.stats()["messages"] == len(GOOD)


async def test_ceiling_stops_and_a_higher_one_continues(
    run: Run, clients: Clients, journal: Path, sandbox: Sandbox
) -> None:
    """--max-cost stops before it is passed with exit code 3; the same command with more continues."""
    path, size = clients(GOOD), ("--chunk-size", "4", "--concurrency", "2", "--json")
    stopped = await run(*words(path, journal, *size, "--max-cost", "0,60"))
    result = json.loads(stopped.out)
    assert (stopped.code, "max_cost" in stopped.err) == (3, True), stopped.err
    assert 0 < result["cost"] <= 0.6
    assert result["accepted"] == sandbox.stats()["messages"]
    last = await run(*words(path, journal, *size, "--max-cost", "25"))
    assert (last.code, json.loads(last.out)["accepted"]) == (0, len(GOOD)), last.err
    assert (await run(*words(path, journal, "--max-cost", "beaucoup"))).code == 2


async def test_files_with_numbers_are_their_owners_alone(
    run: Run, clients: Clients, journal: Path, tmp_path: Path
) -> None:
    """Nobody else on the machine may read the journal, nor a file that the command line fills with numbers."""
    outcomes, report, page = (tmp_path / name for name in ("outcomes.csv", "report.csv", "report.html"))
    mask = os.umask(0o022)
    try:
        assert (await run(*words(clients(GOOD), journal, "--outcomes", str(outcomes)))).code == 0
        both = ("--csv", str(report), "--html", str(page))
        assert (await run("campaign", "report", str(journal), *both)).code == 0
    finally:
        os.umask(mask)
    assert [path.stat().st_mode & 0o777 for path in (journal, outcomes, report, page)] == [0o600] * 4


async def test_journal_comes_from_the_environment_where_none_is_named(
    run: Run, clients: Clients, sandbox: Sandbox, journal: Path, tmp_path: Path
) -> None:
    """ALLMYSMS_JOURNAL stands for the journal in each command that names none."""
    usual = words(clients(GOOD), journal, "--json")
    at = usual.index("--journal")
    del usual[at : at + 2]
    for _ in range(2):
        ended = await run(*usual, ALLMYSMS_JOURNAL=str(journal))
        assert (ended.code, json.loads(ended.out)["accepted"]) == (0, len(GOOD)), ended.err
    assert sandbox.stats()["messages"] == len(GOOD)
    for command in ("status", "report", "replies", "list", "resume"):
        assert (await run("campaign", command, "--json", ALLMYSMS_JOURNAL=str(journal))).code == 0
    ended = await run("campaign", "status", str(tmp_path / "other.db"), ALLMYSMS_JOURNAL=str(journal))
    assert "no journal" in ended.err


@pytest.mark.parametrize("command", ["run", "status", "resume", "report", "replies", "list", "resolve"])
async def test_password_on_the_command_line_is_refused(
    run: Run, clients: Clients, sandbox: Sandbox, command: str
) -> None:
    """A process list shows a URL that is an option: one with a password is refused, before anything is done."""
    url = "postgresql://me:p@ss-4821@127.0.0.1:1/soldes"
    if command == "run":
        ended = await run(*words(clients(GOOD), Path("x"))[:-1], url)
    else:
        more = ("--resend", "3") if command == "resolve" else ()
        ended = await run("campaign", command, url, *more)
    assert ended.code == 2
    assert "PGPASSWORD" in ended.err
    assert "4821" not in ended.err
    assert sandbox.requests == {}


async def test_password_in_the_environment_is_not_refused(run: Run) -> None:
    """What the environment holds no process list shows to others."""
    ended = await run("campaign", "status", ALLMYSMS_JOURNAL="postgresql://me:sesame-4821@127.0.0.1:1/soldes")
    assert "postgresql://127.0.0.1:1/soldes failed" in ended.err
    assert "4821" not in ended.err
