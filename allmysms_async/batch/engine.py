"""The engine: reads a source, plans chunks, sends them with bounded concurrency, and records every step first.

One task reads rows into chunks, a fixed number of workers send them, and nothing is read ahead of what is sent but
one chunk for each worker. Whatever ends a run (the end, an error, ``stop``, a cancelled task), rows that were read
are in the sink: sent, refused, or pending.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import msgspec

from allmysms_async.backend import SendRequest, Sends, limits_of
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.plan import Chunk, Planner, halves, idempotency_key
from allmysms_async.batch.policy import REPLAY_SECONDS, Clock, Delivery, RetryPolicy, Verdict, deliver
from allmysms_async.batch.settle import settlement
from allmysms_async.batch.sink import Claim, Sink
from allmysms_async.errors import (
    AllMySmsError,
    CampaignStopped,
    EmptyCampaign,
    InvalidRequest,
    NotSent,
    RateLimited,
    TextRefused,
)
from allmysms_async.model import Campaign, CampaignResult, MmsMessage, Outcome, Progress, as_sms
from allmysms_async.text import Template

__all__ = ["CampaignRun", "EngineOptions"]

T = TypeVar("T")

_UNREACHABLE_CHUNKS = 3
"""So many chunks in a row without any connection end the run: the gateway is not there."""


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign is sent.

    Attributes:
        chunk_size: Recipients in a request at most.
        concurrency: Requests in flight at most.
        policy: How long to keep trying.
        grace: Seconds that a cancelled run still waits for answers to what it has sent.
    """

    chunk_size: int
    concurrency: int = 8
    policy: RetryPolicy = RetryPolicy()
    grace: float = 10.0


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
        self._planner = Planner(
            self._message,
            limits_of(backend, campaign.message),
            chunk_size=options.chunk_size,
            seen=sink.seen,
            accounted=sink.accounted,
            next_seq=sink.next_seq,
        )
        self._ready: deque[Chunk] = deque()
        self._turn = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._reading = True
        self._busy = 0
        self._unreachable = 0
        self._error: Exception | None = None
        self._news: asyncio.Queue[tuple[Outcome, ...] | None] = asyncio.Queue()
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def result(self) -> CampaignResult:
        """What became of the campaign so far."""
        return self._sink.result(self._campaign.name)

    @property
    def running(self) -> bool:
        """Whether anything of it still runs."""
        return self._supervisor is not None and not self._supervisor.done()

    def stop(self) -> None:
        """Ask the run to stop: what is in flight is answered, nothing else is sent, the rest stays pending."""
        self._stopping.set()

    def __aiter__(self) -> AsyncIterator[Progress]:
        """Start sending."""
        if self._supervisor is not None:
            msg = "This run was started already; ask the service for another one to continue the campaign."
            raise InvalidRequest(msg)
        self._supervisor = asyncio.create_task(self._supervise(), name="campaign")
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Progress]:
        """Yield progress until the run is over, then raise what stopped it."""
        over = False
        try:
            while not over:
                batches = [await self._news.get()]
                while not self._news.empty():
                    batches.append(self._news.get_nowait())
                over = batches[-1] is None
                outcomes = tuple(outcome for batch in batches if batch is not None for outcome in batch)
                await self._wake()
                if outcomes:
                    yield Progress(**msgspec.structs.asdict(self._sink.totals()), outcomes=outcomes)
        finally:
            await self.aclose()
        if self._error is None:
            return
        if isinstance(self._error, EmptyCampaign):
            raise self._error
        msg = f"The campaign stopped: {self._error}"
        raise CampaignStopped(msg, reason=self._error, result=self.result) from self._error

    async def aclose(self) -> None:
        """Stop, wait for what is in flight, and leave nothing running."""
        task = self._supervisor
        if task is None or task.done():
            return
        self.stop()
        done, _ = await asyncio.wait({task}, timeout=self._options.grace)
        if not done:
            task.cancel()
            await asyncio.wait({task})

    # -- the tasks ----------------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Run the reader and the workers to their end."""
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
        claim = await self._sink.claim(chunk, self._clock.now().timestamp())
        if claim is None:
            return
        try:
            delivery = await self._deliver(claim)
        except BaseException as error:
            # Cancelled, or a defect: the bytes may have left, and only "unknown" is true of everybody in the chunk.
            lost = AllMySmsError(f"The send was interrupted before its answer came ({type(error).__name__}).")
            await _surely(self._conclude(claim, Delivery(verdict=Verdict.UNKNOWN, error=lost)))
            raise
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
            budget=REPLAY_SECONDS - age,
            pause=self._pause,
            halted=self._stopping.is_set,
        )

    async def _conclude(self, claim: Claim, delivery: Delivery) -> None:
        """Record how a chunk's request ended, and act on it."""
        chunk, error = claim.chunk, delivery.error
        if delivery.verdict is Verdict.STOP and claim.unanswered:
            # A late word on a chunk that was unknown: nothing of it was sent. It is continued as a failed one.
            delivery = msgspec.structs.replace(delivery, verdict=Verdict.FAILED)
        unreachable = delivery.verdict is Verdict.FAILED and isinstance(error, NotSent | RateLimited)
        self._unreachable = self._unreachable + 1 if unreachable else 0
        if delivery.verdict in {Verdict.STOP, Verdict.HALTED}:
            await self._sink.release(chunk, new_key=delivery.verdict is Verdict.STOP)
        elif isinstance(error, TextRefused) and chunk.params and len(chunk.rows) > 1:
            # One recipient's expanded text is too long for the gateway: the others must not pay for it.
            pieces = halves(chunk, self._planner.next_seq, _parts_of_halves(chunk))
            self._planner.next_seq += len(pieces)
            await self._sink.split(chunk, pieces)
            self._ready.extend(pieces)
        else:
            end = settlement(chunk, delivery)
            await self._sink.settle(chunk, end)
            self._news.put_nowait(end.outcomes)
        if error is not None and (delivery.stop or self._unreachable >= _UNREACHABLE_CHUNKS):
            self._fail(error)

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


async def _surely(work: Coroutine[Any, Any, T]) -> T:
    """Carry a record through to its end, and be cancelled only after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _parts_of_halves(chunk: Chunk) -> tuple[int, int]:
    """Return the text parts of each half of a personalised chunk."""
    template = Template(chunk.text)
    middle = len(chunk.rows) // 2
    first = sum(template.size(recipient.params, chunk.coding).parts for recipient in chunk.recipients[:middle])
    return first, chunk.parts - first
