"""The engine's own tables, and what goes wrong with the engine, in words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from allmysms_async.errors import InvalidRequest, JournalError
from allmysms_async.runner.control import Control

if TYPE_CHECKING:
    import procrastinate

__all__ = ["are_missing", "ensure", "translated"]

_LOCK = 6_214_018_032_030  # names the lock under which the engine's tables are created, nothing else
_IS_FREE = "SELECT pg_try_advisory_xact_lock(%(lock)s) AS free"
_LACKING = (
    "SELECT name FROM unnest(%(names)s::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_proc WHERE proname = name)"
    " AND NOT EXISTS (SELECT FROM pg_type WHERE typname = name) ORDER BY name"
)


@contextlib.contextmanager
def translated() -> Generator[None, None, None]:
    """Turn what the engine raises into the library's error, which tells no credentials.

    Raises:
        JournalError: The engine failed.
    """
    import procrastinate.exceptions as failures
    import psycopg

    try:
        yield
    except (failures.ConnectorException, psycopg.Error, OSError, TimeoutError) as error:
        cause = type(error.__cause__ or error).__name__
        msg = f"The engine that wakes workers failed ({cause}); the journal is as it was."
        raise JournalError(msg) from error


def are_missing(error: JournalError) -> bool:
    """Tell whether the engine failed because its tables are gone."""
    from psycopg import errors

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, errors.UndefinedTable):
        cause = cause.__cause__
    return cause is not None


async def ensure(app: procrastinate.App, control: Control) -> None:
    """Create the engine's tables where there are none, and check that they are this release's.

    Of several processes only one creates them.

    Args:
        app: The engine's app, open.
        control: On the journal.

    Raises:
        InvalidRequest: The app is not open, or on another database than the journal.
        JournalError: The tables are of another release, or the database failed.
    """
    import procrastinate
    from procrastinate import exceptions as failures
    from procrastinate import sql

    with translated():
        async with control.transaction() as fetch:
            await fetch("select pg_advisory_xact_lock($1)", _LOCK)
            try:
                rows = await app.connector.execute_query_all_async(_IS_FREE, lock=_LOCK)
            except failures.AppNotOpen:
                msg = "The application's app of Procrastinate is not open: open it first; nothing was sent."
                raise InvalidRequest(msg) from None
            if rows[0]["free"]:  # such locks are a database's own, and in this one it is held
                msg = (
                    "The application's app of Procrastinate is on another database than the journal; nothing was sent."
                )
                raise InvalidRequest(msg, remedy="Give both the same database.")
            if not await app.check_connection_async():
                await app.schema_manager.apply_schema_async()
        names = sorted(set(re.findall(r"\bprocrastinate_\w+", " ".join(sql.queries.values()))))
        lacking = await app.connector.execute_query_all_async(_LACKING, names=names)
    if lacking:
        msg = (
            f"The engine's tables in {control.database.label} are of another release of Procrastinate than this one, "
            f"{procrastinate.__version__}: they lack {', '.join(row['name'] for row in lacking[:3])}; nothing was sent."
        )
        remedy = "Bring them up with the migrations of Procrastinate, or install the release that made them."
        raise JournalError(msg, remedy=remedy)
