"""``allmysms handbook``: the pages that are installed with the package, read where it is installed."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

import allmysms_async
from allmysms_async.cli.ending import ExitCode
from allmysms_async.cli.show import as_json, print_rows

__all__ = ["FOLDER", "Page", "list_pages", "page_named", "pages", "plain_markdown", "show_page"]

FOLDER = Path(allmysms_async.__file__).parent / "handbook"
"""Where the pages are."""

_PARTS = ("index", "tutorial", "recipes", "explanation", "reference")
_TITLE = re.compile(r"^# (.+)$", re.M)
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.M | re.S)
_DIRECTIVE = re.compile(r"^```\{(?P<name>[\w-]+)\}[^\n]*\n(?P<body>.*?)^```$", re.M | re.S)
_AUTO = re.compile(r"^\.\. auto(?P<kind>module|class|function):: (?P<name>[\w.]+)$", re.M)


class Page(NamedTuple):
    """One page.

    Attributes:
        name: What asks for it, such as ``recipes/fastapi``.
        title: Its heading.
        path: The file, in Markdown.
    """

    name: str
    title: str
    path: Path


def pages() -> list[Page]:
    """Return every page: the first one, the tutorial, recipes, explanations, and what is to be looked up."""
    found: list[Page] = []
    for path in FOLDER.rglob("*.md"):
        name = path.relative_to(FOLDER).with_suffix("").as_posix()
        title = _TITLE.search(path.read_text(encoding="utf-8"))
        found.append(Page(name, title[1] if title else name, path))
    return sorted(found, key=lambda page: (_place(page.name), page.name))


def _place(name: str) -> int:
    """Return where a page's part stands among the parts; others stand at the end."""
    part = name.partition("/")[0]
    return _PARTS.index(part) if part in _PARTS else len(_PARTS)


def page_named(word: str) -> Page:
    """Return the page that a word names: its whole name, the end of it, or the beginning of its last part.

    Raises:
        click.UsageError: No page, or more than one, is meant.
    """
    known = pages()
    asked = word.strip("/").removesuffix(".md").lower()
    for fits in (
        [page for page in known if page.name == asked],
        [page for page in known if page.name.endswith(f"/{asked}")],
        [page for page in known if page.name.startswith(f"{asked}/")],
        [page for page in known if page.name.rpartition("/")[2].startswith(asked)],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            msg = f"{word!r} may be {', '.join(page.name for page in fits)}."
            raise click.UsageError(msg)
    near = difflib.get_close_matches(asked, [page.name.rpartition("/")[2] for page in known], 1)
    hint = f" Is it {near[0]!r}?" if near else ""
    msg = f"The handbook has no page {word!r}.{hint} 'allmysms handbook' lists them."
    raise click.UsageError(msg)


def list_pages(*, machine: bool) -> int:
    """Print the list of pages; return the exit code."""
    known = pages()
    if machine:
        click.echo(as_json([{"page": page.name, "title": page.title, "path": str(page.path)} for page in known]))
        return ExitCode.ALL_ACCEPTED
    print_rows(("page", "title"), [(page.name, page.title) for page in known], nothing="")
    click.echo("\nTo read one: allmysms handbook PAGE, such as 'allmysms handbook fastapi'.")
    return ExitCode.ALL_ACCEPTED


def show_page(word: str, *, machine: bool) -> int:
    """Print a page, screen by screen on a terminal; return the exit code."""
    from allmysms_async.cli.book_page import as_text

    page = page_named(word)
    text = plain_markdown(page.path.read_text(encoding="utf-8"))
    if machine:
        click.echo(as_json({"page": page.name, "title": page.title, "path": str(page.path), "markdown": text}))
        return ExitCode.ALL_ACCEPTED
    shown = as_text(text)
    if sys.stdout.isatty():
        click.echo_via_pager(shown)
    else:
        click.echo(shown, nl=False)
    return ExitCode.ALL_ACCEPTED


def plain_markdown(text: str) -> str:
    """Return a page without what only the HTML is built of; what is generated there is a list of names here."""
    return _DIRECTIVE.sub(_directive, _COMMENT.sub("", text))


def _directive(found: re.Match[str]) -> str:
    """Return what stands for a directive."""
    match found["name"]:
        case "eval-rst":
            return "\n".join(_names(one["kind"], one["name"]) for one in _AUTO.finditer(found["body"]))
        case "note" | "warning" | "tip":
            return "\n".join(f"> {line}" for line in found["body"].splitlines())
        case _:
            return ""


def _names(kind: str, name: str) -> str:
    """Return the list of what a module or a class has, each with the first line of its docstring."""
    thing = _named(name)
    if kind == "function":
        return f"- `{name}`: {_first_line(thing)}"
    if kind == "class":
        members = [(each, getattr(thing, each)) for each in dir(thing) if not each.startswith("_")]
        listed = [f"- `{each}`: {_first_line(value)}" for each, value in members if callable(value)]
        return f"\n`{name}`: {_first_line(thing)}\n\n" + "\n".join([*listed, "", _more(name)])
    listed = [f"- `{each}`: {_first_line(getattr(thing, each))}" for each in thing.__all__]
    return "\n".join([*listed, "", _more(name), ""])


def _more(name: str) -> str:
    """Return how to read all of it."""
    return f"Fields, defaults and errors of each: `python -m pydoc {name}`."


def _named(name: str) -> Any:
    """Return a module, or what a module has."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, last = name.rpartition(".")
        return getattr(importlib.import_module(module), last)


def _first_line(thing: object) -> str:
    """Return the first line of a docstring; data has none of its own."""
    if not (inspect.isroutine(thing) or inspect.isclass(thing) or inspect.ismodule(thing)):
        return type(thing).__name__
    return (inspect.getdoc(thing) or "").partition("\n")[0]
