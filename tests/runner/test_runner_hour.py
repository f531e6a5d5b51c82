"""Requests an hour over all machines: a place in a log for each attempt, in the database's own time."""

import asyncio
import signal

import pytest

from allmysms_async import EnvoyerSmsProBackend
from allmysms_async.batch.record import Claim
from allmysms_async.clock import SYSTEM, SystemClock
from allmysms_async.errors import NotSent, RequestLimitReached
from allmysms_async.exchange import departure
from allmysms_async.runner import Worker
from allmysms_async.runner.gate import Gate, Passage
from allmysms_async.runner.hour import Hour, hour_of
from allmysms_async.runner.rate import Rate
from allmysms_async.runner.seat import Seats
from tests.journal.worker import Task, backend_of

from .conftest import Halt, asked, campaign, controls, placed, result_of, sent, texts_of

PLACES = "select id, extract(epoch from ended_at - clock_timestamp())::float8 as ahead from runner_request order by id"


class Ours:
    """A record whose claims hold."""

    async def hold(self, claim):
        """Tell so."""
        del claim
        return True


async def test_an_hour_has_no_more_places_than_the_limit_over_all_machines(place):
    """Two machines ask for places of one account at once: they get as many as there are, and are told how long."""
    async with controls(place, 2) as two:
        hours = [Hour(control, "line", 7) for control in two]
        taken = await asyncio.gather(*(hour.take() for hour in hours for _ in range(6)))
        places = [place for place, _ in taken if place is not None]
        assert len(places) == 7
        assert all(3600 < wait < 3800 for place, wait in taken if place is None)
        await hours[0].end(places[0])
        assert 3500 < await hours[1].turn_in() <= 3602.5


async def test_what_one_machine_was_told_of_the_limit_all_know(place):
    """Only who gets an answer first asks; machines that began with another limit hear of it with the next place."""

    class Asked(EnvoyerSmsProBackend):
        request_limit, asked, answers = 100, 0, True

        def turn_in(self):
            return 0.0

        async def least_seconds(self, requests):
            del requests
            self.asked += 1
            if not self.answers:
                raise NotSent("Nobody there.")
            self.request_limit = 3

    async with controls(place) as (control,):
        unlucky, first, second = (Asked("demo", "demo-pass", default_sender="MAGASIN") for _ in range(3))
        unlucky.answers = False
        hours = [await hour_of(backend, control, "line") for backend in (unlucky, first, second)]
        assert [backend.asked for backend in (unlucky, first, second)] == [1, 1, 0]
        assert [hour.limit for hour in hours] == [100, 3, 3]
        assert (await hours[0].take())[0] is not None
        assert (await hours[0].take())[0] is None
        assert hours[0].limit == 3
        for backend in (unlucky, first, second):
            await backend.aclose()


async def test_each_attempt_that_may_have_left_has_a_place_of_its_own(place):
    """An attempt that surely did not leave costs no place; one that may have, and each that follows, has one."""
    async with controls(place) as (control,):
        hour = Hour(control, "line", 3)
        gate = Gate(Seats(control.database, "line", SYSTEM), Rate(control, "line", SYSTEM), hour)
        passage = Passage(gate, SYSTEM, Halt())
        claim = Claim(None, unanswered=False)

        async def attempt(*, leaves):
            assert await passage.enter(Ours(), claim)
            leave, _ = departure.get(), departure.set(None)
            if leaves:
                await leave()

        gate.asked = True
        await attempt(leaves=False)
        await attempt(leaves=False)
        assert len(await asked(place, PLACES)) == 1
        await attempt(leaves=True)
        await attempt(leaves=True)
        await attempt(leaves=True)
        assert len(await asked(place, PLACES)) == 3
        with pytest.raises(RequestLimitReached):
            await attempt(leaves=True)
        await passage.answered()
        ahead = [row["ahead"] for row in await asked(place, PLACES)]
        assert len(ahead) == 3
        assert max(ahead) <= 0
        await asked(place, "delete from runner_request where ended_at = (select min(ended_at) from runner_request)")
        await attempt(leaves=False)
        assert len(await asked(place, PLACES)) == 3
        await passage.answered()
        assert len(await asked(place, PLACES)) == 2


async def test_a_place_is_of_the_moment_in_which_its_request_leaves(place):
    """Whoever waited long with a place has it confirmed, so that its end, should it die, is not too early."""

    class Late:
        now, sleep, ahead = SYSTEM.now, SYSTEM.sleep, 0.0

        def monotonic(self):
            return SYSTEM.monotonic() + self.ahead

    async with controls(place) as (control,):
        clock, hour = Late(), Hour(control, "line", 3)
        hour.request_seconds = 10.0
        gate = Gate(Seats(control.database, "line", clock), Rate(control, "line", clock), hour)
        passage, gate.asked = Passage(gate, clock, Halt()), True
        assert await passage.enter(Ours(), Claim(None, unanswered=False))
        await asked(place, "update runner_request set ended_at = ended_at - interval '35 seconds'")
        clock.ahead = 35.0
        leave, _ = departure.get(), departure.set(None)
        await leave()
        (row,) = await asked(place, PLACES)
        assert row["ahead"] > 30


async def test_a_request_that_is_interrupted_before_it_left_was_not_sent(place):
    """A drain whose grace is over says of what waited for leave that nothing was sent, and keeps no place."""
    async with controls(place) as (control,):
        gate = Gate(Seats(control.database, "line", SYSTEM), Rate(control, "line", SYSTEM), Hour(control, "line", 3))
        gate.asked, halt = True, Halt()
        passage = Passage(gate, SYSTEM, halt)
        assert await passage.enter(Ours(), Claim(None, unanswered=False))
        gate.rate.limit, passage._permit = 0.01, None
        leave, _ = departure.get(), departure.set(None)
        await gate.rate._control.fetch("insert into runner_line (line) values ('line') on conflict do nothing")
        await gate.rate.permit()  # the next one is far away
        leaving = asyncio.create_task(leave())
        await asyncio.sleep(0.1)
        halt.stopping.set()
        leaving.cancel()
        with pytest.raises(NotSent):
            await leaving
        await passage.leave()
        assert await asked(place, PLACES) == []
        await gate.rate.aclose()


async def test_no_more_requests_an_hour_arrive_than_the_account_has(sandbox, machine, place):
    """Two machines, one of them killed, send what the hour has room for and not one request more."""
    limit = 14
    sandbox.envoyersmspro.limit_requests(limit)
    lost = {"fault": "reset_before", "times": 2, "path": "message/send"}
    sandbox.faults([{"fault": "latency", "seconds": 0.2}, lost])
    backend = backend_of(Task(url=sandbox.http_url, journal="", count=0, protocol="envoyersmspro"))
    await placed(campaign(60, native=False), place, backend, chunk_size=2)
    before = sum(sandbox.requests.values())
    options = {"protocol": "envoyersmspro", "concurrency": 2}
    lives = [await machine(**options) for _ in range(2)]
    await sent(sandbox, 6)
    lives[0].process.kill()
    await lives[0].process.communicate()
    lives[0] = await machine(**options)
    async with asyncio.timeout(250):
        while len(await asked(place, PLACES)) < limit or sandbox.in_flight:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    assert sum(sandbox.requests.values()) - before <= limit
    assert set(texts_of(sandbox).values()) == {1}
    assert (await result_of(place)).pending > 0
    for life in lives:
        life.process.send_signal(signal.SIGTERM)
        assert (await life.end())["error"] is None


async def test_a_worker_that_waits_for_the_hour_ends_when_it_is_asked_to(sandbox, place):
    """Whoever has nothing in flight, and an hour to wait for a place, does not wait to end."""

    class Long(SystemClock):
        """A clock by which long waits do not end."""

        waits = 0

        async def sleep(self, seconds):
            """Wait, and count who waits long."""
            self.waits += seconds > 0.9
            await super().sleep(seconds if seconds <= 0.9 else 1000.0)

    def make():
        return backend_of(Task(url=sandbox.http_url, journal="", count=0, protocol="envoyersmspro", timeout=20.0))

    sandbox.envoyersmspro.limit_requests(2)
    await placed(campaign(8, native=False), place, make(), chunk_size=2)
    clock = Long()
    worker = Worker(make, journal=place, concurrency=1, grace=500.0, clock=clock)
    working = asyncio.create_task(worker.run())
    async with asyncio.timeout(250):
        while not clock.waits:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
    worker.stop()
    await asyncio.wait_for(working, 100)
    assert (await result_of(place)).pending > 0
