"""``allmysms preview``: the terminal, one line for machines, a page; and nothing sent."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from allmysms_async.sandbox import Sandbox

from .conftest import Run

TEXT = "Bonjour #param_1#, l’offre de demain vous attend dans tous nos magasins jusqu'au soir."


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list with duplicates, a Belgian, and names that mean no good."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "clients.csv"
    names = ["Luc", "François", "Ana 😀", "Ev\u202eil", "<b>Max</b>", "\u009b31mZoé", "x" * 200]
    rows = [f"06123456{at:02d};{name}" for at, name in enumerate(names)]
    rows += ["+32470123456;Ben", "06 12 34 56 00;Luc", "0144556677;Fixe", "61234;Court"]
    path.write_text("\n".join(["mobile;prenom", *rows]) + "\n", encoding="utf-8")
    return path


def words(path: Path, *more: str, text: str = TEXT) -> list[str]:
    """Return the words of the command."""
    columns = ["--phone", "mobile", "--param", "prenom", "--purpose", "transactional", "--encoding", "utf-8"]
    return ["preview", str(path), "--text", text, *columns, *more]


def harmless(text: str) -> bool:
    """Tell whether a text holds nothing that steers a terminal, and no whole number."""
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text) and not re.search(r"33612345\d", text)


async def test_preview_says_what_a_person_wants_to_know(sandbox: Sandbox, run: Run, clients: Path) -> None:
    """Rows by reason with their lines, parts, the longest texts, what forces Unicode, countries, cost; nothing sent."""
    ended = await run(*words(clients))
    told = " ".join(ended.out.split())
    assert (ended.code, ended.err) == (1, "")
    assert "Read 11 Would be sent to 8 Rejected 3" in told
    assert "duplicate 1 line 10 (336****00)" in told
    assert "land line 1 line 11 (331****77)" in told
    assert "Text parts 19" in told
    assert "line 8 (336****06) 5 277 units of Unicode" in told
    assert "8 of 8 texts are sent as Unicode, in 19 parts." in told
    assert "’ U+2019 right single quotation mark 8 10 ' line 2" in told
    assert "ç U+00E7 latin small letter c with cedilla 1 1 c line 3" in told
    assert "U+202E right-to-left override 1 1 none line 5" in told
    assert "FR +33 7 17 0.045 € 0.765 €" in told
    assert harmless(ended.out)
    assert sandbox.messages() == []


async def test_preview_tells_machines_one_line(sandbox: Sandbox, run: Run, clients: Path) -> None:
    """With --json everything is one line on standard output, the gateway's own answer as well."""
    ended = await run(*words(clients, "--json", "--simulate"))
    told = json.loads(ended.out)
    assert (ended.code, ended.out.count("\n"), ended.err) == (1, 1, "")
    assert (told["file"], told["rows"], told["recipients"], told["parts"]) == (str(clients), 11, 8, 19)
    assert (told["least_parts"], told["most_parts"], told["histogram"]) == (2, 5, {"2": 7, "5": 1})
    assert told["lines"] == {"duplicate": [10], "land_line": [11], "malformed": [12]}
    assert told["longest"][0] == {
        "line": 8, "row": 7, "phone": "336****06", "parts": 5, "units": 277, "encoding": "unicode",
    }  # fmt: skip
    first = told["unicode"]["characters"][0]
    assert (first["character"], first["recipients"], first["replacement"], first["lossless"]) == ("’", 8, "'", True)
    assert told["unicode"]["lossless_parts"] < told["unicode"]["savable_parts"]
    assert [country["code"] for country in told["countries"]] == ["33", "32"]
    assert (told["cost"], told["affordable"], told["unpriced_parts"]) == (0.885, True, 0)
    assert (told["simulation"]["parts"], told["simulation"]["cost"], told["simulation"]["differences"]) == (
        19,
        0.885,
        [],
    )
    assert (told["hours"], told["may_send"]) == ([], True)
    assert sandbox.messages() == []


async def test_marketing_is_told_of_its_quiet_hours(run: Run, good: Path) -> None:
    """By zone of France, in all three forms, whatever the hour is."""
    columns = ["--phone", "mobile", "--purpose", "marketing"]
    command = ("preview", str(good), "--text", "Soldes. STOP au 36180", *columns)
    assert "metropolitan France" in (await run(*command)).out
    (zone,) = json.loads((await run(*command, "--json")).out)["hours"]
    assert (zone["code"], zone["recipients"]) == ("33", 2)
    await run(*command, "--html", str(good.with_suffix(".html")))
    assert "Quiet hours of marketing" in good.with_suffix(".html").read_text("utf-8")


async def test_page_shows_the_same_and_runs_nothing(sandbox: Sandbox, run: Run, clients: Path) -> None:
    """One file for its owner alone: what comes from outside is escaped, numbers are masked, there is no script."""
    ended = await run(*words(clients, "--html", "look.html", "--simulate", "--name", "<script>alert(1)</script>"))
    assert (ended.code, ended.out, ended.err) == (1, "", "")
    path = clients.with_name("look.html")
    page = path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"https?://|src=|href=", page)
    assert harmless(page)
    for words_ in ("Parts of a text", "What forces Unicode", "Countries", "Why rows would be rejected", "own answer"):
        assert words_ in page
    assert "line 10 (336****00)" in page
    assert page.count("<table>") == page.count("</table>") == 6


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A list without a bad row."""
    path = tmp_path / "good.csv"
    path.write_text("mobile\n0612345601\n0612345602\n", encoding="utf-8")
    return path


async def test_everybody_sent_to_ends_with_0(run: Run, good: Path) -> None:
    """A list without a bad row, and a text that is the same for all and comes from standard input."""
    columns = ["--phone", "mobile", "--purpose", "otp"]
    ended = await run("preview", str(good), "--text", "-", *columns, stdin=b"Bonjour")
    assert (ended.code, ended.err) == (0, "")
    assert "Unicode" not in ended.out
    assert "longest" not in ended.out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--html", "clients.csv"], "the file of recipients itself"),
        (["--chunk-size", "0"], "chunk-size"),
        (["--at", "2020-01-01"], "past"),
    ],
)
async def test_what_cannot_be_right_is_said_before_anything(
    run: Run, clients: Path, more: list[str], told: str
) -> None:
    """As for a campaign: in one sentence, with exit code 2."""
    ended = await run(*words(clients, *more))
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


async def test_gateway_without_answer_is_told_and_nothing_lost(run: Run, clients: Path, sandbox: Sandbox) -> None:
    """What a login cannot ask is left out with the reason; parts are told all the same."""
    ended = await run(*words(clients), ALLMYSMS_API_KEY="wrong")
    assert ended.code == 1
    assert "Text parts" in ended.out
    assert "The price list could not be had: " in ended.err
    assert "Cost" not in ended.out
