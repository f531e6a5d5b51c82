"""The engine that wakes workers: Procrastinate, on the journal's own PostgreSQL.

It only wakes. Its jobs hold the number of a campaign and of a slot, and nothing else; one may be lost, late or doubled,
and none of that sends anything twice: the journal decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from allmysms_async import logs
from allmysms_async.errors import InvalidRequest, JournalError
from allmysms_async.journal.address import address_of
from allmysms_async.journal.session import SETTINGS
from allmysms_async.runner.control import Control
from allmysms_async.runner.engine_app import are_missing, end_jobs_surely, ensure, served_by, translated

if TYPE_CHECKING:
    import procrastinate
    import psycopg

__all__ = ["STALLED_SECONDS", "TASK", "Engine", "needs_engine"]

TASK = "allmysms:drain"
"""How the engine calls the one task that there is."""

STALLED_SECONDS = 12.0
"""After so long without a sign of its worker a job is given up: its slot is free for others."""

_HEARTBEAT_SECONDS = 1.5
_SILENT_SECONDS = 4.0
"""After so long without a sign of its worker another slot is drained beside a job's."""

_POLL_SECONDS = 0.5
# As libpq has them: a peer that is silent is given up after 30 seconds, and so is what was sent and not acknowledged.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "connect_timeout": 10,
}
_HELD = (
    "SELECT job.lock, job.status = 'todo' OR worker.last_heartbeat > now() - make_interval(secs => %(seconds)s) AS live"
    " FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id"
    " WHERE job.queue_name = %(queue)s AND job.status IN ('todo', 'doing') AND job.task_name = %(task)s"
)
_OTHERS = (
    "SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = %(queue)s AND lock NOT LIKE %(mine)s"
    " LIMIT 1"
)
_MOST_BOXES = 6
"""So many turns in a row a slot is drained by one worker while no other campaign waits; then another may have it."""

_log = logging.getLogger("allmysms_async.runner")

Drain = Callable[[int, int], Awaitable[bool]]


def needs_engine() -> None:
    """Make sure that the engine is installed.

    Raises:
        InvalidRequest: It is not.
    """
    try:
        import procrastinate
        import psycopg
    except ImportError as error:
        msg = 'Several machines need Procrastinate: run pip install "allmysms_async[runner]"; nothing was sent.'
        raise InvalidRequest(msg) from error
    del procrastinate, psycopg


def _place_of(journal: str) -> dict[str, Any]:
    """Return where a journal is, in libpq's words."""
    address = address_of(journal)
    dialect: Any = PGDialect_psycopg  # which has no types
    _, told = dialect().create_connect_args(address.url)
    told |= {
        "host": told.get("host") or os.environ.get("PGHOST"),
        "sslmode": address.options.get("ssl"),
        "passfile": address.options.get("passfile"),
        "connect_timeout": address.options.get("timeout"),
        "application_name": address.options.get("server_settings", {}).get("application_name"),
    }
    if told["connect_timeout"] is not None:
        told["connect_timeout"] = max(2, round(told["connect_timeout"]))  # libpq takes whole seconds, from two on
    return _KEEPALIVES | {name: value for name, value in told.items() if value is not None}


class Engine:
    """The engine of one process.

    Args:
        journal: Where the journal is.
        line: The account, whose jobs are in a queue of their own.
        app: An application's own app to use, open already; else one is made.
    """

    def __init__(self, journal: str, line: str, app: procrastinate.App | None = None) -> None:
        needs_engine()
        self.line = line
        self._own = app is None
        self._app = _app_of(journal) if app is None else app
        self._control: Control | None = None

    @property
    def app(self) -> procrastinate.App:
        """The engine's app."""
        return self._app

    @contextlib.asynccontextmanager
    async def opened(self, control: Control) -> AsyncGenerator[None, None]:
        """Connect, and create the engine's tables where there are none.

        Raises:
            JournalError: The database failed.
        """
        async with contextlib.AsyncExitStack() as stack:
            if self._own:
                with translated():
                    await stack.enter_async_context(self._app.open_async())
            await ensure(self._app, control)
            self._control = control
            yield

    @contextlib.asynccontextmanager
    async def serving(self, drain: Drain, priority_of: Callable[[int], int]) -> AsyncGenerator[None, None]:
        """Have the app's jobs run what drains a slot, for as long as this is entered.

        Args:
            drain: Given the campaign and the slot, tells whether to come again.
            priority_of: Given the campaign, returns its priority, in which it comes again.

        Raises:
            InvalidRequest: The app's jobs for this account run another worker's drains already.
        """

        async def run(campaign: int, slot: int) -> None:
            for _ in range(_MOST_BOXES):
                if not await drain(campaign, slot):
                    return
                if await self._others_wait(campaign):
                    break
            await self.defer(campaign, slot, priority_of(campaign))

        served = served_by(self._app, TASK)
        if self.line in served:
            msg = "A worker of this account is mounted in this app of Procrastinate already; nothing was sent."
            raise InvalidRequest(msg)
        served[self.line] = run
        try:
            yield
        finally:
            del served[self.line]

    async def _others_wait(self, campaign: int) -> bool:
        """Tell whether a slot of another campaign waits to be drained."""
        with translated():
            rows = await self._app.connector.execute_query_all_async(_OTHERS, queue=self.line, mine=f"{campaign}/%")
        return bool(rows)

    async def defer(self, campaign: int, slot: int, priority: int) -> bool:
        """Have a slot of a campaign drained by whoever is free; False if that waits already.

        Raises:
            JournalError: The engine cannot be reached.
        """
        import procrastinate.exceptions as failures

        lock = f"{campaign}/{slot}"
        deferring = self._app.configure_task(
            TASK, allow_unknown=True, queue=self.line, lock=lock, queueing_lock=lock, priority=priority
        )
        with translated():
            try:
                await deferring.defer_async(campaign=campaign, slot=slot)
            except failures.AlreadyEnqueued:
                return False
        return True

    async def held(self) -> dict[str, bool]:
        """Return the slots that wait or are drained, as ``campaign/slot``, each with whether its worker seems to live.

        Raises:
            JournalError: The engine cannot be reached.
        """
        try:
            rows = await self._look()
        except JournalError as error:
            if self._control is None or not are_missing(error):
                raise
            await ensure(self._app, self._control)
            _log.warning("The engine's tables were gone, and are there again.", extra=logs.fields("engine_again"))
            rows = await self._look()
        held: dict[str, bool] = {}
        for row in rows:
            held[row["lock"]] = held.get(row["lock"], True) and bool(row["live"])
        return held

    async def _look(self) -> list[dict[str, Any]]:
        with translated():
            return await self._app.connector.execute_query_all_async(
                _HELD, queue=self.line, task=TASK, seconds=_SILENT_SECONDS
            )

    async def sweep(self) -> int:
        """Give up the jobs of workers that are gone: their slots are deferred anew; return how many.

        Raises:
            JournalError: The engine cannot be reached.
        """
        from procrastinate.jobs import Status

        with translated():
            stalled = await self._app.job_manager.get_stalled_jobs(
                queue=self.line, seconds_since_heartbeat=STALLED_SECONDS
            )
        count = 0
        for job in stalled:
            with contextlib.suppress(JournalError), translated():  # another worker may have been faster
                await self._app.job_manager.finish_job_by_id_async(cast("int", job.id), Status.FAILED, delete_job=True)
                count += 1
        return count

    async def work(self, name: str, concurrency: int, stopping: asyncio.Event) -> None:
        """Run the engine's worker until asked to stop; one that ends before has crashed, and is started again."""
        if self._own:
            end_jobs_surely(self._app, stopping.is_set)
        again = 0.2
        while not stopping.is_set():
            working = asyncio.create_task(
                self._app.run_worker_async(
                    queues=[self.line],
                    name=name,
                    concurrency=concurrency,
                    fetch_job_polling_interval=_POLL_SECONDS,
                    update_heartbeat_interval=_HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="always",
                    install_signal_handlers=False,
                ),
                name="runner engine",
            )
            asked = asyncio.create_task(stopping.wait())
            try:
                await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asked.cancel()
                working.cancel()
                await asyncio.wait({working})
            if stopping.is_set():
                return
            error = None if working.cancelled() else working.exception()
            _log.error(
                "The engine's worker ended though nobody stopped it (%s); it is started again.",
                "no error" if error is None else type(error).__name__,
                extra=logs.fields("worker_again", error=error),
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), again)
            again = min(2 * again, 5.0)


def _app_of(journal: str) -> procrastinate.App:
    import procrastinate

    place = _place_of(journal)
    connector = procrastinate.PsycopgConnector(kwargs=place, configure=_configure, min_size=1, max_size=4, timeout=10.0)
    return procrastinate.App(connector=connector)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Have the server notice when this machine is gone."""
    async with connection.transaction():
        await connection.execute(SETTINGS.encode())
