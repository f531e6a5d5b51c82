"""The record in memory, which lasts as long as the process."""

from __future__ import annotations

import asyncio
import secrets
from array import array
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
from pyroaring import BitMap64

from allmysms_async.batch import state as transition
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Claim, Settlement, Spent, Stranded
from allmysms_async.batch.seen import Refusals
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.model import Campaign, CampaignResult, Outcome, Totals, Waiting

__all__ = ["MemorySink"]


class _Entry(msgspec.Struct):
    """A chunk that is not over: waiting, in flight, failed or unknown."""

    chunk: Chunk
    state: ChunkState
    settlement: Settlement | None = None


class MemorySink:
    """A ``Sink`` that forgets everything with the process.

    Only chunks that are not over are kept; of the others the sums and the gateway's identifiers stay.
    """

    at_once = True

    def __init__(self) -> None:
        self.run_id = secrets.token_hex(16)
        self.seen = BitMap64()
        self.accounted = BitMap64()
        self.refused: Refusals = array("Q")
        self.next_seq = 1
        self._entries: dict[int, _Entry] = {}
        self._sums = Sums()
        self.continues = False
        self.waiting_for: Waiting | None = None
        self._resumed = False
        self._began = 0.0

    @property
    def exposed(self) -> int:
        """Text parts of the unknown chunks that had no answer."""
        unknown = (entry for entry in self._entries.values() if entry.state is ChunkState.UNKNOWN)
        return sum(entry.chunk.parts for entry in unknown if not (entry.settlement and entry.settlement.campaign_id))

    @property
    def unpriced(self) -> int:
        """Text parts without a reported cost."""
        return self._sums.unpriced

    async def open(self, campaign: Campaign) -> None:
        """Begin a run: what failed in an earlier one may be taken up again, once."""
        self._resumed, self.continues = False, self.totals().rows > 0

    def on_loss(self, tell: Callable[[Exception], None]) -> None:
        """Nothing of it is lost while the process lives."""

    async def close(self) -> None:
        """Do nothing."""

    async def lead(self) -> bool:
        """There is nobody else."""
        return True

    async def recover(self) -> AsyncIterator[int]:
        """Yield how many numbers were planned: none of them was forgotten."""
        if self.seen:
            yield len(self.seen)

    async def elsewhere(self) -> float | None:
        """There is nobody else."""
        return None

    async def stirred(self) -> None:
        """There is nobody else: this never ends."""
        await asyncio.Event().wait()

    async def spare(self, most: int, known: BitMap64) -> list[Chunk]:
        """There is nobody else."""
        return []

    async def still_waits(self, seqs: Sequence[int]) -> BitMap64:
        """Return those of some chunks that wait."""
        entries = self._entries
        return BitMap64([seq for seq in seqs if seq in entries and entries[seq].state is ChunkState.PENDING])

    async def hold(self, claim: Claim) -> bool:
        """There is nobody else."""
        return True

    async def stranded(self, *, after: int = 0) -> list[Stranded]:
        """Return nothing: without a record that lasts, a campaign is not continued a day later."""
        return []

    async def begin(self, now: float) -> float:
        """Note that a campaign begins of which nothing was read yet; return when it was begun."""
        if not self.totals().rows:
            self._began = now
        return self._began

    async def add(self, chunk: Chunk) -> Chunk:
        """Record a new chunk as pending."""
        self._entries[chunk.seq] = _Entry(chunk, ChunkState.PENDING)
        self.next_seq = max(self.next_seq, chunk.seq + 1)
        return chunk

    async def refuse(self, outcomes: Sequence[Outcome]) -> None:
        """Record rows that are not sent to."""
        self._sums.count(outcomes)

    async def claim(self, chunk: Chunk, now: float, afford: Callable[[Spent], None] | None = None) -> Claim | None:
        """Record that a chunk is about to be sent; nobody else spends anything."""
        entry = self._entries.get(chunk.seq)
        if entry is None:  # it was offered twice, and is over
            return None
        if entry.state is ChunkState.UNKNOWN:
            return Claim(entry.chunk, unanswered=True)
        if (entry.state, ChunkEvent.CLAIM) not in transition.TRANSITIONS:  # or it is being sent
            return None
        entry.state = transition.after(entry.state, ChunkEvent.CLAIM)
        if entry.chunk.first_sent_at is None:
            entry.chunk = msgspec.structs.replace(entry.chunk, first_sent_at=now)
        return Claim(entry.chunk, unanswered=False)

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended."""
        entry = self._entries[chunk.seq]
        before = entry.state
        entry.state = transition.after(before, settlement.event)
        answered = entry.settlement is not None and entry.settlement.campaign_id is not None
        if answered and settlement.campaign_id is None and entry.state is ChunkState.UNKNOWN:
            return  # still unknown, and without an answer: what an earlier one said of some rows stays
        if before is ChunkState.UNKNOWN and entry.state is ChunkState.FAILED:
            # The gateway's own word on this key: it would say the same of it again.
            entry.chunk = msgspec.structs.replace(entry.chunk, generation=entry.chunk.generation + 1)
        self._forget(entry)
        self._sums.add(settlement)
        entry.settlement = settlement
        if entry.state in {ChunkState.ACCEPTED, ChunkState.REJECTED}:
            del self._entries[chunk.seq]

    def _forget(self, entry: _Entry) -> None:
        """Take an earlier end of a chunk out of the sums: a later word replaces it."""
        earlier, entry.settlement = entry.settlement, None
        if earlier is not None:
            self._sums.add(earlier, -1)

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a claimed chunk was surely not sent and waits."""
        entry = self._entries[chunk.seq]
        entry.state = transition.after(entry.state, ChunkEvent.RELEASE)
        generation = entry.chunk.generation + 1 if new_key else entry.chunk.generation
        entry.chunk = msgspec.structs.replace(entry.chunk, generation=generation, first_sent_at=None)

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> list[Chunk]:
        """Record that a claimed chunk is replaced by pending pieces of it."""
        self._forget(self._entries.pop(chunk.seq))
        return [await self.add(piece) for piece in pieces]

    async def resume(self, *, replayable_since: float | None, after: int = 0, waiting: bool = True) -> list[Chunk]:
        """Return what is left to do, all at once; the first call of a run also takes failed chunks up again."""
        again, self._resumed = not self._resumed, True
        chunks: list[Chunk] = []
        for _, entry in sorted(item for item in self._entries.items() if item[0] > after):
            if entry.state is ChunkState.FAILED and not again:
                continue
            if entry.state is ChunkState.FAILED:
                self._forget(entry)
                entry.state = transition.after(entry.state, ChunkEvent.RESUME)
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
        self._sums.complete = True

    def totals(self) -> Totals:
        """Return how the rows read so far ended."""
        return self._counted().totals()

    def result(self, name: str) -> CampaignResult:
        """Return what became of the campaign so far."""
        return self._counted().result(name, self.run_id)

    def _counted(self) -> Sums:
        """Return the sums, with the chunks that wait or are in flight counted anew."""
        waiting = in_flight = 0
        for entry in self._entries.values():
            if entry.state is ChunkState.IN_FLIGHT:
                in_flight += len(entry.chunk.rows)
            elif entry.state is ChunkState.PENDING:
                waiting += len(entry.chunk.rows)
        self._sums.in_flight = in_flight
        self._sums.pending = waiting + in_flight
        return self._sums
