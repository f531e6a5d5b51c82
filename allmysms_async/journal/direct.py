"""Statements of every chunk, as they go to a database: on SQLite to its driver, each compiled once.

What SQLAlchemy does for a statement each time takes several times as long as SQLite does. The text is SQLAlchemy's
own all the same, so that a statement is written once for every database.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

__all__ = ["changed", "first_row", "on_sqlite", "rows"]


def on_sqlite(connection: sa.Connection) -> bool:
    """Tell whether a database is SQLite."""
    return connection.dialect.name == "sqlite"


def changed(connection: sa.Connection, statement: sa.Update | sa.Insert, values: Mapping[str, Any]) -> int:
    """Execute a statement that returns nothing; return how many rows it changed.

    Args:
        connection: In a transaction.
        statement: One of those that a module has: each is kept compiled.
        values: Those of its parameters, by name; others may be among them.
    """
    if not on_sqlite(connection):
        return int(connection.execute(statement, values).rowcount)
    return _execute(connection, statement, values).rowcount


def first_row(connection: sa.Connection, statement: sa.Update, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Execute a statement that returns a row at most; return it, or None.

    Args:
        connection: In a transaction.
        statement: One of those that a module has: each is kept compiled. Its columns are of types that need no
            conversion.
        values: Those of its parameters, by name; others may be among them.
    """
    if not on_sqlite(connection):
        row = connection.execute(statement, values).one_or_none()
        return None if row is None else tuple(row)
    rows = _execute(connection, statement, values).fetchall()  # to its end: before, nothing is changed for sure
    return rows[0] if rows else None


def rows(connection: sa.Connection, question: sa.Executable, values: Mapping[str, Any]) -> Iterable[Any]:
    """Return what a question finds, read as it is taken.

    Args:
        connection: In a transaction.
        question: One of those that a module has: each is kept compiled. Its columns are of types that need no
            conversion; what is true or false is a number on SQLite.
        values: Those of its parameters, by name; others may be among them.
    """
    return _execute(connection, question, values) if on_sqlite(connection) else connection.execute(question, values)


def _execute(connection: sa.Connection, statement: sa.Executable, values: Mapping[str, Any]) -> sqlite3.Cursor:
    raw: Any = connection.connection.dbapi_connection
    text, constants = _compiled(statement)
    return raw.execute(text, {**constants, **values})  # type: ignore[no-any-return]


@functools.cache
def _compiled(statement: sa.Executable) -> tuple[str, dict[str, Any]]:
    """Return a statement's text, and the values that it has of its own."""
    asked: Any = statement
    compiled = asked.compile(dialect=_dialect)
    constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    return str(compiled), constants


_dialect = sqlite.dialect(paramstyle="named")
