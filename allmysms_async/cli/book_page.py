"""A page in Markdown as a terminal shows it: paragraphs fit its lines, code stays as it is to be copied."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement
from rich.text import Text

from allmysms_async.cli.screen import output_console

__all__ = ["as_text"]

_WIDEST = 100


class _Code(CodeBlock):
    """Code whose lines are never broken: a broken one could not be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Show it two columns further in."""
        lines = str(self.text).rstrip().split("\n")
        yield Text("\n".join(f"  {line}" for line in lines), style="bold", no_wrap=True, overflow="ignore")


class _Page(Markdown):
    """A page."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
    }


def as_text(markdown: str) -> str:
    """Return a page as text, with the terminal's own steering where there is one."""
    console = output_console()
    # Who reads it elsewhere than on a terminal gets lines that tables fit in.
    console.width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    with console.capture() as captured:
        console.print(_Page(markdown), crop=False)
    return captured.get()
