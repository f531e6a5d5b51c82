"""How a worker keeps looking around: it says that it lives, learns what is to be sent, and defers what nobody has."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from allmysms_async import logs
from allmysms_async.clock import Clock
from allmysms_async.errors import AllMySmsError, JournalError, WorkerOutdated
from allmysms_async.runner import store
from allmysms_async.runner.control import Control
from allmysms_async.runner.engine import Engine
from allmysms_async.runner.gate import Gate
from allmysms_async.runner.share import Share
from allmysms_async.runner.stats import Stats

__all__ = ["Lookout"]

_BEAT_SECONDS = 1.0
_JITTER = 0.2
_SWEEP_BEATS = 3
_DEAF_SECONDS = 10.0
"""After so long without a word from the database nothing new is sent."""

_log = logging.getLogger("allmysms_async.runner")


class Lookout:
    """Looks around for one worker.

    Args:
        control: Where it is said how campaigns stand.
        engine: What wakes workers.
        gate: Whose limits are learnt.
        share: What is told which campaigns are to be sent.
        stats: What counts.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
        stopping: Set when the worker ends.
        name: The worker's.
        concurrency: Requests that the worker has in flight at most.
        until_idle: Whether the worker ends once no campaign is open or paused.
        end: Ends the worker because of an error.

    Attributes:
        placed: The campaigns to send, by their numbers.
    """

    def __init__(
        self,
        control: Control,
        engine: Engine,
        gate: Gate,
        share: Share,
        stats: Stats,
        clock: Clock,
        rng: random.Random,
        stopping: asyncio.Event,
        *,
        name: str,
        concurrency: int,
        until_idle: bool,
        end: Callable[[AllMySmsError], None],
    ) -> None:
        self.placed: dict[int, store.Placed] = {}
        self._control = control
        self._engine = engine
        self._gate = gate
        self._share = share
        self._stats = stats
        self._clock = clock
        self._rng = rng
        self._stopping = stopping
        self._name = name
        self._concurrency = concurrency
        self._until_idle = until_idle
        self._end = end
        self._failures = 0

    @property
    def hears(self) -> bool:
        """Whether it heard from the database a moment ago."""
        beaten = self._stats.beaten_at
        return beaten is not None and self._clock.monotonic() - beaten < _DEAF_SECONDS

    def priority_of(self, campaign: int) -> int:
        """Return the priority of a campaign; one that is closed has none."""
        placed = self.placed.get(campaign)
        return 0 if placed is None else placed.priority

    async def keep(self) -> None:
        """Look around again and again, at once when something is told; whatever fails is tried again."""
        beats = 0
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._control.changed.wait(), _BEAT_SECONDS * (1 + self._rng.uniform(-_JITTER, _JITTER))
                )
            self._control.changed.clear()
            try:
                await self.look()
                with contextlib.suppress(JournalError):  # the seats have a connection of their own
                    await self._gate.seats.tidy()
                beats += 1
                if beats % _SWEEP_BEATS == 0:
                    await self._sweep()
                self._failures = 0
            except WorkerOutdated as error:
                self._end(error)
            except JournalError as error:
                self._failures += 1
                if self._failures in {1, 10, 100}:
                    _log.warning(
                        "The worker cannot look around: %s", error, extra=logs.fields("worker_blind", error=error)
                    )
            except Exception as error:  # also after a defect the next time may go well
                _log.exception("The worker cannot look around.", extra=logs.fields("worker_blind", error=error))
            if not self.hears:
                await self._leave_all()

    async def look(self) -> None:
        """Say that it lives, learn what is to be sent and within what limits, and defer what nobody has deferred.

        Raises:
            WorkerOutdated: A newer release has changed what it works on.
            JournalError: The database, or the engine, failed.
        """
        line = self._engine.line
        said = await store.beat(self._control, self._name, line, self._concurrency)
        self._gate.seats.limit, self._gate.rate.limit = said.max_in_flight, said.rate
        placed = await store.placed(self._control, line)
        self.placed = {each.campaign: each for each in placed if each.status == "open"}
        self._stats.beaten_at = self._clock.monotonic()
        self._stats.workers, self._stats.open = said.workers, len(self.placed)
        self._stats.seats = self._gate.seats.held
        await self._share.follow(self.placed)
        if self._until_idle and not placed:
            self._stopping.set()
            return
        if self.placed:
            await self._defer(min(said.concurrency, said.max_in_flight or said.concurrency))

    async def _leave_all(self) -> None:
        """Send nothing while nothing is heard: somebody may have paused or stopped it all meanwhile."""
        if self.placed:
            _log.warning("The worker sends nothing until it can look around again.", extra=logs.fields("worker_deaf"))
        self.placed = {}
        await self._share.follow({})

    async def _sweep(self) -> None:
        """Give up the jobs of workers that are gone."""
        if swept := await self._engine.sweep():
            _log.warning(
                "%d jobs of workers that are gone were given up.",
                swept,
                extra=logs.fields("worker_swept", count=swept),
            )

    async def _defer(self, most: int) -> None:
        """Defer the slots that nobody has deferred, as many as there is work for."""
        held = await self._engine.held()
        for each in list(self.placed.values()):
            mine = {slot: live for slot, live in held.items() if slot.startswith(f"{each.campaign}/")}
            missing, slot = min(most, each.waiting + 1) - sum(mine.values()), 0
            while missing > 0 and each.campaign in self.placed:
                if f"{each.campaign}/{slot}" not in mine:
                    await self._engine.defer(each.campaign, slot, each.priority)
                    missing -= 1
                slot += 1
