"""The journal's database by itself: what is written together, how it is opened, and what its address may say."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from asyncio.subprocess import PIPE

import pytest
import sqlalchemy as sa

from allmysms_async import JournalError
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database


def decide(seq):
    """Return what records a decision about a chunk."""

    def work(connection):
        connection.execute(
            schema.decision.insert().values(campaign=1, seq=seq, decided_at=0.0, decided="resend", id=seq)
        )
        return seq

    return work


async def recorded(database):
    """Return the decisions that are recorded."""
    found = sa.select(schema.decision.c.seq).order_by("id")
    return await database.read(lambda connection: list(connection.execute(found).scalars()))


@pytest.fixture
async def database(journal):
    """A journal that is open, and holds nothing."""
    opened = Database(journal)
    try:
        await opened.open(create=True)

        def enter(connection):
            connection.execute(
                schema.campaign.insert().values(
                    name="c", text="", options="{}", backend="rest", account="", run_id="r", created_at=0.0
                )
            )

        await opened.write(enter)
        yield opened
    finally:
        await opened.close()


async def test_what_one_write_raises_undoes_nothing_of_the_others(database):
    """Of what is written together only what failed is undone: an answer is not lost because something else was late."""

    def late(connection):
        decide(7)(connection)
        raise JournalError("Another process reads this.")

    ends = await asyncio.gather(
        database.write(decide(1)),
        database.write(late),
        database.write(decide(2)),
        database.write(decide(2)),  # its number is taken
        database.write(decide(3)),
        return_exceptions=True,
    )
    assert (ends[0], ends[4]) == (1, 3)
    assert "Another process" in str(ends[1])
    assert {type(end) for end in ends[2:4]} == {int, JournalError}
    assert await recorded(database) == [1, 2, 3]


def fails_at_commit(connection):
    """Let the commit fail."""
    denied = [sqlite3.SQLITE_DENY]

    def authorizer(action, first, *_):
        commits = (action, first) == (sqlite3.SQLITE_TRANSACTION, "COMMIT")
        return denied.pop() if commits and denied else sqlite3.SQLITE_OK

    connection.connection.dbapi_connection.set_authorizer(authorizer)


def fails_at_once(connection):
    """Fail as a disk does."""
    raise sa.exc.OperationalError("insert", {}, sqlite3.OperationalError("disk I/O error"))


@pytest.mark.parametrize("fails", [fails_at_commit, fails_at_once])
async def test_database_that_fails_fails_all_that_is_written_together(tmp_path, fails):
    """When the database itself fails, nobody is told that anything was recorded; afterwards it goes on."""
    database = Database(tmp_path / "journal.db")
    await database.open(create=True)
    ends = await asyncio.gather(
        database.write(decide(1)), database.write(fails), database.write(decide(2)), return_exceptions=True
    )
    assert [type(end) for end in ends] == [JournalError] * 3
    assert await recorded(database) == []
    assert await database.write(decide(4)) == 4
    assert await recorded(database) == [4]
    await database.close()


SLOW = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 1000000) select count(*) from c"


@pytest.mark.parametrize("passes", [0, 1, 2, 3, 4, 5, 8, 50])
async def test_reader_that_is_cancelled_hinders_nobody(database, passes):
    """Whoever is cancelled in the middle of reading leaves a database that can be read and written."""
    reading = asyncio.create_task(database.read(lambda connection: connection.execute(sa.text(SLOW)).all()))
    for _ in range(passes):
        await asyncio.sleep(0)
    reading.cancel()
    writes = asyncio.gather(*(database.write(decide(seq)) for seq in (1, 2)))
    await asyncio.wait({reading})
    assert reading.cancelled()
    assert await writes == [1, 2]
    assert await recorded(database) == [1, 2]


def old_mode(path):
    """Put a journal back into the mode that a new file has, in which switching needs it to itself."""
    with sqlite3.connect(path) as raw:
        assert raw.execute("pragma journal_mode=delete").fetchone() == ("delete",)
    raw.close()


@pytest.mark.parametrize("step", ["open", "settle"])
@pytest.mark.parametrize(("held", "patience", "waits"), [(0.15, 5.0, True), (60.0, 0.1, False)])
async def test_opening_waits_for_another_process(tmp_path, step, held, patience, waits):
    """Two processes that begin a journal at once both succeed: the one waits until the other has let it go."""
    path = tmp_path / "journal.db"
    first = Database(path)
    await first.open(create=True)
    await first.close()
    old_mode(path)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("begin immediate")
    letting_go = asyncio.get_running_loop().call_later(held, writer.rollback)
    second = Database(path, busy_timeout=patience)
    opening = second.open(create=True) if step == "open" else second._held.settle()
    if waits:
        await opening
    else:
        with pytest.raises((JournalError, sqlite3.OperationalError), match="locked"):
            await opening
    await second.close()
    letting_go.cancel()
    assert writer.execute("pragma journal_mode").fetchone() == ("wal" if waits else "delete",)
    writer.close()


# Forks four processes for each journal, which open it once all of them are there; prints how they ended.
OPEN = """
import asyncio, os, sys, traceback
from allmysms_async.journal.database import Database

async def main(path):
    database = Database(path)
    await database.open(create=True)
    await database.close()

def open_in_a_process(path, gate, way):
    pid = os.fork()
    if pid:
        return pid
    os.close(way)
    os.read(gate, 1)
    code = 1
    try:
        asyncio.run(main(path))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)

ends = []
for path in sys.argv[1:]:
    gate, way = os.pipe()
    pids = [open_in_a_process(path, gate, way) for _ in range(4)]
    os.close(way)
    ends += [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    os.close(gate)
print(ends)
"""


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_processes_that_begin_a_journal_at_once_all_open_it(tmp_path):
    """Whoever starts several workers at once on a journal that does not exist yet sees all of them start."""
    paths = [tmp_path / f"{number}.db" for number in range(3)]
    ended = subprocess.run(
        [sys.executable, "-P", "-c", OPEN, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.returncode) == (f"{[0] * 12}\n", 0), ended.stderr
    for path in paths:
        with sqlite3.connect(path) as raw:
            assert raw.execute("pragma journal_mode").fetchone() == ("wal",)
            assert raw.execute("select count(*) from allmysms_journal").fetchone() == (1,)
        raw.close()


@pytest.mark.parametrize("create", [False, True])
async def test_file_of_something_else_is_not_changed_by_looking(tmp_path, create):
    """A database that is no journal is refused, and not a byte of it is changed, nor a file put beside it."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as other:
        other.execute("create table customer (name text)")
    other.close()
    before = path.read_bytes()
    database = Database(path)
    with pytest.raises(JournalError, match="is no journal"):
        await database.open(create=create)
    await database.close()
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["shop.db"]


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite:///file:{}?uri=true"])
async def test_new_journal_is_its_owners_alone(tmp_path, form):
    """A journal holds everybody's number and text: nobody else on the machine may read it, nor what lies beside it."""
    path, mask = tmp_path / "journal.db", os.umask(0o022)
    try:
        database = Database(form.format(path))
        await database.open(create=True)
        await database.write(decide(1))
        modes = {found.name: found.stat().st_mode & 0o777 for found in tmp_path.iterdir()}
        await database.close()
    finally:
        os.umask(mask)
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


async def test_mode_that_a_journal_was_given_stays(tmp_path):
    """Whoever lets a group read the journal is not overruled."""
    path = tmp_path / "journal.db"
    path.touch()
    path.chmod(0o640)
    database = Database(path)
    await database.open(create=True)
    await database.close()
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("passes", [0, 1, 2, 5])
async def test_writer_that_is_cancelled_hinders_nobody(database, passes):
    """Whoever is cancelled while writing takes nobody else's write along, and the journal can be closed."""
    first, second = (asyncio.ensure_future(database.write(decide(seq))) for seq in (1, 2))
    for _ in range(passes):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    assert await asyncio.wait_for(second, 10) == 2
    assert await asyncio.wait_for(database.write(decide(3)), 10) == 3
    # Nobody waits for the first one: it was written, or never asked for, and nothing of it is left under way.
    assert await recorded(database) in ([1, 2, 3], [2, 3])
    await asyncio.wait_for(database.close(), 10)


LEFT_OPEN = """
import asyncio, sys
from allmysms_async.journal.database import Database

async def main():
    database = Database(sys.argv[1])
    await database.open(create=True)
    await database.write(lambda connection: print("written", flush=True))
    reading = asyncio.ensure_future(database.read(lambda connection: None))
    await asyncio.sleep(0)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_journal_that_nobody_closed_does_not_keep_the_process(tmp_path):
    """A program that forgets a journal, or is cancelled over it, ends all the same."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", LEFT_OPEN, str(tmp_path / "journal.db"), stdout=PIPE, stderr=PIPE
    )
    out, errors = await process.communicate()
    assert (process.returncode, out, errors) == (0, b"written\n", b"")
