"""A worker: it sends whatever is placed in a journal for its account, beside as many others as there are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from allmysms_async import argument, logs
from allmysms_async.backend import Backend, Sends, capable
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.border import bordered
from allmysms_async.clock import Clock, SystemClock
from allmysms_async.errors import AllMySmsError, InvalidRequest, JournalError
from allmysms_async.loop import StopSignal
from allmysms_async.options import checked_journal
from allmysms_async.runner import store
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.engine import Engine, needs_engine
from allmysms_async.runner.gate import Gate
from allmysms_async.runner.hour import hour_of
from allmysms_async.runner.lookout import Lookout
from allmysms_async.runner.rate import Rate
from allmysms_async.runner.seat import Seats
from allmysms_async.runner.share import Share
from allmysms_async.runner.stats import Stats

if TYPE_CHECKING:
    import procrastinate

__all__ = ["Worker"]

BOX_SECONDS = 5.0
"""For about so long a slot is drained at once: then whoever waited longest has its turn."""

_LEAVING_SECONDS = 15.0
"""For so long the engine may take its leave of the database once all its jobs have ended."""

_JITTER = 0.2
_log = logging.getLogger("allmysms_async.runner")


@bordered
class Worker:
    """Sends what is placed in a journal, on as many machines as run one.

    Args:
        make_backend: Makes what reaches the gateway; called once, in the worker's event loop. The worker sends the
            campaigns that were placed for the same protocol and account.
        journal: A ``postgresql://`` URL, of PostgreSQL itself or of a pooler that keeps a session for each connection.
        concurrency: Requests that this worker has in flight at most.
        max_in_flight: Requests in flight at most over all machines, for every worker of the account from now on; 0
            lifts the limit, None leaves it as it is.
        rate: Requests a second at most over all machines, likewise.
        policy: How long to keep trying each request.
        grace: Seconds that what is in flight gets to be answered when the worker is asked to stop.
        until_idle: Whether it ends once no campaign is open or paused.
        app: An application's own Procrastinate app, open already, whose own workers run the jobs; see ``mounted``.
        clock: Where the time comes from.
        rng: Where the jitter comes from.

    Raises:
        InvalidRequest: Something cannot be right, or the extra ``runner`` is not installed.
    """

    def __init__(
        self,
        make_backend: Callable[[], Backend],
        *,
        journal: str,
        concurrency: int = 8,
        max_in_flight: int | None = None,
        rate: float | None = None,
        policy: RetryPolicy | None = None,
        grace: float = 30.0,
        until_idle: bool = False,
        app: procrastinate.App | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        needs_engine()
        place = checked_journal(journal)
        if place is None or "://" not in place:
            msg = "Several machines share a journal in PostgreSQL: give a postgresql:// URL; nothing was sent."
            raise InvalidRequest(msg)
        argument.count("concurrency", concurrency)
        argument.seconds("grace", grace, zero=True)
        if max_in_flight is not None:
            argument.count("max_in_flight", max_in_flight, least=0)
        if rate is not None and (not _is_rate(rate)):
            msg = "rate must be requests a second, finite and not below 0; nothing was sent."
            raise InvalidRequest(msg)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.stats = Stats()
        self._make_backend = make_backend
        self._journal = place
        self._concurrency = concurrency
        self._limits = (max_in_flight, rate)
        self._policy = policy or RetryPolicy()
        self._grace = grace
        self._until_idle = until_idle
        self._app = app
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311  # jitter is no secret
        self._stopping = StopSignal()
        self._share: Share | None = None
        self._engine: Engine | None = None
        self._lookout: Lookout | None = None
        self._error: AllMySmsError | None = None

    def stop(self) -> None:
        """Ask it to end: what is in flight is answered, nothing new is sent. Any thread may ask."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until asked to stop, or with ``until_idle`` until nothing is open.

        Raises:
            JournalError: The journal cannot be used: it is behind a pooler that shares sessions, or of another version.
            WorkerOutdated: A newer release has changed it meanwhile.
            InvalidRequest: The journal is not in PostgreSQL.
        """
        async with self._working() as (engine, share):
            drawing = asyncio.create_task(
                engine.work(self.name, self._concurrency, self._stopping), name="runner engine kept"
            )
            drawing.add_done_callback(self._part_ended)
            try:
                await self._stopping.wait()
            finally:
                self._stopping.set()
                await share.aclose()  # the engine waits for its jobs as long as they take
                _, late = await asyncio.wait({drawing}, timeout=_LEAVING_SECONDS)
                for task in late:  # the database is away
                    task.cancel()
        if self._error is not None:
            raise self._error

    @contextlib.asynccontextmanager
    async def mounted(self) -> AsyncGenerator[None, None]:
        """Have the workers of the application's own app run the jobs, for as long as this is entered.

        The app needs a worker on the queue ``worker.queue``, or on every queue.

        Raises:
            JournalError: As ``run``; what ended the worker meanwhile is raised when this is left.
        """
        async with self._working():
            try:
                yield
            finally:
                self._stopping.set()
        if self._error is not None:
            raise self._error

    @property
    def queue(self) -> str:
        """The engine's queue that the account's jobs are in; known once it works."""
        return "" if self._engine is None else self._engine.line

    @property
    def ready(self) -> bool:
        """Whether it works, and heard from the database a moment ago."""
        lookout = self._lookout
        return not self._stopping.is_set() and lookout is not None and lookout.hears

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncGenerator[tuple[Engine, Share], None]:
        """Open everything, beat, and close it all in the end."""
        database = await opened_database(self._journal)
        control = Control(database)
        try:
            await control.open()
            backend = capable(self._make_backend(), Sends)
            try:
                line = store.line_of(backend)
                await store.limit(control, line, *self._limits)
                engine = self._engine = Engine(self._journal, line, self._app)
                seats = Seats(database, line, self._clock)
                hour = await hour_of(backend, control, line)
                gate = Gate(seats, Rate(control, line, self._clock), hour)
                share = self._share = Share(
                    backend, self._journal, control, gate, self._clock, self._rng, self.stats,
                    concurrency=self._concurrency, policy=self._policy, grace=self._grace,
                )  # fmt: skip
                lookout = self._lookout = Lookout(
                    control, engine, gate, share, self.stats, self._clock, self._rng, self._stopping,
                    name=self.name, concurrency=self._concurrency, until_idle=self._until_idle, end=self._end,
                )  # fmt: skip
                async with engine.opened(control), engine.serving(self._drain, lookout.priority_of):
                    await lookout.look()
                    beating = asyncio.create_task(lookout.keep(), name="runner beat")
                    beating.add_done_callback(self._part_ended)
                    try:
                        yield engine, share
                    finally:
                        self._stopping.set()
                        beating.cancel()
                        await asyncio.wait({beating})
                        await share.aclose()
                        await seats.aclose()
                        with contextlib.suppress(JournalError):
                            await store.leave(control, self.name)
            finally:
                await backend.aclose()
        finally:
            await control.aclose()
            await database.close()

    def _part_ended(self, part: asyncio.Task[None]) -> None:
        """End with a part that ended though nobody asked it to: the rest would go on without it, and tell nobody."""
        if self._stopping.is_set():
            return
        error = None if part.cancelled() else part.exception()
        kind = "cancelled from within" if part.cancelled() else "no error" if error is None else type(error).__name__
        self._end(AllMySmsError(f"A part of the worker ended by itself ({kind}); it sends nothing more."))

    def _end(self, error: AllMySmsError) -> None:
        """End because of an error."""
        self._error = error
        self._stopping.set()
        _log.error("The worker ends: %s", error, extra=logs.fields("worker_ends", error=error))

    # -- draining -----------------------------------------------------------------------------------------------------

    async def _drain(self, campaign: int, slot: int) -> bool:
        """Drain a slot for a while; return whether somebody should go on with it."""
        del slot
        lookout, share = self._lookout, self._share
        if lookout is None or share is None or self._stopping.is_set():
            return False
        placed = lookout.placed.get(campaign)
        if placed is None:  # placed a moment ago, or closed a moment ago
            return False
        box = BOX_SECONDS * (1 + self._rng.uniform(-_JITTER, _JITTER))
        return await share.drain(placed, self._clock.monotonic() + box) and campaign in lookout.placed


def _is_rate(value: object) -> bool:
    """Tell whether a value is requests a second, or 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= argument.LONGEST
