"""What a ceiling of cost promises where the gateway tells little of a price, or tells it late."""

import asyncio
from decimal import Decimal

import pytest

from allmysms_async.batch.limits import Limits, StopConditions
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.record import Settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.errors import LimitReached
from allmysms_async.model import Estimate, Outcome, OutcomeState

PEOPLE = 100


class Foretelling:
    """A backend that can say what a send would cost, and says it when it is let."""

    name = identity = "foretelling"

    def __init__(self, cost):
        """Say one cost."""
        self.cost, self.gate, self.asked = cost, asyncio.Event(), 0

    async def simulate(self, request):
        """Say what a send would cost, from the second question on once it is let."""
        self.asked += 1
        if self.asked > 1:
            await self.gate.wait()
        return Estimate(recipients=PEOPLE, parts=PEOPLE, credits=None, cost=self.cost)

    async def aclose(self):
        """Do nothing."""


async def accept(limits, sink, chunk, cost):
    """Record that a chunk was accepted, at a cost, as a run does."""
    outcomes = tuple(
        Outcome(row, None, recipient.phone, OutcomeState.ACCEPTED)
        for row, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    )
    await sink.settle(chunk, Settlement(event=ChunkEvent.ACCEPT, outcomes=outcomes, parts=chunk.parts, cost=cost))
    limits.note(chunk, outcomes)


@pytest.fixture
def two_chunks(chunk_of):
    """Two requests, recorded and not claimed yet."""

    async def make(sink):
        return [await sink.add(chunk_of(seq, range(seq * PEOPLE, (seq + 1) * PEOPLE))) for seq in (1, 2)]

    return make


async def test_foretold_price_of_nothing_holds_the_others_back(two_chunks, turns):
    """A simulation that says 0 tells no price: one request goes alone, and what it cost counts for the next."""
    backend, sink = Foretelling(Decimal(0)), MemorySink()
    backend.gate.set()
    first, second = await two_chunks(sink)
    limits = Limits(StopConditions(max_cost=Decimal(5)), backend, sink)
    await limits.admit(first, lambda: None)
    waiting = asyncio.create_task(limits.admit(second, lambda: None))
    await turns()
    assert not waiting.done()
    await sink.claim(first, 1.0)
    await accept(limits, sink, first, Decimal(5))
    await limits.answered(first)
    with pytest.raises(LimitReached, match="max_cost is 5"):
        await waiting


async def test_price_that_is_told_while_another_is_asked_about_counts(two_chunks, turns):
    """What the first request cost counts, though it was recorded while the gateway was asked about the second."""
    backend, sink = Foretelling(None), MemorySink()
    first, second = await two_chunks(sink)
    limits = Limits(StopConditions(max_cost=Decimal(5)), backend, sink)
    await limits.admit(first, lambda: None)
    waiting = asyncio.create_task(limits.admit(second, lambda: None))
    await turns()
    await sink.claim(first, 1.0)
    await accept(limits, sink, first, Decimal(5))
    backend.gate.set()
    with pytest.raises(LimitReached, match="max_cost is 5"):
        await waiting
