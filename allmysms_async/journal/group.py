"""What several tasks want written to a SQLite journal, in one transaction: what one of them raises undoes no other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from allmysms_async.journal.errand import End, Member

__all__ = ["begin", "commit"]


def begin(connection: sa.Connection, statement: str) -> None:
    """Begin a transaction in the driver, where SQLAlchemy knows nothing of it.

    Args:
        connection: Outside of a transaction.
        statement: Begins one of the right kind.

    Raises:
        sqlite3.Error: It cannot be begun.
    """
    raw = _raw(connection)
    if raw.in_transaction:  # whose commit failed
        raw.rollback()
    raw.execute(statement)


def commit(connection: sa.Connection, group: Sequence[Member]) -> list[End]:
    """Do what is to be written, one after the other, and commit it; return what each returned or raised.

    Args:
        connection: Outside of a transaction.
        group: One member at least.

    Raises:
        Exception: The database failed, or the only member raised; nothing is recorded.
    """
    try:
        return _committed(connection, group, _done)
    except Exception as error:
        if len(group) == 1 or _is_everybodys(error):
            raise
    # One of them raised, which nearly never happens, and everything was undone: each is done anew for itself.
    return _committed(connection, group, _apart)


def _committed(
    connection: sa.Connection, group: Sequence[Member], do: Callable[[sa.Connection, Member], End]
) -> list[End]:
    """Do something with each member in one transaction; return what that returned."""
    begin(connection, "BEGIN IMMEDIATE")
    try:
        ends = [do(connection, member) for member in group]
        _transaction(connection).commit()
    except BaseException:
        _transaction(connection).rollback()
        raise
    return ends


def _transaction(connection: sa.Connection) -> sa.Connection | sqlite3.Connection:
    """Return what ends the transaction: SQLAlchemy takes part in it once it has executed anything."""
    return _raw(connection) if connection.get_transaction() is None else connection


def _done(connection: sa.Connection, member: Member) -> End:
    return End(member, member.work(connection), None)


def _apart(connection: sa.Connection, member: Member) -> End:
    """Do something so that what it raises undoes nothing else."""
    raw = _raw(connection)
    raw.execute("SAVEPOINT apart")
    try:
        end = _done(connection, member)
    except Exception as error:
        if _is_everybodys(error):
            raise
        raw.execute("ROLLBACK TO apart")
        end = End(member, None, error)
    raw.execute("RELEASE apart")
    return end


def _is_everybodys(error: Exception) -> bool:
    """Tell whether a database failed, which concerns all that is written together."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return isinstance(cause, sqlite3.Error) and not isinstance(cause, sqlite3.IntegrityError)


def _raw(connection: sa.Connection) -> sqlite3.Connection:
    raw: Any = connection.connection.dbapi_connection
    return raw  # type: ignore[no-any-return]
