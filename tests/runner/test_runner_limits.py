"""One limit for all machines, as the gateway counts it; and an operator's word reaches them all."""

import asyncio
import signal

import pytest

from allmysms_async.runner import Worker, store
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.hour import Hour

from .conftest import Watching, campaign, placed, result_of, sent, texts_of, until_status


async def test_an_hour_has_no_more_places_than_the_limit_over_all_machines(place):
    """Two machines ask for places of one account at once: they get as many as there are, and are told how long."""
    database = await opened_database(place)
    controls = [Control(database) for _ in range(2)]
    try:
        hours = [Hour(control, "line", 7) for control in controls]
        taken = await asyncio.gather(*(hour.take() for hour in hours for _ in range(6)))
        places = [place for place, _ in taken if place is not None]
        assert len(places) == 7
        assert all(3600 < wait < 3800 for place, wait in taken if place is None)
        await hours[0].end(places[0])
        assert 3500 < await hours[1].turn_in() <= 3602.5
    finally:
        for control in controls:
            await control.aclose()
        await database.close()


@pytest.mark.parametrize("status", ["paused", "stopped"])
async def test_an_operators_word_reaches_every_machine(sandbox, machine, place, backend, status):
    """After pause or stop nothing new is sent by any machine, and resume sends the rest."""
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    await placed(campaign(200), place, backend(), chunk_size=2)
    lives = [await machine(concurrency=4) for _ in range(2)]
    await sent(sandbox, 30)
    database = await opened_database(place)
    control = Control(database)
    try:
        found = await store.placed_as(control, None)
        assert found is not None
        assert await store.change(control, found.campaign, status)
        async with asyncio.timeout(250):
            while (await result_of(place)).in_flight:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.05)
        # Told at once, not by the next look alone; each machine's last requests were answered meanwhile.
        before = sandbox.stats()["messages"]
        assert before < 200
        await asyncio.sleep(0.3)
        assert sandbox.stats()["messages"] == before
        await store.reopen(control, found, {})
    finally:
        await control.aclose()
        await database.close()
    await until_status(place)
    for life in lives:
        life.process.send_signal(signal.SIGTERM)
        assert (await life.end())["error"] is None
    assert (await result_of(place)).accepted == 200
    assert set(texts_of(sandbox).values()) == {1}


async def test_a_ceiling_stops_every_machine(sandbox, machine, place, backend):
    """Whoever would go over max_parts stops the campaign for all, and the reason is told."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    await placed(campaign(200), place, backend(), chunk_size=2, max_parts=60)
    for _ in range(2):
        await machine(concurrency=4)
    await until_status(place, "stopped")
    async with asyncio.timeout(250):
        while (result := await result_of(place)).in_flight:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
    assert result.parts <= 60
    assert result.accepted == sandbox.stats()["messages"] >= 40
    database = await opened_database(place)
    control = Control(database)
    try:
        found = await store.placed_as(control, "soldes")
        assert found is not None
        assert found.reason is not None
        assert "max_parts is 60" in found.reason
    finally:
        await control.aclose()
        await database.close()


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
