"""What is told of a database that failed: its own words hold values, hosts and credentials, these do not."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

__all__ = ["ANOTHERS_SESSION", "CAMPAIGN", "MISSING", "Use", "words_of"]

# PostgreSQL's words for a table, schema, column or database that was there before.
MISSING = {"42P01", "3F000", "42703", "3D000"}

ANOTHERS_SESSION = {"26000", "42P05"}
"""PostgreSQL's words for a statement that was prepared a moment ago and is not there, or is somebody else's."""

_SQLITE_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "it may not be written",
    sqlite3.SQLITE_BUSY: "another process keeps it locked",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk failed",
}


class Use(NamedTuple):
    """What a journal is open for, in the words that its errors end with.

    Attributes:
        during: What is going on.
        failed: What a failure of the database means for it.
        lost: What follows from a loss.
        remedy: What to do once the database works again.
    """

    during: str
    failed: str
    lost: str
    remedy: str


CAMPAIGN = Use(
    "the campaign ran",
    "Nothing is sent that is not recorded.",
    "Nothing more is sent.",
    "Put that right, then run the campaign again to continue it.",
)


def words_of(error: BaseException | None) -> str:
    """Return what went wrong, in words that hold neither data nor credentials."""
    cause: BaseException | None = error
    while cause is not None:
        code = getattr(cause, "sqlite_errorcode", None)
        if isinstance(code, int):
            return _SQLITE_WORDS.get(code & 0xFF, f"SQLite says {getattr(cause, 'sqlite_errorname', code)}")
        state = getattr(cause, "sqlstate", None)
        if state == "28P01":
            return "PostgreSQL wants another password; PGPASSWORD and ~/.pgpass are read"
        if state in ANOTHERS_SESSION:
            return "it is reached through a pooler that shares sessions (PgBouncer: pool_mode must be session)"
        if isinstance(state, str):
            return f"PostgreSQL refused with {type(cause).__name__} ({state})"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__
    return f"it cannot be reached or used ({type(error).__name__})"
