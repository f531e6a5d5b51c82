"""A campaign that is begun with one service and continued with another one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from allmysms_async import CampaignStopped, InvalidRequest, InvalidSource, Recipient, RestBackend, SmsService
from allmysms_async.sandbox import Sandbox
from allmysms_async.transports.httpx import HttpxTransport

Service = Callable[..., SmsService]


async def test_the_same_object_in_another_service_texts_nobody_twice(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """One campaign object is one campaign, also after its service was closed and another one was opened."""
    people = crowd(300)
    campaign = people.campaign()
    sandbox.set_credits("demo", 15 * 100)
    async with service(concurrency=1) as first:
        await ledger.follow(first.stream(campaign, chunk_size=100))
    assert ledger.result.accepted == 100

    sandbox.top_up("demo", 1_000_000)
    async with service() as second:
        await ledger.follow(second.stream(campaign, chunk_size=100))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_a_service_with_the_right_key_continues_one_with_a_wrong_key(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """A campaign stopped by a wrong key is continued with the right one; the account is the same."""
    people = crowd(3000)
    campaign = people.campaign(iter(people.recipients))
    await ledger.follow(service(key="another-key").stream(campaign, chunk_size=50))
    assert (ledger.result.accepted, ledger.result.complete) == (0, False)

    await ledger.follow(service().stream(campaign, chunk_size=50))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_what_is_unknown_is_asked_about_by_another_service(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """The keys of unanswered requests are the campaign's, not the service's."""
    people = crowd(300)
    campaign = people.campaign()
    sandbox.faults([{"fault": "http_503_after"}])
    async with service() as first:
        await ledger.follow(first.stream(campaign, chunk_size=50))
    assert ledger.result.unknown == 300

    sandbox.faults([])
    await ledger.follow(service().stream(campaign, chunk_size=50))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_another_account_does_not_continue_a_campaign(
    sandbox: Sandbox, sms: SmsService, crowd: Any, clock: Any
) -> None:
    """Another account does not know the keys: it is refused before the wire, and the first one may go on."""
    people = crowd(100)
    campaign = people.campaign()
    await sms.run(campaign)
    requests = sandbox.requests

    backend = RestBackend("demo-shop", "demo-shop-key", base_url=sandbox.http_url)
    async with SmsService(backend, clock=clock) as other:
        with pytest.raises(InvalidRequest, match="begun with another account"):
            await other.run(campaign)

    assert sandbox.requests == requests
    assert (await sms.run(campaign)).all_accepted
    people.assert_texted_once(sandbox)


async def test_a_campaign_runs_in_one_service_at_a_time(
    sandbox: Sandbox, service: Service, crowd: Any, until: Any
) -> None:
    """While one service sends a campaign, another one is refused."""
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    people = crowd(100)
    campaign = people.campaign()
    task = asyncio.create_task(service().run(campaign, chunk_size=50))
    await until(lambda: sandbox.in_flight)

    with pytest.raises(InvalidRequest, match="is being sent already"):
        await service().run(campaign)

    assert (await task).all_accepted
    people.assert_texted_once(sandbox)


async def test_closing_the_service_that_began_does_not_disturb_the_one_that_goes_on(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, until: Any
) -> None:
    """A service that is closed stops its own runs, and takes no source away from another service's run."""
    people = crowd(600)
    more = asyncio.Event()

    async def source() -> AsyncIterator[Recipient]:
        for position, recipient in enumerate(people.recipients):
            if position == 500:
                await more.wait()
            yield recipient

    campaign = people.campaign(source())
    first, second = service(concurrency=1), service()
    await ledger.follow(first.stream(campaign, chunk_size=50), each=lambda run, _: run.stop())
    assert 0 < ledger.result.rows < 500
    going_on = asyncio.create_task(ledger.follow(second.stream(campaign, chunk_size=50)))
    await until(lambda: sandbox.stats()["messages"] >= 500)

    await first.aclose()
    await asyncio.sleep(0.01)
    more.set()
    await going_on

    assert ledger.stopped is None
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


def test_a_source_that_ended_with_its_event_loop_is_told(crowd: Any, reserve: Callable[[], int], until: Any) -> None:
    """If the loop ended while an asynchronous source was waited for, the rest is told to be lost in another loop."""
    people = crowd(600)

    async def source() -> AsyncIterator[Recipient]:
        for position, recipient in enumerate(people.recipients):
            if position == 300:
                await asyncio.Event().wait()
            yield recipient

    campaign = people.campaign(source())
    port = reserve()

    async def begin() -> None:
        """Be cancelled in the middle, and leave the service as it is."""
        async with Sandbox(http_port=port) as sandbox, HttpxTransport() as transport:
            sms = SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url, transport=transport))
            running = asyncio.create_task(sms.run(campaign, chunk_size=50))
            await until(lambda: sandbox.stats()["messages"] >= 250)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    async def go_on() -> None:
        """Continue at the same address, in another loop."""
        async with Sandbox(http_port=port) as sandbox, HttpxTransport() as transport:
            backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url, transport=transport)
            async with SmsService(backend) as sms:
                with pytest.raises(CampaignStopped) as caught:
                    await sms.run(campaign, chunk_size=50)
            assert isinstance(caught.value.reason, InvalidSource)
            assert caught.value.result.accepted == 300
            assert not caught.value.result.complete

    asyncio.run(begin())
    asyncio.run(go_on())
