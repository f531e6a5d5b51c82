"""What the command line does in quiet hours, with the machine's clock at a given moment."""

import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from allmysms_async import QuietHours
from allmysms_async.cli.screen import Display
from allmysms_async.clock import SystemClock
from allmysms_async.journal import Journal
from allmysms_async.sandbox import Sandbox

from .conftest import Ended

Run = Callable[..., Awaitable[Ended]]
Clients = Callable[[list[str]], Path]
At = Callable[[int, int], datetime]

PARIS = ZoneInfo("Europe/Paris")
TEXT = "Soldes. STOP au 36180"
SEND = ["send", "--to", "0612345678", "--purpose", "marketing", TEXT]


def campaign(path: Path, *more: str) -> list[str]:
    """Return the words of a marketing campaign."""
    usual = ["campaign", "run", str(path), "--text", TEXT, "--phone", "mobile", "--purpose", "marketing"]
    return [*usual, "--include-opt-outs", *more]


@pytest.fixture
def at(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> At:
    """Set the machine's and the sandbox's clock to an hour of 2 March 2027 in Paris."""

    def set_clocks(hour: int, minute: int = 0) -> datetime:
        moment = datetime(2027, 3, 2, hour, minute, tzinfo=PARIS)
        monkeypatch.setattr(SystemClock, "now", staticmethod(lambda: moment.astimezone(UTC)))
        sandbox.advance(moment.timestamp() - sandbox.clock.now())
        return moment

    return set_clocks


async def test_night_refuses_marketing_with_what_to_do(run: Run, clients: Clients, sandbox: Sandbox, at: At) -> None:
    """Exit code 3, one sentence with the next legal moment and the option that defers, and nobody texted."""
    at(22, 0)
    for words in (SEND, campaign(clients(["0612345678"]))):
        ended = await run(*words)
        assert (ended.code, ended.out) == (3, "")
        told = " ".join(ended.err.split())
        assert "Wednesday 2027-03-03 08:00 (Europe/Paris); nothing was sent" in told
        assert "--quiet-hours defer" in told
        assert "quiet_hours=" not in told
    assert sandbox.stats()["messages"] == 0


async def test_night_defers_on_request(run: Run, clients: Clients, sandbox: Sandbox, at: At) -> None:
    """The gateway is given the morning, and the person at the terminal is told."""
    at(22, 0)
    said = json.loads((await run(*SEND, "--quiet-hours", "defer", "--json")).out)
    assert said["scheduled"]
    ended = await run(*campaign(clients(["0687654321"]), "--quiet-hours", "defer"))
    assert ended.code == 0
    assert "the last of it for Wednesday 2027-03-03 08:00 in Paris" in " ".join(ended.err.split())
    sandbox.advance(86400)
    assert {message["received_at"] for message in sandbox.messages()} == {"2027-03-03T08:00:00+01:00"}


async def test_night_can_be_ignored_and_another_rule_taken(
    run: Run, clients: Clients, sandbox: Sandbox, at: At
) -> None:
    """``--hours-rule af2m`` sends until 22:00, and ``ignore`` at any hour."""
    at(20, 30)
    assert (await run(*SEND)).code == 3
    assert (await run(*SEND, "--hours-rule", "af2m")).code == 0
    at(23, 0)
    assert (await run(*campaign(clients(["0687654321"]), "--quiet-hours", "ignore"))).code == 0
    assert sandbox.stats()["messages"] == 2


async def test_status_tells_that_quiet_hours_are_ignored(
    run: Run, clients: Clients, tmp_path: Path, sandbox: Sandbox, at: At
) -> None:
    """Whoever looks into the journal sees it; of a campaign that keeps them nothing is said."""
    at(10)
    for number, words in enumerate(((), ("--quiet-hours", "ignore"))):
        journal = str(tmp_path / f"{number}.db")
        path = clients([f"061234567{number}"])
        assert (await run(*campaign(path, "--journal", journal, *words))).code == 0
        told = (await run("campaign", "status", journal)).err
        assert ("Quiet hours are ignored" in told) == bool(words)


@pytest.mark.parametrize(
    ("hour", "words", "code"),
    [
        (22, (), 3),
        (22, ("--quiet-hours", "defer"), 0),
        (22, ("--quiet-hours", "ignore"), 0),
        (21, ("--hours-rule", "af2m"), 0),
        (12, (), 0),
        (18, (), 1),
    ],
)
async def test_preview_ends_as_the_run_would(
    run: Run, clients: Clients, sandbox: Sandbox, at: At, hour: int, words: tuple[str, ...], code: int
) -> None:
    """A run that would be refused is told so with exit code 3, whom it would leave out is rejected; nothing is sent."""
    at(hour, 0)
    path = clients(["0612345678", "0692123456"] if code == 1 else ["0612345678"])
    looked = await run(*campaign(path, "--dry-run", *words))
    machine = json.loads((await run(*campaign(path, "--dry-run", "--json", *words))).out)
    page = path.with_suffix(".html")
    written = await run("preview", *campaign(path, "--html", str(page), *words)[2:])
    assert (looked.code, written.code) == (code, code)
    assert machine["begins_at"] == ("2027-03-03T08:00:00+01:00" if code == 3 else None)
    assert machine["rejections"] == ({"quiet_hours": 1} if code == 1 else {})
    assert sum(zone["recipients"] for zone in machine["hours"]) == machine["rows"]
    told = "It may begin on Wednesday 2027-03-03 08:00 CET; or say --quiet-hours defer"
    assert (told in " ".join(looked.err.split())) == (told in page.read_text("utf-8")) == (code == 3)
    assert sandbox.stats()["messages"] == 0
    assert (await run(*campaign(path, *words))).code == code


async def test_resume_takes_what_is_to_be_done_from_now_on(
    run: Run, clients: Clients, tmp_path: Path, sandbox: Sandbox, at: At
) -> None:
    """A campaign that was begun by day and waits for the morning is deferred on request, and the journal holds that."""
    at(10, 0)
    journal = str(tmp_path / "soldes.db")
    path = clients(["0612345678", "0687654321"])
    sandbox.faults([{"fault": "status_102", "times": 1}])
    assert (await run(*campaign(path, "--journal", journal))).code == 3
    at(22, 0)
    assert (await run("campaign", "resume", journal, "--quiet-hours", "defer")).code == 0
    assert sandbox.stats()["messages"] == 0
    sandbox.advance(86400)
    assert {message["received_at"] for message in sandbox.messages()} == {"2027-03-03T08:00:00+01:00"}
    async with Journal(journal) as opened:
        assert (await opened.campaign()).quiet_hours == QuietHours("defer")


async def test_codes_are_sent_at_night(run: Run, sandbox: Sandbox, at: At) -> None:
    """What is no marketing is never held up."""
    at(23, 0)
    assert (await run("send", "--to", "0612345678", "--purpose", "otp", "4821")).code == 0
    assert (await run("send", "--to", "0687654321", "Bonjour")).code == 0


@pytest.mark.parametrize("words", [("--quiet-hours", "never"), ("--hours-rule", "law")])
async def test_unknown_policy_is_bad_usage(run: Run, words: tuple[str, str]) -> None:
    """The choices are named."""
    ended = await run(*SEND, *words)
    assert ended.code == 2
    assert ("refuse" if words[0] == "--quiet-hours" else "af2m") in ended.err


def test_pause_is_told_once_for_each_end() -> None:
    """A line says until when, and is not repeated with every progress."""
    console = Console(file=io.StringIO(), width=200)
    display = Display(console)
    until = datetime(2027, 3, 3, 7, tzinfo=UTC)
    for each in (None, until, until, None, until.replace(day=4)):
        display.paused(each)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split(";")[0] for line in lines] == [
        "Quiet hours: nothing is sent before Wednesday 2027-03-03 08:00 in Paris",
        "Quiet hours: nothing is sent before Thursday 2027-03-04 08:00 in Paris",
    ]
