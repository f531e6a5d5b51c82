"""What lies at a lost journal's path by now, beside what was saved of it: which of the two knows of more that was sent.

Whoever puts the wrong one of them in the other's place texts people twice. So it is looked at before anybody is told
to move anything.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from enum import StrEnum
from pathlib import Path

__all__ = ["Worth", "is_proof", "worth"]

# A request of the first journal of which the second one does not know, or whose answer it does not know.
_LACKS = """
SELECT EXISTS (
  SELECT 1 FROM {one}.chunk x JOIN {one}.campaign p ON p.id = x.campaign
  WHERE x.attempts > 0 AND NOT EXISTS (
    SELECT 1 FROM {other}.chunk y JOIN {other}.campaign q ON q.id = y.campaign
    WHERE q.run_id = p.run_id AND y.seq = x.seq AND y.numbers = x.numbers AND y.attempts >= x.attempts
      AND (y.accepted >= x.accepted OR y.generation > x.generation)))
"""
_MISSES = "SELECT EXISTS (SELECT 1 FROM main.campaign WHERE run_id NOT IN (SELECT run_id FROM there.campaign))"
_PROOF = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Worth(StrEnum):
    """What a saved copy is worth, beside what lies at the path; a part of the copy's name.

    Attributes:
        SAVED: It belongs at the path: what is there knows of nothing that the copy lacks.
        SPARE: What is there holds all of it: the campaign was continued from another copy.
        APART: Each has requests that the other lacks, or nobody can tell.
    """

    SAVED = "saved"
    SPARE = "spare"
    APART = "apart"


def is_proof(error: sqlite3.Error) -> bool:
    """Tell whether an error proves that a file is not a journal, rather than that it could not be read just now."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in _PROOF or str(error).startswith(("no such table", "no such column"))


def worth(copy: str, path: str, *, ours: bool, alone: bool) -> Worth:
    """Return what a copy is worth, beside what lies at a path.

    Args:
        copy: The copy; nobody else uses it.
        path: Where the journal was.
        ours: Whether the file there is the one that was opened: then nobody continued from another copy.
        alone: Whether what lies beside it does not belong to it.
    """
    if not os.path.lexists(path):
        return Worth.SAVED
    there = f"{Path(path).as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    try:
        with closing(sqlite3.connect(Path(copy).as_uri(), uri=True)) as both:
            both.execute("ATTACH ? AS there", (there,))
            there_lacks = _tells(both, _MISSES) or _tells(both, _LACKS.format(one="main", other="there"))
            copy_lacks = _tells(both, _LACKS.format(one="there", other="main"))
    except sqlite3.Error as error:
        return Worth.SAVED if ours or is_proof(error) else Worth.APART
    if there_lacks and copy_lacks:
        return Worth.APART
    return Worth.SAVED if there_lacks or ours else Worth.SPARE


def _tells(both: sqlite3.Connection, question: str) -> bool:
    """Return the answer to a question of yes or no."""
    return bool(both.execute(question).fetchone()[0])
