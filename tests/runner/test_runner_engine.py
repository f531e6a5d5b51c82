"""The engine that wakes: whatever state it or its tables are in is healed, or told in words that say what to do."""

import asyncio
import logging

import asyncpg
import psycopg
import pytest
from procrastinate import App, PsycopgConnector, sql
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool

from allmysms_async import InvalidRequest, JournalError, SoapBackend
from allmysms_async.runner import Worker, engine_app, submit
from allmysms_async.runner.engine import _place_of

from .conftest import asked, campaign, look_around, placed, result_of, texts_of, until_status

TABLES = "procrastinate_jobs, procrastinate_events, procrastinate_workers, procrastinate_periodic_defers"


async def dropped(place):
    """Remove everything that the engine has in a database."""
    connection = await asyncpg.connect(place)
    try:
        await connection.execute(f"drop table {TABLES} cascade")
        found = "select oid::regprocedure::text as name from pg_proc where proname like 'procrastinate%'"
        for row in await connection.fetch(found):
            await connection.execute(f"drop function {row['name']} cascade")
        for row in await connection.fetch(
            "select typname from pg_type where typname like 'procrastinate%' and typtype in ('e', 'c')"
        ):
            await connection.execute(f"drop type if exists {row['typname']} cascade")
    finally:
        await connection.close()


async def test_tables_of_the_engine_that_are_removed_come_again(sandbox, place, backend):
    """They are gone in mid-campaign, functions and all: the worker makes them again and goes on."""
    await placed(campaign(10), place, backend(), chunk_size=2)
    await asked(place, "update runner_campaign set status = 'paused'")
    worker = Worker(backend, journal=place, concurrency=2)
    working = asyncio.create_task(worker.run())
    async with asyncio.timeout(250):
        while not worker.ready:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
    await dropped(place)
    await asked(place, "update runner_campaign set status = 'open'")
    await look_around(place)
    await until_status(place)
    worker.stop()
    await asyncio.wait_for(working, 100)
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (10, {1})


async def test_tables_of_another_release_of_the_engine_are_told(place, backend):
    """What is there lacks what this release of the engine calls: that is named, with what to do."""
    await placed(campaign(2), place, backend())
    found = "select oid::regprocedure::text as name from pg_proc where proname like 'procrastinate_fetch_job%'"
    for row in await asked(place, found):
        await asked(place, f"drop function {row['name']}")
    with pytest.raises(JournalError, match=r"another release of Procrastinate .*procrastinate_fetch_job") as told:
        await asyncio.wait_for(Worker(backend, journal=place).run(), 100)
    assert "migrations" in str(told.value)


async def test_an_engine_that_gets_no_connection_is_told_as_such(place, backend, monkeypatch):
    """The journal has connections and the engine gets none: that is an error of the journal, and no defect."""
    await placed(campaign(2), place, backend())
    usual = AsyncConnectionPool.open

    async def impatient(self, wait=False, timeout=30.0):
        await usual(self, wait, min(timeout, 0.2))

    monkeypatch.setattr(AsyncConnectionPool, "open", impatient)
    monkeypatch.setattr("allmysms_async.runner.engine._place_of", lambda _: {"host": "127.0.0.1", "port": 1})
    with pytest.raises(JournalError, match="The engine that wakes workers failed"):
        await asyncio.wait_for(Worker(backend, journal=place).run(), 100)


async def test_an_app_that_is_not_open_or_of_another_database_is_told(place, backend, postgres):
    """An application's own app has to be open, and on the journal's own database."""
    await placed(campaign(2), place, backend())
    app = App(connector=PsycopgConnector(conninfo=place))
    with pytest.raises(InvalidRequest, match="is not open"):
        async with Worker(backend, journal=place, app=app).mounted():
            pass
    other = App(connector=PsycopgConnector(conninfo=str(postgres.create("runner_other"))))
    async with other.open_async():
        with pytest.raises(InvalidRequest, match="another database"):
            async with Worker(backend, journal=place, app=other).mounted():
                pass


async def test_an_application_mounts_the_jobs_of_several_accounts_one_after_the_other_and_at_once(
    sandbox, place, backend
):
    """Each account's worker in one app is given its own jobs, also one that is mounted again."""

    def second():
        return SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php")

    await placed(campaign(6, "first"), place, backend(), chunk_size=2)
    await placed(campaign(4, "second"), place, second(), chunk_size=2)
    app = App(connector=PsycopgConnector(conninfo=place))
    async with app.open_async():
        async with Worker(backend, journal=place, app=app).mounted():
            pass
        workers = [Worker(backend, journal=place, app=app), Worker(second, journal=place, app=app)]
        async with workers[0].mounted(), workers[1].mounted():
            engine = asyncio.create_task(
                app.run_worker_async(
                    queues=[each.queue for each in workers], concurrency=2, install_signal_handlers=False
                )
            )
            await until_status(place)
            engine.cancel()
            await asyncio.wait({engine})
            with pytest.raises(InvalidRequest, match="mounted in this app of Procrastinate already"):
                await Worker(backend, journal=place, app=app).run()
    assert [worker.stats.outcomes["accepted"] for worker in workers] == [6, 4]
    assert (await result_of(place, "first")).accepted == 6


async def test_logs_of_an_application_that_uses_the_engine_stay_as_they_are(place, backend, monkeypatch):
    """Placing a campaign silences neither Procrastinate nor psycopg for the rest of the process."""
    names = ("procrastinate", "psycopg", "psycopg.pool")
    for name in names:
        monkeypatch.setattr(logging.getLogger(name), "level", logging.INFO)
    await submit(campaign(2), journal=place, backend=backend())
    assert {logging.getLogger(name).level for name in names} == {logging.INFO}


def test_several_servers_are_told_to_the_engine_in_its_own_words():
    """Hosts with their ports, as the journal's driver takes them, are hosts and ports to libpq."""
    told = _place_of("postgresql:///sms?host=db1:5433&host=db2:5434")
    assert (told["host"], str(told["port"])) == ("db1,db2", "5433,5434")
    told = _place_of("postgresql://sms@db1:5433/sms")
    assert (told["host"], told["port"]) == ("db1", 5433)


async def test_a_slot_whose_end_could_not_be_noted_is_not_lost(sandbox, place, backend, monkeypatch, caplog):
    """The engine fails for a moment as a job ends: its worker lives on, and the campaign's only slot with it."""
    usual, failed = PsycopgConnector.execute_query_async, []

    async def execute(self, query, **words):
        if query == sql.queries["finish_job"] and len(failed) < 2:
            failed.append(query)
            cuts = psycopg.OperationalError(), psycopg.errors.IdleInTransactionSessionTimeout()
            raise ConnectorException from cuts[len(failed) - 1]
        await usual(self, query, **words)

    monkeypatch.setattr(PsycopgConnector, "execute_query_async", execute)
    monkeypatch.setattr(engine_app, "_AGAIN_SECONDS", 0.05)
    worker = Worker(backend, journal=place, concurrency=1)
    working = asyncio.create_task(worker.run())
    for count in (2, 4):
        await placed(campaign(count), place, backend(), chunk_size=2)
        await until_status(place)
        assert (await result_of(place)).accepted == count
    worker.stop()
    await asyncio.wait_for(working, 100)
    assert len(failed) == 2
    assert "never retrieved" not in caplog.text
