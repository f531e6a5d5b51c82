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
from allmysms_async.backend import Backend, Paces, Sends, capable
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.border import bordered
from allmysms_async.clock import Clock, SystemClock
from allmysms_async.errors import AllMySmsError, InvalidRequest, JournalError, WorkerOutdated
from allmysms_async.loop import StopSignal
from allmysms_async.options import checked_journal
from allmysms_async.runner import store
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.engine import Engine, needs_engine
from allmysms_async.runner.gate import Gate
from allmysms_async.runner.hour import Hour
from allmysms_async.runner.rate import Rate
from allmysms_async.runner.seat import Seats
from allmysms_async.runner.share import Share
from allmysms_async.runner.stats import Stats

if TYPE_CHECKING:
    import procrastinate

__all__ = ["Worker"]

BOX_SECONDS = 5.0
"""For about so long a slot is drained at once: then whoever waited longest has its turn."""

_BEAT_SECONDS = 1.0
_SWEEP_BEATS = 3
_JITTER = 0.2
_MANY = 1_000_000
"""More requests than any limit allows in an hour: how long they take cannot be told without asking for it."""

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
        if rate is not None:
            argument.seconds("rate", rate, zero=True)
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
        self._placed: dict[int, store.Placed] = {}
        self._error: AllMySmsError | None = None

    def stop(self) -> None:
        """Ask it to end: what is in flight is answered, nothing new is sent. Any thread may ask."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until asked to stop, or with ``until_idle`` until nothing is open.

        Raises:
            JournalError: The journal cannot be used: it is behind a pooler that shares sessions, or of another version.
            InvalidRequest: The journal is not in PostgreSQL.
        """
        async with self._working() as engine:
            drawing = asyncio.create_task(
                engine.work(self.name, self._concurrency, self._stopping), name="runner engine kept"
            )
            try:
                await self._stopping.wait()
            finally:
                self._stopping.set()
                if self._share is not None:
                    self._share.stop()
                await asyncio.wait({drawing})
        if self._error is not None:
            raise self._error

    @contextlib.asynccontextmanager
    async def mounted(self) -> AsyncGenerator[None, None]:
        """Have the workers of the application's own app run the jobs, for as long as this is entered.

        The app needs a worker on the queue ``worker.queue``, or on every queue.
        """
        async with self._working():
            try:
                yield
            finally:
                self._stopping.set()

    @property
    def queue(self) -> str:
        """The engine's queue that the account's jobs are in; known once it works."""
        return "" if self._engine is None else self._engine.line

    @property
    def ready(self) -> bool:
        """Whether it works, and heard from the database a moment ago."""
        beaten = self.stats.beaten_at
        return not self._stopping.is_set() and beaten is not None and self._clock.monotonic() - beaten < 10.0

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncGenerator[Engine, None]:
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
                hour = await _hour(backend, control, line)
                gate = Gate(seats, Rate(control, line, self._clock), hour)
                share = self._share = Share(
                    backend, self._journal, control, gate, self._clock, self._rng, self.stats,
                    concurrency=self._concurrency, policy=self._policy, grace=self._grace,
                )  # fmt: skip
                engine.serve(self._drain)
                async with engine.opened(control):
                    await self._beat(control, engine, gate)
                    beating = asyncio.create_task(self._keep(control, engine, gate), name="runner beat")
                    try:
                        yield engine
                    finally:
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

    # -- draining -----------------------------------------------------------------------------------------------------

    async def _drain(self, campaign: int, slot: int) -> bool:
        """Drain a slot for a while; return whether somebody should go on with it."""
        del slot
        placed, share = self._placed.get(campaign), self._share
        if share is None or self._stopping.is_set():
            return False
        if placed is None:  # placed a moment ago, or closed a moment ago
            return False
        box = BOX_SECONDS * (1 + self._rng.uniform(-_JITTER, _JITTER))
        return await share.drain(placed, self._clock.monotonic() + box) and campaign in self._placed

    # -- beating ------------------------------------------------------------------------------------------------------

    async def _keep(self, control: Control, engine: Engine, gate: Gate) -> None:
        """Look around again and again, at once when something is told; whatever fails is tried again."""
        beats, failures = 0, 0
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    control.changed.wait(), _BEAT_SECONDS * (1 + self._rng.uniform(-_JITTER, _JITTER))
                )
            control.changed.clear()
            try:
                await self._beat(control, engine, gate)
                beats += 1
                if beats % _SWEEP_BEATS == 0:
                    await control.check()
                    if swept := await engine.sweep():
                        _log.warning(
                            "%d jobs of workers that are gone were given up.",
                            swept,
                            extra=logs.fields("worker_swept", count=swept),
                        )
                failures = 0
            except WorkerOutdated as error:
                self._error = error
                self._stopping.set()
            except JournalError as error:
                failures += 1
                if failures in {1, 10, 100}:
                    _log.warning(
                        "The worker cannot look around: %s", error, extra=logs.fields("worker_blind", error=error)
                    )
            except Exception as error:  # also after a defect the next time may go well
                _log.exception("The worker cannot look around.", extra=logs.fields("worker_blind", error=error))

    async def _beat(self, control: Control, engine: Engine, gate: Gate) -> None:
        """Say that it lives, learn what is to be sent and within what limits, and defer what nobody has deferred."""
        said = await store.beat(control, self.name, engine.line, self._concurrency)
        gate.seats.limit, gate.rate.limit = said.max_in_flight, said.rate
        placed = await store.placed(control, engine.line)
        self._placed = {each.campaign: each for each in placed if each.status == "open"}
        self.stats.beaten_at = self._clock.monotonic()
        self.stats.workers, self.stats.open = said.workers, len(self._placed)
        self.stats.seats = gate.seats.held
        if self._share is not None:
            await self._share.follow(self._placed)
        if self._until_idle and not placed:
            self._stopping.set()
            return
        if self._placed:
            most = min(said.concurrency, said.max_in_flight or said.concurrency)
            await self._defer(engine, most)

    async def _defer(self, engine: Engine, most: int) -> None:
        """Defer the slots that nobody has deferred, as many as there is work for."""
        held = await engine.held()
        for each in list(self._placed.values()):
            mine = {slot: live for slot, live in held.items() if slot.startswith(f"{each.campaign}/")}
            missing, slot = min(most, each.waiting + 1) - sum(mine.values()), 0
            while missing > 0 and each.campaign in self._placed:
                if f"{each.campaign}/{slot}" not in mine:
                    await engine.defer(each.campaign, slot, each.priority)
                    missing -= 1
                slot += 1


async def _hour(backend: Sends, control: Control, line: str) -> Hour | None:
    """Return the log of an account's hour, where its gateway counts so, with the limit as the gateway states it."""
    if not isinstance(backend, Paces) or not isinstance(limit := getattr(backend, "request_limit", None), int):
        return None
    hour = Hour(control, line, limit)
    if (await hour.take())[0] is not None:  # asking is a request like others, whose place stays held
        with contextlib.suppress(AllMySmsError):
            await backend.least_seconds(_MANY)
            hour.limit = getattr(backend, "request_limit", limit)
    return hour
