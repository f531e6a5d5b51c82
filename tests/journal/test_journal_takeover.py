"""Words that come late: from a process whose chunk another one took over while it was stalled."""

from collections import Counter

import pytest

from allmysms_async import GatewayError, InvalidRequest, NotSent
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.settlement import settlement
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.batch.verdict import Delivery
from allmysms_async.journal import Journal

from .conftest import Hand, campaign, people

FAILED = Delivery(event=ChunkEvent.FAIL, error=NotSent("No connection."))
REFUSED = Delivery(event=ChunkEvent.REJECT, error=GatewayError("Refused.", code="999"))


@pytest.fixture
async def stalled(sandbox, journal):
    """A process that claimed a chunk and stalled, and another one that asks about it now, each with its claim."""
    one = Hand(journal, sandbox, keyed=True)
    late = await one.claimed(people(3))
    one.clock.jump(121)
    other = Hand(journal, sandbox, keyed=True, clock=one.clock)
    await other.open()
    asked = await ask(other)
    yield one, late, other, asked
    await one.die()
    await other.die()


async def ask(hand):
    """Let a process ask about the one chunk that is unknown."""
    now = hand.clock.now().timestamp()
    (left,) = await hand.sink.resume(replayable_since=now - REPLAY_SECONDS)
    claim = await hand.sink.claim(left, now)
    assert claim.unanswered
    return claim


async def conclude(hand, claim, delivery):
    """Let a process record how its request ended."""
    await hand.sink.settle(claim.chunk, settlement(claim.chunk, delivery))


async def standing(hand, journal):
    """Return where the one chunk stands."""
    async with Journal(journal, clock=hand.clock) as opened:
        return [state.value for state in ChunkState if await opened.chunks(state=state)]


async def continued(sandbox, service, journal, hand):
    """Run the campaign once more, after all leases; return its result, and how many texts each handset has."""
    sandbox.advance(121)
    hand.clock.jump(121)
    async with service(clock=hand.clock) as sms:
        last = await sms.run(campaign(people(3)), journal=journal)
    return last, Counter(message["phone"] for message in sandbox.all_messages())


@pytest.mark.parametrize("heard", [False, True])
async def test_late_failure_says_nothing_of_what_another_process_sent(sandbox, service, journal, stalled, heard):
    """The chunk keeps its key when the stalled process only knows that it did not send it itself."""
    one, late, other, asked = stalled
    await other.send(asked)
    if heard:
        await other.lose(asked)
    await conclude(one, late, FAILED)
    assert await standing(one, journal) == ["unknown"]
    assert await other.sink.hold(asked) is not heard
    last, texts = await continued(sandbox, service, journal, one)
    assert (last.accepted, set(texts.values())) == (3, {1})


async def test_late_silence_leaves_the_chunk_to_whoever_asks_about_it(sandbox, service, journal, stalled):
    """The operator's resend stays refused while the other process asks, whatever the stalled one did not hear."""
    one, late, other, asked = stalled
    await one.lose(late)
    assert await other.sink.hold(asked)
    async with Journal(journal, clock=one.clock) as opened:
        with pytest.raises(InvalidRequest, match="still holds"):
            await opened.resolve("resend", [1])
    await other.answered(asked, await other.send(asked))
    last, texts = await continued(sandbox, service, journal, one)
    assert (last.accepted, set(texts.values())) == (3, {1})


async def test_late_refusal_says_nothing_of_what_another_process_sent(sandbox, service, journal, stalled):
    """Nobody is called rejected whom the other process may have texted since."""
    one, late, other, asked = stalled
    await other.send(asked)
    await conclude(one, late, REFUSED)
    await other.lose(asked)
    assert await standing(one, journal) == ["unknown"]
    last, texts = await continued(sandbox, service, journal, one)
    assert (last.accepted, last.rejected, set(texts.values())) == (3, 0, {1})


@pytest.mark.parametrize("word", [REFUSED, FAILED])
async def test_late_answer_is_true_after_another_process_gave_the_chunk_up(sandbox, service, journal, stalled, word):
    """Whoever was texted is accepted, though the other process was told before that nothing had been sent."""
    one, late, other, asked = stalled
    await conclude(other, asked, word)
    await one.answered(late, await one.send(late))
    assert await standing(one, journal) == ["accepted"]
    assert (one.sink.totals().accepted, one.sink.totals().pending) == (3, 0)
    last, texts = await continued(sandbox, service, journal, one)
    assert (last.accepted, last.rejected, last.failed, set(texts.values())) == (3, 0, 0, {1})


async def test_late_answer_spares_those_whom_the_operator_wanted_to_send_to_again(sandbox, service, journal):
    """An answer that comes before the operator's resend has left makes it superfluous."""
    hand = Hand(journal, sandbox, keyed=True)
    claim = await hand.claimed(people(3))
    receipt = await hand.send(claim)
    hand.clock.jump(121)
    async with Journal(journal, clock=hand.clock) as opened:
        assert await opened.resolve("resend", [1]) == 3
    await hand.answered(claim, receipt)
    last, texts = await continued(sandbox, service, journal, hand)
    assert (last.accepted, set(texts.values())) == (3, {1})
    await hand.die()


async def test_late_refusal_or_failure_counts_while_nobody_else_asked(sandbox, service, journal):
    """The last process that claimed a chunk knows all that happened to it, also after its lease has ended."""
    hand = Hand(journal, sandbox, keyed=False)
    claims = [await hand.claimed(people(3, start)) for start in (0, 3)]
    hand.clock.jump(1000)
    other = Hand(journal, sandbox, keyed=False, clock=hand.clock)
    await other.open()
    assert await other.sink.resume(replayable_since=None) == []
    await conclude(hand, claims[0], FAILED)
    await conclude(hand, claims[1], REFUSED)
    totals = hand.sink.totals()
    assert (totals.failed, totals.rejected, totals.unknown) == (3, 3, 0)
    await hand.die()
    await other.die()
