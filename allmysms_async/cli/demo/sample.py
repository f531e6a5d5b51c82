"""The demo's sample file: messy as customers' files are, each row with the outcome that it must have.

It is read here with the standard library alone, so that a mistake of the library's own reader shows.
"""

from __future__ import annotations

import csv
import io
from contextlib import AbstractContextManager
from importlib import resources
from pathlib import Path

import msgspec

__all__ = ["PARAM_COLUMN", "PHONE_COLUMN", "TEXT", "SampleRow", "read_sample", "sample_path"]

TEXT = "Bonjour #param_1#, -20 % demain chez MAGASIN. STOP au 36180"
PHONE_COLUMN, PARAM_COLUMN = "Mobile", "Prénom"

_OPT_OUTS = {
    "opted_out": "blacklist_stop",
    "unassigned": "blacklist_unassigned",
    "manual_blacklist": "blacklist_manual",
}


class SampleRow(msgspec.Struct, frozen=True):
    """One row of the sample.

    Attributes:
        ordinal: Counted from 1, without blank lines.
        expected: ``accepted`` or ``rejected:<reason>``.
        phone: The canonical number, where it is one that can be texted.
        text: What the handset must show.
        opt_out: The gateway's opt-out list that the number must be on beforehand, if any.
        received: Whether the handset receives it, if it is accepted.
    """

    ordinal: int
    expected: str
    phone: str
    text: str
    opt_out: str | None = None
    received: bool = True


def sample_path() -> AbstractContextManager[Path]:
    """Return the sample file; it is on disk as long as the context lasts."""
    return resources.as_file(resources.files("allmysms_async.cli.demo").joinpath("clients.csv"))


def read_sample() -> list[SampleRow]:
    """Read the sample file."""
    with sample_path() as path:
        text = path.read_bytes().decode("cp1252")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    return [
        SampleRow(
            ordinal,
            row["expected"],
            row["expected_phone"],
            TEXT.replace("#param_1#", row[PARAM_COLUMN] or ""),
            _OPT_OUTS.get(row["expected"].partition(":")[2]),
        )
        for ordinal, row in enumerate(rows, 1)
    ]
