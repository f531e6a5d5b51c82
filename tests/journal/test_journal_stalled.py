"""A process that stands still in the middle of a transaction, on PostgreSQL."""

import asyncio

import asyncpg
import pytest

from allmysms_async.journal import postgresql, session
from allmysms_async.journal.database import Database


@pytest.fixture
async def two(postgres):
    """Two processes' ways to one journal."""
    place = postgres.empty()
    ways = Database(place), Database(place)
    await ways[0].open(create=True)
    yield ways
    for way in ways:
        await way.close()


async def test_what_a_process_locked_that_stands_still_is_free_after_a_while(two, monkeypatch):
    """The server ends a transaction that nobody goes on with, however long its connection stays open."""
    quicker = session.SETTINGS.replace("'30000'", "'500'")
    assert quicker != session.SETTINGS
    monkeypatch.setattr(session, "SETTINGS", quicker)
    still, other = [await way.session() for way in two]
    await still.execute("begin")
    await still.execute("lock table campaign")
    async with asyncio.timeout(250):
        assert await other.fetchval("select count(*) from campaign") == 0
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        await still.execute("commit")
    still.terminate()
    await other.close()


async def test_a_statement_has_more_time_than_a_transaction_that_stands_still(two):
    """Who waits for a row of such a process gets it, and does not give up."""
    one = await two[0].session()
    given = await one.fetchval("select setting from pg_settings where name = 'idle_in_transaction_session_timeout'")
    assert 0 < int(given) / 1000 <= postgresql._COMMAND_SECONDS / 2
    await one.close()
