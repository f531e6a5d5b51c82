"""Names and sentences from outside are shown as they are: neither markup nor what steers a terminal."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from allmysms_async.cli.ending import plain, say
from allmysms_async.cli.screen import Display, error_console

from .conftest import Run
from .test_cli_journal import GOOD, words

Clients = Callable[[list[str]], Path]


@pytest.mark.parametrize("name", ["soldes [hiver]", "x [/hiver]", "[bold]y[/]", "[link=http://a]z"])
async def test_brackets_in_a_name_are_part_of_it(run: Run, clients: Clients, tmp_path: Path, name: str) -> None:
    """Every command that shows a campaign's name shows all of it."""
    journal = tmp_path / "soldes.db"
    begun = await run(*words(clients(GOOD[:3]), journal, "--name", name))
    for ended in (
        begun,
        await run("campaign", "list", str(journal)),
        await run("campaign", "status", str(journal)),
        await run("campaign", "report", str(journal)),
    ):
        assert ended.code == 0, ended.err
        assert name in ended.out
    narrow = await run("campaign", "list", str(journal), COLUMNS="80")
    assert name.split()[0][:6] in narrow.out  # the rest is on the next line
    missing = await run("campaign", "status", str(journal), "--name", f"{name}!")
    assert (missing.code, f"{name}!" in missing.err) == (2, True), missing.err


async def test_journal_of_somebody_else_cannot_steer_the_terminal(run: Run, clients: Clients, tmp_path: Path) -> None:
    """Control characters in a name or a problem, written by whoever had the file, are shown as escapes."""
    journal = tmp_path / "soldes.db"
    await run(*words(clients(GOOD[:3]), journal))
    with contextlib.closing(sqlite3.connect(journal)) as raw:
        raw.execute("update campaign set name = ?", ("a\x1b]0;owned\x07b\u202ec",))
        problem = "[/red] \x1b[2J[bold]gone"
        raw.execute("update chunk set state = 'unknown', unknown = n, accepted = 0, problem = ?", (problem,))
        raw.commit()
    shown = [await run("campaign", what, str(journal)) for what in ("list", "status", "report")]
    for ended in shown:
        assert ended.code in {0, 1}, ended.err
        assert not set("\x1b\x07\u202e") & set(ended.out + ended.err)
    assert "a\\x1b]0;owned\\x07b\\u202ec" in shown[0].out
    assert "[/red] \\x1b[2J[bold]gone" in shown[1].out + shown[1].err
    twice = await run("campaign", "status", str(journal), "--name", "x\x1b[31m")
    assert "\x1b" not in twice.err
    nobodys = await run("campaign", "status", str(journal), "--name", "\udcff")
    assert (nobodys.code, "no campaign" in nobodys.err) == (2, True), nobodys.err


def test_sentences_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors, notes and waits may hold what a gateway or a file said."""
    say("one\x1b[2J\ntwo\udc80")
    display = Display(error_console())
    display.note("[red]three\x9b2J")
    display.wait("[/] four\x07")
    told = capsys.readouterr().err
    assert told.splitlines() == ["one\\x1b[2J", "two\\udc80", "[red]three\\x9b2J", "[/] four\\x07"]
    assert plain("é\N{NO-BREAK SPACE}€ 3\n") == "é\N{NO-BREAK SPACE}€ 3\n"
