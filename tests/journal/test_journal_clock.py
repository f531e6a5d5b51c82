"""A machine whose clock was wrong for a while: no key is trusted longer than it lives, and nobody waits for days."""

from collections import Counter

import pytest

from allmysms_async.batch.state import ChunkState
from allmysms_async.journal import Journal

from .conftest import Hand, campaign, people

DAY = 86_400.0


def texts_of(sandbox):
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


@pytest.mark.parametrize("days", [1, 2, 3])
async def test_key_first_used_by_a_clock_that_was_ahead_is_not_repeated(sandbox, service, journal, days):
    """Nobody is texted twice however much later the campaign is continued: what cannot be told stays unknown."""
    hand = Hand(journal, sandbox, keyed=True)
    hand.clock.jump(2 * DAY)
    claim = await hand.claimed(people(3))
    await hand.send(claim)
    await hand.lose(claim)
    await hand.die()
    hand.clock.jump(-2 * DAY)
    for _ in range(days):
        hand.clock.jump(DAY + 3600)
        sandbox.advance(DAY + 3600)
        async with service(clock=hand.clock) as sms:
            last = await sms.run(campaign(people(3)), journal=journal)
    assert last.accepted + last.unknown == 3
    assert set(texts_of(sandbox).values()) == {1}


@pytest.mark.slow
async def test_clocks_may_differ_by_seconds(sandbox, service, journal):
    """A first send some seconds ahead of this clock is asked about as any other."""
    hand = Hand(journal, sandbox, keyed=True)
    hand.clock.jump(5)
    claim = await hand.claimed(people(3))
    await hand.send(claim)
    await hand.lose(claim)
    await hand.die()
    hand.clock.jump(-5)
    sandbox.advance(11)
    async with service(clock=hand.clock) as sms:
        last = await sms.run(campaign(people(3)), journal=journal)
    assert (last.accepted, set(texts_of(sandbox).values())) == (3, {1})


@pytest.mark.parametrize("keyed", [True, False])
async def test_lease_of_a_clock_that_was_ahead_is_over(sandbox, service, journal, keyed):
    """What a process held when it died is taken over at once, and its source is read on: nobody waits two days."""
    hand = Hand(journal, sandbox, keyed=keyed)
    hand.clock.jump(2 * DAY)
    claim = await hand.claimed(people(3))
    await hand.send(claim)
    await hand.die()
    hand.clock.jump(-2 * DAY)
    before = hand.clock.now()
    sandbox.advance(11)
    async with Journal(journal, clock=hand.clock) as opened:
        (view,) = await opened.chunks(state=ChunkState.IN_FLIGHT)
        assert (view.leased, view.unknown) == (False, 3)
        assert (await opened.campaign()).result.unknown == 3
    async with service(keyed=keyed, clock=hand.clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.rows, last.complete, last.pending) == (5, True, 0)
    assert set(texts_of(sandbox).values()) == {1}
    assert (hand.clock.now() - before).total_seconds() < 60


async def test_lease_of_a_clock_that_was_set_back_is_looked_up(sandbox, journal):
    """A process whose own clock is set back asks the journal whether it still holds a chunk that others take over."""
    hand = Hand(journal, sandbox, keyed=True)
    hand.clock.jump(2 * DAY)
    claim = await hand.claimed(people(3))
    assert await hand.sink.hold(claim)
    hand.clock.jump(-2 * DAY)
    other = Hand(journal, sandbox, keyed=True, clock=hand.clock)
    await other.open()
    await other.sink.resume(replayable_since=0.0)
    assert not await hand.sink.hold(claim)
    await hand.die()
    await other.die()


async def test_operator_decides_about_a_request_held_by_a_clock_that_was_ahead(sandbox, journal):
    """A lease that lies days ahead keeps no operator away."""
    hand = Hand(journal, sandbox, keyed=False)
    hand.clock.jump(2 * DAY)
    await hand.claimed(people(3))
    await hand.die()
    hand.clock.jump(-2 * DAY)
    async with Journal(journal, clock=hand.clock) as opened:
        assert await opened.resolve("mark_sent", [1]) == 3
