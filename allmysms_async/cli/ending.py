"""How a command ends: its exit code, and an error as one sentence that says what to do."""

from __future__ import annotations

import enum
import os
import re
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from allmysms_async.cli.signals import settle
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CampaignStopped,
    InsufficientCredit,
    InvalidRequest,
    InvalidSource,
    JournalError,
    NotPermitted,
    NotSent,
    OutcomeUnknown,
    QuietHoursError,
)

__all__ = [
    "Commands",
    "ExitCode",
    "NotWritten",
    "code_of",
    "escaped",
    "guarded",
    "missing_extra",
    "plain",
    "say",
    "sentence",
]

_DEBUG = "ALLMYSMS_DEBUG"
# What could steer a terminal, or turn the direction of what follows.
_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# How the library's errors name what decides how a file is read.
_ARGUMENTS = re.compile(r"\b(encoding|separator|sheet|default_country)=(?:'([^']*)')?")
_MOST = 1500
_SANDBOX_EXTRA = {"lxml", "python_multipart", "starlette", "httptools"}


class ExitCode(enum.IntEnum):
    """What the process tells its caller."""

    ALL_ACCEPTED = 0
    SOME_NOT = 1
    BAD_USAGE = 2
    STOPPED = 3
    NOT_WRITTEN = 4
    DEFECT = 70


class NotWritten(Exception):
    """A file that was asked for could not be written."""


def code_of(error: AllMySmsError) -> ExitCode:
    """Return the exit code that an error of the library stands for."""
    match error:
        case QuietHoursError():
            return ExitCode.STOPPED
        case InvalidRequest():
            return ExitCode.BAD_USAGE
        case CampaignStopped() | AuthenticationFailed() | InsufficientCredit() | NotPermitted() | JournalError():
            return ExitCode.STOPPED
        case _:
            return ExitCode.SOME_NOT


def sentence(error: BaseException) -> str:
    """Return what happened and what to do about it, on one line.

    Of an error that is not the library's own only the type is told: its message may hold anything.
    """
    match error:
        case OutcomeUnknown(idempotency_key=str() as key):
            # The remedy speaks of a call in Python; here it is a command that is repeated.
            text = (
                f"{error.args[0]} Run the same command again with --idempotency-key {key} within 23 hours: it tells "
                "what happened, without texting twice."
            )
        case QuietHoursError(next_legal=datetime()):
            text = f"{error.args[0]} Send it then, or say --quiet-hours defer, which schedules it; ignore sends it now."
        case NotSent(remedy=None):
            said = _ended(str(error))
            begin = "Check" if "nothing was sent" in said.lower() else "Nothing was sent: check"
            text = f"{said} {begin} the network and ALLMYSMS_BASE_URL, then try again."
        case CampaignStopped():
            text = f"The campaign stopped: {sentence(error.reason)}"
        case InvalidSource():
            text = _as_options(str(error))
        case AllMySmsError():
            text = str(error)
        case _:
            text = (
                f"An unexpected {type(error).__name__} ended the command. Report it as a defect; with {_DEBUG}=1 in "
                "the environment it shows where it happened."
            )
    return _ended(text)


def _as_options(text: str) -> str:
    """Return a sentence that says how to read a file, with the command's options in place of Python's arguments."""
    options = _ARGUMENTS.sub(lambda found: f"--{found[1].replace('_', '-')} {found[2] or ''}".rstrip(), text)
    return options.replace("short_rows=True", "--short-rows")


def _ended(text: str) -> str:
    """Return a sentence on one line, of bounded length, with its full stop."""
    line = " ".join(text.split())
    if len(line) > _MOST:
        line = f"{line[: _MOST // 2]} … {line[-_MOST // 2 :]}"
    return line if line.endswith((".", "?", "!", "…")) else f"{line}."


def plain(text: str) -> str:
    """Return a text from outside as a terminal may be given it: what could steer it is written as escapes."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def escaped(text: str) -> str:
    """Return a text from outside as a cell may hold it: likewise, and on one line."""
    return plain(text).replace("\n", "\\n")


def say(text: str) -> None:
    """Write one line to standard error, on a terminal broken between words."""
    line = plain(text)
    if sys.stderr.isatty():
        width = max(shutil.get_terminal_size().columns, 20)
        wrapped = (
            textwrap.fill(each, width, break_long_words=False, break_on_hyphens=False) if len(each) > width else each
            for each in line.split("\n")
        )
        line = "\n".join(wrapped)
    click.echo(line, err=True)


def missing_extra(error: ModuleNotFoundError) -> click.UsageError:
    """Return the error to raise where a part of the package is not installed.

    Raises:
        ModuleNotFoundError: The missing module is not of an extra: the error itself.
    """
    if (error.name or "").partition(".")[0] not in _SANDBOX_EXTRA:
        raise error
    return click.UsageError(f'The sandbox needs {error.name}: run pip install "allmysms_async[cli]".')


def _usage(error: click.ClickException) -> str:
    """Return a usage error as one line, with the command whose help says more."""
    text = _ended(error.format_message())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"Error: {text} See '{context.command_path} --help'." if context else f"Error: {text}"


class Commands(click.Group):
    """Commands whose own broken connections are told apart from a broken standard stream, which ends nothing here."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; click would take a broken pipe of whatever kind for the end, with no word."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                settle()
        except BrokenPipeError as error:
            raise _Broken from error


class _Broken(Exception):
    """A connection broke, and nobody expected it."""


def guarded(command: click.Command, args: Sequence[str] | None) -> int:
    """Run a command; whatever goes wrong in it becomes a sentence and an exit code, never a traceback."""
    try:
        try:
            code = command.main(args=args, prog_name="allmysms", standalone_mode=False)
        finally:
            settle()
    except click.ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            say(error.format_message())
        else:
            say(_usage(error))
        return ExitCode.BAD_USAGE
    except (click.Abort, KeyboardInterrupt):
        say("Stopped.")
        return ExitCode.STOPPED
    except NotWritten as error:
        say(f"Error: {error}")
        return ExitCode.NOT_WRITTEN
    except AllMySmsError as error:
        _trace(error)
        say(f"Error: {sentence(error)}")
        return code_of(error)
    except Exception as error:  # noqa: BLE001, RUF100  # a person must never be shown a traceback
        _trace(error)
        cause = error.__cause__ if isinstance(error, _Broken) else None
        say(f"Error: {sentence(cause or error)}")
        return ExitCode.DEFECT
    return code if isinstance(code, int) else ExitCode.ALL_ACCEPTED


def _trace(error: BaseException) -> None:
    """Show where an error and its causes happened, without any message or value, if the environment asks for it."""
    if os.environ.get(_DEBUG) != "1":
        return
    cause: BaseException | None = error
    while cause is not None:
        say("".join(traceback.format_tb(cause.__traceback__)) + type(cause).__qualname__)
        cause = cause.__cause__
