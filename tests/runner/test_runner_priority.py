"""How campaigns share what their account may send: which goes first."""

import asyncio

from allmysms_async.runner import Worker

from .conftest import Watching, campaign, placed, result_of


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
