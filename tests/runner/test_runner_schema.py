"""The runner's own tables of one version after another."""

import asyncio

from allmysms_async.runner import Worker, schema

from .conftest import asked, campaign, placed, result_of, texts_of


async def test_a_worker_brings_older_tables_up_to_its_own_version(sandbox, place, backend):
    """Tables of version 1, in mid-campaign, get what is new, and older workers may go on beside them."""
    await placed(campaign(6), place, backend(), chunk_size=2, max_failure_rate=0.5)
    await asked(place, "drop table runner_seat, runner_failure")
    await asked(place, "update allmysms_runner set version = 1, least = 1")
    async with asyncio.timeout(250):
        await Worker(backend, journal=place, max_in_flight=2, until_idle=True).run()
    assert (await result_of(place)).accepted == 6
    assert set(texts_of(sandbox).values()) == {1}
    (row,) = await asked(place, "select version, least from allmysms_runner")
    assert (row["version"], row["least"]) == (schema.VERSION, schema.LEAST)
    (row,) = await asked(place, "select requests, lost from runner_failure")
    assert tuple(row) == (3, 0)
    (row,) = await asked(place, "select count(*) as n from runner_seat where until > clock_timestamp()")
    assert row["n"] == 0


async def test_tables_with_a_column_that_is_created_no_more_serve_as_they_are(sandbox, place, backend):
    """What an earlier state of the tables has beside is left where it is, and hinders no limit."""
    await placed(campaign(6), place, backend(), chunk_size=2)
    columns = "select column_name as name from information_schema.columns where table_name = 'runner_line'"
    assert {row["name"] for row in await asked(place, columns)} == {"line", "max_in_flight", "rate", "hour_limit"}
    await asked(place, "alter table runner_line add column tat timestamptz not null default '-infinity'")
    async with asyncio.timeout(250):
        await Worker(backend, journal=place, max_in_flight=2, rate=100, until_idle=True).run()
    assert (await result_of(place)).accepted == 6
    assert "tat" in {row["name"] for row in await asked(place, columns)}
