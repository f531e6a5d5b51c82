"""How a process leaves a journal: nobody waits for what it held, and nothing that it leaves misleads others."""

import re
import subprocess
import sys

import pytest

from allmysms_async import JournalError
from allmysms_async.journal import Journal
from allmysms_async.journal.lock import FileLock
from allmysms_async.journal.rescue import sweep
from allmysms_async.journal.sink import JournalSink

from .conftest import Hand, campaign, people
from .test_journal_holder import change, files_beside, rescued


async def ended(hand):
    """End what is led by hand, as a run does."""
    await hand.sink.close()
    await hand.backend.aclose()


async def test_what_a_process_still_holds_at_its_end_is_given_up(sandbox, journal):
    """A run that ends without knowing what became of a request leaves it unknown, and nobody waits for its lease."""
    one = Hand(journal, sandbox, keyed=True)
    await one.claimed(people(10))
    await one.sink.add((await one.claimed(people(10, 50))).chunk)
    await ended(one)
    result = one.sink.result("soldes")
    assert (result.rows, result.unknown, result.pending, result.in_flight) == (30, 20, 10, 0)
    assert result.problems == {"The journal failed before it was recorded what became of a request.": 2}
    other = Hand(journal, sandbox, keyed=True)
    await other.open()
    left = await other.sink.resume(replayable_since=0.0)
    assert [chunk.seq for chunk in left] == [1, 2, 3]
    assert await other.sink.elsewhere() is None
    assert other.sink.waiting_for is None
    await ended(other)


async def test_holder_that_cannot_leave_leaves_its_lock_as_proof(sandbox, tmp_path):
    """If even the end cannot be recorded, what it held is taken over once its process is gone, without a wait."""
    path = str(tmp_path / "soldes.db")
    first = Hand(path, sandbox, keyed=True)
    await first.open()
    await ended(first)
    await change(path, "create trigger stays before delete on holder begin select raise(abort, 'no'); end")
    one = Hand(path, sandbox, keyed=True)
    await one.claimed(people(10))
    with pytest.raises(JournalError):
        await one.sink.close()
    await one.backend.aclose()
    assert len(files_beside(path)) == 1
    await change(path, "drop trigger stays")
    assert await rescued(path) == 0, "its process still runs"
    await change(path, "update holder set boot = 'earlier', pid = 1, started = null")
    assert await rescued(path) == 1
    assert files_beside(path) == []


async def test_file_of_a_process_that_died_before_it_was_a_holder_is_removed(sandbox, tmp_path):
    """The next run sweeps it, and neither one that is locked nor one whose holder has a row."""
    path = str(tmp_path / "soldes.db")
    dead = Hand(path, sandbox, keyed=True)
    await dead.claimed(people(10))
    await dead.die()
    begins = FileLock.taken(path, "b" * 16)
    FileLock.taken(path, "a" * 16).abandon()
    assert len(files_beside(path)) == 3
    one = Hand(path, sandbox, keyed=True)
    await one.open()
    await sweep(one.sink._database)
    assert f"{path}.holder-{'a' * 16}" not in files_beside(path)
    assert len(files_beside(path)) == 3, "its own, the one that is locked, and the one whose holder has a row"
    FileLock.taken(path, "a" * 16).abandon()
    assert len(await one.sink.resume(replayable_since=0.0)) == 0
    assert f"{path}.holder-{'a' * 16}" not in files_beside(path)
    begins.release()
    await ended(one)


FORKS = """
import asyncio, os, sys
from allmysms_async.journal.database import Database

async def opened(path, create):
    database = Database(path)
    await database.open(create=create)
    return database

path, when = sys.argv[1:]
loop = asyncio.new_event_loop()
database = loop.run_until_complete(opened(path, True))
if when == "closed":
    loop.run_until_complete(database.close())
if not os.fork():
    for create in (True, False):
        try:
            other = asyncio.new_event_loop()
            other.run_until_complete(other.run_until_complete(opened(path, create)).close())
            print("opened", flush=True)
        except Exception as error:
            print(type(error).__name__, error, getattr(error, "remedy", ""), flush=True)
    os._exit(0)
os.wait()
loop.run_until_complete(loop.run_until_complete(opened(path, True)).close())
print("goes on", flush=True)
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("when", "refused"), [("open", True), ("closed", False)])
def test_forked_process_is_refused_a_journal_that_its_parent_has_open(tmp_path, when, refused):
    """SQLite would not lock it there, and lose what is recorded: nothing is sent, and what helps is said."""
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(tmp_path / "soldes.db"), when]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout.splitlines()
    words = r"JournalError The journal \S+ was open in the process .* nothing was sent\. Start the process by spawn"
    assert len(lines) == 3, lines
    assert all(re.match(words if refused else "opened$", line) for line in lines[:2]), lines
    assert lines[2] == "goes on"


async def test_what_another_process_gives_back_is_sent_before_a_run_ends(sandbox, service, tmp_path, monkeypatch):
    """A chunk that another process held just when this one wanted it, and no longer when it looked, is not left."""
    path = tmp_path / "soldes.db"
    other = Hand(path, sandbox, keyed=False)
    claim = await other.claimed(people(10))
    await other.sink.finish_source()
    await other.sink.release(claim.chunk, new_key=False)
    claimed, between = JournalSink.claim, []

    async def wanted_by_both(self, chunk, now, afford=None):
        if between:
            return await claimed(self, chunk, now, afford)
        between.append(await claimed(other.sink, chunk, now))
        mine = await claimed(self, chunk, now, afford)
        await other.sink.release(between[0].chunk, new_key=False)
        return mine

    monkeypatch.setattr(JournalSink, "claim", wanted_by_both)
    async with service(keyed=False, concurrency=1) as sms:
        result = await sms.run(campaign(people(10)), journal=path, chunk_size=10)
    assert between[0] is not None
    await ended(other)
    assert (result.accepted, result.pending, result.complete) == (10, 0, True)


async def test_claims_that_came_to_nothing_are_not_remembered(sandbox, tmp_path):
    """What others claimed first leaves nothing in the memory of a process."""
    path = tmp_path / "soldes.db"
    one, other = Hand(path, sandbox, keyed=False), Hand(path, sandbox, keyed=False)
    claim = await one.claimed(people(10))
    await other.open()
    assert await other.sink.claim(claim.chunk, other.clock.now().timestamp()) is None
    assert not other.sink._leases.guard._fresh
    await ended(other)
    await ended(one)


async def test_request_that_is_refused_as_a_duplicate_in_part_is_not_decided_about(sandbox, tmp_path):
    """No gateway says that: whoever wrote it into the journal is to be found first."""
    path = str(tmp_path / "soldes.db")
    one = Hand(path, sandbox, keyed=False)
    claim = await one.claimed(people(10))
    await one.answered(claim, await one.send(claim))
    await ended(one)
    await change(path, "update chunk set state = 'rejected', accepted = 6, rejected = 4")
    await change(path, """update chunk set reasons = '{"duplicate_at_gateway": 4}'""")
    async with Journal(path) as opened:
        for decision in ("resend", "mark_sent"):
            with pytest.raises(JournalError, match="in part"):
                await opened.resolve(decision, [1])
