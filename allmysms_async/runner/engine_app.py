"""The engine's app: its tables, its one task, and what is done about what goes wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import weakref
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

from allmysms_async.errors import InvalidRequest, JournalError
from allmysms_async.runner.control import Control

if TYPE_CHECKING:
    import procrastinate

__all__ = ["are_missing", "end_jobs_surely", "ensure", "served_by", "translated"]

_AGAIN_SECONDS = 0.5
_TIMES = 60
"""After so many attempts in vain the engine's worker itself has lost its connection, and its jobs are given up."""

_LOCK = 6_214_018_032_030  # names the lock under which the engine's tables are created, nothing else
# Its transaction waits for the app's connections, for as long as they take.
_ALONE = "select pg_advisory_xact_lock($1), set_config('idle_in_transaction_session_timeout', '0', true)"
_IS_FREE = "SELECT pg_try_advisory_xact_lock(%(lock)s) AS free"
_LACKING = (
    "SELECT name FROM unnest(%(names)s::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_proc WHERE proname = name)"
    " AND NOT EXISTS (SELECT FROM pg_type WHERE typname = name) ORDER BY name"
)

_mounted: weakref.WeakKeyDictionary[procrastinate.App, dict[str, Callable[[int, int], Awaitable[None]]]]
_mounted = weakref.WeakKeyDictionary()


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


def served_by(app: procrastinate.App, task: str) -> dict[str, Callable[[int, int], Awaitable[None]]]:
    """Return what the jobs of an app run, by their queue; it has the one task from now on.

    Args:
        app: The engine's app.
        task: The task's name.
    """
    if app in _mounted:
        return _mounted[app]
    served = _mounted[app] = {}

    async def run(context: procrastinate.JobContext, campaign: int, slot: int) -> None:
        run_one = served.get(context.job.queue)
        if run_one is not None:  # else nobody is here for it, and whoever is elsewhere defers it again
            await run_one(campaign, slot)

    app.task(name=task, pass_context=True)(run)
    return served


def end_jobs_surely(app: procrastinate.App, is_over: Callable[[], bool]) -> None:
    """Have an app note the end of its jobs also if that fails at first.

    A job whose end was noted nowhere would keep its slot from everybody for as long as its worker lives.

    Args:
        app: The engine's app.
        is_over: Tells whether nobody waits for that any more.
    """
    import procrastinate.exceptions as failures
    import psycopg

    jobs: Any = app.job_manager
    usual = jobs.finish_job
    # The last is what a process gets that stood still within a transaction.
    cut = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.IdleInTransactionSessionTimeout)

    async def finish_job(**words: object) -> None:
        for _ in range(_TIMES):
            try:
                await usual(**words)
            except failures.ConnectorException as error:
                if not isinstance(error.__cause__, cut) or is_over():  # else another worker gave it up meanwhile
                    return
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    jobs.finish_job = finish_job


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
            await fetch(_ALONE, _LOCK)
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
