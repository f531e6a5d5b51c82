"""What of the library's log a person or a machine is shown, as the options before a command say."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Generator
from datetime import UTC, datetime

import click
import msgspec

from allmysms_async.cli.ending import escaped

__all__ = ["is_quiet", "is_shown", "is_uncoloured", "logged"]

_LOGGER = "allmysms_async"
# What every record has of Python's own.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_quiet = False
_shown = False
_uncoloured = False


def is_quiet() -> bool:
    """Tell whether nothing is shown but results and errors."""
    return _quiet


def is_shown() -> bool:
    """Tell whether warnings are shown as they are logged, so that nobody else needs to say them."""
    return _shown


def is_uncoloured() -> bool:
    """Tell whether nothing is coloured."""
    return _uncoloured


class _Json(logging.Formatter):
    """Writes a record as one line of JSON, with its structured fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            told["error"] = record.exc_info[0].__name__
        told = {name: value for name, value in vars(record).items() if name not in _USUAL | told.keys()} | told
        try:
            return msgspec.json.encode(told, enc_hook=str).decode()
        except UnicodeEncodeError:  # half of a character, as in a file's name that is no text
            return json.dumps(told, default=str)


class _Handler(logging.Handler):
    """Writes to whatever standard error is at the moment: a bar that moves there makes room for what is written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        click.echo(self.format(record), err=True)


class _Words(logging.Formatter):
    """Writes a record as one line of words that a terminal may be given, of an error its kind alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        kind = record.exc_info[0] if record.exc_info else None
        return escaped(f"{record.levelname} {record.getMessage()}{f' ({kind.__name__})' if kind else ''}")


@contextlib.contextmanager
def logged(*, verbose: int, quiet: bool, machine: bool, no_color: bool) -> Generator[None, None, None]:
    """Show as much of the log as was asked for, until the command is over.

    Args:
        verbose: 1 for what happens, 2 for all there is.
        quiet: Nothing but results and errors.
        machine: Lines of JSON, and no progress beside them.
        no_color: No colours.
    """
    global _quiet, _shown, _uncoloured  # noqa: PLW0603, RUF100  # one command at a time has the terminal
    before = _quiet, _shown, _uncoloured
    _quiet, _shown, _uncoloured = quiet or machine, bool(verbose) or machine, no_color
    logger = logging.getLogger(_LOGGER)
    level = logger.level
    handler: logging.Handler | None = None
    if verbose or machine:
        handler = _Handler()
        handler.setFormatter(_Json() if machine else _Words())
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING)
    elif quiet:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        _quiet, _shown, _uncoloured = before
        logger.setLevel(level)
        if handler is not None:
            logger.removeHandler(handler)
