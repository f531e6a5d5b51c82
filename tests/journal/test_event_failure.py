"""What cannot be stored is told, in words that name the journal and nobody."""

import asyncio
import errno
import os
import re
import resource
import sqlite3
import sys

import pytest

from allmysms_async import JournalError, JournalLost
from allmysms_async.journal import database
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.event_record import EventRecord
from allmysms_async.journal.event_schema import has_events
from allmysms_async.journal.lock import FileLock
from allmysms_async.journal.session import Pooled

from .events import StillClock, drained, listed, phone_of, reply, report


@pytest.fixture
def path(tmp_path):
    """Where a file's journal is."""
    return tmp_path / "journal.db"


async def filled(where, count=200):
    """Make a journal with events in it."""
    async with EventJournal(where) as events:
        await events.store([report(person) for person in range(count)])
        await events.store([reply(1, "STOP")])


async def test_what_is_no_journal_is_refused_and_not_changed(path):
    """A database of something else is left as it is; one that is not there is said not to be."""
    with pytest.raises(JournalError, match="There is no journal"):
        await EventRecord(path).open()
    with sqlite3.connect(path) as other:
        other.execute("create table event (id integer)")
    other.close()
    before = path.read_bytes()
    for kind in (EventJournal, EventRecord):
        with pytest.raises(JournalError, match="is no journal"):
            await kind(path).open()
    assert path.read_bytes() == before
    path.write_bytes(b"phone;name\n" * 500)
    with pytest.raises(JournalError, match="no SQLite database"):
        await EventJournal(path).open()


async def test_tables_of_others_are_not_taken_over(postgres):
    """Beside an application's own tables of the same name nothing is created."""
    where = postgres.create("event_names")
    held = EventJournal(where)._database
    await held.open(create=True)
    await held.write(lambda connection: connection.exec_driver_sql("create table delivery (parcel text)"))
    with pytest.raises(JournalError, match="holds a table delivery"):
        await EventJournal(where).open()
    assert not await held.read(lambda connection: has_events(connection, ""))
    await held.close()


async def test_another_version_is_refused(journal):
    """What another version of the library stored is neither read nor changed."""
    await filled(journal)
    async with EventJournal(journal) as events:
        await events._database.write(
            lambda connection: connection.exec_driver_sql("update allmysms_events set version = 9")
        )
    with pytest.raises(JournalError, match="version 9"):
        await EventJournal(journal).open()
    async with EventRecord(journal) as record:
        with pytest.raises(JournalError, match="version 9"):
            await record.deliveries()


async def test_damaged_file_is_told(path):
    """Whoever stores in a file whose pages are damaged, or reads it, learns that it is."""
    await filled(path, 2000)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 8192))
    with pytest.raises(JournalError, match="damaged"):
        async with EventJournal(path) as events:
            await events.store([report(person, at=1) for person in range(200)])
    with pytest.raises(JournalError, match="damaged"):
        async with EventRecord(path) as record:
            await listed(record.delivery_states())


async def test_event_that_this_version_cannot_read_is_told(journal, caplog):
    """An event that cannot be read is named by its place, and nothing of it is shown; the others are handed out."""
    await filled(journal, 1)
    clock = StillClock()
    async with EventJournal(journal, clock) as events:
        await events.store([report(99)])

        def spoil(connection):
            connection.exec_driver_sql(
                "update event set body = kind::bytea where id < 3"
                if "://" in journal
                else "update event set body = x'c1' where id < 3"
            )

        await events._database.write(spoil)
        assert await events.take(1, ()) == []
        [kept] = await events.take(10, ())
        assert (kept.event.phone, await events.waiting()) == (phone_of(99), 3)
        told = [record.message for record in caplog.records if "cannot be read" in record.message]
        assert len(told) == 2
        assert told[0].startswith("Event 1 in the journal")
        assert await events.take(10, {phone_of(99)}) == []
        assert len([record for record in caplog.records if "cannot be read" in record.message]) == 2
        clock.jump(3601)  # it may be that a newer version put that right
        assert await events.take(10, {phone_of(99)}) == []
        assert len([record for record in caplog.records if "cannot be read" in record.message]) > 2
        with pytest.raises(JournalError, match="Event 2 in the journal"):
            await listed(events.replies())


async def test_read_only_journal_is_read_and_not_written(path):
    """A journal that may not be written is looked into; storing in it is refused."""
    await filled(path)
    where = f"sqlite:///file:{path}?mode=ro&uri=true"
    async with EventRecord(where) as record:
        assert sum((await record.deliveries()).values()) == 200
        with pytest.raises(JournalError, match="read-only"):
            await record.keep_watch_state("a", "b")
    with pytest.raises(JournalError, match="read-only"):
        await EventJournal(where).open()


async def test_journal_that_another_process_locks_is_told_and_free_again(path, monkeypatch):
    """While something else keeps the file locked nothing is stored; then what is stored is stored."""
    monkeypatch.setattr("allmysms_async.journal.database._BUSY_SECONDS", 0.05)
    await filled(path)
    events = EventJournal(path, StillClock())
    events._database._held._busy_timeout = 0.05
    await events.open()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(JournalError, match=r"another process keeps it locked.*counts as not received"):
        await events.store([report(7, "undelivered", 9)])
    [kept] = await events.take(1, ())
    with pytest.raises(JournalError, match="locked"):
        await events.done([kept])
    holder.rollback()
    holder.close()
    assert await events.store([report(7, "undelivered", 9)]) == 1
    assert (await events.take(1, ()))[0] == kept
    await events.aclose()


FULL = """
import asyncio, resource, signal, sys
from allmysms_async import JournalError
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.model import Reply

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    stored = 0
    async with EventJournal(sys.argv[1]) as events:
        try:
            while True:
                stored += await events.store([Reply(phone=f"336{stored + n:08d}", text="x" * 200) for n in range(50)])
        except JournalError as error:
            print(stored, error, sep="|")

asyncio.run(main())
"""


async def test_full_disk_is_told_and_what_was_stored_before_stays(path):
    """When the file cannot grow any more, storing fails; all that was said to be stored is there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", FULL, str(path), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    stored, told = out.decode().split("|")
    assert "counts as not received" in told
    assert "336" not in told
    async with EventJournal(path) as events:
        assert await events.reply_count() == int(stored) > 0
        assert len(await drained(events, 50)) == int(stored)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # only the other's was limited


async def test_file_that_is_replaced_is_told_and_what_it_held_saved(path, tmp_path, caplog):
    """Nothing is stored in a file that is no longer there: it is told, and what it held lies beside it afterwards."""
    await filled(path, 10)
    async with EventJournal(path) as events:
        await events.store([report(50)])
        os.rename(path, tmp_path / "elsewhere.db")
        with pytest.raises(JournalLost, match="lost while what came back was stored in it"):
            await events.store([report(51)])
        with pytest.raises(JournalLost):
            await events.store([report(52)])
    saved = [found for found in tmp_path.iterdir() if ".saved-" in found.name]
    assert len(saved) == 1
    assert phone_of(50) not in caplog.text
    os.rename(saved[0], path)
    async with EventJournal(path) as events:
        assert sum((await events.deliveries()).values()) == 11


async def test_server_that_cannot_be_reached_is_told_without_its_password():
    """A PostgreSQL that is not there is one clear error that shows no password."""
    with pytest.raises(JournalError, match=r"postgresql://127\.0\.0\.1:1/soldes") as told:
        await EventJournal("postgresql://me:secret-word@127.0.0.1:1/soldes").open()
    assert "secret-word" not in str(told.value)


async def test_what_is_kept_is_shown_masked(journal):
    """Nothing that is printed of an event that waits, or of a state, names anybody."""
    async with EventJournal(journal) as events:
        await events.store([reply(4, "Bonjour"), report(5)])
        shown = repr(await events.take(2, ())) + repr(await listed(events.delivery_states()))
    assert "Bonjour" not in shown
    assert not {phone_of(4), phone_of(5)} & set(re.findall("[0-9]+", shown))


async def test_files_that_cannot_be_locked_are_told(path, monkeypatch):
    """Where a lock says nothing, as on some network file systems, nothing is handled, and that is told."""
    monkeypatch.setattr(FileLock, "_free", lambda _: True)
    async with EventJournal(path) as events:
        await events.store([report()])
        with pytest.raises(JournalError, match=os.strerror(errno.ENOLCK)):
            await events.take(1, ())
        assert [found.name for found in path.parent.iterdir() if "lock" in found.name] == []
        monkeypatch.undo()
        assert len(await events.take(1, ())) == 1


async def test_pooler_of_connections_is_told(postgres, monkeypatch):
    """Where no lock lasts, nothing is handled: what is stored waits, and it is told why."""

    async def pooled(*_):
        raise Pooled

    async with EventJournal(postgres.create("event_pooled")) as events:
        await events.store([report()])
        monkeypatch.setattr(database, "session_of", pooled)
        with pytest.raises(JournalError, match="pooler"):
            await events.take(1, ())
        monkeypatch.undo()
        assert len(await events.take(1, ())) == 1
