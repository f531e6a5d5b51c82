"""How a worker ends: within its grace, with a word when it must, and never without anybody noticing."""

import asyncio
import logging

import pytest
from procrastinate import App, PsycopgConnector

from allmysms_async import AllMySmsError, InvalidRequest, JournalError
from allmysms_async.clock import SystemClock
from allmysms_async.errors import WorkerOutdated
from allmysms_async.runner import Worker, store
from tests.cases import each

from .conftest import asked, campaign, look_around, placed, result_of, texts_of, until_status


class ShiftedClock(SystemClock):
    """The machine's clock, put forward at will."""

    ahead = 0.0

    def monotonic(self):
        """Return seconds."""
        return super().monotonic() + self.ahead


async def until(told):
    """Wait until something is so."""
    async with asyncio.timeout(250):
        while not told():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)


async def test_a_request_without_an_answer_keeps_a_worker_no_longer_than_its_grace(sandbox, place, backend):
    """SIGTERM drains: what is in flight is waited for as long as was said, and is unknown then."""
    sandbox.faults([{"fault": "latency", "seconds": 500}])
    await placed(campaign(4), place, backend(), chunk_size=2)
    worker = Worker(lambda: backend(timeout=400), journal=place, concurrency=2, grace=0.1)
    working = asyncio.create_task(worker.run())
    await until(lambda: sandbox.max_in_flight == 2)
    worker.stop()
    await asyncio.wait_for(working, 100)
    assert (await result_of(place)).unknown == 4


@pytest.mark.parametrize("mounted", [False, True])
async def test_a_worker_whose_journal_is_upgraded_under_it_ends_and_says_so(place, backend, mounted, caplog):
    """A newer release has changed the journal: the older worker sends nothing more, and its error says what to do."""
    await placed(campaign(2), place, backend())
    await asked(place, "update runner_campaign set status = 'paused'")
    app = App(connector=PsycopgConnector(conninfo=place)) if mounted else None
    worker = Worker(backend, journal=place, app=app)

    async def work():
        if app is None:
            await worker.run()
            return
        async with app.open_async(), worker.mounted():
            await until(lambda: worker._stopping.is_set())

    working = asyncio.create_task(work())
    await until(lambda: worker.ready)
    await asked(place, "update allmysms_journal set version = version + 1")
    await look_around(place)
    with pytest.raises(WorkerOutdated, match=r"journal .* has version .* sends nothing more\. Update this worker"):
        await asyncio.wait_for(working, 100)
    told = [record for record in caplog.records if getattr(record, "allmysms_event", "") == "worker_ends"]
    assert [record.levelno for record in told] == [logging.ERROR]


@pytest.mark.parametrize("part", ["lookout.Lookout.keep", "engine.Engine.work"])
async def test_a_worker_of_which_a_part_ends_by_itself_ends_and_says_so(place, backend, monkeypatch, part):
    """Without the part that hears an operator's word, or the one that takes jobs, nothing goes on in silence."""
    await placed(campaign(2), place, backend())

    async def end(*_):
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    monkeypatch.setattr(f"allmysms_async.runner.{part}", end)
    worker = Worker(backend, journal=place)
    with pytest.raises(AllMySmsError, match="A part of the worker ended by itself"):
        await asyncio.wait_for(worker.run(), 100)


async def test_a_worker_that_hears_nothing_sends_nothing(sandbox, place, backend, monkeypatch):
    """Who cannot hear that a campaign was paused leaves it alone after ten seconds, and goes on once it hears."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    await placed(campaign(80), place, backend(), chunk_size=2)
    clock, usual, deaf = ShiftedClock(), store.beat, False

    async def beat(*words):
        if deaf:
            msg = "No connection."
            raise JournalError(msg)
        return await usual(*words)

    monkeypatch.setattr(store, "beat", beat)
    worker = Worker(backend, journal=place, concurrency=2, clock=clock)
    working = asyncio.create_task(worker.run())
    await until(lambda: sandbox.stats()["messages"] > 10)
    sandbox.faults([{"fault": "latency", "seconds": 0.5}])  # it is not done before it looks around again
    deaf, clock.ahead = True, 20.0
    await look_around(place)
    share = worker._share
    await until(lambda: not (share._sendings or share._closing))
    result = await result_of(place)
    assert (result.in_flight, result.unknown, result.accepted) == (0, 0, sandbox.stats()["messages"])
    assert result.pending > 0
    sandbox.faults([])
    deaf = False
    await look_around(place)
    await until_status(place)
    worker.stop()
    await asyncio.wait_for(working, 100)
    assert (len(texts_of(sandbox)), set(texts_of(sandbox).values())) == (80, {1})


@each("rate", [-1, float("nan"), float("inf"), True, "fast"])
def test_a_rate_that_is_none_is_refused_in_its_own_words(rate):
    """What is said of a rate speaks of requests a second."""
    with pytest.raises(InvalidRequest, match="rate must be requests a second"):
        Worker(lambda: None, journal="postgresql://localhost/x", rate=rate)


async def test_nothing_is_kept_of_a_campaign_that_is_over(place, backend):
    """A worker goes through any number of campaigns: none of them leaves anything behind in it."""
    await placed(campaign(2), place, backend())
    worker = Worker(backend, journal=place, until_idle=True)
    await asyncio.wait_for(worker.run(), 100)
    share = worker._share
    assert (share._sendings, share._turns, share._troubles, share._closing) == ({}, {}, {}, set())
