"""Unknown chunks whose keys are too old: the gateway's own lists tell what became of them."""

from datetime import timedelta

import msgspec
import pytest

from allmysms_async import Recipient, RestBackend, Unconfirmed
from allmysms_async.errors import ProtocolError
from allmysms_async.journal import Journal
from allmysms_async.sandbox.v9 import report

from .conftest import Hand, JumpingClock, campaign, people

DAY = 24 * 3600.0


async def lost_send(journal, sandbox, recipients, *, taken=True):
    """Leave an unknown chunk behind, of a send that the gateway took or not; return the process's clock."""
    clock = JumpingClock()
    clock.jump(sandbox.clock.now() - clock.monotonic())
    hand = Hand(journal, sandbox, keyed=True, clock=clock)
    claim = await hand.claimed(recipients)
    if taken:
        await hand.send(claim)
    await hand.lose(claim)
    await hand.die()
    return clock


def pass_time(clock, sandbox, seconds):
    """Let time pass here and there."""
    clock.jump(seconds)
    sandbox.advance(seconds)


async def test_unknown_chunk_past_its_key_is_found_in_the_gateways_list(sandbox, service, tmp_path):
    """25 hours later the key is dead: nothing is sent; the list says who was texted and who was refused."""
    journal = tmp_path / "soldes.db"
    sandbox.opt_out("33610000002")
    clock = await lost_send(journal, sandbox, people(5))
    pass_time(clock, sandbox, 25 * 3600)
    sends = sandbox.requests["v9.sendSms"]
    async with service(clock=clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.accepted, last.rejected, last.unknown) == (4, 1, 0)
    assert sandbox.requests["v9.sendSms"] == sends
    assert sandbox.stats()["max_per_handset"] == 1
    async with Journal(journal) as opened:
        outcomes = {outcome.phone: outcome async for outcome in opened.outcomes()}
    assert outcomes["33610000002"].state == "rejected"
    assert outcomes["33610000003"].sms_id
    assert outcomes["33610000003"].campaign_id == sandbox.state()["campaigns"][0]["id"]


async def test_chunk_that_the_list_does_not_have_stays_unknown(sandbox, service, tmp_path):
    """Not being listed is no proof: the chunk stays unknown and is not sent again, however often it is continued."""
    journal = tmp_path / "soldes.db"
    clock = await lost_send(journal, sandbox, people(5), taken=False)
    pass_time(clock, sandbox, 24 * 3600)
    for _ in range(2):
        async with service(clock=clock) as sms:
            last = await sms.run(campaign(people(5)), journal=journal)
        assert (last.accepted, last.unknown) == (0, 5)
    assert sandbox.stats()["messages"] == 0
    assert "v9.sendSms" not in sandbox.requests


async def test_chunk_within_its_time_is_replayed_and_not_looked_up(sandbox, service, tmp_path):
    """Until 23 hours after the first send the key answers, exactly."""
    journal = tmp_path / "soldes.db"
    clock = await lost_send(journal, sandbox, people(5))
    pass_time(clock, sandbox, 22.9 * 3600)
    async with service(clock=clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.accepted, last.unknown) == (5, 0)
    assert "v9.getCampaignsInfo" not in sandbox.requests
    assert sandbox.stats()["max_per_handset"] == 1


async def test_gateway_that_cannot_be_asked_leaves_the_chunk_unknown(sandbox, service, tmp_path, caplog):
    """A list that cannot be fetched decides nothing, and is told."""
    journal = tmp_path / "soldes.db"
    clock = await lost_send(journal, sandbox, people(5))
    pass_time(clock, sandbox, 2 * DAY)
    sandbox.faults([{"fault": "http_503", "path": "getCampaign"}])
    async with service(clock=clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.accepted, last.unknown) == (0, 5)
    assert "stays unknown" in caplog.text


async def test_scheduled_send_is_looked_for_at_its_date(sandbox, service, tmp_path):
    """A scheduled send is listed under its sending date, weeks after its order."""
    journal = tmp_path / "soldes.db"
    clock = JumpingClock()
    clock.jump(sandbox.clock.now() - clock.monotonic())
    hand = Hand(journal, sandbox, keyed=True, clock=clock)
    when = clock.now() + timedelta(days=20)
    hand.campaign = campaign((), send_at=when)
    claim = await hand.claimed(people(3))
    await hand.send(claim)
    await hand.lose(claim)
    await hand.die()
    pass_time(clock, sandbox, 3 * DAY)
    async with service(clock=clock) as sms:
        last = await sms.run(campaign(people(3), send_at=when), journal=journal)
    assert (last.accepted, last.unknown) == (3, 0)
    sandbox.advance(20 * DAY)
    assert sandbox.stats()["max_per_handset"] == 1


async def test_send_is_found_beyond_the_first_page_and_by_its_whole_name(sandbox):
    """All pages are read, and a name that only begins alike is another send's."""
    async with sandbox_backend(sandbox) as backend:
        for number in range(150):
            await order(backend, f"soldes [abcd1234/{number}]", 10_000_000 + number)
        clock = JumpingClock()
        clock.jump(sandbox.clock.now() - clock.monotonic())
        found = await backend.find_send("soldes [abcd1234/1]", [clock.now()])
        assert found is not None
        assert list(found.sms_ids) == ["33610000001"]
        assert found.parts == 1
        assert "336" not in repr(found)
        for number in range(120):  # of the same beginning, and earlier in the list
            await order(backend, f"soldes [abcd1234/7] {number}", 20_000_000 + number)
        await order(backend, "soldes [abcd1234/7] x", 30_000_000)
        found = await backend.find_send("soldes [abcd1234/7] x", [clock.now()])
        assert found is not None
        assert list(found.sms_ids) == ["33630000000"]
        assert await backend.find_send("soldes [abcd1234/151]", [clock.now()]) is None
        assert await backend.find_send("soldes [abcd1234/1]", [clock.now() - timedelta(days=3)]) is None


async def test_listed_send_without_numbers_decides_nothing():
    """A send whose numbers are not listed is an error: nobody may be taken for not texted because of it."""
    from allmysms_async.protocols.rest.campaigns import (
        CampaignInfo,
        CampaignStats,
        GetCampaignsInfoResult,
        GetCampaignStatsResult,
    )
    from allmysms_async.protocols.rest.reconcile import find_send

    async def call(operation):
        if operation.name == "getCampaignsInfo":
            return GetCampaignsInfoResult(campaigns=(CampaignInfo(id="1", name="soldes"),))
        return GetCampaignStatsResult(campaign=CampaignStats(id="1", nb_contacts=3))

    with pytest.raises(ProtocolError, match="lists no number"):
        await find_send(call, "soldes", [JumpingClock().now()])


def stats_of(listed, contacts):
    """Return an answer of getCampaignStats that lists so many numbers of so many recipients."""
    from allmysms_async.protocols.rest.campaigns import CampaignSms, CampaignStats, GetCampaignStatsResult

    texts = tuple(CampaignSms(msisdn=f"336{10_000_000 + index}", sms_id=f"s{index}") for index in range(listed))
    return GetCampaignStatsResult(
        campaign=CampaignStats(id="1", nb_contacts=contacts, nb_sms=listed, msisdn_list=texts)
    )


@pytest.mark.parametrize(("contacts", "whole"), [(3, True), (4, False), (2, False), (None, False)])
async def test_list_is_whole_only_if_its_length_is_the_number_of_recipients(contacts, whole):
    """A list that is shorter than the gateway's own count, or has none to compare with, proves nothing of others."""
    from allmysms_async.protocols.rest.reconcile import find_send

    async def call(operation):
        assert operation.name == "getCampaignStats"  # by its identifier it is not searched for
        return stats_of(3, contacts)

    found = await find_send(call, "soldes", [], "1")
    assert (len(found.sms_ids), found.whole, found.campaign_id) == (3, whole, "1")


async def test_short_list_rejects_nobody(sandbox, service, journal, monkeypatch):
    """Whoever a list that is cut short lacks stays unknown, until the whole list tells."""
    clock = await lost_send(journal, sandbox, people(5))
    pass_time(clock, sandbox, 25 * 3600)
    original = report._messages
    monkeypatch.setattr(report, "_messages", lambda sent, now: original(sent, now)[:3])
    for _ in range(2):
        async with service(clock=clock) as sms:
            last = await sms.run(campaign(people(5)), journal=journal)
        assert (last.rows, last.accepted, last.rejected, last.unknown, last.pending) == (5, 3, 0, 2, 0)
    monkeypatch.setattr(report, "_messages", original)
    async with service(clock=clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.accepted, last.rejected, last.unknown, last.parts) == (5, 0, 0, 5)
    assert sandbox.stats()["max_per_handset"] == 1


@pytest.mark.parametrize("keyed", [True, False])
async def test_recipients_that_an_answer_left_out_are_looked_up(sandbox, service, journal, keyed):
    """An answer that says nothing of some leaves them unknown; the next run asks the gateway, by its identifier.

    What the answer said of the others, and what it cost, stays as it was.
    """
    sandbox.opt_out("33610000001")
    hand = Hand(journal, sandbox, keyed=keyed)
    hand.clock.jump(sandbox.clock.now() - hand.clock.monotonic())
    claim = await hand.claimed(people(5))
    receipt = await hand.send(claim)
    results = tuple(
        Unconfirmed(result.phone) if index in {2, 3} else result for index, result in enumerate(receipt.results)
    )
    await hand.answered(claim, msgspec.structs.replace(receipt, results=results))
    await hand.sink.close()
    await hand.backend.aclose()
    totals = hand.sink.totals()
    assert (totals.accepted, totals.rejected, totals.unknown) == (2, 1, 2)
    async with service(keyed=keyed, clock=hand.clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.accepted, last.rejected, last.unknown) == (4, 1, 0)
    assert {reason.value for reason in last.rejections} == {"opted_out"}
    assert (last.cost, last.parts) == (receipt.cost, receipt.parts)
    assert sandbox.requests["v9.sendSms"] == 1
    assert "v9.getCampaignsInfo" not in sandbox.requests


class sandbox_backend:  # reads as a function
    """A backend that is closed at the end."""

    def __init__(self, sandbox):
        """Prepare it."""
        self._backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url)

    async def __aenter__(self):
        """Return it."""
        return self._backend

    async def __aexit__(self, *_):
        """Close it."""
        await self._backend.aclose()


async def order(backend, name, number):
    """Send one text under a name."""
    from allmysms_async import SmsMessage
    from allmysms_async.backend import SendRequest
    from allmysms_async.text import Coding

    request = SendRequest(
        message=SmsMessage(name),
        text=name,
        coding=Coding.GSM7,
        recipients=(Recipient(f"336{number:08d}"),),
        campaign_name=name,
        idempotency_key=msgspec.json.encode(name).hex()[:64],
    )
    await backend.send(request)
