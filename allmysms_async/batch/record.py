"""The record of a campaign: what it is asked and told, as a Protocol, and the structs that go in and out of it.

The engine writes every transition to it before it acts on it. It decides what a campaign that is continued still has
to send.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Protocol

from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.seen import Refusals
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.model import Campaign, CampaignResult, Outcome, Totals, Waiting
from allmysms_async.redaction import Shown

__all__ = ["Claim", "LeaseLost", "Settlement", "Sink", "Spent", "Stranded"]


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
    outcomes: Sequence[Outcome]
    campaign_id: str | None = None
    parts: int = 0
    cost: Decimal = Decimal(0)
    problem: str | None = None


class Claim(Shown, frozen=True):
    """Leave to send a chunk.

    Attributes:
        chunk: The chunk as recorded, with the time of its first attempt.
        unanswered: Whether it may have been sent before with the same key.
        tried: Whether an attempt made under this claim may have been taken.
    """

    chunk: Chunk
    unanswered: bool
    tried: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether any attempt may have been taken."""
        return self.unanswered or self.tried


class Stranded(Shown, frozen=True, kw_only=True):
    """An unknown chunk about which its key tells nothing more.

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
        unpriced: Those of the parts without a reported cost.
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
    def at_once(self) -> bool:
        """Whether it never waits: what it is asked for is done before anything else can happen."""
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
        """Text parts among the sums without a reported cost."""
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
        """Name who is told if the record is lost while nothing is claimed."""
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

    async def begin(self, now: float) -> float:
        """Note that a campaign begins of which nothing was read yet; return when it was begun, in Unix time.

        Only whoever reads its source asks.
        """
        ...

    def recover(self) -> AsyncIterator[int]:
        """Read what was planned and refused back into ``seen``, ``accounted`` and ``refused``; yield how many."""
        ...

    async def elsewhere(self) -> float | None:
        """Return the seconds until it is worth looking what other processes left, or None if they hold nothing."""
        ...

    async def stirred(self) -> None:
        """Wait until another process may have recorded something since this was waited for last.

        A hint, which may be lost: whoever waits looks after what ``elsewhere`` said all the same.
        """
        ...

    async def spare(self, most: int, known: BitMap64) -> list[Chunk]:
        """Return chunks that wait: the last ones, since whoever planned them sends the first ones next.

        It is a quick look, which ends no lease, and finds no chunk that is to be asked about.

        Args:
            most: How many at most.
            known: Ordinals of those that are not wanted.
        """
        ...

    async def still_waits(self, seqs: Sequence[int]) -> BitMap64:
        """Return those of some chunks that wait: nobody has claimed them."""
        ...

    async def hold(self, claim: Claim) -> bool:
        """Tell, just before the bytes leave, whether a claimed chunk is still this process's to send.

        It may set ``exchange.departure`` for the attempt that follows.
        """
        ...

    async def stranded(self, *, after: int = 0) -> list[Stranded]:
        """Return unknown chunks whose keys tell nothing more; the gateway's lists may.

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

    async def resume(self, *, replayable_since: float | None, after: int = 0, waiting: bool = True) -> list[Chunk]:
        """Return what is left to do, in order, some at a time; a run's first call makes failed chunks pending again.

        Args:
            after: Ordinal after which to look; no chunk is the end.
            replayable_since: Unknown chunks that were first sent at this Unix time or later are to be asked about
                again with their key; None if the protocol has no keys.
            waiting: Whether those are wanted that only wait; those of other processes can be left to ``spare``.
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
