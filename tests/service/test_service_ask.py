"""What the gateway is asked beside sending: costs, cancelling, reports, the account, earlier campaigns."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    CampaignNotCancellable,
    CampaignNotFound,
    DeliveryStatus,
    NoValidNumber,
    Reason,
    Recipient,
    SmsMessage,
    SmsService,
)
from allmysms_async.sandbox import Sandbox


async def test_simulating_tells_the_cost_and_sends_nothing(sandbox: Sandbox, sms: SmsService) -> None:
    """The estimate counts recipients, parts, credits and euros, and names who would be refused."""
    sandbox.opt_out("0610000003")

    estimate = await sms.simulate("a" * 161, ["0610000001", "+32 470 12 34 56", "0610000003", "06 10 00 00 01"])

    assert (estimate.recipients, estimate.parts, estimate.credits) == (2, 4, Decimal(70))
    assert estimate.cost == Decimal("0.21")
    assert [refused.phone for refused in estimate.rejected] == ["33610000003"]
    assert sandbox.messages() == []
    assert sandbox.requests == {"v9.simulateCampaign": 1}


async def test_simulating_agrees_with_sending(sandbox: Sandbox, sms: SmsService) -> None:
    """What an estimate says is what the send then costs."""
    message = SmsMessage("Bonjour #param_1#, " + "à bientôt " * 20)
    people = [Recipient(f"061000000{n}", ("Zoé" * 10 * n,)) for n in range(1, 6)]

    estimate = await sms.simulate(message, people)
    receipt = await sms.send(message, people)

    assert (estimate.parts, estimate.credits, estimate.cost) == (receipt.parts, receipt.credits_used, receipt.cost)
    assert estimate.recipients == len(receipt.accepted) == 5


async def test_simulating_for_nobody_valid_is_told(sandbox: Sandbox, sms: SmsService) -> None:
    """If the gateway would refuse everybody, simulate() raises NoValidNumber."""
    sandbox.opt_out("0610000003")

    with pytest.raises(NoValidNumber):
        await sms.simulate("Bonjour", "0610000003")


async def test_a_scheduled_text_waits_for_its_date(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """A text with a date counts as accepted, and arrives when the date comes."""
    message = SmsMessage("Bonjour", send_at=clock.now() + timedelta(hours=1))

    receipt = await sms.send(message, "0612345678")

    assert receipt.scheduled
    assert len(receipt.accepted) == 1
    assert sandbox.messages() == []
    sandbox.advance(3601)
    assert [message["text"] for message in sandbox.messages("0612345678")] == ["Bonjour"]


async def test_a_cancelled_text_never_arrives(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """A scheduled send that is cancelled stays so, its credits come back, and it cannot be cancelled twice."""
    before = (await sms.account()).credits
    message = SmsMessage("Bonjour", send_at=clock.now() + timedelta(hours=1))
    receipt = await sms.send(message, "0612345678")

    await sms.cancel(receipt.campaign_id)

    assert (await sms.account()).credits == before
    with pytest.raises(CampaignNotCancellable, match="cancelled before"):
        await sms.cancel(receipt.campaign_id)
    sandbox.advance(7200)
    assert sandbox.messages() == []


async def test_what_was_sent_cannot_be_cancelled(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """A text that was sent at once, one whose date has come, and an unknown one: each is told apart."""
    now = await sms.send("Bonjour", "0610000001")
    later = await sms.send(SmsMessage("Bonjour", send_at=clock.now() + timedelta(hours=1)), "0610000002")
    sandbox.advance(3601)

    with pytest.raises(CampaignNotCancellable, match="not scheduled"):
        await sms.cancel(now.campaign_id)
    with pytest.raises(CampaignNotCancellable, match="sent already"):
        await sms.cancel(later.campaign_id)
    with pytest.raises(CampaignNotFound, match="does not know this campaign"):
        await sms.cancel("inconnue")


async def test_a_scheduled_campaign_can_be_cancelled_by_its_identifiers(
    sandbox: Sandbox, sms: SmsService, crowd: Any, clock: Any
) -> None:
    """A campaign's result names every send of it, so that all of them can be cancelled."""
    campaign = crowd(250).campaign()
    scheduled = SmsMessage(campaign.message.text, purpose="marketing", send_at=clock.now() + timedelta(days=1))
    campaign = type(campaign)(campaign.name, scheduled, campaign.recipients)

    result = await sms.run(campaign, chunk_size=100)
    assert result.all_accepted
    assert len(result.campaign_ids) == 3
    for campaign_id in result.campaign_ids:
        await sms.cancel(campaign_id)

    sandbox.advance(2 * 86400)
    assert sandbox.messages() == []


async def test_delivery_reports_arrive_with_time(sandbox: Sandbox, sms: SmsService) -> None:
    """Reports are the operator's: at first handed over, then final, in one vocabulary, whole or one by one."""
    final = {
        "33610000001": DeliveryStatus.DELIVERED,
        "33610000002": DeliveryStatus.UNDELIVERED,
        "33610000004": DeliveryStatus.REJECTED,
        "33610000005": DeliveryStatus.UNKNOWN_NUMBER,
    }
    receipt = await sms.send("Bonjour", list(final))

    early = await sms.delivery_reports(receipt.campaign_id)
    assert {report.status for report in early} <= {DeliveryStatus.HANDED_TO_OPERATOR, DeliveryStatus.PENDING}

    sandbox.advance(40)
    reports = await sms.delivery_reports(receipt.campaign_id)
    assert {report.phone: report.status for report in reports} == final
    assert all(report.received_at is not None for report in reports)
    for accepted in receipt.accepted:
        report = await sms.delivery_report(accepted.sms_id)
        assert (report.phone, report.status) == (accepted.phone, final[accepted.phone])


async def test_a_number_that_nobody_has_is_rejected_the_next_time(sandbox: Sandbox, sms: SmsService) -> None:
    """Once an operator reported a number as unassigned, the gateway refuses it, and the reason says so."""
    await sms.send("Bonjour", ["0610000001", "0610000005"])
    sandbox.advance(60)

    receipt = await sms.send("Rebonjour", ["0610000001", "0610000005"])

    assert [(refused.phone, refused.reason) for refused in receipt.rejected] == [("33610000005", Reason.UNASSIGNED)]


async def test_the_account_is_described(sandbox: Sandbox, sms: SmsService) -> None:
    """Credits are what the account has; the key that the gateway's answer holds is not shown."""
    sandbox.set_credits("demo", 1500)

    account = await sms.account()

    assert (account.credits, account.texts, account.country) == (Decimal(1500), 100, "FR")
    assert account.status
    assert "demo-key" not in repr(account)


async def test_earlier_campaigns_are_listed_over_all_pages(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """More sends than a page holds are all listed, each once, and a period and a search narrow them."""
    start = clock.now()
    sent = [(await sms.send(f"Bonjour {n}", f"06100{n:05d}", name=f"envoi {n}")).campaign_id for n in range(205)]
    sandbox.advance(3 * 86400)
    await sms.send("plus tard", "0612345678", name="plus tard")

    listed = [summary async for summary in sms.campaigns(start - timedelta(days=1), start + timedelta(days=1))]
    assert sorted(summary.campaign_id for summary in listed) == sorted(sent)
    assert {summary.recipients for summary in listed} == {1}

    found = sms.campaigns(start - timedelta(days=1), clock.now() + timedelta(days=1), search="plus tard")
    assert [summary.name async for summary in found] == ["plus tard"]


async def test_a_campaign_is_found_by_the_mark_of_its_run(
    sandbox: Sandbox, sms: SmsService, crowd: Any, clock: Any
) -> None:
    """The gateway's back office shows each request of a campaign by its name, run and ordinal."""
    result = await sms.run(crowd(250).campaign(), chunk_size=100)

    names = {
        summary.name
        async for summary in sms.campaigns(clock.now() - timedelta(days=1), clock.now() + timedelta(days=1))
    }
    assert names == {f"soldes [{result.run_id[:8]}/{number}]" for number in (1, 2, 3)}
