"""The looks at a journal's files: what proves a loss, what does not, and what is kept where nothing can be saved."""

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from allmysms_async import JournalError, JournalLost
from allmysms_async.journal import keeper, salvage
from allmysms_async.journal.watch import Watch

from .conftest import Hand, people


def outside(path, statement):
    """Have another process do something with a journal, as an operator does."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]);"
        " c.execute('PRAGMA wal_checkpoint(PASSIVE)').fetchall()"
    )
    subprocess.run([sys.executable, "-c", program, str(path), statement], check=True)


@pytest.fixture
async def hand(sandbox, tmp_path):
    """A process on a journal, with a chunk that was answered."""
    one = Hand(tmp_path / "soldes.db", sandbox, keyed=False)
    claim = await one.claimed(people(10))
    await one.answered(claim, await one.send(claim))
    yield one
    await one.backend.aclose()


def failing(*codes):
    """Return what fails once with each error of SQLite, then does what it should."""
    real, left = Watch._compared, list(codes)

    def compared(self, raw, size):
        if left:
            error = sqlite3.OperationalError("it failed")
            error.sqlite_errorcode = left.pop(0)
            raise error
        return real(self, raw, size)

    return compared


@pytest.mark.slow
@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM])
async def test_file_that_cannot_be_read_just_now_is_no_loss(hand, tmp_path, monkeypatch, code):
    """A look that fails for want of a descriptor, of memory or of a disk is an error of the journal, and passes."""
    database = hand.sink._database
    database._held._keeper._watch._seen = (0, 0)
    monkeypatch.setattr(Watch, "_compared", failing(code))
    with pytest.raises(JournalError) as failed:
        await database.look()
    assert not isinstance(failed.value, JournalLost)
    assert await database.look() is None
    await hand.sink.close()
    assert [each.name for each in tmp_path.iterdir()] == ["soldes.db"]


async def test_claim_that_could_not_be_looked_at_is_looked_at_before_it_is_sent(hand, tmp_path, monkeypatch):
    """Where the look after a claim's commit fails, the claim does not count as looked at: a loss is found in time."""
    real, calls = Watch.look, []

    def look(self, raw):
        calls.append(raw)
        if len(calls) == 2:  # the one after the commit
            raise sqlite3.OperationalError("disk I/O error")
        return real(self, raw)

    chunk = (await hand.claimed(people(10, 10))).chunk
    await hand.sink.release(chunk, new_key=False)
    monkeypatch.setattr(Watch, "look", look)
    claim = await hand.sink.claim(chunk, hand.clock.now().timestamp())
    assert len(calls) == 2
    (tmp_path / "soldes.db").unlink()
    with pytest.raises(JournalLost):
        await hand.sink.hold(claim)
    with pytest.raises(JournalLost):
        await hand.sink.close()


async def test_journal_that_was_rebuilt_in_place_is_told_as_such_and_saved_whole(hand, tmp_path):
    """After a VACUUM the run stops, says that it may have been that, and the copy that it leaves holds everything."""
    path = tmp_path / "soldes.db"
    outside(path, "VACUUM")
    lost = await hand.sink._database.look()
    assert "or VACUUM rebuilt it" in str(lost)
    with pytest.raises(JournalLost) as told:
        await hand.sink.close()
    with closing(sqlite3.connect(told.value.saved)) as copy:
        assert copy.execute("select sum(accepted) from chunk").fetchone() == (10,)


async def test_journal_whose_file_cannot_be_looked_at_any_more_is_lost(hand, tmp_path):
    """A path that leads in a circle, or to what may not be entered, is not where the next run finds the journal."""
    path = tmp_path / "soldes.db"
    path.unlink()
    path.symlink_to(path)
    lost = await hand.sink._database.look()
    assert f"soldes.db cannot be looked at any more ({os.strerror(errno.ELOOP)})" in str(lost)
    with pytest.raises(JournalLost):
        await hand.sink.close()


async def test_what_could_not_be_saved_stays_under_another_name(hand, tmp_path, monkeypatch):
    """Where no copy can be made, what was not in the file yet is renamed, not removed, and the note names it."""
    path = tmp_path / "soldes.db"
    claim = await hand.claimed(people(10, 50))
    await hand.answered(claim, await hand.send(claim))
    path.rename(tmp_path / "elsewhere.db")
    monkeypatch.setattr(keeper, "save", lambda *_, **__: None)  # as on a full disk
    with pytest.raises(JournalLost, match="Nothing of what it held could be saved") as told:
        await hand.sink.close()
    [rest] = tmp_path.glob("soldes.db.wal-*")
    [note] = tmp_path.glob("soldes.db.lost-*")
    assert str(rest) in str(told.value)
    assert str(rest) in note.read_text(encoding="utf-8")
    assert told.value.saved is None
    rest.rename(tmp_path / "elsewhere.db-wal")
    with closing(sqlite3.connect(tmp_path / "elsewhere.db")) as whole:
        assert whole.execute("select sum(accepted) from chunk").fetchone() == (20,)


async def test_loss_is_told_where_no_note_can_be_left_either(sandbox, tmp_path):
    """With its whole folder gone nothing can be saved or noted, and the error says so."""
    home = tmp_path / "home"
    home.mkdir()
    inside = Hand(home / "soldes.db", sandbox, keyed=False)
    await inside.claimed(people(10, 70))
    for each in home.iterdir():
        each.unlink()
    home.rmdir()
    with pytest.raises(JournalLost, match="Nothing of what it held could be saved") as told:
        await inside.sink.close()
    assert "keeps others" not in told.value.remedy
    await inside.backend.aclose()


async def test_pages_are_copied_one_by_one_where_sqlite_cannot_rebuild_them(hand, tmp_path, monkeypatch):
    """A copy is made in a second way where the first one fails."""

    def fails(raw, name):
        raise sqlite3.OperationalError("out of memory")

    monkeypatch.setattr(salvage, "_vacuumed", fails)
    (tmp_path / "soldes.db").unlink()
    with pytest.raises(JournalLost) as told:
        await hand.sink.close()
    with closing(sqlite3.connect(told.value.saved)) as copy:
        assert copy.execute("select sum(accepted) from chunk").fetchone() == (10,)
    assert [each.name for each in tmp_path.iterdir()] == [os.path.basename(told.value.saved)]
