"""A campaign that the account ends: no credit, a wrong key. What was not sent can be sent later, once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, CampaignStopped, InsufficientCredit, SmsMessage, SmsService
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_after_a_top_up_the_same_campaign_texts_everybody_once(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, concurrency: int
) -> None:
    """104 stops the campaign saying what is missing; after a top-up the same object goes on, twice over."""
    people = crowd(3000)
    campaign = people.campaign()
    sms = service(concurrency=concurrency)
    sandbox.set_credits("demo", 15 * 1100)

    await ledger.follow(sms.stream(campaign, chunk_size=500))

    reason = ledger.stopped.reason
    assert isinstance(reason, InsufficientCredit)
    assert (reason.needed, reason.available, reason.code) == (Decimal(7500), Decimal(1500), "104")
    assert "Top the account up" in str(ledger.stopped)
    assert ledger.stopped.result == ledger.result
    result = ledger.result
    assert (result.accepted, result.rejected, result.failed, result.unknown) == (1000, 0, 0, 0)
    assert result.pending == result.rows - 1000
    assert len(sandbox.messages()) == 1000

    sandbox.top_up("demo", 15 * 600)
    await ledger.follow(sms.stream(campaign, chunk_size=500))
    assert isinstance(ledger.stopped.reason, InsufficientCredit)
    assert ledger.result.accepted == 1500

    sandbox.top_up("demo", 1_000_000)
    await ledger.follow(sms.stream(campaign, chunk_size=500))
    assert ledger.stopped is None
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)
    assert sandbox.state()["accounts"][0]["credits"] == 1_000_000 - 15 * 1500


async def test_no_request_follows_the_one_without_credit(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """Once 104 came, nothing more is asked for than what was in flight."""
    sandbox.set_credits("demo", 0)

    await ledger.follow(service(concurrency=3).stream(crowd(5000).campaign(), chunk_size=100))

    assert isinstance(ledger.stopped.reason, InsufficientCredit)
    assert sandbox.requests["v9.sendSms"] <= 3
    assert ledger.result.pending == ledger.result.rows
    assert not ledger.result.complete


async def test_a_wrong_key_stops_a_campaign_at_once(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, assert_silent: Any
) -> None:
    """102 ends a campaign after what was in flight, with nobody texted, and everybody read is pending."""
    people = crowd(5000)
    read = 0

    def source() -> Any:
        nonlocal read
        for recipient in people.recipients:
            read += 1
            yield recipient

    sms = service(key="another-key", concurrency=4)
    await ledger.follow(sms.stream(people.campaign(source()), chunk_size=100))

    assert isinstance(ledger.stopped.reason, AuthenticationFailed)
    assert "Check the login and the key" in str(ledger.stopped)
    assert_silent(ledger.stopped, "another-key", "Zoé", *people.texts)
    assert sandbox.requests["v9.sendSms"] <= 4
    assert sandbox.messages() == []
    result = ledger.result
    assert (result.accepted, result.rejected, result.failed, result.unknown) == (0, 0, 0, 0)
    assert result.pending == result.rows == read < 5000


async def test_a_key_that_becomes_right_lets_the_campaign_go_on(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any
) -> None:
    """A campaign stopped by 102 texts everybody once when the gateway knows the key again."""
    people = crowd(500)
    campaign = people.campaign()
    sandbox.faults([{"fault": "status_102"}])
    await ledger.follow(sms.stream(campaign, chunk_size=50))
    assert isinstance(ledger.stopped.reason, AuthenticationFailed)

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=50))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_a_wrong_key_after_a_lost_answer_leaves_the_chunk_unknown(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """102 says nothing of an earlier attempt: who may have been texted is unknown, then learnt, and texted once."""
    people = crowd(300)
    campaign = people.campaign()
    sms = service(concurrency=1)
    sandbox.faults([{"fault": "reset_after", "times": 1}, {"fault": "status_102"}])

    await ledger.follow(sms.stream(campaign, chunk_size=100))
    assert isinstance(ledger.stopped.reason, AuthenticationFailed)
    assert ledger.result.unknown == 100
    assert len(sandbox.messages()) == 100

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=100))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_run_raises_what_stream_raises(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """run() ends by CampaignStopped with the result so far, and goes on when called again."""
    people = crowd(100)
    campaign = people.campaign()
    sandbox.set_credits("demo", 15 * 60)

    with pytest.raises(CampaignStopped) as caught:
        await sms.run(campaign, chunk_size=50, concurrency=1)
    assert caught.value.result.accepted == 50

    sandbox.top_up("demo", 1_000_000)
    result = await sms.run(campaign, chunk_size=50)
    assert result.all_accepted
    people.assert_texted_once(sandbox)


async def test_a_single_send_without_credit_says_what_is_missing(
    sandbox: Sandbox, sms: SmsService, assert_silent: Any
) -> None:
    """send() raises InsufficientCredit with both figures and what to do; nothing is sent."""
    sandbox.set_credits("demo", 20)

    with pytest.raises(InsufficientCredit, match="Top the account up") as caught:
        await sms.send(SmsMessage("Votre code est 4821"), ["0612345678", "0612345679"])

    assert (caught.value.needed, caught.value.available) == (Decimal(30), Decimal(20))
    assert_silent(caught.value, "4821", "33612345678", "0612345678")
    assert sandbox.messages() == []
    assert sandbox.requests["v9.sendSms"] == 1
