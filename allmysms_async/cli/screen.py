"""What a person sees while something runs: a progress line on standard error, and the waits between attempts."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from allmysms_async.cli.ending import plain
from allmysms_async.cli.logs import is_quiet, is_shown, is_uncoloured
from allmysms_async.clock import PARIS, SYSTEM
from allmysms_async.model import Totals, Waiting

__all__ = ["Display", "error_console", "held_words", "hour", "number", "output_console", "stdin_is_terminal"]

_PLAIN_SECONDS = 1.0
_NOTE_SECONDS = 1.0
_HELD_SECONDS = 10.0
_WIDE = 100
_NARROWEST = 20
_LOGGER = "allmysms_async"


def stdin_is_terminal() -> bool:
    """Tell whether a person can be asked."""
    with contextlib.suppress(OSError, ValueError):
        return bool(sys.stdin) and sys.stdin.isatty()
    return False


def error_console() -> Console:
    """Return the console of standard error."""
    _prepare(sys.stderr)
    return Console(stderr=True, highlight=False, no_color=is_uncoloured() or None)


def output_console() -> Console:
    """Return the console of standard output."""
    _prepare(sys.stdout)
    return Console(highlight=False, no_color=is_uncoloured() or None)


def _prepare(stream: object) -> None:
    """Let a stream replace what its encoding lacks, and forget a size that no terminal has: both could end things."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    for name, least in (("COLUMNS", _NARROWEST), ("LINES", 1)):
        told = os.environ.get(name, "")
        if told and not (told.isascii() and told.isdigit() and len(told) <= 4 and int(told) >= least):
            del os.environ[name]


def number(value: int) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def hour(moment: datetime) -> str:
    """Return a moment as people in France read it."""
    return f"{moment.astimezone(PARIS):%A %Y-%m-%d %H:%M} in Paris"


def held_words(waiting: Waiting) -> str:
    """Return what other processes hold, in words."""
    plural = "s" if waiting.requests != 1 else ""
    what = f"{number(waiting.requests)} request{plural}" if waiting.requests else "the source"
    shown = [*waiting.holders[:3], *(["others"] if len(waiting.holders) > 3 else [])]
    until = waiting.until.astimezone()
    return f"{what} held by {', '.join(shown)} until {until:%H:%M:%S} unless renewed"


class _Waits(logging.Handler):
    """Hands the library's warnings (attempts that are repeated) to the display."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Show one warning."""
        self._display.wait(record.getMessage(), is_said=is_shown())


class Display:
    """The progress of a campaign on standard error.

    On a terminal it is a bar that moves also while nothing is answered; elsewhere a line, at most every second.

    Args:
        console: Where to show it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._quiet = is_quiet()
        self._live = console.is_terminal and not console.is_dumb_terminal and not self._quiet
        # On a narrow terminal the counts are worth more than the bar.
        self._wide = console.width >= _WIDE
        self._bar = Progress(
            SpinnerColumn(),
            *([BarColumn(bar_width=12)] if self._wide else []),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("reading", total=None)
        self._handler = _Waits(self)
        self._started = SYSTEM.monotonic()
        self._shown = ""
        self._shown_at = self._noted_at = float("-inf")
        self._held_back = 0
        self._waiting = False
        self._held: Waiting | None = None
        self._held_at = float("-inf")
        self._paused: datetime | None = None

    def __enter__(self) -> Self:
        """Start to show."""
        logger = logging.getLogger(_LOGGER)
        logger.addHandler(self._handler)
        self._propagated, logger.propagate = logger.propagate, False
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and leave nothing of the bar behind."""
        self._bar.stop()
        logger = logging.getLogger(_LOGGER)
        logger.removeHandler(self._handler)
        logger.propagate = self._propagated

    def show(self, totals: Totals, *, last: bool = False) -> None:
        """Show where the campaign stands."""
        done = totals.rows - totals.pending
        elapsed = SYSTEM.monotonic() - self._started
        fields = [
            (totals.rows, "read", ""),
            (totals.accepted, "accepted", "green"),
            (totals.rejected, "rejected", "yellow"),
            (totals.failed, "failed", "red"),
            (totals.unknown, "unknown", "red"),
            (totals.in_flight, "in flight", "cyan"),
            (totals.pending - totals.in_flight, "pending", "cyan"),
        ]
        told = [field for field in fields if field[0] or field[1] in {"read", "accepted"}]
        rate = f"{number(round(done / elapsed))}/s" if elapsed >= 0.2 else ""
        if self._live:
            words = [f"[{style}]{number(count)} {word}[/]" if style else f"{number(count)} {word}"
                     for count, word, style in told]  # fmt: skip
            if self._held is not None:
                words.append(f"[dim]waiting for {escape(plain(held_words(self._held)))}[/]")
            elif self._waiting or self._wide:
                words.append("[dim]waiting[/]" if self._waiting else rate)
            total = totals.rows if totals.complete and totals.rows else None
            self._bar.update(self._task, description="  ".join(words), completed=done, total=total)
            return
        line = ", ".join([f"{number(count)} {word}" for count, word, _ in told])
        now = SYSTEM.monotonic()
        if totals.rows and line != self._shown and (last or now - self._shown_at >= _PLAIN_SECONDS):
            self._shown, self._shown_at = line, now
            self._line(f"{line} ({rate})" if rate else line)

    def answered(self) -> None:
        """Note that an answer came: nothing is being waited for any more."""
        self._waiting = False

    def waiting_for(self, waiting: Waiting | None) -> None:
        """Show what other processes hold while that is all that is waited for; a line now and then."""
        same = waiting is not None and self._held is not None and waiting.holders == self._held.holders
        self._held = waiting
        if waiting is None or self._live or (same and SYSTEM.monotonic() - self._held_at < _HELD_SECONDS):
            return
        self._held_at = SYSTEM.monotonic()
        self._line(f"Waiting for {held_words(waiting)}.")

    def paused(self, until: datetime | None) -> None:
        """Say that quiet hours hold up all that is left, once for each moment at which they end."""
        if until is not None and until != self._paused:
            self._line(
                f"Quiet hours: nothing is sent before {hour(until)}; then it goes on by itself. Ctrl-C stops it."
            )
        self._paused = until

    def recovering(self, count: int) -> None:
        """Show how many recipients were read back from the journal, while that is all that happens."""
        if count and self._live:
            self._bar.update(self._task, description=f"{number(count)} read back from the journal", total=None)
        elif count and SYSTEM.monotonic() - self._noted_at >= _NOTE_SECONDS:
            self._noted_at = SYSTEM.monotonic()
            self._line(f"{number(count)} read back from the journal")

    def wait(self, message: str, *, is_said: bool = False) -> None:
        """Say that something is waited for, so that it is not taken for a hang; at most one line every second."""
        self._waiting = True
        if is_said:
            return
        now = SYSTEM.monotonic()
        if now - self._noted_at < _NOTE_SECONDS:
            self._held_back += 1
            return
        if self._held_back:
            message = f"{message.rstrip('.')} ({self._held_back} more like it)."
        self._noted_at, self._held_back = now, 0
        self._line(message, style="dim")

    def note(self, message: str) -> None:
        """Say something to the person who watches."""
        self._line(message)

    def _line(self, text: str, style: str | None = None) -> None:
        """Print a line above the bar."""
        if self._quiet:
            return
        self.console.print(plain(text), style=style, markup=False, highlight=False, soft_wrap=not self._live)
