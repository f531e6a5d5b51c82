"""Several processes with one campaign: each source is read to its end, whoever is first, and everybody texted once."""

import asyncio
from collections import Counter

import pytest

from allmysms_async.journal import JournalSink

from .conftest import Hand, campaign, people


def texts_of(sandbox):
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


@pytest.mark.parametrize(
    ("start", "rows"),
    [(0, 145), (50, 195), (0, 100)],
    ids=["more", "others", "the same"],
)
async def test_each_process_has_its_own_source_read(sandbox, worker, journal, start, rows):
    """Two processes begin one campaign at once, on a journal that does not exist yet, each with a source of its own.

    Everybody of both is texted once, none is called a duplicate, and the one that read last knows of everybody.
    """
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    count = 100 if (start, rows) == (0, 100) else 145
    lives = [
        await worker(journal, count=100, chunk_size=10, concurrency=2, timeout=20.0, lease=30.0),
        await worker(journal, count=count, start=start, chunk_size=10, concurrency=2, timeout=20.0, lease=30.0),
    ]
    ends = await asyncio.gather(*(life.end() for life in lives))
    assert [end["error"] for end in ends] == [None, None]
    assert [(end["complete"], end["rejected"]) for end in ends] == [(True, 0)] * 2
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (rows, {1})
    assert max(end["accepted"] for end in ends) == rows
    assert all(end["rows"] == end["accepted"] + end["pending"] for end in ends)


async def test_source_that_waited_for_another_is_read_after_it(sandbox, service, journal, until):
    """A run whose source is longer waits until the first has read its own, then reads the rest and says so."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])

    async def late(sms):
        await until(lambda: sandbox.in_flight)  # of the first
        return await sms.run(campaign(people(400)), journal=journal, chunk_size=10, concurrency=2)

    async with service() as one, service() as other:
        first, second = await asyncio.gather(
            one.run(campaign(people(300)), journal=journal, chunk_size=10, concurrency=2), late(other)
        )
    assert (first.complete, second.complete) == (True, True)
    assert (second.rows, second.accepted) == (400, 400)
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (400, {1})


async def test_chunk_that_is_given_back_late_is_sent_before_the_end(sandbox, service, journal, monkeypatch):
    """What another process gives back after this one has passed it is looked for once more before the run ends."""
    hand = Hand(journal, sandbox, keyed=True)
    claim = await hand.claimed(people(4))
    original = JournalSink.elsewhere

    async def elsewhere(self):
        monkeypatch.setattr(JournalSink, "elsewhere", original)
        await hand.sink.release(claim.chunk, new_key=False)
        await hand.sink.close()
        return await original(self)

    async with service(clock=hand.clock) as sms:
        run = await sms.resume(journal)
        monkeypatch.setattr(JournalSink, "elsewhere", elsewhere)
        async for _ in run:
            pass
    await hand.backend.aclose()
    assert (run.result.accepted, run.result.pending) == (4, 0)


async def test_chunk_that_is_tried_in_vain_again_and_again_is_sent_before_the_end(
    sandbox, service, journal, monkeypatch
):
    """However often others were faster with a chunk, and gave it back at once, the run does not end while it waits."""
    hand = Hand(journal, sandbox, keyed=True)
    claim = await hand.claimed(people(4))
    await hand.sink.release(claim.chunk, new_key=False)
    await hand.sink.close()
    original, vain = JournalSink.claim, []

    async def taken(self, chunk, now, afford=None):
        if len(vain) < 5:  # somebody else has it for a moment
            vain.append(chunk.seq)
            return None
        return await original(self, chunk, now, afford)

    monkeypatch.setattr(JournalSink, "claim", taken)
    async with service(clock=hand.clock) as sms:
        run = await sms.resume(journal)
        async for _ in run:
            pass
    await hand.backend.aclose()
    assert len(vain) == 5
    assert (run.result.accepted, run.result.pending) == (4, 0)


async def test_chunk_that_another_process_took_over_and_gave_back_is_sent_before_the_end(
    sandbox, service, journal, monkeypatch
):
    """What was claimed here, lost to another process and given back by that one waits like any other."""
    hand = Hand(journal, sandbox, keyed=True)
    claim = await hand.claimed(people(4))
    await hand.sink.release(claim.chunk, new_key=False)
    await hand.sink.close()
    original = JournalSink.hold

    async def lost(self, claim):
        monkeypatch.setattr(JournalSink, "hold", original)
        await self.release(claim.chunk, new_key=False)  # as if by the other one
        return False

    monkeypatch.setattr(JournalSink, "hold", lost)
    async with service(clock=hand.clock) as sms:
        run = await sms.resume(journal)
        async for _ in run:
            pass
    await hand.backend.aclose()
    assert (run.result.accepted, run.result.pending) == (4, 0)
    assert set(texts_of(sandbox).values()) == {1}
