"""A journal that fails stops the sending before anything leaves that is not recorded, and says why."""

import asyncio
import contextlib
import resource
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest

from allmysms_async import CampaignStopped, InvalidRequest, JournalError
from allmysms_async.journal import Journal, JournalSink
from allmysms_async.journal.database import Database

from .conftest import campaign, people


async def test_rows_that_a_hanging_journal_never_took_are_read_again(service, sandbox, tmp_path, monkeypatch, until):
    """Whoever gives up a stopped run while the journal hangs loses nobody: the next run reads those rows once more."""
    running = []

    class Stopping(list):
        def __iter__(self):
            for index, person in enumerate(super().__iter__()):
                if index == 100 and len(running) == 1:
                    running[0].stop()
                yield person

    async def hang(sink, chunk):
        await asyncio.sleep(0.5)
        msg = "It hung, and is gone."
        raise JournalError(msg)

    one = campaign(Stopping(people(300)))
    async with service(grace=0.05) as sms:
        with monkeypatch.context() as hanging:
            hanging.setattr(JournalSink, "add", hang)
            running.append(sms.stream(one, journal=tmp_path / "soldes.db"))
            following = asyncio.create_task(anext(aiter(running[0]), None))
            await until(lambda: running[0].stopping)
            await running[0].aclose()
            await asyncio.wait({following})
            following.exception()
        running.append(None)
        last = await sms.run(one, journal=tmp_path / "soldes.db")
    assert (last.rows, last.accepted, last.complete) == (300, 300, True)
    assert sandbox.stats() == {"messages": 300, "handsets": 300, "max_per_handset": 1}


async def refused(service, sandbox, journal, word):
    """Expect a campaign to be refused because of its journal, with nothing sent."""
    async with service() as sms:
        with pytest.raises(JournalError, match=word):
            await sms.run(campaign(people(20)), journal=journal)
    assert sandbox.requests == {}


async def test_file_that_is_no_database_is_refused(service, sandbox, tmp_path):
    """A file that is something else is left as it is, and nothing is sent."""
    path = tmp_path / "letters.txt"
    path.write_bytes(b"Chere Madame, " * 1000)
    await refused(service, sandbox, path, "no SQLite database")
    assert path.read_bytes().startswith(b"Chere Madame")


async def test_database_of_something_else_is_refused(service, sandbox, tmp_path):
    """A database with other tables gets none of ours."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as other:
        other.execute("create table customer (name text)")
    await refused(service, sandbox, path, "is no journal")
    assert {name for (name,) in other.execute("select name from sqlite_master")} == {"customer"}
    other.close()


async def test_journal_of_another_version_is_refused(service, sandbox, tmp_path):
    """A journal of another version is neither read nor changed."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=path)
    before = sandbox.stats()["messages"]
    with sqlite3.connect(path) as raw:
        raw.execute("update allmysms_journal set version = 99")
    raw.close()
    async with service() as sms:
        with pytest.raises(JournalError, match="version 99"):
            await sms.run(campaign(people(9)), journal=path)
    with pytest.raises(JournalError, match="version 99"):
        async with Journal(path):
            pass
    assert sandbox.stats()["messages"] == before


async def test_damaged_journal_is_refused(service, sandbox, tmp_path):
    """A file whose pages are damaged stops the campaign with a clear error, and nothing more is sent."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(2000)), journal=path, chunk_size=100)
    before = sandbox.stats()["messages"]
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 8192))
    async with service() as sms:
        with pytest.raises((JournalError, CampaignStopped), match="damaged"):
            await sms.run(campaign(people(3000)), journal=path)
    assert sandbox.stats()["messages"] == before


async def test_damaged_recipients_are_told(service, sandbox, tmp_path):
    """Recipients that cannot be unpacked stop the campaign; their chunk is not sent in part."""
    path = tmp_path / "soldes.db"
    sandbox.set_credits("demo", 0)
    async with service() as sms:
        with pytest.raises(CampaignStopped):
            await sms.run(campaign(people(20)), journal=path)
    sandbox.set_credits("demo", 10_000)
    with sqlite3.connect(path) as raw:
        raw.execute("update chunk set numbers = x'00'")
    raw.close()
    async with service() as sms:
        with pytest.raises(CampaignStopped, match="damaged") as stopped:
            await sms.run(campaign(people(20)), journal=path)
    assert isinstance(stopped.value.reason, JournalError)
    assert sandbox.stats()["messages"] == 0


async def test_folder_that_is_not_there_is_told(service, sandbox, tmp_path):
    """A path into nowhere is one clear error; a URL of another kind is refused when it is given."""
    await refused(service, sandbox, tmp_path / "nowhere" / "soldes.db", "cannot be opened")
    async with service() as sms:
        with pytest.raises(InvalidRequest, match="mysql"):
            await sms.run(campaign(people(3)), journal="mysql://host/name")
        with pytest.raises(InvalidRequest, match="path"):
            await sms.run(campaign(people(3)), journal=" ")
        with pytest.raises(InvalidRequest, match="cannot be read"):
            await sms.run(campaign(people(3)), journal="postgresql://host:port:9/x")


async def test_read_only_journal_can_be_looked_into_and_not_written(service, sandbox, tmp_path, monkeypatch):
    """Without leave to write nothing is sent; the report can still be read."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=path)
    # Whoever runs the tests may be root, whom no mode stops: SQLite itself is told to open the file for reading only.
    address = f"sqlite:///file:{path}?mode=ro&uri=true"
    async with Journal(address) as opened:
        assert (await opened.campaign()).result.accepted == 3
    before = sandbox.stats()["messages"]
    async with service() as sms:
        with pytest.raises(JournalError, match="read-only"):
            await sms.run(campaign(people(9)), journal=address)
    assert sandbox.stats()["messages"] == before


HOLD = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("begin immediate")
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
async def test_journal_that_another_process_locks_is_told_and_free_again_when_it_dies(
    service, sandbox, tmp_path, monkeypatch
):
    """A process that keeps the lock stops the campaign with nothing sent; once it is dead the lock is gone."""
    path = tmp_path / "soldes.db"
    async with service() as sms:
        await sms.run(campaign(people(3)), journal=path)
    monkeypatch.setattr(Database.__init__, "__kwdefaults__", {"busy_timeout": 0.05})
    holder = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", HOLD, str(path), stdout=subprocess.PIPE)
    try:
        assert await holder.stdout.readline() == b"held\n"
        before = sandbox.stats()["messages"]
        async with service() as sms:
            with pytest.raises(JournalError, match="another process keeps it locked"):
                await sms.run(campaign(people(9)), journal=path)
        assert sandbox.stats()["messages"] == before
        async with Journal(path) as opened:  # reading goes on
            assert (await opened.campaign()).result.accepted == 3
    finally:
        holder.kill()
        await holder.communicate()
    async with service() as sms:
        assert (await sms.run(campaign(people(9)), journal=path)).accepted == 9


async def test_disk_that_is_full_stops_before_anything_unrecorded_leaves(sandbox, worker, tmp_path):
    """When the journal cannot grow any more the campaign stops; with room again it ends, everybody texted once."""
    path = tmp_path / "full.db"
    life = await worker(path, count=20_000, chunk_size=100, file_bytes=300_000)
    last = await life.end()
    assert last["error"].startswith("JournalError"), last
    assert "Nothing is sent that is not recorded" in last["error"]
    sent = {message["phone"] for message in sandbox.all_messages()}
    with sqlite3.connect(path) as raw:
        (recorded,) = raw.execute("select sum(n) from chunk where state <> 'pending'").fetchone()
    raw.close()
    assert 0 < len(sent) <= recorded < 20_000
    last = await (await worker(path, count=20_000, chunk_size=100, timeout=20.0)).end()
    assert (last["error"], last["accepted"], last["unknown"]) == (None, 20_000, 0), last
    assert set(Counter(message["phone"] for message in sandbox.all_messages()).values()) == {1}


async def lock_once_accepted(run, connection):
    """Iterate over a run, and lock its journal as soon as somebody was accepted."""
    async for progress in run:
        if progress.accepted and not connection.in_transaction:
            with contextlib.suppress(sqlite3.OperationalError):  # the run itself is just writing: at the next progress
                connection.execute("begin immediate")


async def test_rows_that_could_not_be_recorded_are_read_again(service, sandbox, tmp_path, monkeypatch):
    """A source that can be read again loses nothing when the journal failed; one that cannot is refused afterwards."""
    monkeypatch.setattr(Database.__init__, "__kwdefaults__", {"busy_timeout": 0.02})
    path = tmp_path / "soldes.db"
    again, once = campaign(people(500)), campaign(iter(people(500)), name="once")
    async with service() as sms:
        for each in (again, once):
            locked = sqlite3.connect(path, isolation_level=None, timeout=0)
            run = sms.stream(each, journal=path, chunk_size=10, concurrency=2, lease=0.5)
            with pytest.raises(CampaignStopped, match="locked"):
                await lock_once_accepted(run, locked)
            locked.close()
        last = await sms.run(again, journal=path, lease=0.5)
        assert (last.rows, last.pending, last.complete) == (500, 0, True)
        with pytest.raises(CampaignStopped, match="cannot be continued"):
            await sms.run(once, journal=path, lease=0.5)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # only the worker's was limited


async def test_database_that_cannot_be_reached_is_told_without_its_password(service, sandbox):
    """A PostgreSQL that is not there is one clear error that shows no password."""
    async with service() as sms:
        with pytest.raises(JournalError, match=r"postgresql://127\.0\.0\.1:1/soldes") as told:
            await sms.run(campaign(people(3)), journal="postgresql://me:secret-word@127.0.0.1:1/soldes")
    assert "secret-word" not in str(told.value)
    assert sandbox.requests == {}
