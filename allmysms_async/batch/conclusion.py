"""What the end of a chunk's request means for the chunk, and for the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec

from allmysms_async.backend import Sends
from allmysms_async.batch.chunk import Chunk, halves, without
from allmysms_async.batch.desk import Desk
from allmysms_async.batch.limits import Limits
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.record import Claim, Sink
from allmysms_async.batch.settlement import settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.turn import Turn
from allmysms_async.batch.verdict import Delivery
from allmysms_async.errors import (
    AllMySmsError,
    CannotPass,
    FaultRefused,
    FlowRefused,
    HttpRefused,
    MailRefused,
    NumbersRefused,
    OptedOut,
    QuietHoursError,
    RequestLimitReached,
    TextRefused,
    TransportError,
)

__all__ = ["Conclusions", "outlives_its_key"]

_SILENCE = (TransportError, HttpRefused, FaultRefused)
"""What is not the gateway's own word on a request."""

_UNANSWERED_CHUNKS = 3
"""So many chunks in a row without the gateway's own word end the run: it is not there, or out of order."""

_REFUSED_IN_A_ROW = 12
"""So many requests in a row that it finds wrong end the run. Cutting one bad recipient out has successes between."""

_REFUSED_MAILS = 3
"""So many mails in a row that the mail server refuses for good end the run: it is not the recipients that are wrong."""


class Conclusions:
    """Records how the requests of a run end, and acts on it.

    Args:
        backend: What sends.
        sink: Where every step is recorded.
        desk: What the run does for it.
        turn: Whose turn it is.
        limits: What stops the campaign before its end.
        claim: Claims a chunk.

    Attributes:
        limit_waits: How often each chunk has waited because the gateway spoke of a request limit.
    """

    def __init__(
        self,
        backend: Sends,
        sink: Sink,
        desk: Desk,
        turn: Turn,
        limits: Limits,
        claim: Callable[[Chunk], Awaitable[Claim | None]],
    ) -> None:
        self.limit_waits: Counter[int] = Counter()
        self._backend = backend
        self._sink = sink
        self._desk = desk
        self._turn = turn
        self._limits = limits
        self._claim = claim
        self._unanswered = 0
        self._refused_in_a_row = 0

    async def conclude(self, claim: Claim, delivery: Delivery) -> None:
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
                self.limit_waits[chunk.seq] += error.told
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
        if self._backend.limits.idempotent and not outlives_its_key(chunk, until):
            self._desk.queue.hold(chunk, until)

    def _counted(self, claim: Claim, delivery: Delivery) -> Delivery:
        """Count what goes wrong in a row; return the delivery as it is to be recorded."""
        error = delivery.error
        if isinstance(error, OptedOut):  # it tells nothing of the gateway
            return delivery
        if not (delivery.event is ChunkEvent.RELEASE and isinstance(error, RequestLimitReached)):
            self._turn.waiting_until = None
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


def outlives_its_key(chunk: Chunk, until: float) -> bool:
    """Tell whether a moment comes too late to ask about a chunk that may have been sent."""
    return chunk.first_sent_at is not None and until - chunk.first_sent_at > REPLAY_SECONDS


def _may_be_one_row(chunk: Chunk, error: AllMySmsError | None) -> bool:
    """Tell whether one recipient's text or number may be why a whole request was refused."""
    return isinstance(error, FlowRefused) or (isinstance(error, TextRefused) and chunk.params > 0)
