"""A campaign is neither over too early nor open for ever, whoever places, reads or stops it at that moment."""

import asyncio
import contextlib
import time

import asyncpg
import pytest

from allmysms_async import JournalError, Recipient
from allmysms_async.runner import Submission, Worker, store
from allmysms_async.runner.control import Control, opened_database

from .conftest import asked, campaign, placed, result_of, texts_of


@contextlib.asynccontextmanager
async def control_of(place):
    """Open what the runner's tables are asked over."""
    database = await opened_database(place)
    control = Control(database)
    try:
        yield control
    finally:
        await control.aclose()
        await database.close()


async def row_of(place):
    """Return where the one campaign stands."""
    (row,) = await asked(place, "select * from runner_campaign")
    return row


async def until_found(place, statement):
    """Wait until the database has rows."""
    async with asyncio.timeout(250):
        while not await asked(place, statement):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)


async def test_a_worker_that_looks_as_soon_as_a_campaign_is_placed_does_not_take_it_for_done(
    place, backend, monkeypatch
):
    """Placed, and not yet read: nobody may note that nothing is left, for workers that end once idle would end."""
    noted = []
    usual = store.enter

    async def enter(control, number, *rest):
        told = await usual(control, number, *rest)
        noted.append(await store.finish(control, number))
        return told

    monkeypatch.setattr(store, "enter", enter)
    await placed(campaign(4), place, backend())
    assert noted == [False]
    assert (await row_of(place))["status"] == "open"


async def test_whoever_is_refused_the_source_changes_nothing_of_the_campaign(place, backend):
    """A second submission that is refused leaves the limits, the priority and the status of the first one."""
    gate = asyncio.Event()

    async def slow():
        yield Recipient("0610000000", ("N",))
        await gate.wait()

    whole = campaign(0)
    slowly = type(whole)(whole.name, whole.message, slow(), exclude_opt_outs=False, quiet_hours="ignore")
    placing = asyncio.create_task(placed(slowly, place, backend(), priority=1, max_parts=50))
    await until_found(place, "select from pg_tables where tablename = 'runner_campaign'")
    await until_found(place, "select from runner_campaign")
    before = dict(await row_of(place))
    with pytest.raises(JournalError, match="Another process reads"):
        await placed(campaign(3), place, backend(), priority=7, max_parts=1)
    assert dict(await row_of(place)) == before
    gate.set()
    assert (await placing).rows == 1
