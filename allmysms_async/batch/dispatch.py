"""Sending the chunks of a run: a turn, a claim, the attempts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

import msgspec

from allmysms_async import telemetry
from allmysms_async.backend import SendRequest, Sends
from allmysms_async.batch.chunk import Chunk, idempotency_key, marked_name, only
from allmysms_async.batch.conclusion import Conclusions, outlives_its_key
from allmysms_async.batch.delivery import deliver
from allmysms_async.batch.desk import Desk, pause
from allmysms_async.batch.limits import Limits
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.policy import CLOCK_SECONDS, REPLAY_SECONDS
from allmysms_async.batch.record import Claim, LeaseLost, Sink
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.turn import Turn
from allmysms_async.batch.verdict import Delivery
from allmysms_async.clock import Clock
from allmysms_async.errors import (
    AllMySmsError,
    JournalError,
    JournalLost,
    NotSent,
    ProtocolError,
    RateLimited,
)
from allmysms_async.exchange import departure
from allmysms_async.loop import surely
from allmysms_async.model import Campaign, MmsMessage, SendReceipt, as_sms

if TYPE_CHECKING:
    from allmysms_async.law import Zone

__all__ = ["Dispatch"]


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
        self._limits = Limits(options.limits, backend, sink, options.failures)
        self._conclusions = Conclusions(backend, sink, desk, self.turn, self._limits, self._claim)

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
        if outlives_its_key(chunk, until):
            queue.claimed(chunk)
        else:
            queue.hold(chunk, until)
        return True

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
            await surely(self._conclusions.conclude(claim, Delivery(event=ChunkEvent.REJECT, error=left_out)))
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
            await surely(self._conclusions.conclude(claim, Delivery(event=ChunkEvent.LOSE, error=lost)))
            raise
        receipt = delivery.receipt
        if receipt is not None and len(receipt.results) != len(claim.chunk.rows):
            lost = ProtocolError("The backend's answer is not one result for each recipient.")
            delivery = Delivery(event=ChunkEvent.LOSE, error=lost)
            self._desk.fail(lost)
        conclusion = self._conclusions.conclude(claim, delivery)
        await (conclusion if self._sink.at_once else surely(conclusion))

    async def _deliver(self, claim: Claim, zones: Sequence[Zone]) -> Delivery:
        chunk, keyed = claim.chunk, self._backend.limits.idempotent
        request, in_doubt, hours = self._request(chunk), claim.unanswered, self._options.hours
        now = self._clock.now().timestamp()
        first_sent_at = now if chunk.first_sent_at is None else chunk.first_sent_at

        opt_outs, again = self._options.opt_outs, False

        async def attempt() -> SendReceipt:
            nonlocal in_doubt, again
            if again and opt_outs is not None and not in_doubt:
                await opt_outs.renew()
                if (left_out := opt_outs.refusal(chunk)) is not None:
                    raise left_out
            again = True
            if not await self._sink.hold(msgspec.structs.replace(claim, tried=True) if in_doubt else claim):
                raise LeaseLost
            leaving = request if hours is None else hours.dated(request, zones, first_sent_at)
            try:
                return await self._backend.send(leaving)
            except BaseException as error:
                in_doubt |= not isinstance(error, NotSent | RateLimited)
                raise
            finally:
                departure.set(None)  # leave was for this attempt alone

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
            limit_waited=self._conclusions.limit_waits[chunk.seq],
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
