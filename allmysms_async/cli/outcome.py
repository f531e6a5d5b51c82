"""A file with what became of each row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from allmysms_async.cli.ending import escaped
from allmysms_async.cli.file import NewFile
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import DeliveryStatus, Outcome, OutcomeState

if TYPE_CHECKING:
    from allmysms_async.journal import DeliveryState

__all__ = ["COLUMNS", "DELIVERY_COLUMNS", "OutcomeFile", "States", "cell"]

COLUMNS = ("line", "row", "number", "state", "reason", "sms_id", "campaign_id")
"""The columns of ``--outcomes`` and of ``report --csv``."""

DELIVERY_COLUMNS = ("delivery", "delivery_at")
"""Those that ``report --csv`` has besides once reports or replies came."""

States: TypeAlias = "Mapping[tuple[str, str], DeliveryState]"
"""What became of texts, by the gateway's identifier of the send and the canonical number."""

# What a spreadsheet takes for a formula, also behind what it may take for a separator; full-width signs are the same.
_FORMULA = re.compile("(^|[;,|])(?=\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])")


class OutcomeFile:
    """Writes a line for each row whose outcome is known, as soon as it is.

    Args:
        path: The file; what it holds is replaced when this one is whole.
        delivery: Whether it also says how far each text came.

    Attributes:
        file: The file.

    Raises:
        InvalidRequest: It cannot be written.
    """

    def __init__(self, path: Path, *, delivery: bool = False) -> None:
        self.file = NewFile(path)
        self._empty = True
        self._delivery = delivery
        self._write([COLUMNS + DELIVERY_COLUMNS if delivery else COLUMNS])
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

    def add(self, outcomes: Sequence[Outcome], states: States | None = None) -> None:
        """Write rows. A full disk must not end the campaign, so it is kept as ``problem`` instead of raised.

        Args:
            outcomes: The rows.
            states: How far their texts came, where the file says so.
        """
        self._empty = self._empty and not outcomes
        more = states or {}
        self._write(
            [
                "" if outcome.line is None else outcome.line,
                outcome.row,
                cell(outcome.phone),
                outcome.state.value,
                "" if outcome.reason is None else outcome.reason.value,
                cell(outcome.sms_id or ""),
                cell(outcome.campaign_id or ""),
                *(_delivery_of(outcome, more) if self._delivery else ()),
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


def cell(text: str) -> str:
    """Return a cell in which no spreadsheet sees a formula, and no terminal a command."""
    return _FORMULA.sub(r"\1'", escaped(text))


def _delivery_of(outcome: Outcome, states: States) -> tuple[str, str]:
    """Return how far a text came, and since when; nothing for rows that were not sent."""
    state = states.get((outcome.campaign_id or "", outcome.phone))
    if state is None:
        return (DeliveryStatus.PENDING.value if outcome.state is OutcomeState.ACCEPTED else "", "")
    return state.status.value, "" if state.at is None else state.at.isoformat()
