"""Sending the chunks of a run: a turn, a claim, the attempts, and what their end means for the chunk and the run."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

import msgspec

from allmysms_async import telemetry
from allmysms_async.backend import SendRequest, Sends
from allmysms_async.batch.chunk import Chunk, halves, idempotency_key, marked_name, only, without
from allmysms_async.batch.delivery import deliver
from allmysms_async.batch.desk import Desk, pause
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.limits import Limits, StopConditions
from allmysms_async.batch.opt_outs import OptOuts
from allmysms_async.batch.policy import CLOCK_SECONDS, REPLAY_SECONDS, RetryPolicy
from allmysms_async.batch.record import Claim, LeaseLost, Sink
from allmysms_async.batch.settlement import settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.turn import Turn
from allmysms_async.batch.verdict import Delivery
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    CannotPass,
    FaultRefused,
    FlowRefused,
    HttpRefused,
    JournalError,
    JournalLost,
    MailRefused,
    NotSent,
    NumbersRefused,
    OptedOut,
    ProtocolError,
    QuietHoursError,
    RateLimited,
    RequestLimitReached,
    TextRefused,
    TransportError,
)
from allmysms_async.loop import surely
from allmysms_async.model import Campaign, MmsMessage, SendReceipt, as_sms
from allmysms_async.redaction import Shown

if TYPE_CHECKING:
    from allmysms_async.law import Zone

__all__ = ["Dispatch", "EngineOptions"]

_SILENCE = (TransportError, HttpRefused, FaultRefused)
"""What is not the gateway's own word on a request."""

_UNANSWERED_CHUNKS = 3
"""So many chunks in a row without the gateway's own word end the run: it is not there, or out of order."""

_REFUSED_IN_A_ROW = 12
"""So many requests in a row that it finds wrong end the run. Cutting one bad recipient out has successes between."""

_REFUSED_MAILS = 3
"""So many mails in a row that the mail server refuses for good end the run: it is not the recipients that are wrong."""


class EngineOptions(Shown, frozen=True, kw_only=True):
    """How a campaign is sent.

    Attributes:
        chunk_size: Recipients in a request at most.
        concurrency: Requests in flight at most.
        policy: How long to keep trying.
        grace: Seconds that a run which is stopped still waits for answers to what it has sent.
        max_duration: Seconds that the gateway's request limit may stretch the campaign to; None for any.
        limits: What stops the campaign before its end.
        opt_outs: Whom it leaves out.
        hours: The quiet hours that it keeps, if it does.
        without_stop: Country codes whose people it refuses, since its text does not say how to opt out.
    """

    chunk_size: int
    concurrency: int = 8
    policy: RetryPolicy = RetryPolicy()
    grace: float = 10.0
    max_duration: float | None = None
    limits: StopConditions = StopConditions()
    opt_outs: OptOuts | None = None
    hours: Hours | None = None
    without_stop: frozenset[str] = frozenset()


class Dispatch:
    """Sends the chunks of one run, whichever worker asks it to.

    Args:
        backend: What sends.
        campaign: What is sent.
        sink: Where every step is recorded.
        options: How it is sent.
        clock: Where the time comes from.
        rng: Where the jitter comes from.
        desk: What the run does for it.
    """

    def __init__(
        self,
        backend: Sends,
        campaign: Campaign,
        sink: Sink,
        options: EngineOptions,
        clock: Clock,
        rng: random.Random,
        desk: Desk,
    ) -> None:
        self.turn = Turn(backend, options.max_duration, clock, desk)
        self._backend = backend
        self._campaign = campaign
        self._message = as_sms(campaign.message)
        self._mms = campaign.message if isinstance(campaign.message, MmsMessage) else None
        self._sink = sink
        self._options = options
        self._clock = clock
        self._rng = rng
        self._desk = desk
        self._limits = Limits(options.limits, backend, sink)
        self._unanswered = 0
        self._refused_in_a_row = 0
        self._limit_waits: Counter[int] = Counter()

    async def process(self, chunk: Chunk) -> None:
        """Claim a chunk when its turn comes, send it, and record how it ended."""
        hours = self._options.hours
        zones = () if hours is None else hours.zones_of(chunk.recipients)
        if self._put_off(chunk, zones):
            return
        if not await self.turn.came():
            return  # asked to stop: unclaimed, it is pending
        if self._put_off(chunk, zones):  # the turn may have taken its time
            return
        if self._options.opt_outs is not None:
            await self._options.opt_outs.renew()
        # What was sent before is only asked about: what it may cost has been counted since then.
        reserved = chunk.first_sent_at is None
        if reserved:
            await self._limits.admit(chunk, lambda: self._request(chunk))
        try:
            claim = await self._claim(chunk)
            if claim is None:  # whoever was faster may have been with others, too
                await self._desk.queue.sift(self._sink.still_waits)
            else:
                self._desk.queue.claimed(chunk)
                await self._send(claim, zones)
        finally:
            if reserved:
                await self._limits.answered(chunk)

    def _put_off(self, chunk: Chunk, zones: Sequence[Zone]) -> bool:
        """Put a chunk off, unclaimed, if it may not be sent for now because of quiet hours; tell whether that is so.

        What may have been sent before is asked about later, too, since asking sends it if it was not; when its key is
        too old by then, it stays unknown.
        """
        hours, queue, asked = self._options.hours, self._desk.queue, chunk.first_sent_at is not None
        if hours is None or (until := hours.held_until(zones, whole=asked)) is None:
            return False
        if self._outlives_its_key(chunk, until):
            queue.claimed(chunk)
        else:
            queue.hold(chunk, until)
        return True

    @staticmethod
    def _outlives_its_key(chunk: Chunk, until: float) -> bool:
        """Tell whether a moment comes too late to ask about a chunk that may have been sent."""
        return chunk.first_sent_at is not None and until - chunk.first_sent_at > REPLAY_SECONDS

    async def _claim(self, chunk: Chunk) -> Claim | None:
        """Claim a chunk; if cancelled meanwhile, let it go again."""
        if self._sink.at_once:  # nobody cancels it meanwhile
            return await self._sink.claim(chunk, self._clock.now().timestamp(), self._limits.afford)
        claiming = asyncio.ensure_future(self._sink.claim(chunk, self._clock.now().timestamp(), self._limits.afford))
        try:
            return await surely(claiming)
        except asyncio.CancelledError:
            if claiming.exception() is None and (claim := claiming.result()) is not None and not claim.unanswered:
                await surely(self._sink.release(claim.chunk, new_key=False))
            raise

    async def _send(self, claim: Claim, zones: Sequence[Zone]) -> None:
        """Send a claimed chunk, and record how it ended."""
        opt_outs = self._options.opt_outs
        if opt_outs is not None and not claim.unanswered and (left_out := opt_outs.refusal(claim.chunk)) is not None:
            await surely(self._conclude(claim, Delivery(event=ChunkEvent.REJECT, error=left_out)))
            return
        hours = self._options.hours
        if hours is not None and not claim.unanswered and hours.disagree(zones):
            # Planned before zones were kept apart: each goes its own way.
            parts = [only(claim.chunk, wanted) for wanted in hours.parted(claim.chunk.recipients)]
            first = self._desk.number(len(parts))
            pieces = [msgspec.structs.replace(part, seq=seq) for seq, part in enumerate(parts, first)]
            self._desk.queue.offer(await surely(self._sink.split(claim.chunk, pieces)))
            return
        try:
            delivery = await self._deliver(claim, zones)
        except LeaseLost:
            return
        except JournalError:  # what is recorded stays so: whoever reads it next takes the chunk over
            raise
        except BaseException as error:
            # Cancelled, or a defect: the bytes may have left, and only "unknown" is true of everybody in the chunk.
            lost = AllMySmsError(f"The send was interrupted before its answer came ({type(error).__name__}).")
            await surely(self._conclude(claim, Delivery(event=ChunkEvent.LOSE, error=lost)))
            raise
        receipt = delivery.receipt
        if receipt is not None and len(receipt.results) != len(claim.chunk.rows):
            lost = ProtocolError("The backend's answer is not one result for each recipient.")
            delivery = Delivery(event=ChunkEvent.LOSE, error=lost)
            self._desk.fail(lost)
        conclusion = self._conclude(claim, delivery)
        await (conclusion if self._sink.at_once else surely(conclusion))

    async def _deliver(self, claim: Claim, zones: Sequence[Zone]) -> Delivery:
        chunk, keyed = claim.chunk, self._backend.limits.idempotent
        request, in_doubt, hours = self._request(chunk), claim.unanswered, self._options.hours
        now = self._clock.now().timestamp()
        first_sent_at = now if chunk.first_sent_at is None else chunk.first_sent_at

        async def attempt() -> SendReceipt:
            nonlocal in_doubt
            if not await self._sink.hold(claim):
                raise LeaseLost
            leaving = request if hours is None else hours.dated(request, zones, first_sent_at)
            try:
                return await self._backend.send(leaving)
            except BaseException as error:
                in_doubt |= not isinstance(error, NotSent | RateLimited)
                raise

        since = chunk.first_sent_at if claim.unanswered else None
        age = 0.0 if since is None else now - since
        budget = REPLAY_SECONDS - max(0.0, age) if age >= -CLOCK_SECONDS else -1.0
        delivering: Awaitable[Delivery] = deliver(
            attempt,
            keyed=keyed,
            policy=self._options.policy,
            clock=self._clock,
            rng=self._rng,
            unanswered=claim.unanswered,
            budget=budget,
            pause=lambda seconds: pause(self._clock, self._desk.stopping, seconds),
            halted=self._desk.stopping.is_set,
            limit_waited=self._limit_waits[chunk.seq],
        )
        observer = telemetry.observer
        if observer is not None:
            delivering = observer.delivering(self._backend.name, len(chunk.rows), delivering)
        try:
            return await delivering
        except JournalLost as lost:  # before another attempt left
            self._desk.fail(lost)
            return Delivery(event=ChunkEvent.LOSE if in_doubt else ChunkEvent.RELEASE, error=lost)

    def _request(self, chunk: Chunk) -> SendRequest:
        run_id, idempotent = self._sink.run_id, self._backend.limits.idempotent
        return SendRequest(
            message=self._message,
            text=chunk.text,
            coding=chunk.coding,
            params=chunk.params,
            recipients=chunk.recipients,
            parts=chunk.parts,
            campaign_name=marked_name(self._campaign.name, run_id, chunk),
            idempotency_key=(chunk.key or idempotency_key(run_id, chunk, self._message)) if idempotent else None,
            mms=self._mms,
        )

    async def _conclude(self, claim: Claim, delivery: Delivery) -> None:
        """Record the end of a chunk's request, and act on it."""
        chunk, error = claim.chunk, delivery.error
        if isinstance(error, QuietHoursError):
            await self._wait_for_hours(claim, delivery, error)
            return
        delivery = self._counted(claim, delivery)
        if delivery.event is ChunkEvent.RELEASE:
            # Only the gateway's own word that nothing of it was sent brings a new key.
            told = delivery.stop and not isinstance(error, CannotPass)
            await self._sink.release(chunk, new_key=told)
            if isinstance(error, RequestLimitReached):
                self._limit_waits[chunk.seq] += error.told
                # Nothing of it was sent: it is admitted under the limits like any other.
                self._desk.queue.put_back(msgspec.structs.replace(chunk, first_sent_at=None))
        elif isinstance(error, NumbersRefused) and (pieces := self._without_refused(chunk, error.positions)):
            recorded = await self._sink.split(chunk, pieces)
            self._desk.queue.offer(recorded[:-1] if error.positions else recorded)
            # None is recorded if another process took the chunk over, and of the refused ones if it was faster.
            if error.positions and recorded and (refused := await self._claim(recorded[-1])) is not None:
                await self._settle(refused.chunk, delivery)
        elif delivery.event is ChunkEvent.REJECT and len(chunk.rows) > 1 and _may_be_one_row(chunk, error):
            # What one recipient brings is too long or wrong for the gateway: the others must not pay for it.
            self._desk.queue.offer(await self._sink.split(chunk, halves(chunk, self._desk.number(2))))
        else:
            await self._settle(chunk, delivery)
        if error is not None and (delivery.stop or self._unanswered >= _UNANSWERED_CHUNKS):
            self._desk.fail(error)

    async def _wait_for_hours(self, claim: Claim, delivery: Delivery, error: QuietHoursError) -> None:
        """Put a claimed chunk off whose quiet hours began before its next attempt."""
        chunk = claim.chunk
        until = float("inf") if error.next_legal is None else error.next_legal.timestamp()
        if delivery.event is ChunkEvent.RELEASE:
            await self._sink.release(chunk, new_key=False)
            self._desk.queue.hold(chunk, until)
            return
        end = settlement(chunk, delivery)
        await self._sink.settle(chunk, end)
        self._desk.tell(end.outcomes)
        if self._backend.limits.idempotent and not self._outlives_its_key(chunk, until):
            self._desk.queue.hold(chunk, until)

    def _counted(self, claim: Claim, delivery: Delivery) -> Delivery:
        """Count what goes wrong in a row; return the delivery as it is to be recorded."""
        error = delivery.error
        if isinstance(error, OptedOut):  # it tells nothing of the gateway
            return delivery
        if not (delivery.event is ChunkEvent.RELEASE and isinstance(error, RequestLimitReached)):
            self.turn.waiting_until = None
            self._unanswered = self._unanswered + 1 if isinstance(error, _SILENCE) else 0
            unnamed = isinstance(error, NumbersRefused) and not error.positions
            refused = unnamed or isinstance(error, FlowRefused | MailRefused)
            self._refused_in_a_row = self._refused_in_a_row + 1 if refused else 0
        most = _REFUSED_MAILS if isinstance(error, MailRefused) else _REFUSED_IN_A_ROW
        if self._refused_in_a_row >= most:
            delivery = msgspec.structs.replace(delivery, event=ChunkEvent.RELEASE, stop=True)
        if delivery.event is ChunkEvent.RELEASE and delivery.stop and claim.unanswered:
            # A late word on a chunk that was unknown: nothing of it was sent. It is continued as a failed one.
            delivery = msgspec.structs.replace(delivery, event=ChunkEvent.FAIL)
        return delivery

    async def _settle(self, chunk: Chunk, delivery: Delivery) -> None:
        """Record the end of a claimed chunk, and tell it."""
        end = settlement(chunk, delivery)
        await self._sink.settle(chunk, end)
        self._desk.tell(end.outcomes)
        refused = delivery.event is ChunkEvent.REJECT and not isinstance(delivery.error, OptedOut)
        self._limits.note(chunk, end.outcomes, refused=refused)

    def _without_refused(self, chunk: Chunk, positions: tuple[int, ...]) -> tuple[Chunk, ...]:
        """Return the pieces that replace a chunk with refused numbers: the others, then the refused.

        Where the gateway does not say which, they are found by halving. A chunk that was refused whole has no others.
        """
        if len(positions) >= len(chunk.rows) or (not positions and len(chunk.rows) == 1):
            return ()
        seq = self._desk.number(2)
        return without(chunk, positions, seq) if positions else halves(chunk, seq)


def _may_be_one_row(chunk: Chunk, error: AllMySmsError | None) -> bool:
    """Tell whether one recipient's text or number may be why a whole request was refused."""
    return isinstance(error, FlowRefused) or (isinstance(error, TextRefused) and chunk.params > 0)
