"""Where the engine writes every transition before it acts on it: the Protocol, and the record in memory.

A sink decides what a campaign that is continued still has to send. The one in memory lasts as long as the process.
"""

from __future__ import annotations

import secrets
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec
from pyroaring import BitMap64

from allmysms_async.batch import state as transition
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.seen import Refusals
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.discreet import Shown
from allmysms_async.model import Campaign, CampaignResult, Outcome, OutcomeState, Reason, Totals, Waiting

__all__ = ["Claim", "LeaseLost", "MemorySink", "Settlement", "Sink", "Spent", "Stranded", "Tally"]


class LeaseLost(Exception):
    """Another process took a claimed chunk over: it must not be sent here any more, and is recorded there."""


class Settlement(Shown, frozen=True, kw_only=True):
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


class Claim(Shown, frozen=True):
    """Leave to send a chunk.

    Attributes:
        chunk: The chunk as recorded, with the time of its first attempt.
        unanswered: Whether it may have been sent before with the same key.
    """

    chunk: Chunk
    unanswered: bool


class Stranded(Shown, frozen=True, kw_only=True):
    """An unknown chunk that asking again with its key tells nothing of.

    Attributes:
        chunk: The chunk.
        outcomes: What an answer said of its rows, or nothing.
        campaign_id: The gateway's identifier of the send, if an answer told it.
        parts: Text parts that the answer told, or 0.
        cost: Euros that the answer told, or 0.
    """

    chunk: Chunk
    outcomes: tuple[Outcome, ...] = ()
    campaign_id: str | None = None
    parts: int = 0
    cost: Decimal = Decimal(0)


class Spent(Shown, frozen=True, kw_only=True):
    """What a campaign took, and may have taken.

    Attributes:
        parts: Text parts that the gateway took.
        cost: Euros that it reported for them.
        unpriced: Those of the parts of which nobody reported the cost.
        exposed: Text parts in flight, unknown, or about to be sent.
    """

    parts: int
    cost: Decimal
    unpriced: int
    exposed: int


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
    def refused(self) -> Refusals:
        """Rows that were refused, by what they hold; the planner adds to it."""
        ...

    @property
    def next_seq(self) -> int:
        """Ordinal of the next chunk."""
        ...

    @property
    def exposed(self) -> int:
        """Text parts that may have been billed and are not among the sums, those that are sent from here left out.

        What is unknown is one of them until it ends, also while it is asked about.
        """
        ...

    @property
    def unpriced(self) -> int:
        """Text parts among the sums of which nobody reported the cost."""
        ...

    @property
    def continues(self) -> bool:
        """Whether an earlier run has begun the record; known once it is open."""
        ...

    @property
    def waiting_for(self) -> Waiting | None:
        """What other processes hold, as ``elsewhere`` found it last."""
        ...

    async def open(self, campaign: Campaign) -> None:
        """Get ready to record a run of a campaign.

        Raises:
            CampaignChanged: The record is of another campaign.
        """
        ...

    def on_loss(self, tell: Callable[[Exception], None]) -> None:
        """Have it told if the record is lost while nothing is claimed."""
        ...

    async def close(self) -> None:
        """Let go of everything; what is recorded stays, and the sums can still be asked for.

        Raises:
            JournalLost: What was recorded is not where the next run will look for it.
        """
        ...

    async def lead(self) -> bool:
        """Become the one that reads its source; False while another process is."""
        ...

    def recover(self) -> AsyncIterator[int]:
        """Read what was planned and refused back into ``seen``, ``accounted`` and ``refused``, yielding how many."""
        ...

    async def elsewhere(self) -> float | None:
        """Return the seconds until it is worth looking what other processes left, or None if they hold nothing."""
        ...

    async def hold(self, claim: Claim) -> bool:
        """Tell, just before the bytes leave, whether a claimed chunk is still this process's to send."""
        ...

    async def stranded(self, *, after: int = 0) -> list[Stranded]:
        """Return unknown chunks whose key tells nothing more, for the gateway's lists to tell of.

        Args:
            after: Ordinal after which to look; no chunk is the end.
        """
        ...

    async def add(self, chunk: Chunk) -> Chunk:
        """Record a new chunk as pending; return it as recorded, with the ordinal that it was given."""
        ...

    async def refuse(self, outcomes: Sequence[Outcome]) -> None:
        """Record rows that are not sent to."""
        ...

    async def claim(self, chunk: Chunk, now: float, afford: Callable[[Spent], None] | None = None) -> Claim | None:
        """Record that a chunk is about to be sent; return it as recorded, or None if it may not be sent.

        Args:
            chunk: The chunk.
            now: Unix time; that of the first attempt with a key is kept.
            afford: Given what all processes spent, with the chunk, raises if it is too much. Nobody else can claim
                a chunk with a limit until this one is claimed.

        Raises:
            LimitReached: It is too much; the chunk is not claimed.
        """
        ...

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended."""
        ...

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a claimed chunk was surely not sent and waits; with a new key if the gateway said so."""
        ...

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> list[Chunk]:
        """Record that a claimed chunk was surely not sent and is replaced by pending pieces, returned as recorded."""
        ...

    async def resume(self, *, replayable_since: float | None, after: int = 0) -> list[Chunk]:
        """Return what is left to do, in order, some at a time; a run's first call makes failed chunks pending again.

        Args:
            after: Ordinal after which to look; no chunk is the end.
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
        self.unpriced = 0

    def count(self, outcomes: Sequence[Outcome], sign: int = 1) -> None:
        """Add rows, or take them away with ``sign=-1``."""
        # Counted as texts first: the hash of an enumeration's member is a slow one.
        for state, count in Counter([str.__str__(outcome.state) for outcome in outcomes]).items():
            self.states[OutcomeState(state)] += sign * count
        for outcome in outcomes:
            if outcome.reason is not None and outcome.state is OutcomeState.REJECTED:
                self.reasons[outcome.reason] += sign

    def add(self, settlement: Settlement, sign: int = 1) -> None:
        """Add a chunk's end, or take it away with ``sign=-1``."""
        self.count(settlement.outcomes, sign)
        self.parts += sign * settlement.parts
        self.cost += sign * settlement.cost
        if not settlement.cost:
            self.unpriced += sign * settlement.parts

    def merge(self, other: Tally) -> None:
        """Add other sums."""
        self.states.update(other.states)
        self.reasons.update(other.reasons)
        self.parts += other.parts
        self.cost += other.cost
        self.unpriced += other.unpriced

    def totals(self, *, pending: int, in_flight: int, complete: bool) -> Totals:
        """Return the sums."""
        states = self.states
        return Totals(
            rows=sum(states.values()) + pending,
            accepted=states[OutcomeState.ACCEPTED],
            rejected=states[OutcomeState.REJECTED],
            failed=states[OutcomeState.FAILED],
            unknown=states[OutcomeState.UNKNOWN],
            pending=pending,
            in_flight=in_flight,
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
        self.refused: Refusals = array("Q")
        self.next_seq = 1
        self._entries: dict[int, _Entry] = {}
        self._tally = Tally()
        self._campaign_ids: dict[str, None] = {}
        self._problems: Counter[str] = Counter()
        self.continues = False
        self.waiting_for: Waiting | None = None
        self._complete = self._resumed = False

    @property
    def exposed(self) -> int:
        """Text parts of unknown chunks that no answer told the cost of."""
        unknown = (entry for entry in self._entries.values() if entry.state is ChunkState.UNKNOWN)
        return sum(entry.chunk.parts for entry in unknown if not (entry.settlement and entry.settlement.campaign_id))

    @property
    def unpriced(self) -> int:
        """Text parts of which nobody reported the cost."""
        return self._tally.unpriced

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
        """Yield what was never forgotten."""
        if self.seen:
            yield len(self.seen)

    async def elsewhere(self) -> float | None:
        """There is nobody else."""
        return None

    async def hold(self, claim: Claim) -> bool:
        """There is nobody else."""
        return True

    async def stranded(self, *, after: int = 0) -> list[Stranded]:
        """Return nothing: without a record that lasts, a campaign is not continued a day later."""
        return []

    async def add(self, chunk: Chunk) -> Chunk:
        """Record a new chunk as pending."""
        self._entries[chunk.seq] = _Entry(chunk, ChunkState.PENDING)
        self.next_seq = max(self.next_seq, chunk.seq + 1)
        return chunk

    async def refuse(self, outcomes: Sequence[Outcome]) -> None:
        """Record rows that are not sent to."""
        self._tally.count(outcomes)

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
        entry.state = transition.after(entry.state, ChunkEvent.RELEASE)
        generation = entry.chunk.generation + 1 if new_key else entry.chunk.generation
        entry.chunk = msgspec.structs.replace(entry.chunk, generation=generation, first_sent_at=None)

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> list[Chunk]:
        """Record that a claimed chunk is replaced by pending pieces of it."""
        self._forget(self._entries.pop(chunk.seq))
        return [await self.add(piece) for piece in pieces]

    async def resume(self, *, replayable_since: float | None, after: int = 0) -> list[Chunk]:
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
        self._complete = True

    def totals(self) -> Totals:
        """Return how the rows read so far ended."""
        rows = Counter[ChunkState]()
        for entry in self._entries.values():
            rows[entry.state] += len(entry.chunk.rows)
        in_flight = rows[ChunkState.IN_FLIGHT]
        pending = rows[ChunkState.PENDING] + in_flight
        return self._tally.totals(pending=pending, in_flight=in_flight, complete=self._complete)

    def result(self, name: str) -> CampaignResult:
        """Return what became of the campaign so far."""
        return CampaignResult(
            **msgspec.structs.asdict(self.totals()),
            name=name,
            run_id=self.run_id,
            campaign_ids=tuple(self._campaign_ids),
            problems={problem: count for problem, count in self._problems.items() if count > 0},
        )
