"""The record in memory: late answers that replace, and what a continued run gets to do."""

from decimal import Decimal

import pytest

from allmysms_async.batch.chunk import halves, idempotency_key
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.record import Settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.model import Outcome, OutcomeState, Reason, SmsMessage

A, R, F, U = OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.FAILED, OutcomeState.UNKNOWN
EVENTS = {A: ChunkEvent.ACCEPT, R: ChunkEvent.REJECT, F: ChunkEvent.FAIL, U: ChunkEvent.LOSE}
MESSAGE = SmsMessage("Bonjour", purpose="marketing")


def end(chunk, state, *, problem=None, **fields):
    """Return the end of a chunk, the same for each row."""
    reason = Reason.GATEWAY_REFUSED if state is R else None
    outcomes = tuple(
        Outcome(row, None, recipient.phone, state, reason)
        for row, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    )
    return Settlement(event=EVENTS[state], outcomes=outcomes, problem=problem, **fields)


def counts(sink):
    """Return the sums as a short mapping, without what is nothing."""
    totals = sink.totals()
    names = ("rows", "accepted", "rejected", "failed", "unknown", "pending")
    return {name: count for name in names if (count := getattr(totals, name))}


async def lose(sink, chunk, *, now=100.0, problem="Lost."):
    """Record a chunk that was sent and not answered."""
    await sink.add(chunk)
    await sink.claim(chunk, now)
    await sink.settle(chunk, end(chunk, U, problem=problem, parts=2, cost=Decimal("0.1")))


async def test_row_is_pending_until_its_chunk_is_over(chunk_of):
    """Planned and in flight, a row is pending; settled, it is where its outcome says."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 4))
    await sink.add(chunk)
    assert counts(sink) == {"rows": 3, "pending": 3}
    await sink.claim(chunk, 100.0)
    assert counts(sink) == {"rows": 3, "pending": 3}
    await sink.settle(chunk, end(chunk, A, parts=3, cost=Decimal("0.2"), campaign_id="c1"))
    assert counts(sink) == {"rows": 3, "accepted": 3}
    result = sink.result("soldes")
    assert (result.parts, result.cost, result.campaign_ids, result.complete) == (3, Decimal("0.2"), ("c1",), False)
    assert (result.name, result.run_id) == ("soldes", sink.run_id)


async def test_refused_rows_are_counted_by_reason():
    """Rows that are not sent to are rejected, each under its reason."""
    sink = MemorySink()
    await sink.refuse([Outcome(1, 1, "x", R, Reason.MALFORMED), Outcome(2, 2, "y", R, Reason.DUPLICATE)])
    await sink.refuse([Outcome(3, 3, "z", R, Reason.DUPLICATE)])
    assert counts(sink) == {"rows": 3, "rejected": 3}
    assert sink.totals().rejections == {Reason.MALFORMED: 1, Reason.DUPLICATE: 2}


async def test_only_one_claim_succeeds(chunk_of):
    """A chunk in flight, or over, is not to be had again: it may have been offered twice."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 3))
    await sink.add(chunk)
    claim = await sink.claim(chunk, 100.0)
    assert (claim.unanswered, claim.chunk.first_sent_at) == (False, 100.0)
    assert await sink.claim(chunk, 101.0) is None
    await sink.settle(chunk, end(chunk, A))
    assert await sink.claim(chunk, 102.0) is None


@pytest.mark.parametrize("state", [A, R, F, U])
async def test_late_answer_replaces_the_unknown(chunk_of, state):
    """A later word on an unknown chunk takes the place of the earlier one in every sum, and in the problems."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 4))
    await lose(sink, chunk)
    assert counts(sink) == {"rows": 3, "unknown": 3}
    claim = await sink.claim(chunk, 500.0)
    assert (claim.unanswered, claim.chunk.first_sent_at) == (True, 100.0)
    await sink.settle(chunk, end(chunk, state, problem=None if state is A else "Late.", parts=3, cost=Decimal(1)))
    assert counts(sink) == {"rows": 3, str(state): 3}
    result = sink.result("soldes")
    assert (result.parts, result.cost) == (3, Decimal(1))
    assert result.problems == ({} if state is A else {"Late.": 1})


async def test_released_chunk_waits_with_the_key_it_needs(chunk_of):
    """Surely not sent, a chunk is pending again: with a new key if the gateway said so, else with the same."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 3))
    await sink.add(chunk)
    keys = []
    for new_key in (False, True, True):
        claim = await sink.claim(chunk, 100.0)
        keys.append(idempotency_key(sink.run_id, claim.chunk, MESSAGE))
        await sink.release(chunk, new_key=new_key)
        assert counts(sink) == {"rows": 2, "pending": 2}
    claim = await sink.claim(chunk, 900.0)
    keys.append(idempotency_key(sink.run_id, claim.chunk, MESSAGE))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert (claim.unanswered, claim.chunk.first_sent_at) == (False, 900.0)


async def test_pieces_take_the_place_of_a_split_chunk(chunk_of):
    """A chunk that was cut is gone; its pieces hold all its rows, and get ordinals that are not given again."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 6))
    await sink.add(chunk)
    await sink.claim(chunk, 100.0)
    await sink.split(chunk, halves(chunk, 2))
    assert counts(sink) == {"rows": 5, "pending": 5}
    assert sink.next_seq == 4
    assert [piece.rows for piece in await sink.resume(replayable_since=None)] == [(1, 2), (3, 4, 5)]
    assert await sink.claim(chunk, 101.0) is None


async def test_unknown_chunk_that_is_split_is_counted_once(chunk_of):
    """A late 111 on an unknown chunk: its rows are pending in the pieces, and no longer unknown."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 5))
    await lose(sink, chunk)
    await sink.resume(replayable_since=0.0)
    await sink.claim(chunk, 200.0)
    await sink.split(chunk, halves(chunk, 2))
    assert counts(sink) == {"rows": 4, "pending": 4}
    assert sink.result("soldes").problems == {}
    assert sink.totals().parts == 0


async def test_continued_run_gets_what_is_left_in_order(chunk_of):
    """Pending and failed chunks are to be sent, unknown ones asked about; what is over is not."""
    sink = MemorySink()
    chunks = {seq: chunk_of(seq, range(seq * 10, seq * 10 + 2)) for seq in range(1, 6)}
    for seq, state in ((4, A), (5, R), (2, F), (3, U)):
        await sink.add(chunks[seq])
        await sink.claim(chunks[seq], 100.0)
        await sink.settle(chunks[seq], end(chunks[seq], state, problem=None if state is A else "Said."))
    await sink.add(chunks[1])
    left = await sink.resume(replayable_since=50.0)
    assert [chunk.seq for chunk in left] == [1, 2, 3]
    assert counts(sink) == {"rows": 10, "accepted": 2, "rejected": 2, "unknown": 2, "pending": 4}
    assert sink.result("soldes").problems == {"Said.": 2}
    assert sink.next_seq == 6
    unanswered = [(await sink.claim(chunk, 300.0)).unanswered for chunk in left]
    assert unanswered == [False, False, True]


@pytest.mark.parametrize(("since", "asked"), [(None, False), (100.1, False), (100.0, True), (0.0, True)])
async def test_unknown_chunk_is_asked_about_only_while_its_key_lasts(chunk_of, since, asked):
    """Without keys, or with one that is too old, an unknown chunk is left alone."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 3))
    await lose(sink, chunk, now=100.0)
    assert [left.seq for left in await sink.resume(replayable_since=since)] == [1] * asked
    assert counts(sink) == {"rows": 2, "unknown": 2}


async def test_unknown_chunk_refused_by_the_gateway_gets_a_new_key(chunk_of):
    """A late "not enough credit" fails an unknown chunk; continued, it needs a new key: the old one is answered."""
    sink, chunk = MemorySink(), chunk_of(1, range(1, 3))
    await lose(sink, chunk)
    (left,) = await sink.resume(replayable_since=0.0)
    first = await sink.claim(left, 200.0)
    await sink.settle(chunk, end(chunk, F, problem="Not enough credit."))
    assert await sink.resume(replayable_since=0.0) == []  # not in the same run
    await sink.open(None)
    (left,) = await sink.resume(replayable_since=0.0)
    second = await sink.claim(left, 300.0)
    assert not second.unanswered
    assert idempotency_key(sink.run_id, first.chunk, MESSAGE) != idempotency_key(sink.run_id, second.chunk, MESSAGE)


async def test_two_campaigns_have_two_runs():
    """The identifier of a run is drawn at random and long enough never to be drawn twice."""
    runs = {MemorySink().run_id for _ in range(100)}
    assert len(runs) == 100
    assert {len(run) for run in runs} == {32}


async def test_campaign_is_complete_once_its_source_was_read():
    """Only the end of the source makes a campaign complete."""
    sink = MemorySink()
    assert not sink.totals().complete
    await sink.finish_source()
    assert sink.totals().complete
