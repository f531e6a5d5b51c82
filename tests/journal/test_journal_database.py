"""The journal's database by itself: what is written together, how it is opened, and what its address may say."""

import asyncio
import sqlite3

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
    async with database.reading() as connection:
        return list((await connection.execute(sa.select(schema.decision.c.seq).order_by("id"))).scalars())


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
