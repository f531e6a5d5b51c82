"""Requests a second over all machines: in no window more than the limit, as the gateway counts what arrives."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.batch.record import Claim
from allmysms_async.clock import SYSTEM
from allmysms_async.exchange import departure
from allmysms_async.runner import store
from allmysms_async.runner.gate import Gate, Passage
from allmysms_async.runner.rate import WAY_SECONDS, Rate, slots
from allmysms_async.runner.seat import Seats

from .conftest import (
    Halt,
    Watching,
    asked,
    campaign,
    controls,
    most_within,
    placed,
    result_of,
    sent,
    texts_of,
    until_status,
)
from .stalls import Stalls

ROUNDS = 5
"""A round in which the machine stood still for longer than requests may differ on their way says nothing."""


@given(limit=st.floats(0.01, 300), seed=st.integers(0, 2**32), count=st.integers(1, 900))
def test_whenever_slots_are_used_and_whatever_their_way_no_window_has_more_than_the_limit(limit, seed, count):
    """Each slot is used anew as late as one likes, each request as long on its way: what arrives stays in the limit."""
    rng = random.Random(seed)
    number, period = slots(limit)
    free, arrived = [0.0] * number, []
    late = rng.choice([0.0, 0.01, 0.5])
    for _ in range(count):
        slot = min(range(number), key=free.__getitem__)
        leaves = free[slot] + late * rng.random()
        arrived.append(leaves + WAY_SECONDS * rng.choice([0.0, rng.random(), 0.999]))
        free[slot] = leaves + period + WAY_SECONDS
    assert most_within(arrived, period) <= number
    assert most_within(arrived, 1.0) <= number == -(-limit // 1)
    assert number / (period + WAY_SECONDS) >= 0.95 * limit


async def test_a_permit_is_looked_at_when_the_connection_is_there(place):
    """Neither a slow database nor a slow connection lets a request leave on a permit that has lapsed."""
    limit, left = 80.0, []

    class Slow:
        async def hold(self, claim):
            del claim
            await asyncio.sleep(rng.uniform(0, 0.08))
            return True

    rng = random.Random(1830)
    async with controls(place, 2) as two:
        await store.limit(two[0], "line", None, limit)
        gates = [Gate(Seats(each.database, "line", SYSTEM), Rate(each, "line", SYSTEM), None) for each in two]
        for gate in gates:
            gate.rate.limit = limit

        async def drain(gate):
            passage = Passage(gate, SYSTEM, Halt())
            for _ in range(7):
                assert await passage.reserve()
                assert await passage.enter(Slow(), Claim(chunk, unanswered=False))
                await asyncio.sleep(rng.choice([0.0, 0.0, 0.1]))  # connecting, TLS
                leave = departure.get()
                assert leave is not None
                await leave()
                left.append(SYSTEM.monotonic())
                assert departure.get() is None
                await passage.answered()
            await passage.leave()

        chunk = None
        await asyncio.gather(*(drain(gate) for gate in gates for _ in range(8)))
        assert len(left) == 112
        assert most_within(left, 1.0) <= limit
        for gate in gates:
            await gate.rate.aclose()


@pytest.mark.timeout(600)
async def test_requests_a_second_over_all_machines_stay_under_the_rate(sandbox, machine, place, backend):
    """Whatever second is looked at, no more than the rate arrives in it, while machines come and one is killed."""
    rate = 40.0
    watching = Watching()
    sandbox.observe(watching)
    for number in range(ROUNDS):
        watching.moments.clear()
        before = sandbox.stats()["messages"]
        await placed(campaign(160, f"round {number}"), place, backend(), chunk_size=2)
        async with Stalls() as stalls:
            lives = [await machine(rate=rate, concurrency=4, until_idle=True) for _ in range(2)]
            await sent(sandbox, before + 50)
            lives.append(await machine(concurrency=4, until_idle=True))
            lives[0].process.kill()
            await until_status(place, name=f"round {number}")
            for life in lives[1:]:
                worst = (await life.end())["stalled"]
                stalls.worst = max(stalls.worst, worst)
        assert (await result_of(place, f"round {number}")).accepted == 160
        if most_within(watching.moments, 1.0) <= rate:
            break
        assert stalls.worst > WAY_SECONDS / 2
    assert most_within(watching.moments, 1.0) <= rate
    assert len(watching.moments) == 80
    assert set(texts_of(sandbox).values()) == {number + 1}


async def test_permits_that_are_not_used_are_anothers(place):
    """What one request gives back, or is stopped before, is the next one's; whoever is ready goes first."""
    async with controls(place) as (control,):
        await store.limit(control, "line", None, 5.0)
        rate = Rate(control, "line", SYSTEM)
        rate.limit = 5.0
        first = await rate.permit()
        rate.give_back(first)
        second = await rate.permit()
        assert second.slot == first.slot
        rate.used(second)
        stopping = asyncio.Event()
        usual = asyncio.create_task(rate.permit(stopping))
        await asyncio.sleep(0)
        urgent = asyncio.create_task(rate.permit(urgent=True))
        stopping_soon = asyncio.create_task(rate.permit(stopping))
        await urgent
        assert not usual.done()
        stopping.set()
        assert await stopping_soon is None
        await usual
        rate.limit = None
        assert (await rate.permit()).lapses == float("inf")
        await rate.aclose()


class Ahead:
    """A clock that a test puts forward; whoever waits does so in real time."""

    def __init__(self):
        self.ahead = 0.0
        self.now, self.sleep = SYSTEM.now, SYSTEM.sleep

    def monotonic(self):
        """Return seconds that never go back."""
        return SYSTEM.monotonic() + self.ahead


async def test_a_permit_that_lapsed_frees_no_slot_that_was_taken_anew(place):
    """A request whose connection takes long gives its permit back late: by then the slot may be another request's."""
    clock = Ahead()
    async with controls(place) as (control,):
        rate = Rate(control, "line", clock)
        rate.limit = 1.0
        first = await rate.permit()
        clock.ahead = 10.0
        await asked(place, "update runner_slot set free_at = clock_timestamp()")  # for the database ten seconds later
        second = await rate.permit()
        assert (first.slot, second.slot) == (0, 0)
        (before,) = await asked(place, "select holder, free_at from runner_slot")
        rate.give_back(first)
        await rate.aclose()
        assert await asked(place, "select holder, free_at from runner_slot") == [before]
