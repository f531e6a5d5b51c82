"""A gateway that is out of order, or finds everything wrong, ends a run before it costs the campaign."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from allmysms_async import CampaignStopped, RetryPolicy, SmsMessage, SmsService
from allmysms_async.errors import InvalidSchedule, ScheduleRefused
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]
IMPATIENT = RetryPolicy(attempts=2)


@pytest.mark.parametrize("fault", ["http_502", "html", "http_404", "reset_before"])
async def test_outage_ends_the_run_and_the_rest_waits(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, fault: str
) -> None:
    """Three requests in a row without the gateway's word: the rest stays pending, and is sent when it is back."""
    sandbox.faults([{"fault": fault}])
    people = crowd(3000)
    campaign = people.campaign()
    sms = service(policy=IMPATIENT, concurrency=2)
    await ledger.follow(sms.stream(campaign, chunk_size=50))

    assert isinstance(ledger.stopped, CampaignStopped)
    assert ledger.result.unknown + ledger.result.failed <= 5 * 50
    assert sum(sandbox.requests.values()) <= 12

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=50))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_date_that_passes_in_the_middle_rejects_nobody(
    sandbox: Sandbox, service: Service, clock: Any, crowd: Any
) -> None:
    """When the gateway refuses the date, the run stops and the rest is pending: it is the date that is wrong."""
    people = crowd(600)
    when = clock.now() + timedelta(seconds=60)
    message = SmsMessage("Bonjour #param_1#", purpose="transactional", send_at=when)
    source = people.recipients
    sms = service(concurrency=1)

    def rows() -> Any:
        for number, recipient in enumerate(source):
            if number == 300:
                sandbox.advance(120)
            yield recipient

    campaign = type(people.campaign())("soldes", message, rows())
    with pytest.raises(CampaignStopped) as caught:
        await sms.run(campaign, chunk_size=50)

    assert isinstance(caught.value.reason, ScheduleRefused)
    assert caught.value.result.rejected == 0
    assert caught.value.result.pending > 0


async def test_scheduled_campaign_is_asked_about_after_its_date(
    sandbox: Sandbox, service: Service, clock: Any, crowd: Any, ledger: Any
) -> None:
    """What is unknown of a scheduled campaign can be learnt after its date; a new one with that date is refused."""
    people = crowd(100)
    message = SmsMessage("Bonjour #param_1#", purpose="transactional", send_at=clock.now() + timedelta(seconds=3600))
    make = type(people.campaign())
    campaign = make("soldes", message, people.recipients)
    sandbox.faults([{"fault": "reset_after"}])
    sms = service(policy=IMPATIENT)
    await ledger.follow(sms.stream(campaign, chunk_size=50))
    assert ledger.result.unknown == 100

    sandbox.faults([])
    sandbox.advance(2 * 3600)
    await ledger.follow(sms.stream(campaign, chunk_size=50))

    assert ledger.result.all_accepted
    with pytest.raises(InvalidSchedule):
        sms.stream(make("soldes", message, people.recipients))
