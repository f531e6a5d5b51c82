"""What one worker sends of all that is placed: a campaign is opened when it is drained, and closed when it is left."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.backend import Sends, added_to
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.batch.state import ChunkState
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    FaultRefused,
    HttpRefused,
    JournalError,
    JournalLost,
    LimitReached,
    TransportError,
)
from allmysms_async.journal import open_sink, schema
from allmysms_async.journal.row import excludes_opt_outs, message_of, quiet_hours_in
from allmysms_async.model import Campaign
from allmysms_async.prepare import engine_options, opt_outs_of
from allmysms_async.runner import store
from allmysms_async.runner.control import Control
from allmysms_async.runner.failures import Failures
from allmysms_async.runner.gate import Gate
from allmysms_async.runner.sending import Sending
from allmysms_async.runner.stats import Stats
from allmysms_async.runner.trouble import Trouble

__all__ = ["Share"]

_LEFT_SECONDS = 10.0
"""After so long without a drain a campaign's record is closed: it takes connections."""

_TAKEN = "select count(*) as taken from chunk where campaign = $1 and state = $2"

_OUT = (TransportError, HttpRefused, FaultRefused)
"""The gateway is not there, or out of order, as far as this worker can see."""

_log = logging.getLogger("allmysms_async.runner")


class Share:
    """The campaigns that one worker has open.

    Args:
        backend: What sends.
        journal: Where they are recorded.
        control: Where it is said how they stand.
        gate: What each request passes.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
        stats: What counts.
        concurrency: Requests in flight here at most.
        policy: How long to keep trying each request.
        grace: Seconds that what is in flight gets to be answered.
    """

    def __init__(
        self,
        backend: Sends,
        journal: str,
        control: Control,
        gate: Gate,
        clock: Clock,
        rng: random.Random,
        stats: Stats,
        *,
        concurrency: int,
        policy: RetryPolicy,
        grace: float,
    ) -> None:
        self._backend = backend
        self._journal = journal
        self._control = control
        self._gate = gate
        self._clock = clock
        self._rng = rng
        self._stats = stats
        self._usual = EngineOptions(chunk_size=0, concurrency=concurrency, policy=policy, grace=grace)
        self._sendings: dict[int, Sending] = {}
        self._turns: dict[int, asyncio.Lock] = {}
        self._troubles: dict[int, Trouble] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._stopped = False
        seconds = getattr(backend, "timeout", None)
        if isinstance(seconds, int | float):
            gate.seats.request_seconds = seconds
            if gate.hour is not None:
                gate.hour.request_seconds = seconds

    async def drain(self, placed: store.Placed, until: float) -> bool:
        """Send of a campaign until a moment; return whether there may be more for this worker or another.

        Args:
            placed: The campaign.
            until: Monotonic time.
        """
        try:
            sending = await self._opened(placed)
        except JournalError as error:
            self._pause(placed, error)
            return False
        except AllMySmsError as error:
            await self._stop_for_all(placed, error)
            return False
        if sending is None:
            return False
        self._stats.drains += 1
        self._stats.draining += 1
        try:
            more = await sending.drain(until)
        finally:
            self._stats.draining -= 1
        if sending.over and not sending.drains:
            await self._end(placed, sending)
        return more

    async def follow(self, placed: Mapping[int, store.Placed]) -> None:
        """Leave what is not to be sent any more, and what nobody drained for a while."""
        now = self._clock.monotonic()
        for number, sending in list(self._sendings.items()):
            if number not in placed or placed[number].options != sending.options:
                sending.stop()  # with other options it is opened anew
            left = not sending.drains and (sending.over or now - sending.idle_since > _LEFT_SECONDS)
            if not left:
                continue
            if number in placed and sending.over:
                await self._end(placed[number], sending)
            else:
                self._close(number, sending)
        self._troubles = {number: trouble for number, trouble in self._troubles.items() if number in placed}
        self._turns = {number: turn for number, turn in self._turns.items() if number in placed or turn.locked()}

    def stop(self) -> None:
        """Send nothing new of any campaign."""
        self._stopped = True
        for sending in self._sendings.values():
            sending.stop()

    async def aclose(self) -> None:
        """Stop, and wait for the answers to what is in flight."""
        self.stop()
        for number, sending in list(self._sendings.items()):
            self._close(number, sending)
        if self._closing:
            await asyncio.wait(self._closing)
        await self._gate.rate.aclose()

    # -- opening and ending -------------------------------------------------------------------------------------------

    async def _opened(self, placed: store.Placed) -> Sending | None:
        """Return a campaign that is open here; None while this worker is not to send it."""
        async with self._turns.setdefault(placed.campaign, asyncio.Lock()):
            sending = self._sendings.get(placed.campaign)
            if sending is not None:
                return None if sending.over else sending
            trouble = self._troubles.get(placed.campaign)
            if self._stopped or (trouble is not None and self._clock.monotonic() < trouble.until):
                return None
            campaign = await self._stored(placed)
            options = engine_options(
                *(self._backend, campaign, placed.options, self._usual), clock=self._clock, begins=False
            )
            opt_outs = opt_outs_of(
                *(self._backend, campaign, self._journal), policy=options.policy, clock=self._clock, rng=self._rng
            )
            sink = open_sink(
                self._journal,
                backend=self._backend.name,
                account=self._backend.identity,
                clock=self._clock,
                keyed=self._backend.limits.idempotent,
                added=added_to(self._backend, campaign.message),
                lease=placed.options.get("lease"),
                shared=True,
            )
            if self._stopped:
                return None
            most = options.limits.max_failure_rate
            failures = None if most is None else Failures(self._control, placed.campaign, most)
            sending = self._sendings[placed.campaign] = Sending(
                placed.campaign,
                campaign,
                self._backend,
                sink,
                msgspec.structs.replace(options, opt_outs=opt_outs),
                self._gate,
                self._clock,
                self._rng,
                self._stats.tell,
                failures,
            )
            sending.options = placed.options
            _log.info("begins to send", extra=logs.fields("worker_begins", campaign=placed.name))
            return sending

    async def _stored(self, placed: store.Placed) -> Campaign:
        """Return a campaign as the journal holds it, without a source."""
        found = sa.select(schema.campaign).where(schema.campaign.c.id == placed.campaign)
        row = await self._control.database.read(lambda connection: connection.execute(found).one())
        return Campaign(
            *(row.name, message_of(row.text, row.options), ()),
            exclude_opt_outs=excludes_opt_outs(row.options),
            quiet_hours=quiet_hours_in(row.options),
        )

    async def _end(self, placed: store.Placed, sending: Sending) -> None:
        """Close a campaign that is over here, and act on what ended it."""
        if self._sendings.get(placed.campaign) is not sending:
            return
        del self._sendings[placed.campaign]
        finished = sending.finished
        await sending.aclose()
        error = sending.error
        done = error is None and finished
        if done or sending.answered:  # what went wrong before is over
            self._troubles.pop(placed.campaign, None)
        if done:
            try:
                if await store.finish(self._control, placed.campaign):
                    _log.info("done", extra=logs.fields("worker_done", campaign=placed.name))
            except JournalError as failure:
                self._pause(placed, failure)
        elif isinstance(error, LimitReached) and await self._has_other_options(placed, sending):
            return  # it is opened anew with them
        elif isinstance(error, JournalLost):
            await self._stop_for_all(placed, error)
        elif isinstance(error, JournalError):
            self._pause(placed, error)
        elif isinstance(error, _OUT):
            await self._after_outage(placed, error)
        elif error is not None:
            await self._stop_for_all(placed, error)

    async def _has_other_options(self, placed: store.Placed, sending: Sending) -> bool:
        """Tell whether an operator has changed how a campaign is sent since it was opened here."""
        try:
            now = await store.placed_as(self._control, placed.name)
        except JournalError:
            return True  # whoever opens it next meets the same limit
        return now is not None and now.options != sending.options

    def _close(self, number: int, sending: Sending) -> None:
        """Close a campaign that this worker leaves."""
        del self._sendings[number]
        task = asyncio.create_task(sending.aclose(), name=f"runner closes {number}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _pause(self, placed: store.Placed, error: Exception, seconds: float | None = None) -> None:
        """Leave a campaign to others for a moment."""
        trouble = self._troubles.setdefault(placed.campaign, Trouble())
        wait = trouble.pause(self._clock.monotonic(), seconds)
        _log.warning(
            "left to others for %.0f s: %s",
            wait,
            _words(error),
            extra=logs.fields("worker_waits", error=error, campaign=placed.name, seconds=wait),
        )

    async def _after_outage(self, placed: store.Placed, error: AllMySmsError) -> None:
        """Leave a campaign to others, whose way to the gateway may be another; in the end stop it for all."""
        trouble = self._troubles.setdefault(placed.campaign, Trouble())
        try:
            rows = await self._control.fetch(_TAKEN, placed.campaign, ChunkState.ACCEPTED.value)
        except JournalError as failure:
            self._pause(placed, failure)
            return
        seconds = trouble.outage(rows[0]["taken"])
        if seconds is None:
            await self._stop_for_all(placed, error)
        else:
            self._pause(placed, error, seconds)

    async def _stop_for_all(self, placed: store.Placed, error: Exception) -> None:
        """Stop a campaign on every machine."""
        self._stats.stopped += 1
        _log.error(
            "stopped for all: %s", _words(error), extra=logs.fields("worker_stops", error=error, campaign=placed.name)
        )
        try:
            await store.change(self._control, placed.campaign, "stopped", _words(error))
        except JournalError as failure:
            self._pause(placed, failure)


def _words(error: Exception) -> str:
    """Return the words for an error: its own if they are the library's, since those of others quote anything."""
    return str(error) if isinstance(error, AllMySmsError) else f"a part of the worker failed ({type(error).__name__})"
