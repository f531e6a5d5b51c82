"""The engine: reads a source, plans chunks, sends them with bounded concurrency, and records every step first.

One task reads rows into chunks, a fixed number of workers send them, and nothing is read ahead of what is sent but
one chunk for each worker. Whatever ends a run (the end, an error, ``stop``, a cancelled task), rows that were planned
are in the sink: sent, refused, or pending; a few that were only taken from the source wait in the intake.
"""

from __future__ import annotations

import asyncio
import logging
import random
import weakref
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sized
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from allmysms_async.backend import Paces, SendRequest, Sends, limits_of
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.plan import Chunk, Planner, halves, idempotency_key, planned_requests, without
from allmysms_async.batch.policy import REPLAY_SECONDS, Clock, Delivery, RetryPolicy, Verdict, deliver
from allmysms_async.batch.settle import settlement
from allmysms_async.batch.sink import Claim, Sink
from allmysms_async.errors import (
    AllMySmsError,
    CampaignStopped,
    CampaignTooLong,
    EmptyCampaign,
    FaultRefused,
    FlowRefused,
    HttpRefused,
    InvalidRequest,
    NumbersRefused,
    ProtocolError,
    RequestLimitReached,
    TextRefused,
    TransportError,
)
from allmysms_async.model import Campaign, CampaignResult, MmsMessage, Outcome, Progress, as_sms

__all__ = ["CampaignRun", "EngineOptions"]

T = TypeVar("T")

_UNANSWERED_CHUNKS = 3
"""So many chunks in a row without the gateway's own word end the run: it is not there, or out of order."""

_SILENCE = (TransportError, HttpRefused, FaultRefused)
"""What is not the gateway's own word on a request."""

_REFUSED_FLOWS = 12
"""So many requests in a row that it finds wrong end the run. Cutting one bad recipient out has successes between."""

_LOOK_AGAIN = 5.0
"""Seconds after which a wait for a request limit is looked at again: a place may be free sooner than foreseen."""

_log = logging.getLogger("allmysms_async")


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign is sent.

    Attributes:
        chunk_size: Recipients in a request at most.
        concurrency: Requests in flight at most.
        policy: How long to keep trying.
        grace: Seconds that a cancelled run still waits for answers to what it has sent.
        max_duration: Seconds that the gateway's request limit may stretch the campaign to; None for any.
    """

    chunk_size: int
    concurrency: int = 8
    policy: RetryPolicy = RetryPolicy()
    grace: float = 10.0
    max_duration: float | None = None


# Which run reads an intake: two at once would give different chunks the same ordinal.
_readers: weakref.WeakKeyDictionary[Intake, Callable[[], CampaignRun | None]] = weakref.WeakKeyDictionary()


class CampaignRun:
    """A campaign being sent; iterate over it for its progress.

    Leaving the iteration, by ``break``, an error or a cancelled task, stops the run: nothing new is sent, what is in
    flight gets the time to be answered, and the rest waits to be continued. ``result`` is true at any moment.

    Args:
        backend: What sends.
        campaign: What is sent.
        intake: The rows of its source.
        sink: Where every step is recorded.
        options: How it is sent.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
    """

    def __init__(
        self,
        backend: Sends,
        campaign: Campaign,
        intake: Intake,
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
        self._rng = rng
        self._message = as_sms(campaign.message)
        self._mms = campaign.message if isinstance(campaign.message, MmsMessage) else None
        self._planner: Planner
        self._ready: deque[Chunk] = deque()
        self._turn = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._reading = True
        self._busy = 0
        self._unanswered = 0
        self._flows_refused = 0
        self._waiting_until: datetime | None = None
        self._least_seconds: float | None = None
        self._limit_waits: Counter[int] = Counter()
        self._error: Exception | None = None
        self._news: asyncio.Queue[tuple[Outcome, ...] | None] = asyncio.Queue()
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def result(self) -> CampaignResult:
        """What became of the campaign so far."""
        return self._sink.result(self._campaign.name)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    @property
    def running(self) -> bool:
        """Whether anything of it still runs."""
        return self._supervisor is not None and not self._supervisor.done()

    def stop(self) -> None:
        """Ask the run to stop: what is in flight is answered, nothing else is sent, the rest stays pending."""
        self._stopping.set()

    def __aiter__(self) -> AsyncIterator[Progress]:
        """Start sending, once an earlier run of the campaign that is stopping has stopped."""
        if self._supervisor is not None:
            msg = "This run was started already; ask the service for another one to continue the campaign."
            raise InvalidRequest(msg)
        reference = _readers.get(self._intake)
        earlier = reference() if reference is not None else None
        if earlier is not None and earlier.running and not earlier.stopping:
            msg = "This campaign is being sent already; wait for its end, or stop it."
            raise InvalidRequest(msg)
        _readers[self._intake] = weakref.ref(self)
        self._supervisor = asyncio.create_task(self._supervise(earlier), name="campaign")
        steps = self._iterate()
        # A loop that is left by break lets go of its iterator, and only later does the event loop close it.
        weakref.finalize(steps, self.stop).atexit = False
        return steps

    async def _iterate(self) -> AsyncIterator[Progress]:
        """Yield progress until the run is over, then raise what stopped it."""
        over = False
        told: tuple[datetime | None, float | None] = (None, None)
        try:
            while not over:
                batches = [await self._news.get()]
                while not self._news.empty():
                    batches.append(self._news.get_nowait())
                over = batches[-1] is None
                outcomes = tuple(outcome for batch in batches if batch is not None for outcome in batch)
                await self._wake()
                now = (self._waiting_until, self._least_seconds)
                if outcomes or now != told:
                    told = now
                    totals = msgspec.structs.asdict(self._sink.totals())
                    yield Progress(**totals, outcomes=outcomes, waiting_until=now[0], least_seconds=now[1])
        finally:
            await self.aclose()
        if self._error is None:
            return
        if isinstance(self._error, EmptyCampaign | CampaignTooLong):
            raise self._error
        msg = f"The campaign stopped: {self._error}"
        raise CampaignStopped(msg, reason=self._error, result=self.result) from self._error

    async def aclose(self) -> None:
        """Stop, and wait for what is in flight, but not longer than ``grace``: what is not answered then is unknown.

        A source that is being waited for is left to the campaign's next run, or to the end of the service.
        """
        task = self._supervisor
        if task is None or task.done():
            return
        self.stop()
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
            self._message,
            limits_of(self._backend, self._campaign.message),
            chunk_size=self._options.chunk_size,
            seen=self._sink.seen,
            accounted=self._sink.accounted,
            next_seq=self._sink.next_seq,
        )
        await self._guard(self._foresee())
        if self._stopping.is_set():
            self._news.put_nowait(None)
            return
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
            if not self._sink.accounted and self._error is None and not self._stopping.is_set():
                msg = "The source of recipients held no row; nothing was sent."
                self._error = EmptyCampaign(msg)
            self._news.put_nowait(None)

    async def _foresee(self) -> None:
        """Say first how long a request limit makes the campaign, and refuse one that is longer than allowed.

        Raises:
            CampaignTooLong: It would take longer than ``max_duration``.
        """
        source, most = self._campaign.recipients, self._options.max_duration
        if not isinstance(self._backend, Paces) or not isinstance(source, Sized):
            return
        limits, size = limits_of(self._backend, self._campaign.message), self._options.chunk_size
        requests = await asyncio.to_thread(planned_requests, self._message, limits, source, size, self._sink.accounted)
        seconds = self._least_seconds = await self._backend.least_seconds(requests)
        if not seconds:
            return
        msg = (
            f"The campaign takes {requests} requests; the gateway's request limit stretches that to "
            f"{timedelta(seconds=round(seconds))} hours at least"
        )
        if most is not None and seconds > most:
            msg += f", and max_duration allows {timedelta(seconds=round(most))}; nothing was sent."
            raise CampaignTooLong(msg, seconds=seconds)
        _log.warning("%s.", msg)
        self._news.put_nowait(())

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
        self._error = self._error or error
        self._stopping.set()

    def _may_go_on(self) -> bool:
        """Tell whether the reader of the progress keeps up, or the run is asked to stop."""
        return self._stopping.is_set() or self._news.qsize() <= 2 * self._options.concurrency

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read the source into chunks, no faster than they are sent."""
        try:
            self._ready.extend(await self._sink.resume(replayable_since=self._replayable_since()))
            await self._wake()
            while not self._stopping.is_set():
                rows = await self._intake.take(self._stopping)
                if rows is None:
                    await _surely(self._record(self._planner.flush(), []))
                    await _surely(self._sink.finish_source())
                    return
                refused = [outcome for row, item in rows if (outcome := self._planner.add(row, item)) is not None]
                await _surely(self._record(self._planner.sealed(), refused))
                async with self._turn:
                    await self._turn.wait_for(
                        lambda: (
                            (len(self._ready) < self._options.concurrency and self._may_go_on())
                            or self._stopping.is_set()
                        )
                    )
        finally:
            # What was read and is not in a full chunk yet is recorded whatever happens, and waits as pending.
            await _surely(self._record(self._planner.flush(), []))
            self._reading = False
            await self._wake()

    async def _record(self, chunks: list[Chunk], refused: list[Outcome]) -> None:
        """Write planned chunks and refused rows to the sink, then offer the chunks to the workers."""
        if refused:
            await self._sink.refuse(refused)
            self._news.put_nowait(tuple(refused))
        for chunk in chunks:
            await self._sink.add(chunk)
        if chunks:
            self._ready.extend(chunks)
            await self._wake()

    # -- sending ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Send chunks until there are no more."""
        while (chunk := await self._next()) is not None:
            try:
                await self._process(chunk)
            finally:
                self._busy -= 1
                await self._wake()

    async def _next(self) -> Chunk | None:
        """Return the next chunk, or None when the run is over."""
        async with self._turn:
            # A chunk in flight may still be cut in two, so there is no end while somebody is busy.
            await self._turn.wait_for(
                lambda: (
                    (self._ready and self._may_go_on())
                    or self._stopping.is_set()
                    or not (self._ready or self._reading or self._busy)
                )
            )
            if self._stopping.is_set() or not self._ready:
                return None
            self._busy += 1
            chunk = self._ready.popleft()
            self._turn.notify_all()
            return chunk

    async def _process(self, chunk: Chunk) -> None:
        """Claim a chunk, send it, and record how it ended."""
        if not await self._turn_came():
            return  # asked to stop: unclaimed, it is pending
        claiming = asyncio.ensure_future(self._sink.claim(chunk, self._clock.now().timestamp()))
        try:
            claim = await _surely(claiming)
        except asyncio.CancelledError:
            if claiming.exception() is None and (claim := claiming.result()) is not None and not claim.unanswered:
                await _surely(self._sink.release(claim.chunk, new_key=False))
            raise
        if claim is None:
            return
        try:
            delivery = await self._deliver(claim)
        except BaseException as error:
            # Cancelled, or a defect: the bytes may have left, and only "unknown" is true of everybody in the chunk.
            lost = AllMySmsError(f"The send was interrupted before its answer came ({type(error).__name__}).")
            await _surely(self._conclude(claim, Delivery(verdict=Verdict.UNKNOWN, error=lost)))
            raise
        receipt = delivery.receipt
        if receipt is not None and len(receipt.results) != len(claim.chunk.rows):
            lost = ProtocolError("The backend's answer is not one result for each recipient.")
            delivery = Delivery(verdict=Verdict.UNKNOWN, error=lost)
            self._fail(lost)
        await _surely(self._conclude(claim, delivery))

    async def _deliver(self, claim: Claim) -> Delivery:
        """Make the attempts at one chunk's request."""
        chunk, message = claim.chunk, self._message
        keyed = self._backend.limits.idempotent
        request = SendRequest(
            message=message,
            text=chunk.text,
            coding=chunk.coding,
            params=chunk.params,
            recipients=chunk.recipients,
            parts=chunk.parts,
            # The mark tells the requests of a run apart in the provider's back office.
            campaign_name=f"{self._campaign.name} [{self._sink.run_id[:8]}/{chunk.seq}]",
            idempotency_key=idempotency_key(self._sink.run_id, chunk, message) if keyed else None,
            mms=self._mms,
        )
        age = self._clock.now().timestamp() - (chunk.first_sent_at or 0.0) if claim.unanswered else 0.0
        return await deliver(
            lambda: self._backend.send(request),
            keyed=keyed,
            policy=self._options.policy,
            clock=self._clock,
            rng=self._rng,
            unanswered=claim.unanswered,
            limit_waited=self._limit_waits[chunk.seq],
            budget=REPLAY_SECONDS - age,
            pause=self._pause,
            halted=self._stopping.is_set,
        )

    async def _conclude(self, claim: Claim, delivery: Delivery) -> None:
        """Record how a chunk's request ended, and act on it."""
        chunk, error = claim.chunk, delivery.error
        silent = isinstance(error, _SILENCE) and delivery.verdict is not Verdict.LATER
        self._unanswered = self._unanswered + 1 if silent else 0
        self._flows_refused = self._flows_refused + 1 if isinstance(error, FlowRefused) else 0
        if self._flows_refused >= _REFUSED_FLOWS:
            delivery = msgspec.structs.replace(delivery, verdict=Verdict.STOP, stop=True)
        if delivery.verdict is Verdict.STOP and claim.unanswered:
            # A late word on a chunk that was unknown: nothing of it was sent. It is continued as a failed one.
            delivery = msgspec.structs.replace(delivery, verdict=Verdict.FAILED)
        if delivery.verdict is not Verdict.LATER:
            self._waiting_until = None
        if delivery.verdict in {Verdict.STOP, Verdict.HALTED, Verdict.LATER}:
            await self._sink.release(chunk, new_key=delivery.verdict is Verdict.STOP)
            if isinstance(error, RequestLimitReached):
                self._limit_waits[chunk.seq] += error.told
                self._ready.appendleft(chunk)
        elif isinstance(error, NumbersRefused) and (pieces := self._without_refused(chunk, error.positions)):
            await self._sink.split(chunk, pieces)
            self._ready.extend(pieces[:-1] if error.positions else pieces)
            if error.positions:
                await self._settle_refused(pieces[-1], delivery)
        elif delivery.verdict is Verdict.REFUSED and len(chunk.rows) > 1 and _may_be_one_row(chunk, error):
            # What one recipient brings is too long or wrong for the gateway: the others must not pay for it.
            pieces = halves(chunk, self._planner.next_seq)
            self._planner.next_seq += len(pieces)
            await self._sink.split(chunk, pieces)
            self._ready.extend(pieces)
        else:
            end = settlement(chunk, delivery)
            await self._sink.settle(chunk, end)
            self._news.put_nowait(end.outcomes)
        if error is not None and (delivery.stop or self._unanswered >= _UNANSWERED_CHUNKS):
            self._fail(error)

    def _without_refused(self, chunk: Chunk, positions: tuple[int, ...]) -> tuple[Chunk, ...]:
        """Return what replaces a chunk some of whose numbers were refused: the others, then the refused.

        Where the gateway does not say which, they are found by halving. A chunk that was refused whole has no others.
        """
        if len(positions) >= len(chunk.rows) or (not positions and len(chunk.rows) == 1):
            return ()
        seq = self._planner.next_seq
        pieces = without(chunk, positions, seq) if positions else halves(chunk, seq)
        self._planner.next_seq += len(pieces)
        return pieces

    async def _settle_refused(self, chunk: Chunk, delivery: Delivery) -> None:
        """Record a piece whose every number the gateway refused; nothing is sent."""
        await self._sink.claim(chunk, self._clock.now().timestamp())
        end = settlement(chunk, delivery)
        await self._sink.settle(chunk, end)
        self._news.put_nowait(end.outcomes)

    async def _turn_came(self) -> bool:
        """Wait until the backend's request limit allows a request; tell whether it does, or the run is to stop.

        A chunk waits unclaimed: whatever happens meanwhile, it is known that nothing of it was sent.
        """
        while not self._stopping.is_set():
            seconds = self._backend.turn_in() if isinstance(self._backend, Paces) else 0.0
            if seconds <= 0:
                return True
            until = (self._clock.now() + timedelta(seconds=seconds)).replace(microsecond=0)
            if self._waiting_until is None or abs(until - self._waiting_until) > timedelta(seconds=_LOOK_AGAIN):
                _log.info("The gateway's request limit is reached; the next request may be sent at %s.", until)
                self._waiting_until = until
                self._news.put_nowait(())
            await self._pause(min(seconds, _LOOK_AGAIN))
        return False

    async def _pause(self, seconds: float) -> None:
        """Wait between two attempts, but not longer than until the run is asked to stop."""
        if self._stopping.is_set():  # what is still repeated now is to learn what became of it, not to be quick
            await self._clock.sleep(seconds)
            return
        tasks = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._stopping.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _replayable_since(self) -> float | None:
        """Return since when an unknown chunk may be asked about again with its key."""
        return self._clock.now().timestamp() - REPLAY_SECONDS if self._backend.limits.idempotent else None


async def _surely(work: Awaitable[T]) -> T:
    """Carry a record through to its end, and be cancelled only after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:  # the supervisor cancels more than once: each waits for the record
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    return task.result()


def _may_be_one_row(chunk: Chunk, error: AllMySmsError | None) -> bool:
    """Tell whether a refusal of a whole request may be due to what one recipient brings."""
    return isinstance(error, FlowRefused) or (isinstance(error, TextRefused) and chunk.params > 0)
