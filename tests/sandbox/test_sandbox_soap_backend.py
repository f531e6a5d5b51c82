"""The library's SOAP client against the sandbox: outcomes, faults, and the quirks of PHP's answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    CampaignNotCancellable,
    CampaignNotFound,
    CampaignStopped,
    DeliveryStatus,
    InsufficientCredit,
    NewSubAccount,
    NotPermitted,
    NoValidNumber,
    OutcomeUnknown,
    Reason,
    Recipient,
    RetryPolicy,
    SmsMessage,
    SmsService,
    SoapBackend,
)
from allmysms_async.clock import SystemClock
from allmysms_async.errors import FaultRefused, FlowRefused, RateLimited, ScheduleRefused
from allmysms_async.model import Secret
from allmysms_async.sandbox import FAULTS, Sandbox

from .conftest import plain_client

PARIS = ZoneInfo("Europe/Paris")
LATER = datetime(2027, 3, 2, 18, tzinfo=PARIS)  # the evening of the sandbox's first day
ONCE = RetryPolicy(attempts=1)


def backend_of(sandbox: Sandbox, passcode: str = "demo-pass", **options: Any) -> SoapBackend:
    """Return a backend that asks the sandbox."""
    return SoapBackend("demo", passcode, endpoint=f"{sandbox.http_url}/soap/server.php", **options)


class SandboxTime(SystemClock):
    """The machine's clock that shows the sandbox's day."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Follow a sandbox."""
        self.now = lambda: datetime.fromtimestamp(sandbox.clock.now(), UTC)


@pytest.fixture
async def sms(sandbox: Sandbox) -> AsyncIterator[SmsService]:
    """A service over SOAP, which tries once."""
    async with SmsService(backend_of(sandbox), policy=ONCE, send_policy=ONCE, clock=SandboxTime(sandbox)) as service:
        yield service


def people(count: int) -> list[Recipient]:
    """Return some people with a first name each."""
    return [Recipient(f"06{number:08d}", (f"Prénom {number}",)) for number in range(20_000_000, 20_000_000 + count)]


async def test_every_operation_through_the_service(sandbox: Sandbox, sms: SmsService) -> None:
    """What one can ask of the service is answered over SOAP as over any other protocol."""
    receipt = await sms.send(SmsMessage("Votre code est 4821", reference="ref-7"), ["0612345678", "0612340002"])
    assert receipt.campaign_id
    assert [one.phone for one in receipt.accepted] == ["33612345678", "33612340002"]
    assert receipt.credits_left == Decimal(999_999_970)
    sandbox.advance(60)
    reports = await sms.delivery_reports(receipt.campaign_id)
    assert [one.status for one in reports] == [DeliveryStatus.DELIVERED, DeliveryStatus.UNDELIVERED]
    sandbox.reply("0612345678", "Été & <oui>\r\nfin")
    (reply,) = [one async for one in sms.replies(receipt.campaign_id)]
    assert (reply.text, reply.reference, reply.campaign_id) == ("Été & <oui>\r\nfin", "ref-7", receipt.campaign_id)
    sandbox.reply("0612345678", "STOP")
    assert [one.phone async for one in sms.opt_outs()] == ["33612345678"]
    assert (await sms.account()).credits == Decimal(999_999_970)
    scheduled = await sms.send(SmsMessage("Plus tard", send_at=LATER), "0611111111")
    assert (scheduled.scheduled, bool(scheduled.campaign_id)) == (True, True)
    await sms.cancel(scheduled.campaign_id or "")
    with pytest.raises(CampaignNotCancellable):
        await sms.cancel(scheduled.campaign_id or "")
    with pytest.raises(CampaignNotFound):
        await sms.cancel("nope")


async def test_opted_out_number_is_rejected_beside_the_others(sandbox: Sandbox, sms: SmsService) -> None:
    """A partial send accepts who was texted, and rejects who was not."""
    sandbox.opt_out("0611111111")
    receipt = await sms.send("Bonjour", ["0612345678", "0611111111"])
    assert [one.phone for one in receipt.accepted] == ["33612345678"]
    assert [(one.phone, one.reason) for one in receipt.rejected] == [("33611111111", Reason.INVALID_AT_GATEWAY)]
    with pytest.raises(NoValidNumber):
        await sms.send("Bonjour", "0611111111")


async def test_sub_account_is_created_and_can_send(sandbox: Sandbox, sms: SmsService) -> None:
    """A sub-account's login comes back, and opens the gateway; the same login again is refused."""
    new = NewSubAccount(
        first_name="Zoé",
        last_name="Durand",
        company="A & B",
        mobile="0612345678",
        email="z@example.com",
        login="zoe",
        password=Secret("motdepasse"),
    )
    assert await sms.create_sub_account(new) == "zoe"
    with pytest.raises(FlowRefused) as caught:
        await sms.create_sub_account(new)
    assert caught.value.code == "the login already exists"
    sandbox.set_credits("zoe", 15)
    endpoint = f"{sandbox.http_url}/soap/server.php"
    async with SmsService(SoapBackend("zoe", "motdepasse", endpoint=endpoint)) as other:
        await other.send("Bonjour", "0612345678")
        with pytest.raises(InsufficientCredit):
            await other.send("Encore", "0612345678")


async def test_campaign_texts_everybody_once(sandbox: Sandbox, sms: SmsService) -> None:
    """A personalised campaign of 1,000 in chunks of 200 texts each person once, with their own value."""
    message = SmsMessage("Bonjour #param_1#", purpose="transactional")
    result = await sms.run(Campaign("soldes", message, people(1000)))
    assert (result.all_accepted, len(result.campaign_ids), result.parts) == (True, 5, 1000)
    assert sandbox.stats() == {"messages": 1000, "handsets": 1000, "max_per_handset": 1}
    assert sandbox.messages("0620000007")[0]["text"] == "Bonjour Prénom 20000007"


@pytest.mark.parametrize(
    ("fault", "failed", "unknown", "arrived"),
    [
        ("soap_fault_client", 200, 0, 200),
        ("soap_fault_server", 0, 200, 200),
        ("soap_fault_server_after", 0, 200, 400),
        ("http_500", 0, 200, 200),
        ("http_403", 200, 0, 200),
        ("redirect", 200, 0, 200),
        ("reset_before", 0, 200, 200),
        ("reset_after", 0, 200, 400),
        ("truncated", 0, 200, 400),
        ("truncated_json", 0, 200, 400),
        ("garbage", 0, 200, 400),
        ("html", 0, 200, 400),
        ("empty", 0, 200, 400),
        ("wrong_charset", 0, 200, 400),
        ("http_503_after", 0, 200, 400),
    ],
)
async def test_every_misbehaviour_ends_as_it_should(
    sandbox: Sandbox, sms: SmsService, fault: str, failed: int, unknown: int, arrived: int
) -> None:
    """Surely not sent is failed, may have been sent is unknown; nobody is texted twice, and nobody is miscounted."""
    sandbox.faults([{"fault": fault, "times": 1}])
    message = SmsMessage("Bonjour #param_1#", purpose="transactional")
    result = await sms.run(Campaign("x", message, people(400)), concurrency=1)
    assert (result.accepted, result.failed, result.unknown, result.rows) == (200, failed, unknown, 400)
    assert sandbox.stats()["messages"] == arrived
    assert sandbox.stats()["max_per_handset"] == 1


async def test_failed_chunk_is_sent_when_the_campaign_continues(sandbox: Sandbox, sms: SmsService) -> None:
    """What a Fault Client kept from being sent is sent by running the same campaign again."""
    sandbox.faults([{"fault": "soap_fault_client", "times": 1}])
    campaign = Campaign("x", SmsMessage("Bonjour", purpose="transactional"), people(400))
    assert (await sms.run(campaign)).failed == 200
    assert (await sms.run(campaign)).all_accepted is True
    assert sandbox.stats() == {"messages": 400, "handsets": 400, "max_per_handset": 1}


async def test_quirks_of_php_lose_nothing(sandbox: Sandbox, sms: SmsService) -> None:
    """OK typed int, a text typed boolean and references change nothing in what is read."""
    message = SmsMessage("Bonjour", reference="ref-7")
    sandbox.faults([{"fault": "soap_href"}])
    receipt = await sms.send(message, ["0612345678", "0611111111"])
    assert [one.sms_id for one in receipt.accepted] == ["32845703", "32845711"]
    sandbox.reply("0612345678", "Oui")
    for quirk in ("soap_boolean_text", "soap_href", "soap_int_ok"):
        sandbox.faults([{"fault": quirk}])
        (reply,) = [one async for one in sms.replies(receipt.campaign_id)]
        assert (reply.phone, reply.text, reply.reference) == ("33612345678", "Oui", "ref-7")
        assert len(await sms.delivery_reports(receipt.campaign_id or "")) == 2
    sandbox.faults([{"fault": "soap_int_ok"}])
    scheduled = await sms.send(SmsMessage("Plus tard", send_at=LATER), "0611111111")
    await sms.cancel(scheduled.campaign_id or "")
    assert sandbox.state()["campaigns"][1]["status"] == "cancelled"


def test_quirks_are_named_among_the_faults() -> None:
    """The list of faults says what each of SOAP's own does."""
    assert {name for name in FAULTS if name.startswith("soap_")} == {
        "soap_fault_client",
        "soap_fault_server",
        "soap_fault_server_after",
        "soap_int_ok",
        "soap_boolean_text",
        "soap_href",
    }


async def test_quirks_change_what_is_on_the_wire(sandbox: Sandbox, sms: SmsService) -> None:
    """Each quirk is really there: the answers' bytes differ from the plain ones as its name says."""
    await sms.send(SmsMessage("Bonjour", reference="ref-7"), "0612345678")
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><getAcks><clientCode>demo</clientCode>'
        f"<passCode>demo-pass</passCode><campId>{sandbox.state()['campaigns'][0]['id']}</campId></getAcks></e:Body>"
        "</e:Envelope>"
    )
    expected = {
        "soap_int_ok": '<phoneNumber xsi:type="xsd:int">33612345678',
        "soap_boolean_text": '<cliMsgId xsi:type="xsd:boolean">ref-7',
        "soap_href": '<item href="#ref1"/>',
    }
    async with plain_client(sandbox.http_url) as http:
        plain = (await http.post("/soap/server.php", content=envelope)).text
        for quirk, written in expected.items():
            sandbox.faults([{"fault": quirk}])
            assert written in (await http.post("/soap/server.php", content=envelope)).text
            assert written not in plain


async def test_wrong_password_and_no_credit_stop_a_campaign(sandbox: Sandbox) -> None:
    """A refused login and missing credit stop a campaign at once, and what was not sent waits."""
    message = SmsMessage("Bonjour", purpose="transactional")
    async with SmsService(backend_of(sandbox, "wrong")) as sms:
        with pytest.raises(CampaignStopped) as caught:
            await sms.run(Campaign("x", message, people(400)))
        assert isinstance(caught.value.reason, AuthenticationFailed)
        with pytest.raises(NotPermitted):
            await sms.delivery_reports("x")
        with pytest.raises(AuthenticationFailed):
            await sms.account()
        with pytest.raises(NotPermitted):
            [one async for one in sms.opt_outs()]
    sandbox.set_credits("demo", 3000)
    async with SmsService(backend_of(sandbox)) as sms:
        with pytest.raises(CampaignStopped) as caught:
            await sms.run(Campaign("x", message, people(400)), concurrency=1)
        assert isinstance(caught.value.reason, InsufficientCredit)
    assert sandbox.stats()["messages"] == 200


async def test_statuses_of_the_gateway_reach_the_caller(sandbox: Sandbox, sms: SmsService) -> None:
    """Statuses that the sandbox is told to answer come back as their errors; one that is not listed is unknown."""
    for status, kind in (("115", ScheduleRefused), ("106", FlowRefused), ("999", OutcomeUnknown)):
        sandbox.faults([{"fault": f"status_{status}", "times": 1}])
        with pytest.raises(kind) as caught:
            await sms.send("Bonjour", "0612345678")
        assert caught.value.code == status
    sandbox.faults([{"fault": "soap_fault_client", "times": 1}, {"fault": "http_429", "times": 1}])
    with pytest.raises(FaultRefused):
        await sms.send("Bonjour", "0612345678")
    with pytest.raises(RateLimited):
        await sms.send("Bonjour", "0612345678")
    assert sandbox.stats()["messages"] == 0
