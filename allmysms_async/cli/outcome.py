"""A file with what became of each row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from allmysms_async.cli.ending import escaped
from allmysms_async.cli.file import NewFile
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import Outcome

__all__ = ["COLUMNS", "OutcomeFile"]

COLUMNS = ("line", "row", "number", "state", "reason", "sms_id", "campaign_id")
"""The columns of ``--outcomes`` and of ``report --csv``."""

# What a spreadsheet takes for a formula, also behind what it may take for a separator; full-width signs are the same.
_FORMULA = re.compile("(^|[;,|])(?=\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])")


class OutcomeFile:
    """Writes a line for each row whose outcome is known, as soon as it is.

    Args:
        path: The file; what it holds is replaced when this one is whole.

    Attributes:
        file: The file.

    Raises:
        InvalidRequest: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.file = NewFile(path)
        self._empty = True
        self._write([COLUMNS])
        if self.file.problem is not None:
            self.file.give_up()
            msg = f"{path} cannot be written: {self.file.problem}."
            raise InvalidRequest(msg)

    @property
    def problem(self) -> str | None:
        """Say what is wrong with the file and where what there is of it is, or None if nothing is."""
        if self.file.problem is None:
            return None
        where = "" if self.file.beside is None else f" What could be written is in {self.file.beside}."
        return f"{self.file.path} is not complete: {self.file.problem}.{where}"

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Write rows. A full disk must not end the campaign, so it is kept as ``problem`` instead of raised."""
        self._empty = self._empty and not outcomes
        self._write(
            [
                "" if outcome.line is None else outcome.line,
                outcome.row,
                _cell(outcome.phone),
                outcome.state.value,
                "" if outcome.reason is None else outcome.reason.value,
                _cell(outcome.sms_id or ""),
                _cell(outcome.campaign_id or ""),
            ]
            for outcome in outcomes
        )

    async def finish(self, *, begun: bool = True) -> None:
        """Put the file in its place, unless it knows of nothing because the campaign did not even begin."""
        if begun or not self._empty:
            await self.file.finish()
        else:
            self.file.give_up()

    def _write(self, rows: Iterable[Iterable[object]]) -> None:
        lines = io.StringIO()
        csv.writer(lines).writerows(rows)
        self.file.write(lines.getvalue().encode())


def _cell(text: str) -> str:
    """Return a cell in which no spreadsheet sees a formula, and no terminal a command."""
    return _FORMULA.sub(r"\1'", escaped(text))
