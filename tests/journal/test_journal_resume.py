"""A campaign that is continued: by another object or process, from the same source or from none."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from allmysms_async import CampaignChanged, CampaignStopped, InsufficientCredit, InvalidRequest, RestBackend, SmsService
from allmysms_async.batch.state import ChunkState
from allmysms_async.journal import Journal
from allmysms_async.journal.lease import LEASE_SECONDS

from .conftest import Hand, campaign, people


def texts_of(sandbox):
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


async def stop_after(run, accepted):
    """Iterate over a run, and stop it once so many were accepted."""
    async for progress in run:
        if progress.accepted >= accepted:
            run.stop()
    return run.result


async def test_another_object_and_service_continue_by_the_name(sandbox, service, journal):
    """What one service began another one ends: everybody is texted once, and every row is accounted for once."""
    rows = [*people(200), *people(3), "néant"]
    async with service() as sms:
        first = await stop_after(sms.stream(campaign(rows), journal=journal, chunk_size=10, concurrency=2), 50)
    assert 50 <= first.accepted < 200
    assert not first.complete
    async with service() as sms:
        last = await sms.run(campaign(rows), journal=journal, chunk_size=7)
    assert (last.rows, last.accepted, last.pending, last.complete) == (204, 200, 0, True)
    assert {reason.value: count for reason, count in last.rejections.items()} == {"duplicate": 3, "malformed": 1}
    assert last.run_id == first.run_id
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (200, {1})


async def test_source_that_grew_adds_only_what_is_new(sandbox, service, journal):
    """A source that is read again adds nothing twice; rows that were added to it are sent."""
    async with service() as sms:
        assert (await sms.run(campaign(people(30)), journal=journal)).accepted == 30
    async with service() as sms:
        last = await sms.run(campaign(people(45)), journal=journal)
    assert (last.rows, last.accepted) == (45, 45)
    assert set(texts_of(sandbox).values()) == {1}


async def test_source_that_shifted_is_reported_as_it_is(sandbox, service, journal):
    """Rows put in front of others are told with their own reasons, and those that moved are nobody's duplicates."""
    async with service() as sms:
        await sms.run(campaign([*people(10), "néant", *people(2)]), journal=journal)
    for _ in range(2):
        async with service() as sms:
            last = await sms.run(campaign(["oups", *people(10), "néant", *people(2)]), journal=journal)
        assert (last.rows, last.accepted, last.complete) == (14, 10, True)
        assert {reason.value: count for reason, count in last.rejections.items()} == {"duplicate": 2, "malformed": 2}
    async with Journal(journal) as opened:
        refused = sorted([outcome.phone async for outcome in opened.outcomes() if outcome.reason])
    assert refused == ["33610000000", "33610000001", "néant", "oups"]
    assert set(texts_of(sandbox).values()) == {1}


async def test_source_that_can_be_read_only_once_is_not_lost(sandbox, service, journal):
    """Rows that were taken from a generator are in the journal whatever ended the run, and the same object goes on."""
    one = campaign(iter(people(100)))
    async with service() as sms:
        await stop_after(sms.stream(one, journal=journal, chunk_size=8, concurrency=2), 16)
        last = await sms.run(one, journal=journal, chunk_size=8)
    assert (last.rows, last.accepted, last.complete) == (100, 100, True)
    assert set(texts_of(sandbox).values()) == {1}


async def test_resume_without_a_source_sends_what_was_read(sandbox, service, journal):
    """`resume` needs the journal alone: text, options and recipients are in it; the source stays incomplete."""
    rows = people(1000)
    async with service() as sms:
        first = await stop_after(sms.stream(campaign(rows), journal=journal, chunk_size=10, concurrency=2), 50)
    assert first.pending
    async with service() as sms:
        run = await sms.resume(journal)
        async for _ in run:
            pass
    assert (run.result.accepted, run.result.pending, run.result.complete) == (first.rows, 0, False)
    texts = {message["phone"]: message["text"] for message in sandbox.all_messages()}
    assert len(texts) == first.rows
    assert texts["33610000007"] == "Bonjour N10000007. STOP au 36180"


async def test_top_up_and_resume_texts_everybody_once(sandbox, service, journal):
    """104, a top-up, the same call again: everybody once, under new keys for what the gateway had refused."""
    sandbox.set_credits("demo", 15 * 60)
    async with service() as sms:
        with pytest.raises(CampaignStopped) as stopped:
            await sms.run(campaign(people(100)), journal=journal, chunk_size=10, concurrency=3)
    assert isinstance(stopped.value.reason, InsufficientCredit)
    assert stopped.value.result.accepted == 60
    sandbox.top_up("demo", 1_000_000)
    async with service() as sms:
        last = await sms.run(campaign(people(100)), journal=journal, chunk_size=10, concurrency=3)
    assert (last.accepted, last.rows) == (100, 100)
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (100, {1})


async def test_two_runs_of_one_name_at_once_share_the_work(sandbox, service, journal):
    """Two services that run one name at once text everybody once; each ends knowing how all of it ended."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    async with service() as one, service() as other:
        first, second = await asyncio.gather(
            one.run(campaign(people(300)), journal=journal, chunk_size=5, concurrency=3),
            other.run(campaign(people(300)), journal=journal, chunk_size=5, concurrency=3),
        )
    assert (first.rows, first.accepted, second.rows) == (300, 300, 300)
    assert second.accepted == 300
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (300, {1})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"text": "Bonsoir #param_1#. STOP au 36180"}, "text"),
        ({"sender": "MAGASIN"}, "another sender;"),
        ({"wants_replies": True}, "wants_replies"),
        ({"send_at": datetime(2027, 7, 14, 10, tzinfo=UTC)}, "send_at"),
    ],
)
async def test_changed_campaign_is_refused(sandbox, service, journal, change, word):
    """Another text or option under the same name is refused before anything is sent, saying what differs."""
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=journal)
        with pytest.raises(CampaignChanged, match=word):
            await sms.run(campaign(people(9), **change), journal=journal)
    assert sandbox.stats()["messages"] == 3


async def test_another_account_is_refused(sandbox, service, journal):
    """A campaign is continued only with the account that began it: no other knows its keys."""
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=journal)
    async with SmsService(RestBackend("other", "k", base_url=sandbox.http_url)) as sms:
        with pytest.raises(CampaignChanged, match="account"):
            await sms.run(campaign(people(9)), journal=journal)


async def test_one_object_does_not_change_its_journal(service, tmp_path):
    """An object that was begun with one journal is refused with another, which would not know whom it texted."""
    one = campaign(people(3))
    async with service() as sms:
        await sms.run(one, journal=tmp_path / "one.db")
        with pytest.raises(InvalidRequest, match="another journal"):
            await sms.run(one, journal=tmp_path / "two.db")
        with pytest.raises(InvalidRequest, match="another journal"):
            await sms.run(one)


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [True, False])
async def test_chunk_of_a_dead_process_is_taken_over_when_its_lease_ends(sandbox, service, journal, keyed):
    """After its lease a chunk in flight is replayed with its key, or unknown without one; never before."""
    hand = Hand(journal, sandbox, keyed=keyed)
    claim = await hand.claimed(people(4))
    await hand.send(claim)  # it was taken, and the process dies before it hears of it
    await hand.die()
    async with Journal(journal, clock=hand.clock) as opened:
        assert [chunk.leased for chunk in await opened.chunks(state=ChunkState.IN_FLIGHT)] == [True]
        with pytest.raises(InvalidRequest, match="still holds"):
            await opened.resolve("resend", [1])
    hand.clock.jump(LEASE_SECONDS - 10)  # whoever waits looks again every moment
    async with service(keyed=keyed, clock=hand.clock) as sms:
        last = await sms.run(campaign(people(4)), journal=journal)
    assert (last.accepted, last.unknown) == ((4, 0) if keyed else (0, 4))
    assert hand.clock.slept >= 9
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (4, {1})


async def test_operator_decides_about_unknown_chunks(sandbox, service, journal):
    """An unknown chunk is resent under a new key, or marked as sent, only by the operator's word; both are recorded."""
    hand = Hand(journal, sandbox, keyed=False)
    for start in (0, 4):
        await hand.lose(await hand.claimed(people(4, start)))
    await hand.die()
    async with Journal(journal, clock=hand.clock) as opened:
        assert [(chunk.seq, chunk.rows) for chunk in await opened.chunks()] == [(1, 4), (2, 4)]
        with pytest.raises(InvalidRequest, match="no request 9"):
            await opened.resolve("mark_sent", [1, 9])
        assert len(await opened.chunks()) == 2  # all or none
        assert await opened.resolve("mark_sent", [1]) == 4
        with pytest.raises(InvalidRequest, match="not unknown"):
            await opened.resolve("resend", [1])
        assert await opened.resolve("resend", [2]) == 4
        assert (await opened.campaign()).result.accepted == 4
    async with service(keyed=False, clock=hand.clock) as sms:
        last = await sms.run(campaign(people(8)), journal=journal)
    assert (last.accepted, last.unknown) == (8, 0)
    assert sorted(texts_of(sandbox)) == [f"336{number:08d}" for number in range(10_000_004, 10_000_008)]


async def test_late_answer_of_a_process_that_lost_its_lease_is_taken(sandbox, journal):
    """A process that hears of its chunk after another made it unknown still records what became of it."""
    hand = Hand(journal, sandbox, keyed=False)
    claim = await hand.claimed(people(4))
    receipt = await hand.send(claim)
    hand.clock.jump(1000)
    other = Hand(journal, sandbox, keyed=False, clock=hand.clock)
    await other.open()
    assert await other.sink.resume(replayable_since=None) == []
    assert other.sink.totals().unknown == 4
    assert not await hand.sink.hold(claim)
    await hand.answered(claim, receipt)
    assert hand.sink.totals().accepted == 4
    await hand.die()
    await other.die()


async def test_late_answer_changes_nothing_that_is_over(sandbox, journal):
    """What an operator marked as sent stays so, whatever a slow process says later."""
    hand = Hand(journal, sandbox, keyed=False)
    claim = await hand.claimed(people(4))
    hand.clock.jump(1000)
    async with Journal(journal, clock=hand.clock) as opened:
        assert await opened.resolve("mark_sent", [1]) == 4
    await hand.lose(claim)
    assert (hand.sink.totals().accepted, hand.sink.totals().unknown) == (4, 0)
    await hand.die()


async def test_replayed_answer_is_paid_once(sandbox, service, journal):
    """Answers that are lost and asked for again count once in the cost, over all runs."""
    sandbox.faults([{"fault": "reset_after", "times": 4}])
    async with service() as sms:
        await stop_after(sms.stream(campaign(people(60)), journal=journal, chunk_size=10, concurrency=2), 10)
    async with service() as sms:
        last = await sms.run(campaign(people(60)), journal=journal, chunk_size=10)
    assert last.accepted == 60
    assert last.cost == Decimal("0.045") * 60
    assert last.parts == 60
