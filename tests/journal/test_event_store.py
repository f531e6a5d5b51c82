"""What was stored is handed out until it is done: once, in order per number, at most one of a number at a time."""

import asyncio
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from allmysms_async.journal import Journal
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.event_record import EventRecord
from allmysms_async.journal.event_row import lane_of
from allmysms_async.model import DeliveryReport, DeliveryStatus
from allmysms_async.model.event import identity

from .conftest import campaign, people
from .events import START, StillClock, after, drained, listed, phone_of, reply, report, unknown


@pytest.fixture
def clock():
    """A clock that stands still."""
    return StillClock()


@pytest.fixture
async def events(journal, clock):
    """A journal of what comes back."""
    async with EventJournal(journal, clock) as opened:
        yield opened


async def test_same_event_is_one(events):
    """However often and by whatever way an event comes, it is stored once and handled once."""
    assert await events.store([report(), report(), reply(), unknown(a="1")]) == 3
    assert await events.store([unknown(a="1"), reply(), report(2)]) == 1
    assert await events.waiting() == 4
    handled = await drained(events)
    assert len(handled) == 4
    assert set(map(repr, handled)) == set(map(repr, [report(), reply(), unknown(a="1"), report(2)]))
    assert await events.waiting() == 0
    assert await events.store([report(), reply(), unknown(a="1")]) == 0
    assert await drained(events) == []


async def test_event_comes_back_as_it_was_stored(events):
    """Every field of an event is there again, with the same moments, and its raw fields."""
    stored = [report(1, "undelivered", 5.25, code="7", sms_id="s1"), reply(2, "Où ? 😀", None), unknown(x="é", y="")]
    await events.store(stored)
    assert await drained(events) == stored


async def test_numbers_events_are_handed_out_in_their_order_one_at_a_time(events):
    """Of each number the first stored comes first, and the next one only once that is done."""
    await events.store([report(1, "pending"), report(1), report(2), reply(1, at=9)])
    first = await events.take(10, ())
    assert [each.event for each in first] == [report(1, "pending"), report(2)]
    # They are being handled: the receiver says so.
    assert await events.take(10, {phone_of(1), phone_of(2)}) == []
    await events.done(first[:1])
    assert [each.event for each in await events.take(10, {phone_of(2)})] == [report(1)]


async def test_no_more_are_handed_out_than_are_wanted(events):
    """A receiver gets at most as many as it has room for, those that wait longest first."""
    await events.store([report(person) for person in range(30)])
    assert await events.take(0, ()) == []
    kept = await events.take(7, ())
    assert len(kept) == 7
    assert len(await events.take(40, {each.event.phone for each in kept})) == 23


async def test_event_that_was_put_off_waits_and_holds_up_its_number_alone(events, clock):
    """After a failed attempt an event, and whatever came after it from its number, waits; all others do not."""
    await events.store([report(1, "pending"), report(1), report(2)])
    [first, _] = await events.take(2, ())
    await events.retry(first, clock.now() + timedelta(seconds=30))
    await events.store([reply(1, at=50)])
    assert await drained(events) == [report(2)]
    clock.jump(29)
    assert await events.take(10, ()) == []
    clock.jump(1)
    [again] = await events.take(10, ())
    assert (again.id, again.event, again.attempts) == (first.id, report(1, "pending"), 1)
    await events.retry(again, clock.now())
    [again] = await events.take(10, ())
    assert again.attempts == 2
    await events.done([again])
    assert await drained(events) == [report(1), reply(1, at=50)]


async def test_neither_new_events_nor_those_put_off_keep_the_others_waiting(events, clock):
    """Whoever handles slowly gets of both kinds: neither a crowd of failures nor one of arrivals starves the rest."""
    of_one_lane = [report(person) for person in range(6000) if lane_of(phone_of(person)) == 7]
    await events.store(of_one_lane[:20])
    for each in await events.take(20, ()):
        await events.retry(each, clock.now())
    await events.store(of_one_lane[20:40])
    kept = await events.take(10, ())
    assert len([each for each in kept if each.attempts]) == 5


async def test_unknown_events_wait_for_nobody(events):
    """What names no number is handed out at once, and not again while it is said to be handled."""
    await events.store([unknown(n=str(number)) for number in range(5)])
    kept = await events.take(10, ())
    assert len(kept) == 5
    assert await events.take(10, [f"?{identity(each.event).hex()}" for each in kept]) == []
    await events.done(kept[1:])
    await events.retry(kept[0], START)
    assert [each.attempts for each in await events.take(10, ())] == [1]


async def test_what_was_not_done_is_handed_out_after_a_restart(journal, clock):
    """Whatever a receiver had not marked as done when it ended is handled by the next one; what was done is not."""
    async with EventJournal(journal, clock) as events:
        await events.store([report(person) for person in range(6)] + [unknown(a="1")])
        kept = await events.take(7, ())
        await events.done(kept[:3])
    async with EventJournal(journal, clock) as events:
        assert [each.id for each in await events.take(10, ())] == [each.id for each in kept[3:]]


async def test_number_whose_event_is_being_marked_is_not_handed_out(events):
    """Between two commits nobody gets an event that is just being marked as done."""
    await events.store([report(person) for person in range(10)])
    kept = await events.take(10, ())
    marking = asyncio.ensure_future(events.done(kept))
    await asyncio.sleep(0)
    assert await events.take(10, ()) == []
    await marking


@pytest.mark.parametrize("passes", [0, 1, 2, 5, 9])
async def test_whoever_gives_up_hinders_nobody(events, passes):
    """A call that is cancelled leaves a journal that goes on: nothing is lost, and nothing handed out twice."""
    await events.store([report(person) for person in range(10)])
    for call in (events.take(10, ()), events.store([report(20)])):
        task = asyncio.ensure_future(call)
        for _ in range(passes):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    kept = await events.take(20, ())
    assert len(kept) in {10, 11}
    marking = asyncio.ensure_future(events.done(kept))
    for _ in range(passes):
        await asyncio.sleep(0)
    marking.cancel()
    await asyncio.wait({marking})
    await events.store([report(20)])
    left = {each.event.phone for each in await events.take(20, ())}
    assert not passes or left <= {phone_of(20)}


async def test_many_receivers_tasks_store_at_once(events):
    """Groups that are stored at the same time are all stored, each event once."""
    groups = [[report(person, at=at) for person in range(40)] for at in range(10)]
    random.Random(5).shuffle(groups)
    ends = await asyncio.gather(*(events.store(group) for group in [*groups, *groups]))
    assert sum(ends) == 400
    order = defaultdict(list)
    for event in await drained(events, 25):
        order[event.phone].append(event.received_at)
    assert {len(times) for times in order.values()} == {10}


@pytest.mark.parametrize("text", ["\udc80 oui", "a\x00b", "\ud83d"])
async def test_texts_that_no_database_holds_are_kept_in_escapes(events, text):
    """Lone surrogates and NUL, wherever they come, are stored as escapes, and keep nothing else from being stored."""
    await events.store([reply(1, text), unknown(a=text), report(2, sms_id=text), report(3, campaign=text)])
    assert len(await drained(events)) == 4
    [found] = await listed(events.replies())
    assert found.text in {text, "\\udc80 oui", "\\ud83d"}


async def test_campaign_and_what_came_back_are_in_one_journal(sandbox, service, journal):
    """A campaign's journal takes events in, whichever was there first, and each reads the other's beside its own."""
    async with EventJournal(journal) as events:
        await events.store([report()])
        async with service() as sms:
            assert (await sms.run(campaign(people(10)), journal=journal)).accepted == 10
        await events.store([reply()])
        assert len(await drained(events)) == 2
    async with service() as sms:
        assert (await sms.run(campaign(people(10)), journal=journal)).accepted == 10
    async with Journal(journal) as opened, EventRecord(journal) as record:
        assert await opened.names() == ["soldes"]
        assert await record.reply_count() == 1
    assert sandbox.stats()["max_per_handset"] == 1


async def test_journal_without_events_answers_that_nothing_came_back(service, journal):
    """A journal of a library that knew no events is looked into without a change, and takes them in when they come."""
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=journal)
    async with EventRecord(journal) as record:
        assert (await record.deliveries(["c1"]), await record.over_time(), await record.waiting()) == ({}, {}, 0)
        assert (await record.reply_count(), await listed(record.replies())) == (0, [])
        assert (await listed(record.delivery_states()), await listed(record.opt_outs())) == ([], [])
        assert (list(await record.opted_out_numbers()), await record.watch_state("replies")) == ([], None)
        async with EventJournal(journal, create=False) as events:
            assert await events.take(5, ()) == []
            assert await events.store([reply()]) == 1
            assert len(await drained(events)) == 1
        assert await record.reply_count() == 1


async def test_watch_keeps_where_it_was(events, journal, clock):
    """Whoever asks from time to time finds what it kept, under its name, also later."""
    assert await events.watch_state("replies") is None
    for state in ("1", '{"since": 2}'):
        await events.keep_watch_state("replies", state)
    await events.keep_watch_state("reports", "3")
    async with EventRecord(journal) as record:
        assert await record.watch_state("replies") == '{"since": 2}'
        assert await record.watch_state("reports") == "3"


async def test_nothing_is_stored_by_storing_nothing(events):
    """An empty group costs nothing and changes nothing."""
    assert await events.store([]) == 0
    await events.done([])
    assert await events.waiting() == 0
    assert after(0) == START


async def test_groups_of_any_size_are_stored_as_one_by_one(tmp_path):
    """However many rows a statement has, what is there and what is new is the same."""
    async with EventJournal(tmp_path / "groups.db") as groups, EventJournal(tmp_path / "single.db") as single:
        first = 0
        for size in (1, 2, 3, 7, 127, 128, 129, 300):
            some = [report(person % 150) for person in range(first, first + size)]
            new = await groups.store([*some, some[0]])
            assert new == sum([await single.store([each]) for each in some])
            first += size // 2
        assert [each async for each in groups.delivery_states()] == [each async for each in single.delivery_states()]
        assert await groups.waiting() == await single.waiting() == 150


async def test_events_that_nobody_is_told_of_are_stored_as_handled(events, journal, clock):
    """They are never handed out, all else of their numbers is; what they say of texts and opt-outs holds all the same.

    On a server, where others may handle the same numbers, whoever takes them gets them.
    """
    some = [report(1), reply(1, "STOP"), reply(2), report(2), unknown(a="1"), report(1)]
    new, handled = await events.receive(some, lambda event: isinstance(event, DeliveryReport))
    assert new == 5
    left = await drained(events)
    others = [each for each in left if not isinstance(each, DeliveryReport)]
    assert len(others) == 3
    assert all(each in others for each in (some[1], some[2], some[4]))
    assert handled == 5 - len(left) == (0 if str(journal).startswith("postgresql") else 2)
    assert await events.receive(some, lambda _: True) == (0, 0)
    async with EventRecord(journal) as record:
        assert await record.deliveries() == {DeliveryStatus.DELIVERED: 2}
        assert list(await record.opted_out_numbers()) == [int(phone_of(1))]
        assert await record.waiting() == 0


async def test_events_that_nobody_here_is_told_of_are_left_to_whoever_handles(tmp_path, clock):
    """A process that does not handle a file marks nothing there as handled: another one's handlers are told."""
    path = tmp_path / "events.db"
    async with EventJournal(path, clock) as first, EventJournal(path, clock) as second:
        assert await first.take(5, ()) == []  # from now on it is the one that handles
        assert await second.receive([report(1), reply(1)], lambda _: True) == (2, 0)
        assert await drained(first) == [report(1), reply(1)]
    async with EventJournal(path, clock, kind="reply") as replies:
        assert await replies.receive([report(2), reply(2)], lambda _: True) == (2, 0)


async def test_event_that_is_stored_as_handled_does_not_end_one_that_waits(events):
    """What came before with handlers waits for them, though it comes again where nobody is told."""
    await events.store([report(1)])
    assert await events.receive([report(1)], lambda _: True) == (0, 0)
    assert await drained(events) == [report(1)]
