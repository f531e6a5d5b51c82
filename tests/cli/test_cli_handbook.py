"""``allmysms handbook``: the pages that are installed, in a terminal or for a program."""

import json
import re
import sys
from pathlib import Path

import click
import pytest

from allmysms_async.cli import main
from allmysms_async.cli.handbook import FOLDER, page_named, pages, plain_markdown
from tests.cases import each


def test_pages_are_listed_in_the_order_of_reading(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a page all of them are listed: the first, the tutorial, recipes, explanations, reference."""
    assert main(["handbook"]) == 0
    shown = capsys.readouterr().out
    assert re.search("tutorial/ten-minutes +The first ten minutes", shown)
    places = [shown.index(name) for name in ("tutorial/", "recipes/", "explanation/", "reference/")]
    assert places == sorted(places)


def test_pages_are_listed_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json each page has its name, its title and its file."""
    assert main(["handbook", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == len(pages()) > 30
    assert listed[0]["page"] == "index"
    assert all(Path(each["path"]).is_file() and each["title"] for each in listed)


@pytest.mark.parametrize("word", ["recipes/fastapi", "fastapi", "recipes/fastapi.md", "FastAPI", "fasta"])
def test_page_is_named_in_any_usual_way(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A page is named as a whole, by its last part, or by the beginning of that."""
    assert main(["handbook", word]) == 0
    assert "One-time codes in FastAPI" in capsys.readouterr().out


def test_page_is_given_to_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json a page comes as Markdown, in one line."""
    assert main(["handbook", "exit", "--json"]) == 2
    assert main(["handbook", "environment", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["page"] == "reference/environment"
    assert "| `ALLMYSMS_LOGIN` |" in page["markdown"]


def test_page_that_there_is_not_is_told_with_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    """A page that there is not is bad usage, and the error names one that is near, or those that are meant."""
    assert main(["handbook", "fastpi"]) == 2
    assert "Is it 'fastapi'?" in capsys.readouterr().err
    with pytest.raises(click.UsageError, match="may be recipes/"):
        page_named("recipes/")


def test_path_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """--path tells the folder, or a page's file."""
    assert main(["handbook", "--path"]) == 0
    assert main(["handbook", "law", "--path"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(FOLDER), str(FOLDER / "explanation" / "law.md")]


@each("page", [page.name for page in pages()])
def test_page_is_shown_without_what_html_is_built_of(page: str) -> None:
    """No directive and no comment is shown; a page that HTML generates lists its names, each with what it is."""
    text = plain_markdown(page_named(page).path.read_text(encoding="utf-8"))
    assert "{eval-rst}" not in text
    assert "{toctree}" not in text
    assert "<!--" not in text


def test_names_of_a_generated_page_are_listed() -> None:
    """A generated page lists what is public, with where the whole of it is read."""
    text = plain_markdown((FOLDER / "reference" / "service.md").read_text(encoding="utf-8"))
    assert "- `send`: Send one text to one person or a few, in one request." in text
    assert "python -m pydoc allmysms_async.SmsService" in text


def test_page_comes_screen_by_screen_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a page goes to the pager."""
    paged: list[str] = []
    monkeypatch.setattr(click, "echo_via_pager", paged.append)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["handbook", "law"]) == 0
    assert "How to opt out" in paged[0]
