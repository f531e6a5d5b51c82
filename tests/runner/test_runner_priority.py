"""How campaigns share what their account may send: which goes first."""

import asyncio

from procrastinate import App, PsycopgConnector

from allmysms_async.runner import Worker
from allmysms_async.runner.engine import TASK
from allmysms_async.runner.engine_app import served_by
from allmysms_async.runner.share import Share

from .conftest import Watching, asked, campaign, placed, result_of


async def test_campaigns_of_higher_priority_are_sent_first(sandbox, place, backend):
    """A campaign that was placed later with a higher priority is over before one that has none."""
    await placed(campaign(60, "slow"), place, backend(), chunk_size=1)
    await placed(campaign(60, "urgent", native=False), place, backend(), chunk_size=1, priority=5)
    watching = Watching()
    sandbox.observe(watching)
    worker = Worker(backend, journal=place, concurrency=2, until_idle=True)
    async with asyncio.timeout(250):
        await worker.run()
    assert len(watching.names) == 120
    # Whatever was taken of the first one before the other was found, the last of the other came before its last.
    first, last = ([name.split(" ")[0] for name in names] for names in (watching.names, watching.names[::-1]))
    assert last.index("slow") < last.index("urgent")
    assert first.count("urgent") == 60
    assert (await result_of(place, "slow")).accepted == (await result_of(place, "urgent")).accepted == 60


async def test_a_slot_that_is_deferred_again_keeps_the_priority_of_its_campaign(place, backend, monkeypatch):
    """Whoever lets others have a turn waits as what it is: no less urgent than before."""

    async def drain(*_):
        return True

    monkeypatch.setattr(Share, "drain", drain)
    await placed(campaign(3, "urgent"), place, backend(), priority=5)
    app = App(connector=PsycopgConnector(conninfo=place))
    worker = Worker(backend, journal=place, app=app)
    async with app.open_async(), worker.mounted():
        (row,) = await asked(place, "select campaign from runner_campaign")
        await served_by(app, TASK)[worker.queue](row["campaign"], 99)
    (job,) = await asked(place, "select priority from procrastinate_jobs where lock like '%/99'")
    assert job["priority"] == 5


async def test_the_engine_keeps_nothing_of_the_campaigns_that_it_wakes_workers_for(place, backend):
    """It wakes them for any number of campaigns: none of them leaves anything behind in it."""
    await placed(campaign(2), place, backend(), priority=5)
    worker = Worker(backend, journal=place, until_idle=True)
    await asyncio.wait_for(worker.run(), 100)
    assert [name for name, kept in vars(worker._engine).items() if isinstance(kept, dict | list | set) and kept] == []
