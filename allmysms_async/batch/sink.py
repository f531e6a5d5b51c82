"""Where the engine writes every transition before it acts on it: the Protocol, and the record in memory.

A sink decides what a campaign that is continued still has to send. The one in memory lasts as long as the process.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec
from pyroaring import BitMap64

from allmysms_async.batch.plan import Chunk
from allmysms_async.batch.state import ChunkEvent, ChunkState, after
from allmysms_async.model import CampaignResult, Outcome, OutcomeState, Reason, Totals

__all__ = ["Claim", "MemorySink", "Settlement", "Sink", "Tally"]


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How a chunk ended.

    Attributes:
        event: What happened to it.
        outcomes: What became of each of its rows.
        campaign_id: The gateway's identifier of the send.
        parts: Text parts that the gateway took.
        cost: Euros that it reported.
        problem: What went wrong, in a sentence that names nobody, or None.
    """

    event: ChunkEvent
    outcomes: tuple[Outcome, ...]
    campaign_id: str | None = None
    parts: int = 0
    cost: Decimal = Decimal(0)
    problem: str | None = None


class Claim(msgspec.Struct, frozen=True):
    """Leave to send a chunk.

    Attributes:
        chunk: The chunk as recorded, with the time of its first attempt.
        unanswered: Whether it may have been sent before with the same key.
    """

    chunk: Chunk
    unanswered: bool


class Sink(Protocol):
    """The record of one campaign.

    Every method commits before it returns: what the engine does next may be texting people.
    """

    @property
    def run_id(self) -> str:
        """Random identifier of the run, drawn once; part of every key."""
        ...

    @property
    def seen(self) -> BitMap64:
        """Numbers that were planned; the planner adds to it."""
        ...

    @property
    def accounted(self) -> BitMap64:
        """Rows that were planned or refused; the planner adds to it."""
        ...

    @property
    def next_seq(self) -> int:
        """Ordinal of the next chunk."""
        ...

    async def add(self, chunk: Chunk) -> None:
        """Record a new chunk as pending."""
        ...

    async def refuse(self, outcomes: Sequence[Outcome]) -> None:
        """Record rows that are not sent to."""
        ...

    async def claim(self, chunk: Chunk, now: float) -> Claim | None:
        """Record that a chunk is about to be sent; return it as recorded, or None if it may not be sent.

        Args:
            chunk: The chunk.
            now: Unix time; that of the first attempt with a key is kept.
        """
        ...

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended."""
        ...

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a claimed chunk was surely not sent and waits; with a new key if the gateway said so."""
        ...

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> None:
        """Record that a claimed chunk was surely not sent and is replaced by pending pieces of it."""
        ...

    async def resume(self, *, replayable_since: float | None) -> list[Chunk]:
        """Return what an earlier run of the campaign left to do: pending chunks, and failed ones made pending again.

        Args:
            replayable_since: Unknown chunks that were first sent at this Unix time or later are to be asked about
                again with their key; None if the protocol has no keys.
        """
        ...

    async def finish_source(self) -> None:
        """Record that the source was read to its end."""
        ...

    def totals(self) -> Totals:
        """Return how the rows read so far ended."""
        ...

    def result(self, name: str) -> CampaignResult:
        """Return what became of the campaign so far."""
        ...


class Tally:
    """Running sums over rows; adding a settlement and taking it away again are each other's inverse."""

    def __init__(self) -> None:
        self.states: Counter[OutcomeState] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.parts = 0
        self.cost = Decimal(0)

    def count(self, outcomes: Sequence[Outcome], sign: int = 1) -> None:
        """Add rows, or take them away with ``sign=-1``."""
        for outcome in outcomes:
            self.states[outcome.state] += sign
            if outcome.state is OutcomeState.REJECTED and outcome.reason is not None:
                self.reasons[outcome.reason] += sign

    def add(self, settlement: Settlement, sign: int = 1) -> None:
        """Add a chunk's end, or take it away with ``sign=-1``."""
        self.count(settlement.outcomes, sign)
        self.parts += sign * settlement.parts
        self.cost += sign * settlement.cost

    def totals(self, *, pending: int, complete: bool) -> Totals:
        """Return the sums."""
        states = self.states
        return Totals(
            rows=sum(states.values()) + pending,
            accepted=states[OutcomeState.ACCEPTED],
            rejected=states[OutcomeState.REJECTED],
            failed=states[OutcomeState.FAILED],
            unknown=states[OutcomeState.UNKNOWN],
            pending=pending,
            rejections={reason: count for reason, count in self.reasons.items() if count},
            parts=self.parts,
            cost=self.cost,
            complete=complete,
        )


class _Entry(msgspec.Struct):
    """A chunk that is not over: waiting, in flight, failed or unknown."""

    chunk: Chunk
    state: ChunkState
    settlement: Settlement | None = None


class MemorySink:
    """A ``Sink`` that forgets everything with the process.

    Only chunks that are not over are kept; of the others the sums and the gateway's identifiers stay.
    """

    def __init__(self) -> None:
        self.run_id = secrets.token_hex(16)
        self.seen = BitMap64()
        self.accounted = BitMap64()
        self.next_seq = 1
        self._entries: dict[int, _Entry] = {}
        self._tally = Tally()
        self._campaign_ids: dict[str, None] = {}
        self._problems: Counter[str] = Counter()
        self._complete = False

    async def add(self, chunk: Chunk) -> None:
        """Record a new chunk as pending."""
        self._entries[chunk.seq] = _Entry(chunk, ChunkState.PENDING)
        self.next_seq = max(self.next_seq, chunk.seq + 1)

    async def refuse(self, outcomes: Sequence[Outcome]) -> None:
        """Record rows that are not sent to."""
        self._tally.count(outcomes)

    async def claim(self, chunk: Chunk, now: float) -> Claim | None:
        """Record that a chunk is about to be sent."""
        entry = self._entries[chunk.seq]
        if entry.state is ChunkState.UNKNOWN:
            return Claim(entry.chunk, unanswered=True)
        entry.state = after(entry.state, ChunkEvent.CLAIM)
        if entry.chunk.first_sent_at is None:
            entry.chunk = msgspec.structs.replace(entry.chunk, first_sent_at=now)
        return Claim(entry.chunk, unanswered=False)

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended."""
        entry = self._entries[chunk.seq]
        before, entry.state = entry.state, after(entry.state, settlement.event)
        if before is ChunkState.UNKNOWN and entry.state is ChunkState.FAILED:
            # The gateway's own word on this key: it would say the same of it again.
            entry.chunk = msgspec.structs.replace(entry.chunk, generation=entry.chunk.generation + 1)
        self._forget(entry)
        self._tally.add(settlement)
        if settlement.campaign_id:
            self._campaign_ids[settlement.campaign_id] = None
        if settlement.problem:
            self._problems[settlement.problem] += 1
        entry.settlement = settlement
        if entry.state in {ChunkState.ACCEPTED, ChunkState.REJECTED}:
            del self._entries[chunk.seq]

    def _forget(self, entry: _Entry) -> None:
        """Take an earlier end of a chunk out of the sums: a later word replaces it."""
        earlier, entry.settlement = entry.settlement, None
        if earlier is not None:
            self._tally.add(earlier, -1)
            if earlier.problem:
                self._problems[earlier.problem] -= 1

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a claimed chunk was surely not sent and waits."""
        entry = self._entries[chunk.seq]
        entry.state = after(entry.state, ChunkEvent.RELEASE)
        generation = entry.chunk.generation + 1 if new_key else entry.chunk.generation
        entry.chunk = msgspec.structs.replace(entry.chunk, generation=generation, first_sent_at=None)

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> None:
        """Record that a claimed chunk is replaced by pending pieces of it."""
        self._forget(self._entries.pop(chunk.seq))
        for piece in pieces:
            await self.add(piece)

    async def resume(self, *, replayable_since: float | None) -> list[Chunk]:
        """Return what an earlier run left to do."""
        chunks: list[Chunk] = []
        for _, entry in sorted(self._entries.items()):
            if entry.state is ChunkState.FAILED:
                self._forget(entry)
                entry.state = after(entry.state, ChunkEvent.RESUME)
                entry.chunk = msgspec.structs.replace(entry.chunk, first_sent_at=None)
            sent_at = entry.chunk.first_sent_at
            if entry.state is ChunkState.UNKNOWN and (
                replayable_since is None or sent_at is None or sent_at < replayable_since
            ):
                continue
            chunks.append(entry.chunk)
        return chunks

    async def finish_source(self) -> None:
        """Record that the source was read to its end."""
        self._complete = True

    def totals(self) -> Totals:
        """Return how the rows read so far ended."""
        open_states = {ChunkState.PENDING, ChunkState.IN_FLIGHT}
        pending = sum(len(entry.chunk.rows) for entry in self._entries.values() if entry.state in open_states)
        return self._tally.totals(pending=pending, complete=self._complete)

    def result(self, name: str) -> CampaignResult:
        """Return what became of the campaign so far."""
        return CampaignResult(
            **msgspec.structs.asdict(self.totals()),
            name=name,
            run_id=self.run_id,
            campaign_ids=tuple(self._campaign_ids),
            problems={problem: count for problem, count in self._problems.items() if count > 0},
        )
