"""Leaving a campaign in the middle, in every way, and going on: exactly once each."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from allmysms_async import CampaignRun, NotSent, Recipient, SmsService
from allmysms_async.sandbox import Sandbox
from allmysms_async.transports.httpx import HttpxTransport

Service = Callable[..., SmsService]
SLOW = {"fault": "latency", "seconds": 0.01}


class StuckClock:
    """A clock whose waits never end."""

    def __init__(self, clock: Any) -> None:
        """Tell the time of another clock."""
        self.now, self.monotonic = clock.now, clock.monotonic
        self.waiting = 0

    async def sleep(self, seconds: float) -> None:
        """Wait for ever."""
        self.waiting += 1
        await asyncio.Event().wait()


def tasks() -> set[str]:
    """Return the names of the tasks that a campaign left running."""
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("campaign")}


@pytest.mark.parametrize(("after", "closed"), [(1, False), (3, True), (8, False)])
async def test_leaving_the_loop_stops_the_run_and_going_on_texts_each_once(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any, until: Any, after: int, closed: bool
) -> None:
    """A break stops the sending, leaves no task, and the same object goes on with those who were not sent."""
    sandbox.faults([SLOW])
    people = crowd(1000)
    campaign = people.campaign()
    run = sms.stream(campaign, chunk_size=20, concurrency=3)
    steps = 0
    async for progress in run:
        ledger.note(progress.outcomes)
        steps += 1
        if steps == after:
            break
    await (run.aclose() if closed else until(lambda: not run.running))

    assert not run.running
    assert len(sandbox.messages()) == run.result.accepted < 1000
    assert run.result.accepted + run.result.pending == run.result.rows
    messages = len(sandbox.messages())
    await asyncio.sleep(0.03)
    assert len(sandbox.messages()) == messages

    result = await sms.run(campaign, chunk_size=50)
    assert result.all_accepted
    people.assert_texted_once(sandbox)


async def test_an_error_in_the_loop_stops_the_run(sandbox: Sandbox, sms: SmsService, crowd: Any, until: Any) -> None:
    """What the caller's own code raises comes through, and the campaign can go on."""
    people = crowd(1000)
    campaign = people.campaign()
    run = sms.stream(campaign, chunk_size=50, concurrency=2)

    async def follow() -> None:
        async for _ in run:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await follow()
    await until(lambda: not run.running)

    assert tasks() == set()
    assert (await sms.run(campaign, chunk_size=50)).all_accepted
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.013, 0.021, 0.034, 0.055])
async def test_a_cancelled_task_leaves_a_campaign_that_goes_on(
    sandbox: Sandbox, sms: SmsService, crowd: Any, delay: float
) -> None:
    """Cancelling at any moment waits for the answers to what was sent; nothing runs on, and nobody is texted twice."""
    sandbox.faults([SLOW])
    people = crowd(1000)
    campaign = people.campaign()
    task = asyncio.create_task(sms.run(campaign, chunk_size=20, concurrency=4))
    await asyncio.sleep(delay)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert tasks() == set()
    sent = len(sandbox.messages())
    assert sent < 1000
    await asyncio.sleep(0.02)
    assert len(sandbox.messages()) == sent

    result = await sms.run(campaign, chunk_size=20)
    assert result.all_accepted
    people.assert_texted_once(sandbox)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_cancelling_again_and_again_under_faults_texts_each_once(
    sandbox: Sandbox, service: Service, patient: Any, crowd: Any, seed: int
) -> None:
    """However often and whenever a campaign is cut off, in the end each person has one message."""
    dice = random.Random(seed)
    names = ("http_503", "http_503_after", "reset_before", "reset_after", "status_160", "truncated", "empty")
    sandbox.faults([SLOW, *({"fault": name, "probability": 0.05} for name in names)], seed=seed)
    people = crowd(800)

    async def source() -> AsyncIterator[Recipient]:
        for position, recipient in enumerate(people.recipients):
            if position % 97 == 0:
                await asyncio.sleep(0.001)
            yield recipient

    sms = service(policy=patient)
    campaign = people.campaign(source())
    cuts = 0
    for _ in range(100):
        task = asyncio.create_task(sms.run(campaign, chunk_size=10, concurrency=3))
        done, _ = await asyncio.wait({task}, timeout=dice.uniform(0, 0.04))
        if done:
            break
        cuts += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert tasks() <= {"campaign source"}
    sandbox.faults([])

    assert cuts >= 3
    assert (await sms.run(campaign)).all_accepted
    people.assert_texted_once(sandbox)


async def test_stop_ends_the_run_in_order(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any) -> None:
    """stop() lets what is in flight be answered and sends nothing else; the iteration ends without an error."""
    sandbox.faults([SLOW])
    people = crowd(1000)
    campaign = people.campaign()

    def stop(run: CampaignRun, progress: Any) -> None:
        if progress.accepted >= 100:
            run.stop()

    await ledger.follow(sms.stream(campaign, chunk_size=50, concurrency=2), each=stop)

    assert ledger.stopped is None
    assert not ledger.result.complete
    assert 100 <= ledger.result.accepted <= 250
    assert len(sandbox.messages()) == ledger.result.accepted
    assert (ledger.result.failed, ledger.result.unknown) == (0, 0)

    await ledger.follow(sms.stream(campaign, chunk_size=50))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_stop_does_not_wait_out_a_back_off(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, clock: Any, until: Any
) -> None:
    """A chunk that surely was not sent and waits for its next attempt goes back to pending at once."""
    stuck = StuckClock(clock)
    people = crowd(100)
    campaign = people.campaign()
    sms = service(clock=stuck)
    sandbox.faults([{"fault": "http_429"}])
    run = sms.stream(campaign, chunk_size=50)

    async def stop() -> None:
        await until(lambda: stuck.waiting >= 2)
        run.stop()

    await asyncio.gather(ledger.follow(run), stop())
    assert (ledger.result.pending, ledger.result.failed, ledger.result.unknown) == (100, 0, 0)

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=50))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_closing_the_service_stops_its_campaigns(
    sandbox: Sandbox, service: Service, crowd: Any, until: Any
) -> None:
    """aclose() waits for what is in flight; with a transport of the caller's, the same object goes on, once each."""
    sandbox.faults([SLOW])
    people = crowd(1000)
    campaign = people.campaign()
    async with HttpxTransport() as transport:
        sms = service(transport=transport)
        task = asyncio.create_task(sms.run(campaign, chunk_size=20, concurrency=4))
        await until(lambda: sandbox.stats()["messages"] >= 100)

        await sms.aclose()

        assert tasks() == set()
        assert sandbox.in_flight == 0
        stopped = await task
        assert stopped.accepted == len(sandbox.messages()) < 1000
        assert (stopped.failed, stopped.unknown) == (0, 0)

        assert (await sms.run(campaign, chunk_size=20)).all_accepted
    people.assert_texted_once(sandbox)


async def test_closing_while_the_source_waits_loses_nobody_in_silence(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, until: Any
) -> None:
    """If an asynchronous source is given up in the middle, going on either reads the rest or says that it cannot."""
    people = crowd(600)
    more = asyncio.Event()

    async def source() -> AsyncIterator[Recipient]:
        for position, recipient in enumerate(people.recipients):
            if position == 300:
                await more.wait()
            yield recipient

    campaign = people.campaign(source())
    async with HttpxTransport() as transport:
        sms = service(transport=transport)
        task = asyncio.create_task(ledger.follow(sms.stream(campaign, chunk_size=50)))
        await until(lambda: sandbox.stats()["messages"] >= 250)
        await sms.aclose()
        await task
        assert not ledger.result.complete

        more.set()
        await ledger.follow(sms.stream(campaign, chunk_size=50))

    assert ledger.result.complete == (ledger.result.rows == 600)
    assert ledger.stopped is not None or ledger.result.all_accepted
    assert sandbox.stats()["messages"] == ledger.result.accepted
    assert sandbox.stats()["max_per_handset"] == 1


async def test_a_closed_service_sends_nothing(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any) -> None:
    """After aclose() a send is NotSent, a campaign stops by it, and closing again changes nothing."""
    await sms.aclose()
    await sms.aclose()

    with pytest.raises(NotSent, match="is closed; nothing was sent"):
        await sms.send("Bonjour", "0612345678")
    await ledger.follow(sms.stream(crowd(100).campaign(), chunk_size=10, concurrency=1))

    assert isinstance(ledger.stopped.reason, NotSent)
    assert sandbox.requests == {}


async def test_a_run_is_followed_once(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any) -> None:
    """A run that is over cannot be started again; its result stays true."""
    people = crowd(100)
    run = sms.stream(people.campaign())
    await ledger.follow(run)

    with pytest.raises(ValueError, match="was started already"):
        aiter(run)
    assert run.result.all_accepted
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize("fault", ["hang_before", "hang_after"])
async def test_a_run_that_is_cut_off_without_answers_is_unknown_and_learnt(
    sandbox: Sandbox, service: Service, crowd: Any, until: Any, hurry: Any, fault: str
) -> None:
    """A stopped run waits for answers as long as a request may take; who stays without is unknown, then texted once."""
    people = crowd(100)
    campaign = people.campaign()
    sms = service(timeout=30)
    sandbox.faults([{"fault": fault}])
    task = asyncio.create_task(sms.run(campaign, chunk_size=50))
    await until(lambda: sandbox.in_flight >= 2)
    sandbox.faults([{"fault": "http_503"}])
    task.cancel()
    hurry(lambda: (sandbox.requests, sandbox.in_flight), 30)
    with pytest.raises(asyncio.CancelledError):
        await task

    sandbox.faults([])
    result = await sms.run(campaign, chunk_size=50)
    assert result.all_accepted
    people.assert_texted_once(sandbox)
