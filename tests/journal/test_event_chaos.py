"""No event lost that was stored, none handled in parallel for one number, whenever a receiving process is killed."""

import asyncio
import os
import random
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest

from allmysms_async.journal.event_journal import EventJournal
from tests.process import Forked, nursery

from .conftest import Life
from .events import StillClock, reply, report

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORKER = Path(__file__).with_name("event_worker.py")
KILLS = int(os.environ.get("CHAOS_KILLS", "4"))


@pytest.fixture
async def receiver(tmp_path, journal):
    """Start a process that stores and handles events; whatever is left of them at the end is killed."""
    started: list[Forked] = []
    folder = tmp_path / "handled"
    folder.mkdir()

    async def start(name: str, count: int = 10_000, **options) -> Life:
        task = {"journal": journal, "folder": str(folder), "name": name, "count": count} | options
        process = await nursery().fork(WORKER, task)
        started.append(process)
        return Life(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def killed(life: Life) -> None:
    """Kill a process, and read what it still said."""
    life.process.kill()
    while True:
        try:
            if await life.line() is None:
                break
        except msgspec.DecodeError:  # a line that was cut off
            continue
    await life.process.wait()


def stored_by(lives) -> list[str]:
    """Return what was said to be stored."""
    return [code for life in lives for line in life.lines for code in line.get("stored", ())]


async def judged(tmp_path, journal, lives) -> Counter:
    """Check what was handled against what was stored; return how often each event was handled."""
    folder = tmp_path / "handled"
    assert not (folder / "parallel").exists(), (folder / "parallel").read_text(encoding="utf-8")
    lines = [line.split() for line in (folder / "handled").read_text(encoding="utf-8").splitlines()]
    times = Counter(code for _, _, code in lines)
    stored = stored_by(lives)
    assert len(stored) > 50, "no process lived long enough to store anything: the test proved nothing"
    assert set(stored) <= set(times)
    orders: dict[str, list[int]] = defaultdict(list)
    for phone, number, _ in lines:
        if int(number) not in orders[phone]:
            orders[phone].append(int(number))
    assert all(order == sorted(order) for order in orders.values())
    async with EventJournal(journal) as events:
        assert await events.waiting() == 0
    return times


async def test_killed_again_and_again_nothing_is_lost_and_no_number_handled_twice_at_once(tmp_path, journal, receiver):
    """Two processes that share a journal are killed in mid-stream, and between them handle all that was stored."""
    rng, lives = random.Random(20270401), []
    running = [await receiver("0"), await receiver("1")]
    lives += running
    for life in running:
        await life.line()
    for kill in range(KILLS):
        for _ in range(rng.randint(1, 30)):
            await running[kill % 2].line()
        await asyncio.sleep(rng.uniform(0, 0.05))
        await killed(running[kill % 2])
        running[kill % 2] = await receiver(str(2 + kill))
        lives.append(running[kill % 2])
        await running[kill % 2].line()
    for life in running:
        await killed(life)
    last = await receiver("last", 0, until_empty=True)
    assert await last.end() == {"end": True}
    times = await judged(tmp_path, journal, lives)
    # Only what was being handled when its process ended may be handled again: of two processes at most so much at once.
    assert sum(times.values()) - len(times) <= 12 * (KILLS + 2)


async def test_two_processes_share_the_work_and_handle_each_event_once(tmp_path, journal, receiver):
    """Undisturbed, nothing is handled twice, whichever process stored it."""
    lives = [await receiver(str(number), 150, until_empty=True) for number in range(2)]
    assert [await life.end() for life in lives] == [{"end": True}] * 2
    times = await judged(tmp_path, journal, lives)
    assert set(times.values()) == {1}


@pytest.mark.parametrize("journal", ["postgresql"], indirect=True)
async def test_lost_session_ends_the_handling_of_its_lanes(journal, until):
    """When the server ends the session that holds the lanes, others get them, and this process asks for them anew."""
    async with EventJournal(journal) as one, EventJournal(journal) as two:
        await one.store([report(person) for person in range(40)])
        kept = await one.take(40, ())
        assert (len(kept), await two.take(40, ())) == (40, [])
        assert all(map(one.holds, kept))
        connection = one._hand._connection
        other = await two._database.session()
        await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
        await other.close()
        await until(connection.is_closed)
        assert not any(map(one.holds, kept))  # nothing that was not begun is begun with
        assert len(await one.take(40, {each.event.phone for each in kept})) == 0
        assert all(map(one.holds, kept))
        assert await two.take(40, ()) == []  # what is being handled is the first one's again
        connection = one._hand._connection
        other = await two._database.session()
        await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
        await other.close()
        await until(connection.is_closed)
        got = {each.event.phone for each in await two.take(25, ())}
        assert len(got) == 25
        # It is told: of what the other one handles now it gets nothing more, though it says that none is busy.
        again = {each.event.phone for each in await one.take(40, ())}
        assert not got & again
        assert not any(one.holds(each) for each in kept if each.event.phone in got)
        await one.done(kept)
        assert await two.waiting() == 0


@pytest.mark.parametrize("journal", ["postgresql"], indirect=True)
async def test_lanes_without_work_are_free_for_others(journal):
    """A process keeps no lane that it handles nothing of: whatever comes next there is anybody's."""
    async with EventJournal(journal) as one, EventJournal(journal) as two:
        await one.store([report(person) for person in range(200)])
        first, second = await one.take(20, ()), await two.take(20, ())
        assert (len(first), len(second)) == (20, 20)
        assert not {each.event.phone for each in first} & {each.event.phone for each in second}
        await one.done(first)
        await two.done(second)
        rest = await two.take(200, ())
        assert len(rest) < 160  # the first one's lanes are its own until it looks again
        await two.done(rest)
        while rest := await one.take(200, ()):
            await one.done(rest)
        await one.store([report(person, at=1) for person in range(200)])
        assert len(await two.take(200, ())) == 200


async def test_file_is_handled_by_one_process_until_it_ends(tmp_path):
    """Of a file one handles; the others store, look again at growing intervals, and go on once it has ended."""
    path, clock = tmp_path / "journal.db", StillClock()
    async with EventJournal(path) as one:
        two = EventJournal(path, clock)
        await two.open()
        await two.store([report(person) for person in range(5)])
        assert (len(await one.take(2, ())), await two.take(5, ())) == (2, [])
        assert await two.store([report(9)]) == 1
    assert await two.take(9, ()) == []  # it is not time to look again
    clock.jump(0.05)
    assert len(await two.take(9, ())) == 6
    # Whose files are removed handles only if nobody else took it meanwhile.
    for found in tmp_path.glob("*-lock"):
        found.unlink()
    async with EventJournal(path) as three:
        assert len(await three.take(9, ())) == 6
        assert await two.take(9, ()) == []
    await two.aclose()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["journal.db"]


async def test_each_kind_of_a_file_is_handled_by_one_process(tmp_path):
    """Who handles reports keeps nobody from handling replies; who handles all waits until both have ended."""
    path, clock = tmp_path / "journal.db", StillClock()
    async with EventJournal(path, clock, kind="report") as reports:
        await reports.store([report(1), reply(1)])
        assert len(await reports.take(9, ())) == 1
        everything = EventJournal(path, clock)
        await everything.open()
        async with EventJournal(path, clock, kind="reply") as replies:
            assert len(await replies.take(9, ())) == 1
            assert await everything.take(9, ()) == []
        clock.jump(1)
        assert await everything.take(9, ()) == []
    clock.jump(1)
    assert len(await everything.take(9, ())) == 1  # one of a number
    await everything.aclose()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["journal.db"]
