"""Requests in flight over all machines: never more than the limit, as the gateway counts them, whoever dies."""

import asyncio
import signal

import pytest

from allmysms_async.clock import SYSTEM
from allmysms_async.runner import Worker
from allmysms_async.runner.seat import FRESH_SECONDS, Seat, Seats

from .conftest import (
    asked,
    campaign,
    controls,
    fall_silent,
    look_around,
    placed,
    result_of,
    sent,
    texts_of,
    until_status,
)

CUT = (
    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 2 and granted"
    " and objid < 100"
)
"""Ends the sessions that seats are on; other locks have random numbers."""

CUT_ALL = (
    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
    " and datname = current_database()"
)

RESTED = (
    "update runner_seat set until = clock_timestamp() where until > clock_timestamp() and not exists"
    " (select from pg_locks where locktype = 'advisory' and objsubid = 2 and granted and objid = number::oid)"
    " returning number"
)
"""Lets the time pass for which seats rest that nobody has, and tells of them."""

SEATED = (
    "select application_name from pg_stat_activity join pg_locks using (pid) where locktype = 'advisory'"
    " and objsubid = 2 and granted and objid < 100 group by 1 order by count(*) desc"
)
"""Who has seats, whoever has most of them first."""

IN_USE = "select count(*) as n from runner_seat where until > clock_timestamp()"


NAMES = ("soldes", "rappel")


async def place_two(count, place, backend):
    """Place two campaigns: of each as many requests may be begun as there are seats, so that some wait for one."""
    for name in NAMES:
        await placed(campaign(count, name, native=name == "soldes"), place, backend(), chunk_size=2)


async def test_requests_in_flight_never_exceed_the_limit_while_machines_come_and_go(sandbox, machine, place, backend):
    """With 5 seats no more than 5 requests are ever in flight; whoever is stopped gives its seats to others at once."""
    sandbox.faults([{"fault": "latency", "seconds": 0.04}])
    await place_two(100, place, backend)
    options = {"concurrency": 4, "max_in_flight": 5}
    lives = [await machine(**options) for _ in range(2)]
    await sent(sandbox, 40)
    for number, life in enumerate(lives):  # stopped in turn, each replaced by another one
        life.process.send_signal(signal.SIGTERM)
        await life.end()
        lives[number] = await machine(**options)
        await sent(sandbox, 70 + number * 30)
    await until_status(place)
    assert sandbox.max_in_flight == 5
    for life in lives:
        life.process.send_signal(signal.SIGTERM)
        await life.end()
    assert (await asked(place, IN_USE))[0]["n"] == 0
    for name in NAMES:
        assert (await result_of(place, name)).accepted == 100
    assert set(texts_of(sandbox).values()) == {2}


@pytest.mark.timeout(600)
async def test_requests_in_flight_never_exceed_the_limit_while_machines_are_killed(sandbox, machine, place, backend):
    """The gateway still works on what a killed machine sent: its seats rest until that must be over, then are used."""
    sandbox.faults([{"fault": "latency", "seconds": 0.4}])

    async def start(name):
        options = {"concurrency": 6, "max_in_flight": 4, "timeout": 60.0}
        return await machine(journal=f"{place}?application_name={name}", **options)

    async def all_in_flight():
        async with asyncio.timeout(250):
            while sandbox.in_flight < 4:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.005)

    lives = {name: await start(name) for name in ("one", "two", "three")}
    await place_two(60, place, backend)
    for number in range(2):
        await all_in_flight()
        (name,) = (await asked(place, SEATED))[0]
        killed = lives.pop(name).process
        killed.kill()
        await killed.communicate()
        lives[str(number)] = await start(str(number))
        await asyncio.sleep(0.5)  # the gateway has answered what the killed one sent
        assert await asked(place, RESTED)
        await fall_silent(place)
    await all_in_flight()
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    await until_status(place)
    assert sandbox.max_in_flight == 4
    assert set(texts_of(sandbox).values()) == {2}
    assert len(texts_of(sandbox)) == 60


async def test_requests_in_flight_never_exceed_the_limit_while_sessions_are_lost(sandbox, machine, place, backend):
    """The database cuts sessions off, again and again: what is in flight keeps its seats without their locks.

    Once it is over its seats are used again, long before its time-out.
    """
    sandbox.faults([{"fault": "latency", "seconds": 0.2}])
    await place_two(40, place, backend)
    for _ in range(2):
        await machine(concurrency=6, max_in_flight=3, timeout=300.0)
    for number, cut in enumerate((CUT, CUT_ALL)):
        await sent(sandbox, 16 + 24 * number)
        await asked(place, cut)
    await until_status(place)
    assert sandbox.max_in_flight == 3
    for name in NAMES:
        assert (await result_of(place, name)).accepted == 40
    assert set(texts_of(sandbox).values()) == {2}


class Hands:
    """A clock that a test sets; whoever waits does so in real time."""

    def __init__(self):
        self.ahead = 0.0
        self.now, self.sleep = SYSTEM.now, SYSTEM.sleep

    def monotonic(self):
        """Return seconds that never go back."""
        return SYSTEM.monotonic() + self.ahead


@pytest.fixture
async def workers(place):
    """Make the seats of workers of one account, of which there are two."""
    made = []
    async with controls(place) as (control,):

        def make(clock=SYSTEM):
            seats = Seats(control.database, "line", clock)
            seats.limit, seats.request_seconds = 2, 60.0
            made.append(seats)
            return seats

        yield make
        for seats in made:
            await seats.aclose()


async def test_a_seat_that_was_left_rests_and_one_that_was_given_is_free(place, workers):
    """Given back a seat is had at once by another worker; left by a death, not before its time."""
    one, other = workers(), workers()
    first, second = Seat(), Seat()
    assert await one.take(first, 0)
    assert await one.take(second, 0)
    assert not await other.take(Seat(), 0)
    await one.give(first)
    again = Seat()
    assert await other.take(again, 0)
    await other.give(again)
    await one.aclose()  # with the second one had: as a death leaves it
    third, fourth = Seat(), Seat()
    assert await other.take(third, 0)
    assert not await other.take(fourth, 0.3)
    await asked(place, "update runner_seat set until = until - interval '66 seconds' where until > clock_timestamp()")
    assert await other.take(fourth, 0)
    assert {third.number, fourth.number} == {0, 1}


async def test_a_seat_with_something_in_flight_that_was_given_up_rests_for_everybody(workers):
    """A drain that was cancelled does not know what the gateway still does: nobody has its seat before its time."""
    hands = Hands()
    one, other = workers(hands), workers()
    seat = Seat()
    assert await one.take(seat, 0)
    await one.give(seat, clean=False)
    assert await one.take(Seat(), 0)
    assert not await one.take(Seat(), 0)
    assert not await other.take(Seat(), 0)


async def test_a_worker_whose_session_is_lost_takes_its_own_seats_again(place, workers):
    """What it has in flight keeps its seat from others, and from itself; what is over is had again at once."""
    one, other = workers(), workers()
    flying, over = Seat(), Seat()
    assert await one.take(flying, 0)
    assert await one.take(over, 0)
    await asked(place, CUT)
    async with asyncio.timeout(60):
        while one.stands(flying):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
    assert not await other.take(Seat(), 0)
    number = over.number
    assert await one.assure(over)
    assert over.number == number != flying.number
    assert not await one.take(Seat(), 0)
    await one.give(flying)
    assert await other.take(Seat(), 0)


async def test_a_seat_whose_request_ended_while_its_session_was_lost_is_free_once_the_database_is_back(place, workers):
    """The row of a seat that is not in use any more keeps nobody waiting, also if its worker takes none again."""
    one, other = workers(), workers()
    noticed, unnoticed = Seat(), Seat()
    assert await one.take(noticed, 0)
    assert await one.take(unnoticed, 0)
    await asked(place, CUT)
    await one.give(unnoticed)  # which finds that the session is lost
    await one.give(noticed)
    assert not await other.take(Seat(), 0)
    await one.tidy()
    assert await other.take(Seat(), 0)
    assert await other.take(Seat(), 0)
    assert one.held == 0
    await one.tidy()  # nothing is left to give back
    assert not await one.take(Seat(), 0)


async def test_a_worker_that_ends_gives_back_what_it_could_not(place, workers):
    """Its last seats are free at once, although their session was lost just before."""
    one, other = workers(), workers()
    seats = Seat(), Seat()
    for seat in seats:
        assert await one.take(seat, 0)
    await asked(place, CUT)
    for seat in seats:
        await one.give(seat)
    await one.aclose()
    for seat in seats:
        assert await other.take(seat, 0)


async def test_a_worker_that_sends_nothing_gives_back_what_it_could_not(place, backend):
    """A seat whose session was lost is others' as soon as its worker hears from the database, long before it rested."""
    worker = Worker(lambda: backend(timeout=1000), journal=place, max_in_flight=1)
    working = asyncio.create_task(worker.run())
    async with asyncio.timeout(250):
        while not worker.ready:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
        seats, seat = worker._lookout._gate.seats, Seat()
        assert await seats.take(seat, 0)
        await asked(place, CUT)
        await seats.give(seat)
        await look_around(place)
        while (await asked(place, IN_USE))[0]["n"]:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
    worker.stop()
    await working


async def test_rows_are_written_anew_before_a_request_leaves_on_an_old_one(place, workers):
    """After a few seconds a seat has to be confirmed, which says once more until when it may be in use."""
    hands = Hands()
    one = workers(hands)
    seat = Seat()
    assert await one.take(seat, 0)
    before = (await asked(place, "select until from runner_seat"))[0]["until"]
    assert one.stands(seat)
    hands.ahead = FRESH_SECONDS
    assert not one.stands(seat)
    assert await one.assure(seat)
    assert one.stands(seat)
    assert (await asked(place, "select until from runner_seat"))[0]["until"] > before
    one.limit = 0
    assert not await one.assure(seat)
    one.limit = None
    assert await one.assure(seat)


async def test_a_seat_whose_giving_back_was_cancelled_is_given_back_all_the_same(workers):
    """A drain that is cancelled while it waits to give its seat back does so in the end: the seat is not lost."""
    one, other = workers(), workers()
    first, second = Seat(), Seat()
    assert await one.take(first, 0)
    taking = asyncio.create_task(one.take(second, 0))
    giving = asyncio.create_task(one.give(first))
    await asyncio.sleep(0)  # the one asks the database now, and the other waits for it
    giving.cancel()
    await asyncio.wait({giving})
    assert await taking
    await one.give(first, clean=True)
    assert one.held == 1
    assert await other.take(Seat(), 0)
