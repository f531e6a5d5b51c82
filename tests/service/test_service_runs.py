"""Campaigns that several threads and event loops begin, stop and close: nobody twice, and nobody lost."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from allmysms_async import InvalidRequest, Recipient, RestBackend, SmsService
from allmysms_async.sandbox import Clock, Sandbox

SLOW = {"fault": "latency", "seconds": 0.05}


@pytest.fixture
async def gateway() -> AsyncIterator[Sandbox]:
    """A running sandbox, each of whose answers takes a moment."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        running.faults([SLOW])
        yield running


@pytest.fixture
async def sms(gateway: Sandbox) -> AsyncIterator[SmsService]:
    """A service for every event loop."""
    service = SmsService(RestBackend("demo", "demo-key", base_url=gateway.http_url))
    yield service
    await service.aclose()


class Follower:
    """Follows a run to its end, in an event loop and a thread of its own."""

    def __init__(self, sms: SmsService, campaign: Any, **options: Any) -> None:
        """Begin the run there."""
        self.error: Exception | None = None
        self.run: Any = None
        self._begin = lambda: sms.stream(campaign, chunk_size=10, concurrency=2, **options)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._follow()), daemon=True)
        self._thread.start()

    async def _follow(self) -> None:
        """Go through the run to its end."""
        try:
            self.run = self._begin()
            async for _ in self.run:
                pass
        except Exception as error:  # whatever it is, the test looks at it
            self.error = error

    async def end(self) -> None:
        """Wait for its end."""
        await asyncio.to_thread(self._thread.join)


async def test_run_is_stopped_from_another_thread(gateway: Sandbox, sms: SmsService, crowd: Any, until: Any) -> None:
    """``stop`` wakes a run whose event loop waits in another thread; what was sent is accepted, the rest waits."""
    people = crowd(600)
    more = threading.Event()

    async def source() -> AsyncIterator[Recipient]:
        for position, recipient in enumerate(people.recipients):
            if position == 250:  # so many are taken from a source at once
                await asyncio.to_thread(more.wait)
            yield recipient

    follower = Follower(sms, people.campaign(source()))
    await until(lambda: gateway.stats()["messages"] == 250)
    follower.run.stop()
    assert follower.run.stopping
    more.set()
    await follower.end()
    assert follower.error is None
    assert follower.run.result.accepted == len(gateway.messages()) == 250
    assert not follower.run.result.complete


async def test_closing_from_another_loop_ends_the_campaign_there(
    gateway: Sandbox, sms: SmsService, crowd: Any, until: Any
) -> None:
    """aclose() in one event loop waits for what a campaign has in flight in another, and loses nobody."""
    people = crowd(2000)
    follower = Follower(sms, people.campaign())
    await until(lambda: gateway.stats()["messages"] >= 50)
    await sms.aclose()
    assert not follower.run.running
    assert gateway.in_flight == 0
    await follower.end()
    assert follower.error is None
    result = follower.run.result
    assert 50 <= result.accepted == len(gateway.messages()) < 2000
    assert (result.failed, result.unknown) == (0, 0)


async def test_one_campaign_begun_in_several_threads_is_sent_once(
    gateway: Sandbox, sms: SmsService, crowd: Any
) -> None:
    """Of threads that begin the same campaign at the same moment one sends it, and the others are told so."""
    people = crowd(200)
    campaign = people.campaign()
    followers = [Follower(sms, campaign) for _ in range(6)]
    for follower in followers:
        await follower.end()
    errors = [follower.error for follower in followers if follower.error is not None]
    assert all(isinstance(error, InvalidRequest) and "is being sent already" in str(error) for error in errors)
    assert max(follower.run.result.accepted for follower in followers) == 200
    people.assert_texted_once(gateway)


async def test_each_thread_sends_campaigns_of_its_own(gateway: Sandbox, sms: SmsService, crowd: Any) -> None:
    """Campaigns that run at once in several event loops of one service are all sent to their end."""
    crowds = [crowd(100, first=1000 * number) for number in range(6)]
    followers = [Follower(sms, people.campaign()) for people in crowds]
    for follower in followers:
        await follower.end()
    assert [follower.error for follower in followers] == [None] * 6
    assert all(follower.run.result.all_accepted for follower in followers)
    assert gateway.stats()["messages"] == 600
    assert gateway.stats()["max_per_handset"] == 1


_CUT_OFF = """
import asyncio, sys
from allmysms_async import Campaign, InvalidRequest, RestBackend, SmsMessage, SmsService

sms = SmsService(RestBackend("demo", "demo-key", base_url=sys.argv[1]))
people = [f"06100{number:05d}" for number in range(500)]
campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="marketing"), people, None, "ignore")
kept = []

async def begin():
    run = sms.stream(campaign, chunk_size=10, concurrency=2)
    kept.extend([run, aiter(run)])
    await anext(kept[1])
    await anext(kept[1])

loop = asyncio.new_event_loop()
loop.run_until_complete(begin())
loop.close()
try:
    asyncio.run(sms.run(campaign))
except InvalidRequest as error:
    print(error, flush=True)
"""


@pytest.mark.slow
async def test_campaign_whose_loop_was_closed_under_it_is_not_guessed_at(gateway: Sandbox) -> None:
    """Nobody can tell what a run had in flight whose event loop was closed before its end: it is not sent again."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CUT_OFF, gateway.http_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await program.communicate()  # Python complains of what was cut off, as it should
    assert b"closed meanwhile" in out
    assert b"With a journal" in out
    assert gateway.stats()["messages"] < 500
    assert gateway.stats()["max_per_handset"] == 1
