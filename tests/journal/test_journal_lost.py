"""A journal that is removed, replaced, cut short or overwritten while a process runs a campaign on it."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from allmysms_async import (
    AllMySmsError,
    CampaignStopped,
    JournalError,
    JournalLost,
    NotSent,
    OutcomeUnknown,
    SmsService,
)
from allmysms_async.journal import open_sink
from allmysms_async.journal.database import Database
from allmysms_async.journal.salvage import note
from tests.cli.conftest import call, finish, start

from .conftest import QUICK, JumpingClock, Unkeyed, campaign, people

PEOPLE = 60


def other_journal(path):
    """Make a sound journal that is not the one of the run."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(f"{path}.other")) as target:
        source.backup(target)
        target.execute("update holder set owner = 'another'")
        target.execute("update chunk set state = 'pending', owner = null, lease_until = null")
        target.commit()
    return Path(f"{path}.other")


def beside(path, end):
    """Return the file beside a journal."""
    return Path(f"{path}-{end}")


def remove(path):
    """``rm soldes.db``."""
    path.unlink()


def remove_all(path):
    """``rm soldes.db*``."""
    for each in (path, beside(path, "wal"), beside(path, "shm")):
        each.unlink()


def remove_wal(path):
    """``rm soldes.db-wal``."""
    beside(path, "wal").unlink()


def remove_shm(path):
    """``rm soldes.db-shm``."""
    beside(path, "shm").unlink()


def move(path):
    """``mv soldes.db elsewhere.db``."""
    path.rename(path.with_name("elsewhere.db"))


def replace(path):
    """``mv other.db soldes.db``."""
    other_journal(path).rename(path)


def cut(path):
    """``: > soldes.db``."""
    os.truncate(path, 0)


def cut_in_half(path):
    """What a disk that failed leaves."""
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def overwrite(path):
    """``cp other.db soldes.db``, into the same file."""
    shutil.copyfile(other_journal(path), path)


def overwrite_vacuumed(path):
    """``cp copy.db soldes.db``, of a copy made by VACUUM a moment ago."""
    with closing(sqlite3.connect(path)) as source:
        source.execute("vacuum into ?", (f"{path}.copy",))
    shutil.copyfile(f"{path}.copy", path)


HARMS = {
    remove: "soldes.db is not there any more",
    remove_all: "soldes.db is not there any more",
    remove_wal: "soldes.db-wal is not there any more",
    remove_shm: "soldes.db-shm is not there any more",
    move: "soldes.db is not there any more",
    replace: "another file lies in place of soldes.db",
    cut: "soldes.db was cut short",
    cut_in_half: "soldes.db was cut short",
    overwrite: "soldes.db was overwritten with an older copy or another journal",
    overwrite_vacuumed: "soldes.db was overwritten with an older copy or another journal",
}
INSIDE = (cut, cut_in_half, overwrite, overwrite_vacuumed)
"""What the open connection reads may be wrong then, and whether all of it is still there is a matter of luck."""


def remains(path):
    """Return what a run left beside a journal that it lost."""
    return [each for kind in ("saved", "lost", "saving") for each in sorted(path.parent.glob(f"{path.name}.{kind}-*"))]


def texts(sandbox):
    """Return how often each number was texted."""
    return Counter(message["phone"] for message in sandbox.all_messages())


@pytest.mark.parametrize("harm", [remove, remove_wal, replace, overwrite])
@pytest.mark.slow
async def test_run_stops_when_its_journal_is_lost_and_nobody_is_texted_twice(sandbox, tmp_path, until, harm):
    """Whatever happens to the file, the run ends with an error that says so, and the same command is refused then."""
    path, clients = tmp_path / "soldes.db", tmp_path / "clients.csv"
    clients.write_text("mobile\n" + "\n".join(f"0612{number:06d}" for number in range(PEOPLE)))
    account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": sandbox.http_url}
    words = [
        "--text",
        "Bonjour. STOP au 36180",
        "--phone",
        "mobile",
        "--purpose",
        "marketing",
        "--quiet-hours",
        "ignore",
        "--json",
    ]
    size = ["--chunk-size", "2", "--concurrency", "2", "--journal", str(path)]
    command = ("campaign", "run", str(clients), *words, *size)
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    process = await start(*command, env=account)
    await until(lambda: sandbox.stats()["messages"])
    harm(path)
    lost = await finish(process)
    sent = sandbox.stats()["messages"]
    assert lost.code == 3
    assert 0 < sent < PEOPLE
    assert HARMS[harm] in " ".join(lost.err.split())
    assert json.loads(lost.out)["accepted"] == sent
    sandbox.faults([])
    [left] = remains(path)
    assert ".saved-" in left.name or harm in INSIDE
    assert left.name in lost.err.replace("\n", "")
    assert left.stat().st_mode & 0o777 == 0o600
    again = await call(*command, env=account)
    assert (again.code, sandbox.stats()["messages"]) == (3, sent)
    assert left.name in again.err.replace("\n", "")
    if ".saved-" in left.name:
        left.replace(path)
        last = await call(*command, env=account)
        assert (last.code, json.loads(last.out)["accepted"]) == (0, PEOPLE), last.err
        assert set(texts(sandbox).values()) == {1}
        assert len(texts(sandbox)) == PEOPLE


@pytest.mark.parametrize("harm", HARMS)
async def test_what_was_saved_texts_everybody_once_without_keys(sandbox, worker, service, tmp_path, until, harm):
    """On protocols that have no keys, too, whoever puts the saved copy back has everybody texted exactly once."""
    path = tmp_path / "soldes.db"
    options = {"count": PEOPLE, "keyed": False, "concurrency": 2, "timeout": 20.0}
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    life = await worker(path, **options)
    await until(lambda: sandbox.stats()["messages"])
    harm(path)
    end = await life.end()
    assert end["error"].startswith("JournalLost: ")
    assert HARMS[harm] in end["error"]
    sent = sandbox.stats()["messages"]
    assert (end["accepted"], end["unknown"], 0 < sent < PEOPLE) == (sent, 0, True)
    sandbox.faults([])
    [left] = remains(path)
    assert ".saved-" in left.name or harm in INSIDE
    async with service(keyed=False, concurrency=2) as sms:
        rest = partial(sms.run, campaign(people(PEOPLE), name="chaos"), journal=path, chunk_size=2)
        with pytest.raises(AllMySmsError, match=re.escape(left.name)):
            await rest()
        assert sandbox.stats()["messages"] == sent
        if ".saved-" in left.name:
            left.replace(path)
            last = await rest()
            assert (last.accepted, last.complete) == (PEOPLE, True)
            assert set(texts(sandbox).values()) == {1}


async def drop(postgres, name):
    """Remove every table, as a script that sets a database up anew does."""
    admin = await asyncpg.connect(postgres.url(name))
    await admin.execute("drop schema public cascade; create schema public")
    await admin.close()


async def drop_and_begin(postgres, name):
    """Remove every table, and have another run of the same campaign begin the journal anew."""
    await drop(postgres, name)
    database = Database(postgres.url(name))
    with suppress(JournalError):  # the first run may be quicker, and mark what it finds
        await database.open(create=True)
    await database.close()


async def restore(postgres, name):
    """Put the database back from a copy that was made during the run."""
    admin = await asyncpg.connect(postgres.url(name))
    copy = await asyncio.to_thread(postgres.dump, name)
    before = await admin.fetchval("select epoch from holder")
    for _ in range(6000):
        if await admin.fetchval("select epoch from holder") > before:
            break
        await asyncio.sleep(0.01)
    await admin.close()
    await asyncio.to_thread(postgres.restore, name, copy)


@pytest.mark.parametrize("harm", [drop, drop_and_begin, restore])
async def test_database_that_is_begun_anew_or_restored_stops_the_run(sandbox, worker, postgres, until, harm):
    """A run whose database is set up anew or put back stops with an error that says so, and no other one begins."""
    name = f"lost_{harm.__name__}"
    url = postgres.create(name)
    options = {"count": 400, "keyed": False, "concurrency": 2, "timeout": 20.0, "lease": 3.0}
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    life = await worker(url, **options)
    await until(lambda: sandbox.stats()["messages"])
    await harm(postgres, name)
    end = await life.end()
    assert end["error"].startswith("JournalLost: The journal postgresql://127.0.0.1")
    assert "Nothing more is sent." in end["error"]
    assert "Restore the latest copy" in end["error"]
    sandbox.faults([])
    sent = sandbox.stats()["messages"]
    assert 0 < sent < 400
    again = await (await worker(url, **options)).end()
    assert "does not hold who was texted since; nothing was sent" in again["error"]
    assert sandbox.stats()["messages"] == sent
    assert set(texts(sandbox).values()) == {1}


@pytest.mark.parametrize("harm", [remove, remove_wal])
async def test_every_process_on_a_lost_journal_stops(sandbox, worker, tmp_path, until, harm):
    """Two processes on one journal both stop, and the latest copy that they saved has all that either was answered."""
    path = tmp_path / "soldes.db"
    options = {"count": PEOPLE, "keyed": False, "concurrency": 2, "timeout": 20.0, "lease": 3.0}
    sandbox.faults([{"fault": "latency", "seconds": 0.2}])
    lives = [await worker(path, **options) for _ in range(2)]
    await until(lambda: sandbox.stats()["messages"] and len(list(tmp_path.glob("soldes.db.holder-*"))) == 2)
    harm(path)
    ends = [await life.end() for life in lives]
    assert all(end["error"].startswith("JournalLost: ") for end in ends), ends
    saved = remains(path)
    sandbox.faults([])
    saved[-1].replace(path)
    for each in saved[:-1]:
        each.unlink()
    last = await (await worker(path, **options)).end()
    assert (last["error"], last["accepted"], last["complete"]) == (None, PEOPLE, True)
    assert set(texts(sandbox).values()) == {1}


class Losing(Unkeyed):
    """A gateway whose first answer comes when the journal is gone."""

    path: Path
    error: Exception | None = None
    sends = 0
    after = 1

    async def send(self, request):
        """Send, or not, and lose the journal."""
        self.sends += 1
        receipt = None if isinstance(self.error, NotSent) else await super().send(request)
        if self.sends == self.after:
            self.path.unlink()
            if self.error is not None:
                raise self.error
        return receipt or await super().send(request)


@pytest.fixture
def losing(sandbox, tmp_path):
    """Make a service on a gateway that loses the journal."""

    def make(error=None, *, keyed=False, after=1):
        backend = Losing("demo", "demo-key", base_url=sandbox.http_url, timeout=20.0)
        backend.limits = type(backend).limits if not keyed else type(backend).__mro__[2].limits
        backend.path, backend.error, backend.after = tmp_path / "soldes.db", error, after
        return SmsService(backend, policy=QUICK, concurrency=1)

    return make


@pytest.mark.parametrize(
    ("error", "keyed", "unknown"),
    [
        (NotSent("Nobody was there."), False, 0),
        (OutcomeUnknown("The line broke."), False, 10),
        (OutcomeUnknown("The line broke."), True, 10),
    ],
    ids=["not sent", "in doubt", "in doubt with a key"],
)
async def test_no_attempt_follows_the_loss_of_the_journal(sandbox, losing, service, tmp_path, error, keyed, unknown):
    """An attempt that failed is not followed by another: what was surely not sent waits, and the rest is unknown."""
    path = tmp_path / "soldes.db"
    async with losing(error, keyed=keyed) as sms:
        with pytest.raises(CampaignStopped) as stopped:
            await sms.run(campaign(people(30)), journal=path, chunk_size=10)
        assert sms.backend.sends == 1
    lost = stopped.value.reason
    assert isinstance(lost, JournalLost)
    assert (stopped.value.result.accepted, stopped.value.result.unknown) == (0, unknown)
    os.replace(lost.saved, path)
    sandbox.advance(11)
    async with service(keyed=keyed) as sms:
        last = await sms.run(campaign(people(30)), journal=path, chunk_size=10)
    assert (last.accepted, last.unknown) == (30, 0) if keyed or not unknown else (20, 10)
    assert set(texts(sandbox).values()) == {1}


async def test_journal_that_is_lost_at_the_very_end_is_told(sandbox, losing, service, tmp_path):
    """A run that sent everything and lost its journal does not end as if all were well: it would all be sent again."""
    path = tmp_path / "soldes.db"
    async with losing(after=3) as sms:
        with pytest.raises(CampaignStopped) as stopped:
            await sms.run(campaign(people(30)), journal=path, chunk_size=10)
    assert stopped.value.result.accepted == 30
    os.replace(stopped.value.reason.saved, path)
    async with service(keyed=False) as sms:
        assert (await sms.run(campaign(people(30)), journal=path, chunk_size=10)).accepted == 30
    assert set(texts(sandbox).values()) == {1}


async def test_loss_is_noticed_while_nothing_is_sent(tmp_path, until):
    """A run that waits for hours stops within seconds of the loss: it is looked for whenever leases are renewed."""
    path, told = tmp_path / "soldes.db", []
    sink = open_sink(path, backend="rest", account="a", clock=JumpingClock(), keyed=True, lease=0.05)
    sink.on_loss(told.append)
    await sink.open(campaign(()))
    path.unlink()
    await until(lambda: told)
    assert isinstance(told[0], JournalLost)
    with pytest.raises(JournalLost, match="is saved as"):
        await sink.close()


async def test_unharmed_journal_is_left_alone(tmp_path):
    """Checkpoints, other writers, backups and another name for the journal are no loss: nothing is saved or told."""
    path, told = tmp_path / "soldes.db", []
    path.symlink_to(tmp_path / "real.db")
    sink = open_sink(path, backend="rest", account="a", clock=JumpingClock(), keyed=True, lease=0.05)
    sink.on_loss(told.append)
    await sink.open(campaign(()))
    with closing(sqlite3.connect(path)) as other, closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        for _ in range(20):
            other.execute("update campaign set created_at = created_at + 1")
            other.commit()
            other.execute("pragma wal_checkpoint(truncate)").fetchall()
            await sink.lead()
        other.backup(backup)
    await sink.close()
    assert not told
    assert not remains(path)


@pytest.mark.parametrize("left", ["missing", "empty"])
async def test_files_beside_a_missing_journal_are_not_taken_for_nothing(tmp_path, left):
    """What SQLite left beside a journal that is gone is the rest of it: a new one would delete it, and text again."""
    path = tmp_path / "soldes.db"
    beside(path, "wal").write_bytes(b"x" * 4096)
    if left == "empty":
        path.touch()
    database = Database(path)
    with pytest.raises(JournalError, match=r"soldes\.db-wal is all that is left .* nothing was sent"):
        await database.open(create=True)
    await database.close()
    assert beside(path, "wal").read_bytes() == b"x" * 4096


async def test_saved_copy_and_note_replace_nothing(tmp_path):
    """Whatever lies beside the journal already stays as it is."""
    path = tmp_path / "soldes.db"
    names = {note(str(path), f"note {number}") for number in range(20)}
    assert len(names - {None}) == len(list(tmp_path.iterdir())) == 20
