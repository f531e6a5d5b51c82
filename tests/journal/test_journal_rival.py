"""What lies at a lost journal's path by the time that a run concludes, and what keeps others from it until then."""

import asyncio
import os
import sqlite3
from collections import Counter
from contextlib import closing

import asyncpg
import pytest

from allmysms_async import CampaignStopped, JournalError, JournalLost, SmsService
from allmysms_async.journal.database import Database

from .conftest import QUICK, Hand, Unkeyed, campaign, people


def texts(sandbox):
    """Return how often each number was texted."""
    return Counter(message["phone"] for message in sandbox.all_messages())


def left(path, kind):
    """Return what was left beside a journal."""
    return sorted(path.parent.glob(f"{path.name}.{kind}-*"))


async def texted(hand, recipients):
    """Claim a chunk, send it and record the answer."""
    claim = await hand.claimed(recipients)
    await hand.answered(claim, await hand.send(claim))


async def lost_by(hand):
    """End a process that lost its journal; return what it says."""
    with pytest.raises(JournalLost) as lost:
        await hand.sink.close()
    await hand.backend.aclose()
    return lost.value


async def test_copy_of_a_journal_that_was_continued_meanwhile_is_not_to_be_moved(sandbox, service, tmp_path):
    """Where the campaign went on from the first copy, a second process says so, and its own copy orders nothing."""
    path = tmp_path / "soldes.db"
    first, second = (Hand(path, sandbox, keyed=False) for _ in range(2))
    await texted(first, people(10))
    await second.open()
    path.unlink()
    saved = (await lost_by(first)).saved
    os.replace(saved, path)
    async with service(keyed=False) as sms:
        assert (await sms.run(campaign(people(60)), journal=path, chunk_size=10)).accepted == 60
    lost = await lost_by(second)
    assert "the campaign was continued there" in str(lost)
    assert "do not move it there" in lost.remedy
    assert lost.saved is None
    assert left(path, "spare")
    async with service(keyed=False) as sms:
        assert (await sms.run(campaign(people(60)), journal=path, chunk_size=10)).accepted == 60
    assert set(texts(sandbox).values()) == {1}


@pytest.mark.parametrize("there", ["another run", "unreadable"])
async def test_copy_and_another_journal_that_both_know_of_requests_are_kept_apart(sandbox, tmp_path, there):
    """Where each has people whom the other does not know, nothing is promised, and no run begins on either."""
    path = tmp_path / "soldes.db"
    first = Hand(path, sandbox, keyed=False)
    await texted(first, people(10))
    other = Hand(tmp_path / "other.db", sandbox, keyed=False)
    await texted(other, people(10, 100))
    await other.sink.close()
    await other.backend.aclose()
    path.unlink()
    if there == "unreadable":
        path.symlink_to(path)
    else:
        (tmp_path / "other.db").rename(path)
    lost = await lost_by(first)
    assert "kept as" in str(lost)
    assert "Move neither over the other" in lost.remedy
    assert lost.saved is None
    [copy] = left(path, "apart")
    database = Database(path)
    with pytest.raises(JournalError, match=r"\.apart-.* nothing was sent"):
        await database.open(create=True)
    await database.close()
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("select sum(accepted) from chunk").fetchone() == (10,)


async def test_older_copy_that_was_put_back_is_replaced_by_the_saved_one(sandbox, service, tmp_path):
    """A copy that lacks what was texted since does not count as a continued campaign."""
    path = tmp_path / "soldes.db"
    first = Hand(path, sandbox, keyed=False)
    await texted(first, people(10))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(tmp_path / "old.db")) as target:
        source.backup(target)
    await texted(first, people(10, 10))
    (tmp_path / "old.db").rename(path)
    lost = await lost_by(first)
    os.replace(lost.saved, path)
    async with service(keyed=False) as sms:
        assert (await sms.run(campaign(people(60)), journal=path, chunk_size=10)).accepted == 60
    assert set(texts(sandbox).values()) == {1}


class Hangs(Unkeyed):
    """A gateway whose second answer takes as long as it is told to."""

    go: asyncio.Event
    sends = 0

    async def send(self, request):
        """Send, the second time only when told to."""
        self.sends += 1
        if self.sends == 2:
            await self.go.wait()
        return await super().send(request)


async def test_nobody_begins_anew_while_the_run_that_lost_its_journal_waits_for_an_answer(
    sandbox, service, tmp_path, until
):
    """The path is marked as soon as the loss is known, not when the last answer has come."""
    path = tmp_path / "soldes.db"
    backend = Hangs("demo", "demo-key", base_url=sandbox.http_url, timeout=20.0)
    backend.go = asyncio.Event()
    async with SmsService(backend, policy=QUICK, concurrency=1) as first:
        run = asyncio.create_task(first.run(campaign(people(30)), journal=path, chunk_size=10, lease=0.3))
        await until(lambda: backend.sends == 2)
        for each in tmp_path.glob("soldes.db*"):
            each.unlink()
        await until(lambda: left(path, "stopping"))
        async with service(keyed=False) as second:
            with pytest.raises(JournalError, match=r"stopping-.* nothing was sent") as refused:
                await second.run(campaign(people(30)), journal=path, chunk_size=10)
        assert "Wait until that run has ended" in refused.value.remedy
        backend.go.set()
        with pytest.raises(CampaignStopped) as stopped:
            await run
    assert not left(path, "stopping")
    os.replace(stopped.value.reason.saved, path)
    async with service(keyed=False) as second:
        assert (await second.run(campaign(people(30)), journal=path, chunk_size=10)).accepted == 30
    assert set(texts(sandbox).values()) == {1}


async def test_database_that_was_begun_anew_is_marked_before_the_run_ends(sandbox, postgres):
    """On PostgreSQL, too, nobody begins anew between the loss and the end of the run that noticed it."""
    url = postgres.create("marked_at_once")
    first = Hand(url, sandbox, keyed=False)
    await texted(first, people(10))
    admin = await asyncpg.connect(url)
    await admin.execute("drop schema public cascade; create schema public")
    with pytest.raises(JournalLost):
        await first.claimed(people(10, 10))
    assert await admin.fetchval("select count(*) from loss") == 1
    await admin.close()
    second = Database(url)
    with pytest.raises(JournalError, match="nothing was sent"):
        await second.open(create=True)
    await second.close()
    lost = await lost_by(first)
    assert "What is there now is marked" in lost.remedy


async def test_database_that_cannot_be_marked_is_not_said_to_be(sandbox, postgres):
    """Where no mark can be left, the remedy says that a new journal would text everybody again."""
    url = postgres.create("unmarked")
    first = Hand(url, sandbox, keyed=False)
    await texted(first, people(10))
    admin = await asyncpg.connect(url)
    await admin.execute("drop schema public cascade; create schema public; create table loss (id int)")
    lost = await lost_by(first)
    await admin.close()
    assert "a new journal would text everybody again" in lost.remedy


async def test_change_of_the_working_directory_changes_nothing(sandbox, service, tmp_path, monkeypatch):
    """A journal that is named by a relative path is guarded where it was when the run began."""
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    work.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(work)
    first = Hand("soldes.db", sandbox, keyed=False)
    await texted(first, people(10))
    monkeypatch.chdir(elsewhere)
    for each in work.glob("soldes.db*"):
        each.unlink()
    lost = await lost_by(first)
    assert os.path.dirname(lost.saved) == str(work)
    assert str(work / "soldes.db") in lost.remedy
    assert not list(elsewhere.iterdir())
    monkeypatch.chdir(work)
    async with service(keyed=False) as sms:
        with pytest.raises((JournalError, CampaignStopped)):
            await sms.run(campaign(people(60)), journal="soldes.db", chunk_size=10)
        os.replace(lost.saved, "soldes.db")
        assert (await sms.run(campaign(people(60)), journal="soldes.db", chunk_size=10)).accepted == 60
    assert set(texts(sandbox).values()) == {1}


@pytest.mark.parametrize("gone", ["file", "link"])
@pytest.mark.parametrize("again", ["file", "link"])
async def test_loss_by_one_name_is_known_by_the_other(sandbox, service, tmp_path, gone, again):
    """A journal that a link leads to is guarded by both of its names, and the remedy leaves the link as it is."""
    (tmp_path / "d").mkdir()
    (tmp_path / "l").mkdir()
    names = {"file": tmp_path / "d" / "soldes.db", "link": tmp_path / "l" / "soldes.db"}
    names["link"].symlink_to(names["file"])
    first = Hand(names["link"], sandbox, keyed=False)
    await texted(first, people(10))
    names[gone].unlink()
    lost = await lost_by(first)
    assert lost.saved.startswith(f"{names['file']}.saved-")
    assert f"Move that file to {names['file']}," in lost.remedy
    async with service(keyed=False) as sms:
        with pytest.raises((JournalError, CampaignStopped)):
            await sms.run(campaign(people(30)), journal=names[again], chunk_size=10)
        os.replace(lost.saved, names["file"])
        if gone == "link":
            names["link"].symlink_to(names["file"])
            for note in left(names["link"], "lost"):
                assert str(names["file"]) in note.read_text(encoding="utf-8")
                note.unlink()
        assert (await sms.run(campaign(people(30)), journal=names[again], chunk_size=10)).accepted == 30
    assert set(texts(sandbox).values()) == {1}
