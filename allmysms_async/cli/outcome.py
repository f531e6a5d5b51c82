"""A file with what became of each row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from allmysms_async.errors import InvalidRequest, InvalidSource
from allmysms_async.model import Outcome

__all__ = ["OutcomeFile", "ReportFile"]

_COLUMNS = ("row", "line", "phone", "state", "reason", "sms_id", "campaign_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _open(path: Path) -> TextIO:
    """Open a file to be written, a new one for its owner alone: it holds everybody's number."""
    return open(path, "w", encoding="utf-8", newline="", opener=lambda name, flags: os.open(name, flags, 0o600))


class OutcomeFile:
    """Writes a line for each row whose outcome is known, as soon as it is.

    Args:
        path: The file; what it holds is replaced.
        source: The file of recipients, which must be another one.

    Raises:
        InvalidRequest: It cannot be written, or is the file of recipients.
    """

    def __init__(self, path: Path, source: Path) -> None:
        self.path = path
        self.problem: str | None = None
        try:
            if path.exists() and path.samefile(source):
                msg = f"--outcomes {path} is the file of recipients itself; give another name."
                raise InvalidRequest(msg)
            self._file = _open(path)
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror or type(error).__name__}; nothing was sent."
            raise InvalidSource(msg) from error
        self._writer = csv.writer(self._file)
        self._write([_COLUMNS])

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write rows. A full disk must not end the campaign, so it is kept as ``problem`` instead of raised."""
        self._write(
            [
                outcome.row,
                "" if outcome.line is None else outcome.line,
                _cell(outcome.phone),
                outcome.state.value,
                "" if outcome.reason is None else outcome.reason.value,
                _cell(outcome.sms_id or ""),
                _cell(outcome.campaign_id or ""),
            ]
            for outcome in outcomes
        )

    def _write(self, rows: Iterable[Iterable[object]]) -> None:
        """Write lines, unless an earlier one failed."""
        if self.problem is not None:
            return
        try:
            self._writer.writerows(rows)
            self._file.flush()
        except OSError as error:
            self.problem = f"{self.path} is not complete: {error.strerror or type(error).__name__}."

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or f"{self.path} is not complete: {error.strerror or type(error).__name__}."


class ReportFile:
    """Writes a line for each recipient of a campaign: number, outcome, reason, campaign id, sms id.

    Args:
        path: The file; what it holds is replaced.

    Raises:
        InvalidRequest: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        try:
            self._file = _open(path)
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror or type(error).__name__}."
            raise InvalidRequest(msg) from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(("number", "outcome", "reason", "campaign_id", "sms_id"))

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write rows."""
        try:
            self._writer.writerows(
                (
                    _cell(outcome.phone),
                    outcome.state.value,
                    "" if outcome.reason is None else outcome.reason.value,
                    _cell(outcome.campaign_id or ""),
                    _cell(outcome.sms_id or ""),
                )
                for outcome in outcomes
            )
        except OSError as error:
            self.problem = self.problem or f"{self.path} is not complete: {error.strerror or type(error).__name__}."

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or f"{self.path} is not complete: {error.strerror or type(error).__name__}."


def _cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
