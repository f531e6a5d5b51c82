"""``--dry-run``: everything is checked and measured, and nothing is sent."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from allmysms_async.cli import dry_run
from allmysms_async.clock import SystemClock
from allmysms_async.sandbox import Sandbox

from .conftest import Ended


class Sunday(SystemClock):
    """A clock that stands still at noon of a Sunday."""

    def now(self) -> datetime:
        """Return that moment."""
        return datetime(2027, 1, 3, 12, tzinfo=UTC)


Run = Callable[..., Awaitable[Ended]]
SEND = ("send", "--dry-run", "--to", "06 12 34 56 78", "--to", "+33612345679", "--to", "0612345678")


@pytest.fixture
def nothing(sandbox: Sandbox) -> Callable[[], None]:
    """Check that the gateway was asked for nothing."""

    def check() -> None:
        assert sandbox.messages() == []
        assert not any(sandbox.requests.values())

    return check


async def test_send_says_what_it_would_be(run: Run, nothing: Callable[[], None]) -> None:
    """Numbers, masked and once each, parts and coding; exit code 0."""
    ended = await run(*SEND, "Ça coûte 12 €, ou “rien”")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "would be sent  336****78",
        "would be sent  336****79",
        "2 parts in Unicode; nothing was sent",
    ]
    nothing()


async def test_send_tells_machines_one_line(run: Run, nothing: Callable[[], None]) -> None:
    """With --json it is one object, with whole numbers as that of a send."""
    ended = await run(*SEND, "--json", "--idempotency-key", "one", "-", stdin=("a" * 161).encode())
    assert json.loads(ended.out) == {
        "dry_run": True,
        "phones": ["33612345678", "33612345679"],
        "text": "a" * 161,
        "coding": "gsm7",
        "parts": 4,
        "send_at": None,
        "idempotency_key": "one",
    }
    nothing()


async def test_send_keeps_quiet_hours(run: Run, nothing: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Marketing on a Sunday is refused with the code that a send has, or told with the date that it would have."""
    monkeypatch.setattr(dry_run, "SYSTEM", Sunday())
    words = ("send", "--dry-run", "--to", "0612345678", "--purpose", "marketing")
    ended = await run(*words, "Bonjour")
    assert (ended.code, ended.out) == (3, "")
    assert "quiet hours" in ended.err
    ended = await run(*words, "--quiet-hours", "defer", "Bonjour")
    assert ended.code == 0, ended.err
    assert "at 2027-01-04 08:00 CET; nothing was sent" in ended.out
    nothing()


@pytest.mark.parametrize("words", [("--to", "12", "Bonjour"), ("--to", "0612345678", " "), ("Bonjour",)])
async def test_send_refuses_what_a_send_refuses(run: Run, nothing: Callable[[], None], words: tuple[str, ...]) -> None:
    """What cannot be sent exits 2 with a sentence, as without the option."""
    dry = await run("send", "--dry-run", *words)
    assert (dry.code, dry.out) == (2, "")
    assert dry.err == (await run("send", *words)).err
    nothing()


CAMPAIGN = ("--text", "Bonjour", "--phone", "mobile", "--purpose", "transactional", "--dry-run")


async def test_campaign_says_what_it_would_be(
    run: Run, sandbox: Sandbox, clients: Callable[[list[str]], Path], tmp_path: Path
) -> None:
    """What the preview says; exit code 0 if everybody would be sent to, 1 if not; neither file is made."""
    journal, outcomes = tmp_path / "clients.db", tmp_path / "outcomes.csv"
    beside = ("--journal", str(journal), "--outcomes", str(outcomes))
    path = str(clients(["0612345678", "0612345679"]))
    ended = await run("campaign", "run", path, *CAMPAIGN, *beside)
    assert ended.code == 0, ended.err
    assert ended.out == (await run("preview", path, *CAMPAIGN[:-1])).out != ""
    path = str(clients(["0612345678", "0612345678", "rien"]))
    ended = await run("campaign", "run", path, *CAMPAIGN, *beside, "--max-parts", "9", "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["rows"], told["recipients"], told["parts"]) == (1, 3, 1, 1)
    assert told["rejections"] == {"duplicate": 1, "malformed": 1}
    assert told == json.loads((await run("preview", path, *CAMPAIGN[:-1], "--json")).out)
    assert not journal.exists()
    assert not outcomes.exists()
    assert sandbox.messages() == []


@pytest.mark.parametrize(
    "more",
    [
        ("--purpose", "marketing", "--sender", "MAGASIN"),
        ("--max-cost", "0"),
        ("--at", "2001-01-01T10:00"),
        ("--chunk-size", "100000"),
        ("--text", "Bonjour #param_1#"),
    ],
)
async def test_campaign_refuses_what_a_campaign_refuses(
    run: Run, nothing: Callable[[], None], clients: Callable[[list[str]], Path], more: tuple[str, ...]
) -> None:
    """A text without its STOP, a date that is past, a size that no request has, a missing column: exit code 2."""
    path = str(clients(["0612345678"]))
    dry = await run("campaign", "run", path, *CAMPAIGN, *more)
    assert (dry.code, dry.out) == (2, "")
    assert dry.err
    nothing()
