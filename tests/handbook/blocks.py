"""The blocks of the pages, as Markdown has them, and the command line that words in them are for."""

import functools
import shlex
from pathlib import Path
from typing import NamedTuple

import click
from markdown_it import MarkdownIt

from allmysms_async.cli.command import allmysms
from allmysms_async.cli.handbook import FOLDER

README = Path(__file__).parents[2] / "README.md"
PAGES = [README, *sorted(FOLDER.rglob("*.md"))]


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        page: The page's name; README is one, too.
        line: Where it begins, from 1 on.
        language: What stands behind the fence; None for a block that is indented instead.
        text: What is in it.
    """

    page: str
    line: int
    language: str | None
    text: str

    @property
    def name(self) -> str:
        """What a test calls it."""
        return f"{self.page}:{self.line}"


def name_of(path: Path) -> str:
    """Return what a page is called."""
    return "README" if path == README else path.relative_to(FOLDER).with_suffix("").as_posix()


def blocks(language: str | None = None) -> list[Block]:
    """Return the blocks of every page, or those in one language."""
    return [block for path in PAGES for block in _blocks_of(path) if language in {None, block.language}]


@functools.cache
def _blocks_of(path: Path) -> list[Block]:
    """Return the blocks of one page."""
    found = []
    for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8")):
        if token.type in {"fence", "code_block"} and token.map is not None:
            kind = token.info.strip() if token.type == "fence" else None
            found.append(Block(name_of(path), token.map[0] + 1, kind, token.content))
    return found


def check_command(words: list[str]) -> None:
    """Check that the command line would take these words, the first of which is its name; nothing is done.

    Raises:
        ClickException: It would refuse them.
    """
    name, *rest = words
    assert Path(name).name == "allmysms", words
    command: click.Command = allmysms
    context = command.make_context("allmysms", rest)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)


def check_line(line: str) -> list[str]:
    """Check a command as a shell would read it; return its words."""
    words = shlex.split(line)
    check_command(words)
    return words
