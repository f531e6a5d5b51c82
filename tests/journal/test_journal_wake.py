"""A process that waits for others is woken by what they record; a hint that is lost costs time and nothing else."""

import asyncio
from collections import Counter

import pytest
from pyroaring import BitMap64

from allmysms_async.journal import JournalSink
from allmysms_async.journal.database import Database

from .conftest import Hand, JumpingClock, people

_WRITTEN = "update allmysms_journal set version = version + 1"


class Standing(JumpingClock):
    """A clock that only lets those go on who wait for an instant: no look from time to time ever comes."""

    async def sleep(self, seconds):
        """Wait, for ever if it is not for an instant."""
        await asyncio.sleep(0.001)
        if seconds > 0.3:
            await asyncio.Event().wait()


def texts_of(sandbox):
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


async def planned(hand, recipients):
    """Let a process plan a chunk, and not send it: the first one before anybody else can take it."""
    if hand._planner is None:
        claim = await hand.claimed(recipients)
        await hand.sink.release(claim.chunk, new_key=False)
        return
    for row, recipient in enumerate(recipients, len(hand.sink.accounted) + 1):
        hand._planner.add(row, recipient)
    (chunk,) = hand._planner.flush()
    await hand.sink.add(chunk)


async def left(hand):
    """Let a process end."""
    await hand.sink.close()
    await hand.backend.aclose()


@pytest.fixture
def planner(journal, sandbox):
    """A process that reads the source from the moment when it plans the first chunk."""
    return Hand(journal, sandbox, keyed=True)


async def listening(sandbox, journal, until):
    """Return a process that hears what is rung from now on."""
    hand = Hand(journal, sandbox, keyed=True)
    await hand.open()
    if "://" in journal:
        await until(lambda: hand.sink._database._held._bell._connection is not None)
    await hand.sink.stirred()  # to begin with it is as if something had been recorded
    return hand


async def test_process_that_waits_is_woken_and_finds_what_was_planned(sandbox, journal, planner, until):
    """Whoever waits is told of a chunk that another process records, and finds it by a quick look."""
    other = await listening(sandbox, journal, until)
    woken = asyncio.create_task(other.sink.stirred())
    await planned(planner, people(3))
    await woken
    (found,) = await other.sink.spare(8, BitMap64())
    assert [each.phone for each in found.recipients] == ["33610000000", "33610000001", "33610000002"]
    assert await other.sink.spare(8, BitMap64([found.seq])) == []
    await left(planner)
    await left(other)


async def test_last_chunks_are_taken_first(sandbox, journal, planner):
    """A process takes those chunks of another one that this one would send last, as many as it has room for."""
    for start in range(4):
        await planned(planner, people(1, start))
    other = Hand(journal, sandbox, keyed=True)
    await other.open()
    assert [chunk.seq for chunk in await other.sink.spare(2, BitMap64())] == [3, 4]
    assert [chunk.seq for chunk in await other.sink.spare(2, BitMap64([2, 4]))] == [1, 3]
    claim = await planner.sink.claim((await other.sink.spare(1, BitMap64()))[0], planner.clock.now().timestamp())
    assert claim is not None
    assert list(await other.sink.still_waits([1, 2, 4])) == [1, 2]
    await left(planner)
    await left(other)


async def test_look_for_chunks_reads_pages_whatever_was_sent_before(sandbox, journal, planner, monkeypatch):
    """However many chunks a process knows, each question is for a page, and what lies behind known ones is found."""
    monkeypatch.setattr("allmysms_async.journal.standing.PAGE", 2)
    for start in range(7):
        await planned(planner, people(1, start))
    other = Hand(journal, sandbox, keyed=True)
    await other.open()
    asked, original = [], other.sink._rows

    async def rows(statement, values):
        found = await original(statement, values)
        asked.append((values.get("p_limit"), len(found)))
        return found

    monkeypatch.setattr(other.sink, "_rows", rows)
    known = BitMap64(range(4, 5000))
    assert [chunk.seq for chunk in await other.sink.spare(2, known)] == [2, 3]
    assert asked == [(2, 2), (2, 2), (2, 2), (None, 2)]
    assert await other.sink.spare(2, BitMap64(range(1, 5000))) == []
    assert await other.sink.spare(0, BitMap64()) == []
    await left(planner)
    await left(other)


async def sent_as_planned(sandbox, sms, journal, planner, until, later):
    """Run what another process plans: two people, then so many chunks of two more, each once the last was sent.

    The planner then ends. Return the run.
    """
    await planned(planner, people(2))
    run = await sms.resume(journal)

    async def follow():
        async for _ in run:
            pass

    following = asyncio.create_task(follow())
    await until(lambda: len(texts_of(sandbox)) == 2)
    for number in range(1, later + 1):
        await planned(planner, people(2, 10 * number))
        await until(lambda count=2 * number + 2: len(texts_of(sandbox)) == count)
    await planner.sink.finish_source()
    await left(planner)
    await following
    assert set(texts_of(sandbox).values()) == {1}
    return run


async def test_run_sends_what_another_process_plans_without_looking_from_time_to_time(
    sandbox, service, journal, planner, until
):
    """A run that waits for another process sends each chunk as it is planned, and ends as soon as that one does."""
    async with service(clock=Standing()) as sms:
        run = await sent_as_planned(sandbox, sms, journal, planner, until, later=3)
    assert (run.result.accepted, run.result.pending, run.result.complete) == (8, 0, True)


async def test_lost_notifications_cost_time_and_nothing_else(sandbox, service, journal, planner, until, monkeypatch):
    """Where nobody is ever told, a run finds what others planned by looking from time to time."""

    async def never(_):
        await asyncio.Event().wait()

    monkeypatch.setattr(JournalSink, "stirred", never)
    async with service(clock=JumpingClock()) as sms:
        run = await sent_as_planned(sandbox, sms, journal, planner, until, later=1)
    assert (run.result.accepted, run.result.pending) == (4, 0)


async def test_file_is_looked_at_less_and_less_often_until_it_changes(tmp_path):
    """On SQLite whoever waits looks soon after something was written, and ever later while nothing is."""
    path = tmp_path / "journal.db"
    one, other = Database(path), Database(path)
    await one.open(create=True)
    await other.open(create=True)
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 7:
            await one.write(lambda connection: connection.exec_driver_sql(_WRITTEN))

    await other.rung(sleep)
    await other.rung(sleep)
    assert slept == [0.02, 0.02, 0.04, 0.08, 0.16, 0.2, 0.2]
    await one.write(lambda connection: connection.exec_driver_sql(_WRITTEN))
    await other.rung(sleep)
    assert slept[7:] == [0.02]
    await one.close()
    await other.close()
