"""A real PgBouncer before the journal: in session mode all works, in transaction mode it is refused in words."""

import asyncio

import pytest

from allmysms_async import AllMySmsError, JournalError, RetryPolicy, SmsService
from allmysms_async.journal import session
from allmysms_async.journal.database import Database
from allmysms_async.runner import Worker

from .conftest import asked, campaign, placed, result_of, texts_of
from .pooler import pooled, program


@pytest.fixture
def through(place, postgres, reserve, machine_lacks):
    """Start PgBouncer in a mode, and give the journal's address through it."""
    if program() is None:
        machine_lacks("PgBouncer (Debian: pgbouncer)")
    return lambda mode, **options: pooled(place, reserve(), mode, postgres.port, **options)


async def test_in_session_mode_a_campaign_is_placed_sent_and_looked_at(through, sandbox, backend):
    """With PgBouncer's own defaults everything that a campaign takes goes through it, limits included."""
    async with through("session") as journal:
        await placed(campaign(20), journal, backend(), chunk_size=4)
        worker = Worker(backend, journal=journal, max_in_flight=2, rate=500.0, until_idle=True)
        async with asyncio.timeout(250):
            await worker.run()
        result = await result_of(journal)
        assert (result.accepted, result.unknown) == (20, 0)
    assert set(texts_of(sandbox).values()) == {1}
    assert sandbox.max_in_flight <= 2


async def test_in_transaction_mode_placing_and_working_are_refused_in_words(through, sandbox, place, backend):
    """Neither begins, before and after something was placed directly; each says what to do, and nothing is sent."""
    async with through("transaction") as journal:
        wanted = "through a pooler of connections, where no lock lasts. Give it the address of PostgreSQL itself"
        with pytest.raises(JournalError, match=wanted):
            await placed(campaign(4), journal, backend())
        await placed(campaign(4), place, backend())
        with pytest.raises(JournalError, match=wanted):
            await placed(campaign(4), journal, backend())
        with pytest.raises(JournalError, match=wanted):
            await Worker(backend, journal=journal).run()
        assert await asked(place, "select from runner_worker") == []
    assert sandbox.stats()["messages"] == 0


async def test_in_transaction_mode_it_is_found_out_also_while_many_use_the_pool(through, place):
    """However busy the pool is, a session that is shared is not taken for one's own."""
    async with through("transaction") as journal:
        databases = [Database(journal) for _ in range(6)]

        async def look(database):
            with pytest.raises(JournalError):
                await database.session()

        try:
            await asyncio.gather(*(look(database) for database in databases for _ in range(2)))
        finally:
            for database in databases:
                await database.close()


async def test_in_transaction_mode_a_pool_of_one_session_is_found_out(through, pass_time, monkeypatch):
    """Who has to wait for another one's transaction to end has no session of its own."""
    waits, usual = asyncio.Event(), session._asked

    async def wait(*words, **options):
        waits.set()
        return await usual(*words, **options)

    monkeypatch.setattr(session, "_asked", wait)
    async with through("transaction", size=1) as journal:
        database = Database(journal)
        try:
            looking = asyncio.create_task(database.session())
            await asyncio.wait_for(waits.wait(), 250)
            while not looking.done():  # no answer comes
                pass_time(session._ANSWER_SECONDS)
                await asyncio.sleep(0.01)
            with pytest.raises(JournalError, match="through a pooler of connections"):
                await looking
        finally:
            await database.close()


async def test_a_plain_campaign_is_told_what_is_wrong_with_a_pool_in_transaction_mode(through, sandbox, backend):
    """Where statements are lost between sessions, the error says that it is the pooler, and how to set it."""
    async with through("transaction") as journal, SmsService(backend(), policy=RetryPolicy(attempts=1)) as sms:
        try:
            result = await sms.run(campaign(40), journal=journal, chunk_size=4)
        except AllMySmsError as error:
            assert "pooler" in str(error)  # noqa: PT017  # a later PgBouncer keeps statements, and it goes on
        else:
            assert result.accepted == 40
    assert set(texts_of(sandbox).values()) <= {1}
