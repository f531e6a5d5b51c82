"""The engine: reads a source, plans chunks, has them sent with bounded concurrency, and records every step first.

One task reads rows into chunks, a fixed number of workers send them, and nothing is read ahead of what is sent but
one chunk for each worker. Whatever ends a run (the end, an error, ``stop``, a cancelled task), rows that were planned
are in the sink: sent, refused, or pending; a few that were only taken from the source wait in the intake.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import random
import sys
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence, Sized
from datetime import timedelta
from typing import Any

import msgspec
from pyroaring import BitMap64

from allmysms_async.backend import Paces, Reconciles, Sends, limits_of
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.dispatch import Desk, Dispatch, EngineOptions, pause, surely
from allmysms_async.batch.intake import Intake, Row
from allmysms_async.batch.plan import Planner, planned_requests
from allmysms_async.batch.policy import REPLAY_SECONDS, Clock
from allmysms_async.batch.reconcile import reconcile
from allmysms_async.batch.record import Sink
from allmysms_async.border import bordered, retell
from allmysms_async.errors import (
    AllMySmsError,
    CampaignStopped,
    CampaignTooLong,
    EmptyCampaign,
    InvalidRequest,
    JournalError,
    JournalLost,
    NotSent,
    RateLimited,
    SourceIncomplete,
)
from allmysms_async.loop import BriefLock, StopSignal, do_in
from allmysms_async.model import Campaign, CampaignResult, Outcome, Progress, Totals, Waiting, as_sms

__all__ = ["CampaignRun", "EngineOptions"]

# Until what could not be claimed, and nobody holds any more, is offered anew.
_AGAIN_SECONDS = 0.05

_log = logging.getLogger("allmysms_async")

# Which run reads an intake: two at once would give different chunks the same ordinal.
_readers_lock = BriefLock()
_readers: weakref.WeakKeyDictionary[Intake, Callable[[], CampaignRun | None]] = weakref.WeakKeyDictionary()


@bordered
class CampaignRun:
    """A campaign being sent; iterate over it for its progress.

    Leaving the iteration, by ``break``, an error or a cancelled task, stops the run: nothing new is sent, what is in
    flight gets the time to be answered, and the rest waits to be continued. ``result`` is true at any moment.

    Args:
        backend: What sends.
        campaign: What is sent.
        intake: The rows of its source, or None to send only what is recorded.
        sink: Where every step is recorded.
        options: How it is sent.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
    """

    def __init__(
        self,
        backend: Sends,
        campaign: Campaign,
        intake: Intake | None,
        sink: Sink,
        options: EngineOptions,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._backend = backend
        self._campaign = campaign
        self._intake = intake
        self._sink = sink
        self._options = options
        self._clock = clock
        self._stopping = StopSignal()
        desk = Desk(self._stopping, self._queue, self._requeue, self._tell, self._fail, self._number)
        self._dispatch = Dispatch(backend, campaign, sink, options, clock, rng, desk)
        self._planner: Planner
        self._ready: deque[Chunk] = deque()
        # Chunks by their ordinals: those that wait or are tried here, and those that were claimed here.
        self._queued: set[int] = set()
        self._handled = BitMap64()
        # Those that could not be claimed since others were last seen at work.
        self._denied = BitMap64()
        # Those of them that were offered once more since, though nobody was seen to hold them.
        self._retried = BitMap64()
        self._opened = False
        self._turn = asyncio.Condition()
        self._reading = True
        # What is being recorded of the source while more of it is planned, and how many chunks that are.
        self._recording: asyncio.Task[None] | None = None
        self._unready = 0
        # Whether rows were read that are recorded nowhere.
        self._unrecorded = False
        self._recovered = 0
        self._waiting_for: Waiting | None = None
        self._continued: Totals | None = None
        self._busy = 0
        self._least_seconds: float | None = None
        self._error: Exception | None = None
        # What the source of recipients raised, whose words may hold anything.
        self._of_source: Exception | None = None
        self._news: asyncio.Queue[tuple[Outcome, ...] | None] = asyncio.Queue()
        self._supervisor: asyncio.Task[None] | None = None
        self._pid = os.getpid()

    @property
    def result(self) -> CampaignResult:
        """What became of the campaign so far."""
        return self._sink.result(self._campaign.name)

    @property
    def opened(self) -> bool:
        """Whether the record of the campaign is open, or was: before, nothing can have been sent."""
        return self._continued is not None

    @property
    def continued(self) -> Totals | None:
        """Where the campaign stood when this run opened the record that an earlier one had begun; else None."""
        return self._continued if self._sink.continues else None

    @property
    def waiting_for(self) -> Waiting | None:
        """What other processes hold, while that is all that is left to wait for; else None."""
        return self._waiting_for

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    @property
    def running(self) -> bool:
        """Whether anything of it still runs."""
        return self._supervisor is not None and not self._supervisor.done()

    def stop(self) -> None:
        """Ask the run to stop: what is in flight is answered, nothing else is sent, the rest stays pending.

        Any thread may ask.
        """
        self._stopping.set()

    def __aiter__(self) -> AsyncIterator[Progress]:
        """Start sending, once an earlier run of the campaign that is stopping has stopped."""
        if self._supervisor is not None:
            msg = "This run was started already; ask the service for another one to continue the campaign."
            raise InvalidRequest(msg)
        with _readers_lock:
            earlier = self._take_intake()
            self._supervisor = asyncio.create_task(self._supervise(earlier), name="campaign")
        steps = self._iterate()
        # A loop that is left by break lets go of its iterator, and only later does the event loop close it.
        weakref.finalize(steps, self.stop).atexit = False
        return steps

    def _take_intake(self) -> CampaignRun | None:
        """Become the one that reads the source; return an earlier run that did, and is stopping.

        Raises:
            InvalidRequest: An earlier run still goes on, or nobody can tell any more what it had in flight.
        """
        if self._intake is None:
            return None
        reference = _readers.get(self._intake)
        earlier = reference() if reference is not None else None
        if earlier is not None and earlier.running and (earlier.is_lost or not earlier.stopping):
            if earlier.is_lost:
                msg = (
                    "This campaign was being sent in an event loop that was closed meanwhile, or in the process that "
                    "this one was forked from: what became of what was in flight is not known here."
                )
                raise InvalidRequest(msg, remedy="With a journal, a new Campaign of the same name continues it.")
            msg = "This campaign is being sent already; wait for its end, or stop it."
            raise InvalidRequest(msg)
        _readers[self._intake] = weakref.ref(self)
        return earlier

    async def _iterate(self) -> AsyncIterator[Progress]:
        """Yield progress until the run is over, then raise what stopped it."""
        outer = sys.exception()
        try:
            async with contextlib.aclosing(self._steps()) as steps:
                async for progress in steps:
                    yield progress
        except BaseException as error:
            retell(error, outer)
            raise

    async def _steps(self) -> AsyncGenerator[Progress, None]:
        """Yield progress until the run is over, then raise what stopped it."""
        over = False
        told = self._progress(())
        try:
            while not over:
                batches = [await self._news.get()]
                while not self._news.empty():
                    batches.append(self._news.get_nowait())
                over = batches[-1] is None
                outcomes = tuple(outcome for batch in batches if batch is not None for outcome in batch)
                await self._wake()
                progress = self._progress(outcomes)
                if progress != told:
                    told = msgspec.structs.replace(progress, outcomes=())
                    yield progress
        finally:
            await self.aclose()
        if self._error is None:
            return
        if isinstance(self._error, EmptyCampaign) or not self._opened:
            raise self._error
        msg = f"The campaign stopped: {self._why(self._error)}"
        raise CampaignStopped(msg, reason=self._error, result=self.result) from self._error

    def _why(self, error: Exception) -> str:
        """Return what is said of an error: its words only if they are the library's, since others' quote anything."""
        if isinstance(error, AllMySmsError):
            return str(error)
        who = "the source" if error is self._of_source else "a part of the run"
        return f"{who} failed ({type(error).__name__})."

    def _progress(self, outcomes: tuple[Outcome, ...]) -> Progress:
        """Return where the campaign stands."""
        return Progress(
            **msgspec.structs.asdict(self._sink.totals()),
            outcomes=outcomes,
            waiting_until=self._dispatch.waiting_until,
            least_seconds=self._least_seconds,
            recovered=self._recovered,
            waiting_for=self._waiting_for,
        )

    @property
    def is_lost(self) -> bool:
        """Whether nobody goes on with it: its event loop is closed, or it is the parent process's."""
        task = self._supervisor
        return self._pid != os.getpid() or (task is not None and task.get_loop().is_closed())

    async def aclose(self) -> None:
        """Stop, and wait for what is in flight, but not longer than ``grace``: what is not answered then is unknown.

        A source that is being waited for is left to the campaign's next run, or to the end of the service. Any event
        loop may ask.
        """
        task = self._supervisor
        if task is None or task.done() or self.is_lost:
            return
        self.stop()
        await do_in(task.get_loop(), functools.partial(self._end, task))

    async def _end(self, task: asyncio.Task[None]) -> None:
        """Wait for the run's end, in its own event loop."""
        try:
            await asyncio.wait({task}, timeout=self._options.grace)
        finally:
            if not task.done():  # it took too long, or whoever waits is cancelled as well
                task.cancel()
                await asyncio.wait({task})

    # -- the tasks ----------------------------------------------------------------------------------------------------

    async def _supervise(self, earlier: CampaignRun | None) -> None:
        """Run the reader and the workers to their end."""
        if earlier is not None:
            await earlier.aclose()
        self._planner = Planner(
            as_sms(self._campaign.message),
            limits_of(self._backend, self._campaign.message),
            chunk_size=self._options.chunk_size,
            seen=self._sink.seen,
            accounted=self._sink.accounted,
            refused=self._sink.refused,
            unmet=None if self._intake is None else self._intake.unmet,
            next_seq=self._sink.next_seq,
        )
        tasks = [asyncio.create_task(self._guard(self._read()), name="campaign reader")]
        tasks.extend(
            asyncio.create_task(self._guard(self._work()), name=f"campaign worker {number}")
            for number in range(self._options.concurrency)
        )
        watcher = asyncio.create_task(self._watch(), name="campaign stop")
        try:
            await asyncio.gather(*tasks)
        finally:
            watcher.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await surely(self._guard(self._sink.close()))
            nothing = self._intake is not None and not self._sink.totals().rows
            if nothing and self._error is None and not self._stopping.is_set():
                msg = "The source of recipients held no row; nothing was sent."
                self._error = EmptyCampaign(msg)
            self._news.put_nowait(None)

    async def _watch(self) -> None:
        """Wake everybody when the run is asked to stop."""
        await self._stopping.wait()
        await self._wake()

    async def _wake(self) -> None:
        """Let every task look again whether it may go on."""
        async with self._turn:
            self._turn.notify_all()

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task; whatever goes wrong in it stops the run and is told, the first error first."""
        try:
            await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._fail(AllMySmsError("A part of the run was cancelled from within."))
        except Exception as error:  # also a defect must stop the run cleanly, and be told
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Stop the run because of an error."""
        # A record that was lost matters more than what went wrong before, and its last word says what was saved.
        if self._error is None or isinstance(error, JournalLost):
            self._error = error
        self._stopping.set()

    def _tell(self, outcomes: tuple[Outcome, ...]) -> None:
        """Tell outcomes to whoever follows the run."""
        self._news.put_nowait(outcomes)

    def _number(self, count: int) -> int:
        """Return the first of so many new ordinals."""
        first = self._planner.next_seq
        self._planner.next_seq += count
        return first

    def _may_go_on(self) -> bool:
        """Tell whether the reader of the progress keeps up, or the run is asked to stop."""
        return self._stopping.is_set() or self._news.qsize() <= 2 * self._options.concurrency

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Find what there is to send: what is recorded, then the source, then what other processes leave."""
        try:
            self._sink.on_loss(self._fail)
            await surely(self._sink.open(self._campaign))
            self._continued = self._sink.totals()
            await self._foresee()
            self._opened = True
            await self._continue()
            await self._look_up()
            intake = self._intake
            lost: SourceIncomplete | None = None
            while not self._stopping.is_set():
                if intake is not None and await surely(self._sink.lead()):
                    try:
                        await self._read_source(intake)
                    except SourceIncomplete as error:  # told once all that is recorded of it has been dealt with
                        lost = error
                    intake = None
                idle = self._idle()
                seconds = await surely(self._sink.elsewhere())
                self._wait_for(self._sink.waiting_for if idle and seconds is not None else None)
                # What could not be claimed may have been given back before others were looked at.
                denied = idle and bool(self._denied - self._retried)
                if seconds is not None or denied:
                    await pause(self._clock, self._stopping, _AGAIN_SECONDS if seconds is None else seconds)
                    self._retried = self._denied if seconds is None else BitMap64()
                    self._denied = BitMap64()
                # Also if nobody holds anything: what was given back meanwhile lies behind what was offered.
                found = await self._continue()
                if seconds is None and intake is None and not (found or denied):
                    if idle:
                        break
                    async with self._turn:
                        await self._turn.wait_for(lambda: self._idle() or self._stopping.is_set())
            if lost is not None:
                raise lost
        finally:
            self._reading = False
            await self._wake()

    def _wait_for(self, waiting: Waiting | None) -> None:
        """Tell what is waited for, if that changed."""
        if waiting != self._waiting_for:
            self._waiting_for = waiting
            self._tell(())

    def _idle(self) -> bool:
        """Tell whether all that was offered here has been dealt with."""
        return not (self._ready or self._busy)

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
        requests = await asyncio.to_thread(planned_requests, text, limits, source, size, accounted)
        try:
            seconds = self._least_seconds = await self._backend.least_seconds(requests)
        except (NotSent, RateLimited) as error:  # another process holds the record of the limit: each chunk will wait
            _log.info("How long the campaign takes cannot be told: %s", error)
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
        _log.warning("%s.", msg)
        self._tell(())

    async def _continue(self) -> int:
        """Offer what is recorded and not over, some chunks at a time; return how many were not offered before."""
        after = found = 0
        while not self._stopping.is_set():
            chunks = await surely(self._sink.resume(replayable_since=self._replayable_since(), after=after))
            if not chunks:
                break
            after = chunks[-1].seq
            found += self._queue(chunks)
            await self._wake()
            await self._room()
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
            async for chunk, end in reconcile(self._backend, self._campaign, self._sink.run_id, stranded):
                await surely(self._sink.settle(chunk, end))
                self._tell(end.outcomes)
                if self._stopping.is_set():
                    return

    async def _read_source(self, intake: Intake) -> None:
        """Read the source into chunks, no faster than they are sent."""
        async for count in self._sink.recover():
            self._recovered = count
            self._tell(())
        try:
            while not self._stopping.is_set():
                rows = await self._taken(intake)
                intake.unmet.learn(self._sink.seen, self._sink.refused)
                await self._take_in(rows)
                if rows is None:
                    await surely(self._sink.finish_source())
                    return
                await self._room()
        finally:
            # What was read and is not in a full chunk yet is recorded whatever happens, and waits as pending.
            try:
                if not self._unrecorded and not isinstance(self._error, JournalError):
                    await self._guard(self._take_in(None))
            finally:  # also if whoever waits gave up meanwhile
                await surely(self._part_from(intake))

    async def _taken(self, intake: Intake) -> list[Row] | None:
        """Return the next rows of a source, and note whose error it is if there are none."""
        try:
            return await intake.take(self._stopping)
        except Exception as error:  # the source is the caller's code, and may raise anything
            self._of_source = error
            raise

    async def _part_from(self, intake: Intake) -> None:
        """Leave a source to whoever continues the campaign: to be read again, if rows of it are recorded nowhere."""
        if self._recording is not None:
            await asyncio.wait({self._recording})
            self._unrecorded |= self._recording.cancelled() or self._recording.exception() is not None
        if self._unrecorded or isinstance(self._error, JournalError):
            await intake.rewind()

    async def _take_in(self, rows: Sequence[Row] | None) -> None:
        """Plan rows and record what is full of them, or, at the end of the source, all that is planned.

        Each record is under way while the next rows are planned, and waited for before the next one.
        """
        refused: list[Outcome] = []
        last = rows is None
        try:
            try:
                for row, item in rows or ():
                    outcome = self._planner.add(row, item)
                    if outcome is not None:
                        refused.append(outcome)
            except Exception:  # a defect: what was planned before that row is kept all the same
                last = True
                raise
            finally:
                chunks = self._planner.flush() if last else self._planner.sealed()
                if chunks or refused or last:
                    self._unready += len(chunks)
                    before = self._recording
                    self._recording = asyncio.ensure_future(self._record(before, chunks, refused))
                    if last:
                        await surely(self._recording)
                    elif before is not None:
                        await surely(before)
        except Exception:
            self._unrecorded = True
            raise

    async def _room(self) -> None:
        """Wait until more can be sent."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._has_room() or self._stopping.is_set())

    def _has_room(self) -> bool:
        """Tell whether more may be read: what is planned and not in flight is no more than can be at once."""
        return len(self._ready) + self._unready < self._options.concurrency and self._may_go_on()

    async def _record(self, before: asyncio.Task[None] | None, chunks: list[Chunk], refused: list[Outcome]) -> None:
        """Write planned chunks and refused rows to the sink, then offer the chunks to the workers.

        Args:
            before: The record before it, without which this one makes no sense.
            chunks: Full chunks.
            refused: Rows that are not sent to.
        """
        try:
            if before is not None:
                await before
            if refused:
                await self._sink.refuse(refused)
                self._tell(tuple(refused))
            if chunks:
                recorded = list(await asyncio.gather(*map(self._sink.add, chunks)))
                self._planner.next_seq = max(self._planner.next_seq, recorded[-1].seq + 1)
                self._queue(recorded)
        except Exception as error:  # at once: the source may take its time over the next rows
            self._fail(error)
            raise
        finally:
            self._unready -= len(chunks)
            await self._wake()

    def _queue(self, chunks: Sequence[Chunk]) -> int:
        """Put chunks where the workers find them, each once; return how many were not there before."""
        passed = (self._queued, self._handled, self._denied)
        new = [chunk for chunk in chunks if not any(chunk.seq in seqs for seqs in passed)]
        self._queued.update(chunk.seq for chunk in new)
        self._ready.extend(new)
        return len(new)

    def _requeue(self, chunk: Chunk) -> None:
        """Put a chunk where the next worker finds it, once more."""
        self._queued.add(chunk.seq)
        self._ready.appendleft(chunk)

    # -- sending ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Send chunks until there are no more."""
        while (chunk := await self._next()) is not None:
            try:
                await self._dispatch.process(chunk, self._handled.add)
            finally:
                self._busy -= 1
                self._queued.discard(chunk.seq)
                if chunk.seq not in self._handled:
                    self._denied.add(chunk.seq)
                await self._wake()

    async def _next(self) -> Chunk | None:
        """Return the next chunk, or None when the run is over."""
        async with self._turn:
            # A chunk in flight may still be cut in two, so there is no end while somebody is busy.
            await self._turn.wait_for(
                lambda: (
                    (self._ready and self._may_go_on())
                    or self._stopping.is_set()
                    or (self._idle() and not self._reading)
                )
            )
            if self._stopping.is_set() or not self._ready:
                return None
            self._busy += 1
            chunk = self._ready.popleft()
            self._turn.notify_all()
            return chunk
