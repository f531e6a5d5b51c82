"""What events say of texts and of opt-outs is the same in whatever order, groups and repetitions they come."""

import asyncio
import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from allmysms_async.journal import event_schema as schema
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.event_record import EventRecord
from allmysms_async.model import DeliveryStatus, OptOut, Reason
from allmysms_async.model.event import identity, rank, supersedes

from .events import StillClock, after, listed, phone_of, reply, report

# As many as somebody who works on it waits for; .ci/run has 50.
EXAMPLES = int(os.environ.get("JOURNAL_EXAMPLES", "10"))

STATES = ("pending", "handed_to_operator", "delivered", "undelivered", "unknown", "opted_out", "unknown_number")
WORDS = ("STOP", "Stop !", "START", "Merci", "stopper", "  start  ")

people = st.integers(1, 3)
moments = st.integers(0, 4)
reports = st.builds(
    report,
    people,
    st.sampled_from(STATES),
    moments,
    campaign=st.sampled_from(["c1", "c2", None]),
    sms_id=st.sampled_from([None, "s1", "s2"]),
)
undated = st.builds(report, people, st.sampled_from(STATES[:5]), st.none())
replies = st.builds(reply, people, st.sampled_from(WORDS), moments, campaign=st.sampled_from(["c1", None]))
some_events = st.lists(st.one_of(reports, undated, replies), max_size=25)


async def tables_after(where, groups):
    """Store groups in an emptied journal; return what its tables say afterwards."""
    async with EventJournal(where, StillClock()) as events:

        def empty(connection):
            for table in (schema.event, schema.delivery, schema.opt_out):
                connection.execute(sa.delete(table))

        await events._database.write(empty)
        for group in groups:
            await events.store(group)

        def read(connection):
            states = connection.execute(sa.select(schema.delivery)).all()
            opt_outs = connection.execute(sa.select(schema.opt_out)).all()
            names = connection.execute(sa.select(schema.event.c.identity)).scalars()
            return [sorted(map(repr, rows)) for rows in (states, opt_outs, map(bytes, names))]

        found = await events._database.read(read)
        states = {(each.campaign_id, each.phone): each.status async for each in events.delivery_states(["c1", "c2"])}
        stopped = set(await events.opted_out_numbers())
        assert stopped == {int(each.phone) async for each in events.opt_outs()}
        return found, states, stopped


def expected(events):
    """Return the states of texts and the numbers that opted out, by the plain rules, one event after the other."""
    states, stops, starts = {}, {}, {}
    for event in events:
        if hasattr(event, "status"):
            key = (event.campaign_id, event.phone)
            if event.campaign_id and (key not in states or _replaces(event, states[key])):
                states[key] = event
            if event.status is DeliveryStatus.OPTED_OUT:
                stops[event.phone] = max(event.received_at, stops.get(event.phone, event.received_at))
        elif event.text.strip(" !").upper() in {"STOP", "START"}:
            times = stops if event.text.strip(" !").upper() == "STOP" else starts
            times[event.phone] = max(event.received_at, times.get(event.phone, event.received_at))
    stopped = {int(phone) for phone, at in stops.items() if phone not in starts or at >= starts[phone]}
    return {key: event.status for key, event in states.items()}, stopped


def _replaces(new, old):
    """Tell whether a state replaces another one; where either would, the same one always stays."""
    if supersedes(new, old) and supersedes(old, new):
        return identity(new) > identity(old)
    return supersedes(new, old)


def check(where, data, events):
    """Compare two orders and groupings of the same events with each other and with the plain rules."""
    again = data.draw(
        st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=5))] if events else [])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(again)), max_size=4)))
    groups = [again[start:end] for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]

    async def both():
        return await tables_after(where, [events]), await tables_after(where, groups)

    first, second = asyncio.run(both())
    assert first == second
    assert first[1:] == expected(events)


@settings(max_examples=3 * EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), events=some_events)
def test_order_and_grouping_change_nothing(tmp_path, data, events):
    """Any interleaving, repetition and grouping of the same events gives the same tables, and what the rules say."""
    check(tmp_path / "journal.db", data, events)


@pytest.mark.slow
def test_order_and_grouping_change_nothing_on_postgresql(postgres):
    """PostgreSQL comes to the same."""
    where = postgres.create("event_states")

    @settings(max_examples=EXAMPLES, phases=(Phase.generate,))
    @given(data=st.data(), events=some_events)
    def holds(data, events):
        check(where, data, events)

    holds()


@given(st.sampled_from(list(DeliveryStatus)), st.sampled_from(list(DeliveryStatus)))
def test_rank_is_what_supersedes_goes_by(new, old):
    """What is stored beside a state to compare it by agrees with the rule."""
    if rank(new) != rank(old):
        assert supersedes(report(1, new, None), report(1, old, 5)) == (rank(new) > rank(old))


@pytest.fixture
def clock():
    """A clock that stands still."""
    return StillClock()


@pytest.fixture
async def events(journal, clock):
    """A journal of what comes back."""
    async with EventJournal(journal, clock) as opened:
        yield opened


async def test_report_counts_each_text_once(events):
    """Counts, states and hours are those of texts, by sends, not of reports."""
    await events.store([report(person, "pending", 10) for person in range(5)])
    await events.store([report(person, at=3600 * person + 20) for person in range(3)])
    await events.store([report(9, "undelivered", 7250, campaign="c2"), report(8, "unknown", None)])
    assert await events.deliveries(["c1"]) == {"delivered": 3, "pending": 2, "unknown": 1}
    assert await events.deliveries(["c2", "c2"]) == {"undelivered": 1}
    assert sum((await events.deliveries()).values()) == 7
    assert await events.deliveries([]) == {}
    assert await events.deliveries([f"c{number}" for number in range(70_000)]) == await events.deliveries()
    assert await events.over_time(["c1"]) == {
        after(0): {"delivered": 1, "pending": 2},
        after(3600): {"delivered": 1},
        after(7200): {"delivered": 1},
    }
    states = await listed(events.delivery_states(["c1"]))
    assert [each.phone for each in states] == [phone_of(person) for person in (0, 1, 2, 3, 4, 8)]
    assert (states[0].status, states[0].at, states[0].campaign_id) == (DeliveryStatus.DELIVERED, after(20), "c1")
    assert states[-1].at is None
    assert phone_of(0) not in repr(states[0])


async def test_long_lists_come_in_pages(events, monkeypatch):
    """Whatever there is of states, replies and opt-outs is listed whole and in order, some at a time."""
    monkeypatch.setattr("allmysms_async.journal.event_query._PAGE", 7)
    await events.store([report(person, campaign=f"c{person % 3}") for person in range(40)])
    await events.store([reply(person, "STOP", person // 2) for person in range(80)])
    states = await listed(events.delivery_states())
    assert [(each.campaign_id, each.phone) for each in states] == sorted((f"c{p % 3}", phone_of(p)) for p in range(40))
    assert [each.received_at for each in await listed(events.replies(["c1"]))] == [after(p // 2) for p in range(80)]
    assert [each.phone for each in await listed(events.opt_outs())] == [phone_of(person) for person in range(80)]
    assert list(await events.opted_out_numbers()) == [int(phone_of(person)) for person in range(80)]
    assert await events.reply_count(["c1", "c9"]) == 80
    assert await events.reply_count(["c9"]) == 0


async def test_replies_come_in_the_order_of_their_dates(events, clock):
    """Whatever order they were stored in; one without a date stands where it was stored."""
    await events.store([reply(1, "b", 5), reply(2, "c", None), reply(3, "a", -5)])
    clock.jump(10)
    await events.store([reply(4, "d", None), reply(5, "late", -9, campaign=None)])
    assert [each.text for each in await listed(events.replies())] == ["late", "a", "b", "c", "d"]
    assert [each.text for each in await listed(events.replies(["c1"]))] == ["a", "b", "c", "d"]


async def test_stop_and_start_count_by_their_dates(events):
    """A START ends an opt-out, and a STOP that is older than it and comes later does not bring it back."""
    await events.store([reply(1, "START", 20)])
    await events.store([reply(1, "STOP", 10)])
    assert await listed(events.opt_outs()) == []
    [ended] = await listed(events.opt_outs(active=False))
    assert (ended.phone, ended.since, ended.ended_at, ended.source) == (phone_of(1), after(10), after(20), "reply")
    await events.store([report(1, "opted_out", 30)])
    [found] = await listed(events.opt_outs())
    assert found == OptOut(phone=phone_of(1), since=after(30), source="report")
    await events.store([reply(2, "START", 1)])  # who never opted out
    assert len(await listed(events.opt_outs(active=False))) == 1


async def test_clock_that_is_ahead_does_not_outlast_what_people_say_later(events, clock):
    """A START, or a STOP, that is dated in the future counts from when it came."""
    future = 1e9
    await events.store([reply(1, "START", future), reply(2, "STOP", future), report(3, "opted_out", future)])
    clock.jump(5)
    await events.store([reply(1, "STOP", 3605), reply(2, "START", 3605), reply(3, "START", 3605)])
    [found] = await listed(events.opt_outs())
    assert (found.phone, found.since) == (phone_of(1), after(3605))


async def test_stop_in_the_hour_that_clocks_show_twice_holds(events, clock):
    """Where a date may mean two moments, a STOP means the later one: nobody is texted by mistake."""
    night = datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:00 in Paris, and again an hour later

    def said(person, text, minute):
        return msgspec.structs.replace(reply(person, text), received_at=night + timedelta(minutes=minute))

    # 02:50 START, then 02:10 STOP, after the clocks went back; both are read as before that.
    await events.store([said(1, "START", 50), said(1, "STOP", 10)])
    # 01:50 STOP, 03:10 START: no hour is shown twice.
    await events.store([said(2, "STOP", -10), said(2, "START", 130)])
    assert [found.phone for found in await listed(events.opt_outs())] == [phone_of(1)]


async def test_stop_without_a_date_counts_from_when_it_came(events, clock):
    """It ends by a later START, and the same event once more does not bring it back."""
    await events.store([reply(1, "STOP", None)])
    [found] = await listed(events.opt_outs())
    assert found.since == clock.now()
    clock.jump(5)
    await events.store([reply(1, "START", None)])
    clock.jump(5)
    await events.store([reply(1, "STOP", None), reply(1, "STOP", None)])
    assert await listed(events.opt_outs()) == []


async def test_lists_from_elsewhere_and_removals_take_effect(events, clock, monkeypatch):
    """Opt-outs are added with their date and source, or from now on; what people end is ended, whatever its date."""
    monkeypatch.setattr("allmysms_async.journal.event_journal._PAGE", 4)
    given = [OptOut(phone=phone_of(person), source="import") for person in range(9)]
    given += [OptOut(phone=phone_of(9), source="manual", since=after(10**6), reason=Reason.MANUAL_BLACKLIST)]
    given += [OptOut(phone=phone_of(10), since=after(1), ended_at=after(2), source="gateway")]
    assert await events.add_opt_outs(given) == 11

    async def later():
        yield given[0]

    assert await events.add_opt_outs(later()) == 1
    assert await events.add_opt_outs(()) == 0
    assert Counter(each.source for each in await listed(events.opt_outs())) == {"import": 9, "manual": 1}
    await events.end_opt_outs([phone_of(person) for person in range(3, 12)])
    assert sorted(await events.opted_out_numbers()) == [int(phone_of(person)) for person in range(3)]
    clock.jump(1)
    await events.add_opt_outs(given[4:5])
    assert int(phone_of(4)) in await events.opted_out_numbers()
    await events.end_opt_outs([phone_of(4)], clock.now() + timedelta(seconds=1))
    assert int(phone_of(4)) not in await events.opted_out_numbers()


async def test_opt_outs_are_counted_and_looked_up_one_by_one(events):
    """By what told of them and why, those in force and those that ended; a START alone is no opt-out."""
    assert (await events.opt_out_counts(), await events.opt_out_of(phone_of(0))) == ({}, None)
    await events.store([reply(person, "STOP", 10) for person in range(3)])
    await events.store([reply(0, "START", 20), reply(7, "START", 20), report(8, "opted_out", 30)])
    await events.add_opt_outs([OptOut(phone=phone_of(9), source="import", reason=Reason.UNASSIGNED)])
    stop = Reason.OPTED_OUT
    assert await events.opt_out_counts() == {
        ("import", Reason.UNASSIGNED): 1,
        ("reply", stop): 2,
        ("report", stop): 1,
    }
    assert await events.opt_out_counts(active=False) == {("reply", stop): 1}
    every = await listed(events.opt_outs(active=False))
    assert [await events.opt_out_of(each.phone) for each in every] == every
    assert (await events.opt_out_of(phone_of(0))).ended_at == after(20)
    assert await events.opt_out_of(phone_of(7)) is None


async def test_number_that_is_none_is_no_reason_to_fail(events, journal):
    """An opt-out of a number that is none is kept, and is not among the figures."""
    await events.store([reply(1, "STOP").__class__(phone="36180 ?", text="STOP")])
    assert list(await events.opted_out_numbers()) == []
    async with EventRecord(journal) as record:
        assert [each.phone for each in await listed(record.opt_outs())] == ["36180 ?"]
