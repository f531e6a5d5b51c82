"""One limit for all machines, as the gateway counts it; and an operator's word reaches them all."""

import asyncio
import signal
import time

import pytest

from allmysms_async.clock import SYSTEM
from allmysms_async.runner import Worker, store
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.hour import Hour
from allmysms_async.runner.rate import SLACK_SECONDS, Rate

from .conftest import campaign, placed, result_of, texts_of, until_status


class Watching:
    """An observer that notes when each request reached handsets, and of which campaign it was."""

    def __init__(self):
        self.moments, self.names = [], []

    def delivered(self, campaign):
        """Note a request."""
        self.moments.append(time.monotonic())
        self.names.append(campaign.name)

    def __getattr__(self, name):
        """Note nothing else."""
        return lambda *_: None


async def sent(sandbox, count):
    """Wait until so many texts were sent."""
    async with asyncio.timeout(250):
        while sandbox.stats()["messages"] < count:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


async def test_requests_in_flight_over_all_machines_never_exceed_the_limit(sandbox, machine, place, backend):
    """With 5 seats no more than 5 requests are ever in flight, while machines come, go and die."""
    sandbox.faults([{"fault": "latency", "seconds": 0.04}])
    await placed(campaign(240), place, backend(), chunk_size=2)
    options = {"concurrency": 4, "max_in_flight": 5}
    lives = [await machine(**options) for _ in range(3)]
    await sent(sandbox, 40)
    for number, life in enumerate(lives):  # stopped in turn, each replaced by another one
        life.process.send_signal(signal.SIGTERM)
        await life.end()
        lives[number] = await machine(**options)
        await sent(sandbox, 70 + number * 30)
    await until_status(place)
    assert sandbox.max_in_flight == 5
    assert (await result_of(place)).accepted == 240
    assert set(texts_of(sandbox).values()) == {1}


async def test_a_killed_machine_gives_its_seats_to_others_at_once(sandbox, machine, place, backend):
    """A machine that has every seat is killed: the other one goes on, and the limit still holds for what it sends."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    await placed(campaign(150), place, backend(), chunk_size=2)
    first = await machine(concurrency=4, max_in_flight=3)
    await sent(sandbox, 20)
    await machine(concurrency=4)
    first.process.kill()
    await first.process.communicate()
    await until_status(place)
    assert (await result_of(place)).accepted == 150
    assert set(texts_of(sandbox).values()) == {1}


async def test_requests_a_second_over_all_machines_stay_under_the_rate(sandbox, machine, place, backend):
    """Whatever second is looked at, both machines together leave no more than the rate for it."""
    await placed(campaign(120), place, backend(), chunk_size=2)
    watching = Watching()
    sandbox.observe(watching)
    for _ in range(2):
        await machine(rate=20.0, until_idle=True)
    await until_status(place)
    requests = sorted(watching.moments)
    assert len(requests) == 60
    # The whole takes as long as the limit says; of any second the busy machine that counts here may see a few more.
    assert requests[-1] - requests[0] >= 59 / 20
    most = max(sum(1 for each in requests if start <= each < start + 1.0) for start in requests)
    assert most <= 20 * 1.25


async def test_permits_of_a_second_are_never_more_than_the_rate(place):
    """The moments that two workers are given lie so far apart that no second and slack has more than the limit."""
    database = await opened_database(place)
    controls = [Control(database) for _ in range(2)]
    try:
        await store.limit(controls[0], "line", None, 200.0)
        rates = [Rate(control, "line", SYSTEM) for control in controls]
        used = []

        async def take(rate, count):
            rate.limit = 200.0
            for _ in range(count):
                assert await rate.permit()
                used.append(SYSTEM.monotonic())

        await asyncio.gather(*(take(rate, 15) for rate in rates for _ in range(4)))
        used.sort()
        assert len(used) == 120
        assert used[-1] - used[0] >= 119 * (1 + SLACK_SECONDS) / 200 - 2 * SLACK_SECONDS
    finally:
        for control in controls:
            await control.aclose()
        await database.close()


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
