"""What stops a campaign stops it on every machine, in time: an operator, a failure rate, a price, the night."""

import asyncio
import re
import signal
import time
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from allmysms_async import Campaign, SmsMessage
from allmysms_async.clock import PARIS
from allmysms_async.runner import Submission, store
from allmysms_async.runner.failures import Failures
from allmysms_async.runner.trouble import Trouble

from .conftest import Watching, asked, campaign, controls, people, placed, result_of, sent, texts_of, until_status
from .shown import ShownClock
from .stalls import Stalls

REACH_SECONDS = 2.0


async def at_rest(sandbox, place, *, seconds=0.0):
    """Wait until nothing has been in flight for so long."""
    since = time.monotonic()
    async with asyncio.timeout(250):
        while time.monotonic() - since < seconds or sandbox.in_flight or (await result_of(place)).in_flight:
            if sandbox.in_flight:
                since = time.monotonic()
            await asyncio.sleep(0.02)


async def reason_of(place):
    """Return why the campaign was stopped."""
    return (await asked(place, "select reason from runner_campaign"))[0]["reason"]


async def test_an_operators_word_reaches_every_machine_within_two_seconds(sandbox, machine, place, backend):
    """After stop or pause nothing new arrives, also if the notification is lost; resume sends the rest."""
    # Six requests at once: without the notification, 120 texts at most until each has looked by itself.
    sandbox.faults([{"fault": "latency", "seconds": 0.15}])
    await placed(campaign(240), place, backend(), chunk_size=2)
    watching = Watching()
    sandbox.observe(watching)
    lasts = []
    async with Stalls() as stalls, controls(place) as (control,):
        lives = [await machine(concurrency=3) for _ in range(2)]
        for told in (True, False):
            await sent(sandbox, sandbox.stats()["messages"] + 24)
            found = await store.placed_as(control, None)
            if told:
                assert await store.change(control, found.campaign, "stopped")
            else:
                await asked(place, "update runner_campaign set status = 'paused'")
            word = time.monotonic()
            await at_rest(sandbox, place, seconds=1.0)
            assert sandbox.stats()["messages"] < 240
            lasts.append(max(watching.moments) - word)
            await store.reopen(control, found, {})
        sandbox.faults([])
        await until_status(place)
        for life in lives:
            life.process.send_signal(signal.SIGTERM)
            end = await life.end()
            assert end["error"] is None
            stalls.worst = max(stalls.worst, end["stalled"])
    assert max(lasts) <= REACH_SECONDS + 5 * stalls.worst
    assert (await result_of(place)).accepted == 240
    assert set(texts_of(sandbox).values()) == {1}


@pytest.mark.parametrize("limit", [{"max_parts": 60}, {"max_cost": Decimal("2.5")}], ids=["max_parts", "max_cost"])
async def test_a_ceiling_stops_every_machine(sandbox, machine, place, backend, limit):
    """Whoever would go over a ceiling stops the campaign for all, with the reason; all together stay under it."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    await placed(campaign(200), place, backend(), chunk_size=2, **limit)
    for _ in range(2):
        await machine(concurrency=4)
    await until_status(place, "stopped")
    await at_rest(sandbox, place)
    result = await result_of(place)
    assert result.parts <= limit.get("max_parts", 200)
    assert result.cost <= limit.get("max_cost", 100)
    assert 30 <= result.accepted == sandbox.stats()["messages"] < 200
    assert f"{next(iter(limit))} is" in await reason_of(place)


async def test_a_limit_that_is_changed_while_it_is_sent_is_kept_by_every_machine(sandbox, machine, place, backend):
    """An operator lowers the ceiling of an open campaign: nobody goes on with the former one; then it is raised."""
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    await placed(campaign(120), place, backend(), chunk_size=2, max_parts=1000)
    for _ in range(2):
        await machine(concurrency=2)
    await sent(sandbox, 12)
    async with controls(place) as (control,):
        found = await store.placed_as(control, None)
        await store.reopen(control, found, {"max_parts": 60})
        await until_status(place, "stopped")
        await at_rest(sandbox, place)
        assert (await result_of(place)).parts <= 60
        sandbox.faults([])
        await store.reopen(control, await store.placed_as(control, None), {"max_parts": 1000})
    await until_status(place)
    assert (await result_of(place)).accepted == 120
    assert set(texts_of(sandbox).values()) == {1}


async def test_a_failure_rate_is_that_of_all_machines(sandbox, machine, place, backend):
    """Two machines see some refusals each: the campaign stops once there are too many of both together."""
    sandbox.faults([{"fault": "latency", "seconds": 0.5}, {"fault": "status_109"}])
    await placed(campaign(40), place, backend(), chunk_size=1, max_failure_rate=0.5)
    lives = [await machine(concurrency=1) for _ in range(2)]
    await until_status(place, "stopped")
    await at_rest(sandbox, place)
    # Each by itself would go on to its fifth, and so to nine together at least.
    rejected = (await result_of(place)).rejected
    assert 5 <= rejected <= 8
    # What the second one counts may be the first to be told: both had sent by then.
    told = re.search(r"max_failure_rate is 0\.5: (\d+) of (\d+) recipients", await reason_of(place))
    assert told is not None
    assert told[1] == told[2]
    assert 5 <= int(told[1]) <= rejected
    for life in lives:
        assert life.process.returncode is None


async def test_failures_are_counted_anew_after_an_operators_word(place, backend, sandbox):
    """What three workers note is one sum; resuming forgets it; what could not be written is written with the next."""
    del sandbox
    await placed(campaign(2), place, backend(), max_failure_rate=0.2)
    async with controls(place, 3) as three:
        found = await store.placed_as(three[0], None)
        reached = []
        counts = [Failures(control, found.campaign, found.options["max_failure_rate"]) for control in three]
        for each in counts:
            each.fail = reached.append
        for each in counts[:2]:
            each.note(10, 2)
            each.note(10, 2)
            await each.aclose()
        assert reached == []
        counts[2].note(10, 3)
        await counts[2].aclose()
        assert ["11 of 50 recipients" in str(error) for error in reached] == [True]
        await store.change(three[0], found.campaign, "stopped")
        await store.reopen(three[0], found, {})
        for _ in range(4):
            counts[0].note(10, 10)
        await counts[0].aclose()
        assert len(reached) == 1
        (row,) = await asked(place, "select requests, rows, lost from runner_failure")
        assert tuple(row) == (4, 40, 40)


def test_a_campaign_is_not_stopped_for_all_because_one_worker_is_cut_off():
    """Six outages in a row stop it, unless other workers get something through in between; the waits grow."""
    alone = Trouble()
    assert [alone.outage(7) for _ in range(6)] == [10.0, 20.0, 40.0, 80.0, 160.0, None]
    beside = Trouble()
    assert [beside.outage(7 + number) for number in range(8)] == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert [beside.outage(14) for _ in range(5)] == [300.0, 300.0, 300.0, 300.0, None]


@pytest.mark.timeout(600)
async def test_night_that_falls_in_mid_campaign_pauses_every_machine_and_morning_resumes(
    sandbox, machine, place, backend, tmp_path
):
    """Once it is night nobody is texted by any machine, and each goes on by itself in the morning."""
    shown = tmp_path / "clock"
    night = datetime(2027, 3, 3, 19, 50, tzinfo=PARIS)  # ten minutes before the gateway's own hours end

    def show(moment):
        ShownClock.show(shown, moment.timestamp())

    show(night - timedelta(seconds=40))
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    message = SmsMessage("Soldes demain. STOP au 36180", purpose="marketing")
    marketing = Campaign("soldes", message, people(200), exclude_opt_outs=False, quiet_hours="refuse")
    own = backend()
    await Submission(marketing, journal=place, backend=own, clock=ShownClock(str(shown)), chunk_size=2).run()
    await own.aclose()
    lives = [await machine(concurrency=3, clock=str(shown)) for _ in range(2)]
    await sent(sandbox, 30)
    show(night + timedelta(seconds=10))
    await at_rest(sandbox, place, seconds=0.3)  # what had left by then is answered
    before = sandbox.stats()["messages"]
    assert 30 <= before < 200
    await asyncio.sleep(1.2)  # each machine has looked around meanwhile
    assert sandbox.stats()["messages"] == before
    assert {row["status"] for row in await asked(place, "select status from runner_campaign")} == {"open"}
    sandbox.faults([])
    show(night + timedelta(hours=12, minutes=10, seconds=5))
    await until_status(place)
    assert (await result_of(place)).accepted == 200
    assert set(texts_of(sandbox).values()) == {1}
    for life in lives:
        assert life.process.returncode is None
