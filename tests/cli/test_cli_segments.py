"""What a text takes, said before it is sent: ``segments``, and the coding of ``send`` and ``campaign run``."""

import json
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from allmysms_async.cli import main
from allmysms_async.sandbox import Sandbox

from .conftest import Ended, called

Run = Callable[..., Awaitable[Ended]]
LONG = "L’été" + "a" * 145


def test_segments_for_machines() -> None:
    """One line of JSON tells the parts, the coding, the units, why Unicode, and what could stand for it."""
    ended = called(("segments", "--json", LONG + "œ😀"), b"")
    assert (ended.code, ended.err, ended.out.count("\n")) == (0, "", 1)
    found = json.loads(ended.out)
    assert {name: found[name] for name in ("parts", "encoding", "units", "unicode_because", "replacements")} == {
        "parts": 3,
        "encoding": "unicode",
        "units": 153,
        "unicode_because": ["’", "œ", "😀"],
        "replacements": {"’": "'", "œ": "oe"},
    }
    assert "".join(found["texts"]) == LONG + "œ😀"
    plain = json.loads(called(("segments", "--json", "a" * 152 + "€" + "a" * 152), b"").out)
    assert (plain["parts"], plain["encoding"], plain["units"], plain["counted_twice"]) == (3, "gsm7", 306, ["€"])
    assert (plain["unicode_because"], plain["replacements"]) == ([], {})


def test_segments_of_standard_input_are_composed() -> None:
    """A decomposed text, given on standard input, is shown as it is sent."""
    found = json.loads(called(("segments", "--json", "-"), unicodedata.normalize("NFD", "été\n").encode()).out)
    assert (found["texts"], found["encoding"]) == (["été"], "gsm7")


def test_segments_for_people() -> None:
    """Each part has its line, and the reason for Unicode is told with the remedy."""
    ended = called(("segments", LONG), b"")
    lines = ended.out.splitlines()
    assert (ended.code, lines[0]) == (0, "Unicode, 150 units, 3 parts")
    assert [line[:5] for line in lines[1:4]] == ["  1  ", "  2  ", "  3  "]
    assert "".join(line[5:] for line in lines[1:4]) == LONG
    assert '’ (U+2019), for which "\'" could stand' in lines[4]
    assert "1 of 3 parts" in ended.out
    assert "--gsm-replacements" in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("colourless", [False, True])
def test_segments_are_coloured_on_a_terminal_unless_nobody_wants_it(
    monkeypatch: pytest.MonkeyPatch, colourless: bool
) -> None:
    """What forces Unicode is red and what counts twice yellow; NO_COLOR is heeded."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if colourless:
        monkeypatch.setenv("NO_COLOR", "1")
    out = called(("segments", "’\n"), b"").out
    assert ("31m" in out, "33m" in out) == (not colourless, not colourless)


def test_segments_tell_what_is_too_long_and_what_placeholders_are() -> None:
    """Nine parts are shown, and that they cannot be sent is said; so is that placeholders stand as they are."""
    ended = called(("segments", "a" * 1225), b"")
    assert (ended.code, "9 parts" in ended.out, "at most 8" in ended.err) == (0, True, True)
    assert "campaign check" in called(("segments", "Bonjour #param_1#"), b"").err


def test_segments_refuse_what_no_text_holds() -> None:
    """A control, and a character that the coding asked for lacks, are bad usage."""
    for words in (("segments", "a\x07"), ("segments", "--coding", "gsm7", "’")):
        ended = called(words, b"")
        assert (ended.code, ended.out, "U+" in ended.err) == (2, "", True)


async def test_send_says_which_coding_a_text_needs(run: Run, sandbox: Sandbox) -> None:
    """Before a text is sent that one apostrophe makes three parts of one, the apostrophe is named, and the remedy."""
    ended = await run("send", "--to", "0612345678", "--json", LONG)
    assert (ended.code, json.loads(ended.out)["parts"]) == (0, 3)
    assert ended.err.startswith("The text needs Unicode: 3 parts.\n")
    assert "’ (U+2019)" in ended.err
    assert "--gsm-replacements replaces quotes, spaces and dashes: 1 of 3 parts." in ended.err


async def test_quiet_send_says_nothing_of_its_text(run: Run) -> None:
    """With --quiet results and errors alone are told."""
    ended = await run("--quiet", "send", "--to", "0612345678", "--json", LONG)
    assert (ended.code, ended.err, json.loads(ended.out)["parts"]) == (0, "", 3)


async def test_send_replaces_where_it_is_asked_to(run: Run, sandbox: Sandbox) -> None:
    """With the option the text goes as GSM-7 in one part, of which there is nothing to say."""
    ended = await run("send", "--to", "0612345678", "--json", "--gsm-replacements", LONG)
    assert (ended.code, ended.err, json.loads(ended.out)["parts"]) == (0, "", 1)
    assert sandbox.messages("0612345678")[0]["text"] == LONG.replace("’", "'")


async def test_send_in_the_coding_that_is_asked_for(run: Run, sandbox: Sandbox) -> None:
    """Unicode for a text that needs it not is said with its parts; GSM-7 that cannot hold a text is refused."""
    ended = await run("send", "--to", "0612345678", "--coding", "unicode", "--json", "a" * 71)
    assert (json.loads(ended.out)["parts"], ended.err) == (2, "The text goes in Unicode: 2 parts.\n")
    refused = await run("send", "--to", "0612345678", "--coding", "gsm7", LONG)
    assert (refused.code, refused.out, "’ (U+2019)" in refused.err) == (2, "", True)
    assert sandbox.stats()["messages"] == 1


async def test_campaign_says_which_coding_its_text_needs(
    run: Run, sandbox: Sandbox, clients: Callable[[list[str]], Path]
) -> None:
    """The text's own coding and parts are told before the first request, and the options reach every row."""
    words = [
        "campaign", "run", str(clients(["0612345678", "0612345679"])), "--phone", "Mobile", "--param", "Prénom",
        "--purpose", "transactional", "--text", "L’ami #param_1#", "--json",
    ]  # fmt: skip
    ended = await run(*words)
    assert ended.code == 0, ended.err
    assert "The text needs Unicode: 1 part beside the recipients' values." in ended.err
    assert "’ (U+2019)" in ended.err
    replaced = await run(*words, "--gsm-replacements", "--coding", "gsm7")
    assert (replaced.code, "Unicode" in replaced.err) == (0, False)
    assert sandbox.messages("0612345678")[-1]["text"] == "L'ami Zoé0"


@pytest.mark.parametrize(("options", "parts"), [((), 6), (("--gsm-replacements",), 2)])
def test_check_counts_in_the_coding_that_is_asked_for(
    clients: Callable[[list[str]], Path], capsys: pytest.CaptureFixture[str], options: tuple[str, ...], parts: int
) -> None:
    """The parts of a list are those of the text as it will be sent."""
    path = clients(["0612345678", "0612345679"])
    words = ["campaign", "check", str(path), "--phone", "Mobile", "--param", "Prénom", "--json"]
    assert main([*words, "--text", LONG + "#param_1#", *options]) == 0
    assert json.loads(capsys.readouterr().out)["parts"] == parts
