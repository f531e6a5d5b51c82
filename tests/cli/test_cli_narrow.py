"""What a narrow terminal shows: figures whole, sentences between words."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from allmysms_async import CampaignResult, Outcome, OutcomeState, Reason, SmsMessage
from allmysms_async.cli import ending
from allmysms_async.cli.journal import as_table
from allmysms_async.cli.report import Examples, closing_table
from allmysms_async.journal import JournalCampaign
from tests.cases import each

RESULT = CampaignResult(
    name="a name that is longer than most names are", run_id="0" * 32, rows=2_234_567, accepted=1_234_567,
    rejected=1_000_000, failed=0, unknown=0, pending=0, in_flight=0, complete=True,
    rejections={Reason.INVALID_AT_GATEWAY: 1_000_000}, parts=1_234_567, cost=Decimal("55555.515"),
)  # fmt: skip
FIGURES = ("2 234 567", "1 234 567", "1 000 000", "55 555.515 €")


def shown(thing: object, width: int) -> str:
    """Return what a terminal shows."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(thing)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


@each("width", [40, 47, 55, 56, 64, 80, 120])
def test_closing_table_shows_every_figure_whole(width: int) -> None:
    """However narrow the terminal, no figure of the closing table is cut."""
    examples = Examples()
    examples.collect([Outcome(1, 2, "33612345678", OutcomeState.REJECTED, Reason.INVALID_AT_GATEWAY)])
    table = shown(closing_table(RESULT, examples, width=width), width)
    assert all(figure in table for figure in FIGURES)
    assert ("line 2" in table) == (width >= 64)


@each("width", [40, 75, 76, 90, 120])
def test_list_shows_every_figure_whole(width: int) -> None:
    """However narrow the terminal, no figure of a journal's campaigns is cut."""
    campaign = JournalCampaign(
        name="soldes", message=SmsMessage("Bonjour"), backend="rest", created_at=datetime(2026, 11, 27, tzinfo=UTC),
        result=RESULT,
    )  # fmt: skip
    told = " ".join(shown(as_table([campaign], width), width).split())
    assert all(figure in told for figure in FIGURES[:3])
    assert "soldes" in told


def test_sentence_breaks_between_words_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal a long sentence is broken between words, elsewhere it is one line."""
    sentence = "The campaign stopped: max_parts is 200, and the next request may take the campaign over it."
    ending.say(sentence)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    ending.say(sentence)
    one, *more = capsys.readouterr().err.splitlines()
    assert one == sentence == " ".join(more)
    assert max(map(len, more)) <= 40
