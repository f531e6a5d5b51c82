"""A campaign is neither over too early nor open for ever, whoever places, reads or stops it at that moment."""

import asyncio
import contextlib
import time

import asyncpg
import pytest

from allmysms_async import CampaignStopped, JournalError, Recipient
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


async def test_a_campaign_that_is_opened_while_it_is_finished_stays_open(place, backend):
    """What was found to be over before it waited for whoever opens it again is looked at once more."""
    await placed(campaign(2), place, backend())
    await asked(place, "update chunk set state = 'failed'")
    opening = await asyncpg.connect(place)
    async with control_of(place) as control:
        await control.open()
        number = (await row_of(place))["campaign"]
        transaction = opening.transaction()
        await transaction.start()
        await opening.execute("update runner_campaign set reason = null")  # as 'campaign resume' does
        finishing = asyncio.create_task(store.finish(control, number))
        await until_found(place, "select from pg_locks where not granted")
        await opening.execute("update chunk set state = 'pending'")
        await transaction.commit()
        assert not await finishing
    await opening.close()
    assert (await row_of(place))["status"] == "open"


async def test_a_worker_comes_while_a_campaign_is_changed(place, backend):
    """Tables that are there are not created: that would wait for every transaction that changes one."""
    await placed(campaign(2), place, backend())
    changing = await asyncpg.connect(place)
    transaction = changing.transaction()
    await transaction.start()
    await changing.execute("update runner_campaign set reason = null")
    async with control_of(place) as control:
        await asyncio.wait_for(control.open(), 30)
    await transaction.rollback()
    await changing.close()


@pytest.mark.parametrize(
    ("owner", "over"),
    [("another", False), (None, True)],
)
async def test_a_request_that_is_asked_about_keeps_its_campaign_open(place, backend, owner, over):
    """Whoever asks may die: as long as it does, the campaign is not done, so that another one asks after it."""
    await placed(campaign(2), place, backend())
    statement = "update chunk set state = 'unknown', owner = $1, first_sent_at = $2, lease_until = $3"
    await asked(place, statement, owner, time.time(), owner and time.time() + 100)
    async with control_of(place) as control:
        assert await store.finish(control, (await row_of(place))["campaign"]) is over


async def test_a_reader_that_left_no_lock_and_is_long_gone_does_not_keep_a_campaign_open(place, backend):
    """Nobody can prove that it is dead; its time is over, and workers that end once idle do."""
    await placed(campaign(2), place, backend())
    statement = "update campaign set reader = 'ghost', reader_lease = 15, reader_until = $1"
    async with control_of(place) as control:
        await asked(place, "update chunk set state = 'accepted'")
        number = (await row_of(place))["campaign"]
        await asked(place, statement, time.time() + 10)
        assert not await store.finish(control, number)
        await asked(place, statement, time.time() - 100)
        assert await store.finish(control, number)


async def test_what_an_operator_paused_or_stopped_no_submission_opens(sandbox, place, backend):
    """A submission that is started again after a crash reads on, and says that nobody sends: that is 'resume'."""
    await placed(campaign(2), place, backend())
    async with control_of(place) as control:
        number = (await row_of(place))["campaign"]
        for status in ("paused", "stopped"):
            await store.change(control, number, status, f"{status} by an operator", by_operator=True)
            submission = Submission(campaign(4), journal=place, backend=backend())
            assert (await submission.run()).rows == 4
            assert submission.status == (await row_of(place))["status"] == status
        assert (await row_of(place))["reason"] == "stopped by an operator"
        # What a worker stopped, for a limit, goes on with another one.
        await store.change(control, number, "open")
        await store.change(control, number, "stopped", "max_parts is 1")
    submission = Submission(campaign(4), journal=place, backend=backend(), max_parts=9)
    await submission.run()
    assert submission.status == (await row_of(place))["status"] == "open"
    async with asyncio.timeout(250):
        await Worker(backend, journal=place, until_idle=True).run()
    assert set(texts_of(sandbox).values()) == {1}
    assert (await result_of(place)).accepted == 4


async def test_what_ended_a_submission_is_told_also_if_the_database_fails_then(place, backend, monkeypatch):
    """The source fails, and nobody can be woken any more: the source's failure is what is told."""

    class Failing:
        def __iter__(self):
            yield Recipient("0610000000", ("N",))
            raise OSError("the disk is gone")

    async def fail(*_):
        msg = "No connection."
        raise JournalError(msg)

    monkeypatch.setattr(store, "wake_up", fail)
    whole = campaign(0)
    broken = type(whole)(whole.name, whole.message, Failing(), exclude_opt_outs=False, quiet_hours="ignore")
    with pytest.raises(CampaignStopped, match="source failed"):
        await placed(broken, place, backend())
    with pytest.raises(JournalError, match="No connection"):
        await placed(campaign(2), place, backend())
