"""The reader of a run: finds what there is to send, in the record, in the source, and in what others leave.

Nothing is read ahead of what is sent but one chunk for each worker, and a few once other processes send of them.
Whatever ends a run (the end, an error, ``stop``, a cancelled task), rows that were planned are in the record: sent,
refused, or pending; a few that were only taken from the source wait in the intake.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sized
from datetime import timedelta

from pyroaring import BitMap64

from allmysms_async import logs
from allmysms_async.backend import Paces, Reconciles, Sends, limits_of
from allmysms_async.batch.desk import Desk, guard, pause
from allmysms_async.batch.forecast import planned_requests
from allmysms_async.batch.ingest import Ingest
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.reconcile import reconcile
from allmysms_async.batch.record import Sink
from allmysms_async.batch.spare import AGAIN_SECONDS, Spare
from allmysms_async.clock import Clock
from allmysms_async.errors import CampaignTooLong, JournalError, NotSent, RateLimited, SourceIncomplete
from allmysms_async.loop import surely
from allmysms_async.model import Campaign, Totals, Waiting, as_sms

__all__ = ["Reader"]

# Until a wait for the end of quiet hours is looked at again: this machine may have slept, or its clock been set.
_LOOK_AGAIN = 300.0

_log = logging.getLogger("allmysms_async")


class Reader:
    """Offers the chunks of one run, each recorded first.

    Args:
        backend: What sends.
        campaign: What is sent.
        intake: The rows of its source, or None to send only what is recorded.
        sink: Where every step is recorded.
        options: How it is sent.
        clock: Where the time comes from.
        desk: What the run does for it.

    Attributes:
        begun: Whether the record is open, and the campaign may be sent.
        continued: Where the campaign stood when the record was opened.
        least_seconds: How long a request limit makes the campaign at least.
    """

    def __init__(
        self,
        backend: Sends,
        campaign: Campaign,
        intake: Intake | None,
        sink: Sink,
        options: EngineOptions,
        clock: Clock,
        desk: Desk,
    ) -> None:
        self.begun = False
        self.continued: Totals | None = None
        self.least_seconds: float | None = None
        self._backend = backend
        self._campaign = campaign
        self._intake = intake
        self._sink = sink
        self._options = options
        self._clock = clock
        self._desk = desk
        self._queue = desk.queue
        self._ingest = Ingest(sink, desk, options.hours, clock)
        self._spare = Spare(sink, clock, desk)

    @property
    def waiting_for(self) -> Waiting | None:
        """What other processes hold, while that is all that is left to wait for."""
        return self._spare.waiting_for

    @property
    def recovered(self) -> int:
        """Numbers that were read back from the record."""
        return self._ingest.recovered

    @property
    def source_error(self) -> Exception | None:
        """What the source of recipients raised, whose words may hold anything."""
        return self._ingest.source_error

    def number(self, count: int) -> int:
        """Reserve ordinals for new chunks; return the first of them."""
        first = self._ingest.planner.next_seq
        self._ingest.planner.next_seq += count
        return first

    async def read(self) -> None:
        """Find what there is to send: what is recorded, then the source, then what other processes leave."""
        keeper: asyncio.Task[None] | None = None
        hours = self._options.hours
        try:
            await self._begin()
            await self._continue()
            if hours is not None:
                keeper = asyncio.create_task(guard(self._desk, self._keep_hours()), name="campaign hours")
            await self._look_up()
            intake = self._intake
            lost: SourceIncomplete | None = None
            while not self._desk.stopping.is_set():
                if intake is not None and await surely(self._sink.lead()):
                    try:
                        await self._ingest.read(intake)
                    except SourceIncomplete as error:  # told once all that is recorded of it has been dealt with
                        lost = error
                    intake = None
                idle = self._queue.idle
                seconds = await surely(self._sink.elsewhere())
                self._spare.wait_for(self._sink.waiting_for if idle and seconds is not None else None)
                # What could not be claimed may have been given back before others were looked at.
                denied = idle and self._queue.denied
                if seconds is not None:
                    await self._spare.take_for(seconds)
                elif denied:
                    await pause(self._clock, self._desk.stopping, AGAIN_SECONDS)
                if seconds is not None or denied:
                    self._queue.retry(held=seconds is not None)
                # Also if nobody holds anything: what was given back meanwhile lies behind what was offered.
                found = await self._continue(waiting=False) + await self._spare.take_all()
                if seconds is None and intake is None and not (found or denied):
                    if not idle:
                        await self._queue.rest()
                    elif self._queue.held_until is not None:
                        await self._queue.until_let_go()
                    elif not await self._spare.is_left():
                        break
            if lost is not None:
                raise lost
        finally:
            if keeper is not None:
                keeper.cancel()
                await asyncio.wait({keeper})
            self._queue.end()

    async def _keep_hours(self) -> None:
        """Offer again what quiet hours held up, each when its moment comes."""
        stopping, queue = self._desk.stopping, self._queue
        while not stopping.is_set():
            await queue.until_held()
            now = self._clock.now().timestamp()
            if (until := queue.held_until) is None:
                continue
            if now < until:
                await pause(self._clock, stopping, min(until - now, _LOOK_AGAIN))
            else:
                queue.let_go(now)
                await self._continue()

    async def plan(self, opened: Callable[[], Awaitable[None]]) -> None:
        """Record the source, all that is new of it, and leave what is to be sent to others.

        Args:
            opened: Called once this process is the one that reads, before it does: whoever is told of the campaign
                finds that it is read, and one that is refused has told nobody.

        Raises:
            JournalError: Another process reads the source.
        """
        try:
            await self._begin()
            # What failed waits again, and what a dead reader held is let go of.
            await surely(self._sink.resume(replayable_since=None))
            if self._intake is None or not await surely(self._sink.lead()):
                msg = "Another process reads this campaign's source; this one read nothing."
                raise JournalError(msg, remedy="Wait for it to end; if it died, try again in 15 seconds.")
            await opened()
            await self._ingest.read(self._intake)
        finally:
            self._queue.end()

    async def _begin(self) -> None:
        """Open the record."""
        hours = self._options.hours
        if hours is not None:
            await hours.load()
        self._ingest.planner = Planner(
            as_sms(self._campaign.message),
            limits_of(self._backend, self._campaign.message),
            chunk_size=self._options.chunk_size,
            seen=self._sink.seen,
            accounted=self._sink.accounted,
            refused=self._sink.refused,
            unmet=None if self._intake is None else self._intake.unmet,
            next_seq=self._sink.next_seq,
            opt_outs=self._options.opt_outs,
            zones=frozenset() if hours is None else hours.zones,
            without_stop=self._options.without_stop,
        )
        self._sink.on_loss(self._desk.fail)
        await surely(self._sink.open(self._campaign))
        self.continued = self._sink.totals()
        await self._foresee()
        self.begun = True
        if self._options.opt_outs is not None:
            await self._options.opt_outs.load()

    async def _foresee(self) -> None:
        """Say first how long a request limit makes the campaign, and refuse one that is longer than allowed.

        Raises:
            CampaignTooLong: It would take longer than ``max_duration``.
        """
        source, most = self._campaign.recipients, self._options.max_duration
        if not isinstance(self._backend, Paces) or not isinstance(source, Sized) or self._intake is None:
            return
        limits, size = limits_of(self._backend, self._campaign.message), self._options.chunk_size
        text = as_sms(self._campaign.message)
        # What a journal holds is read back later; its rows are the first of the source.
        accounted = self._sink.accounted or BitMap64(range(1, self._sink.totals().rows + 1))
        zones = frozenset[str]() if self._options.hours is None else self._options.hours.zones
        requests = await asyncio.to_thread(planned_requests, text, limits, source, size, accounted, zones)
        try:
            seconds = self.least_seconds = await self._backend.least_seconds(requests)
        except (NotSent, RateLimited) as error:  # another process holds the record of the limit: each chunk will wait
            _log.info(
                "How long the campaign takes cannot be told: %s",
                error,
                extra=logs.fields("duration_unknown", error=error),
            )
            return
        if not seconds:
            return
        msg = (
            f"The campaign takes up to {requests} requests; the gateway's request limit stretches that to "
            f"{timedelta(seconds=round(seconds))} hours"
        )
        if most is not None and seconds > most:
            msg += f", and max_duration allows {timedelta(seconds=round(most))}; nothing was sent."
            raise CampaignTooLong(msg, seconds=seconds)
        _log.warning("%s.", msg, extra=logs.fields("campaign_long", requests=requests, seconds=seconds))
        self._desk.tell(())

    async def _continue(self, *, waiting: bool = True) -> int:
        """Offer what is recorded and not over, some chunks at a time; return how many were not offered before.

        Args:
            waiting: Whether also what only waits, and was not sent yet.
        """
        after = found = 0
        while not self._desk.stopping.is_set():
            chunks = await surely(
                self._sink.resume(replayable_since=self._replayable_since(), after=after, waiting=waiting)
            )
            if not chunks:
                break
            after = chunks[-1].seq
            found += self._queue.offer(chunks)
            self._queue.wake()
            await self._queue.room()
        return found

    def _replayable_since(self) -> float | None:
        """Return since when an unknown chunk may be asked about again with its key."""
        return self._clock.now().timestamp() - REPLAY_SECONDS if self._backend.limits.idempotent else None

    async def _look_up(self) -> None:
        """Ask the gateway's own lists about chunks whose keys are too old, or whose answer did not name everybody."""
        if not isinstance(self._backend, Reconciles):
            return
        after = 0
        while stranded := await surely(self._sink.stranded(after=after)):
            after = stranded[-1].chunk.seq
            async for chunk, end in reconcile(
                self._backend, self._campaign, self._sink.run_id, stranded, self._options.hours
            ):
                await surely(self._sink.settle(chunk, end))
                self._desk.tell(end.outcomes)
                if self._desk.stopping.is_set():
                    return
