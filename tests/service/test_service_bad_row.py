"""One bad row in a thousand: 999 people are texted, and one is rejected with its reason."""

from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async import Campaign, CampaignRun, Reason, Recipient, SmsMessage, SmsService
from allmysms_async.exchange import HttpRequest, HttpResponse
from allmysms_async.sandbox import Sandbox
from allmysms_async.transports.httpx import HttpxTransport

Service = Callable[..., SmsService]
BAD = "33610000617"


class StricterGateway:
    """Carries requests to the sandbox, and has it answer 111 to any that holds one number.

    So the gateway measures one person's text as too long that was measured as short enough here. Requests must come
    one by one.
    """

    def __init__(self, sandbox: Sandbox, phone: str) -> None:
        """Dislike a number."""
        self._sandbox = sandbox
        self._phone = phone.encode()
        self._transport = HttpxTransport()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt."""
        self._sandbox.faults([{"fault": "status_111"}] if self._phone in request.body else [])
        return await self._transport.send(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class Stopping:
    """Does something when a request was answered, before anybody acts on the answer."""

    def __init__(self, request: int) -> None:
        """Wait for a request, counted from 1."""
        self._left = request
        self._transport = HttpxTransport()
        self.then: Callable[[], object] = lambda: None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt."""
        response = await self._transport.send(request)
        self._left -= 1
        if not self._left:
            self.then()
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def assert_one_rejected(sandbox: Sandbox, ledger: Any, people: Any, reason: str) -> None:
    """Assert that the one was rejected and all the others were texted, each once."""
    result = ledger.result
    assert (result.rows, result.accepted, result.rejected, result.pending) == (1000, 999, 1, 0)
    (bad,) = (outcome for outcome in ledger.by_row.values() if outcome.state == "rejected")
    assert (bad.row, bad.phone, bad.reason, bad.sms_id) == (618, BAD, reason, None)
    del people.texts[BAD]
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (("Zoé " * 400,), Reason.TEXT_TOO_LONG),
        (("漢" * 600,), Reason.TEXT_TOO_LONG),
        ((), Reason.MISSING_PARAM),
        ((None,), Reason.MISSING_PARAM),
        (("\ud800",), Reason.INVALID_PARAM),
    ],
    ids=["too long", "too long in Unicode", "missing", "none", "half a character"],
)
async def test_a_parameter_that_spoils_its_own_text_spoils_no_other(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any, params: tuple[str, ...], reason: Reason
) -> None:
    """A text that cannot be sent is found before it joins a request."""
    people = crowd(1000)
    people.recipients[617] = Recipient(BAD, params)

    await ledger.follow(sms.stream(people.campaign()))

    assert_one_rejected(sandbox, ledger, people, reason)
    assert sandbox.requests["v9.sendSms"] == 1


@pytest.mark.parametrize(
    ("list_name", "reason"),
    [
        ("blacklist_stop", Reason.OPTED_OUT),
        ("blacklist_unassigned", Reason.UNASSIGNED),
        ("blacklist_manual", Reason.MANUAL_BLACKLIST),
    ],
)
async def test_a_number_that_the_gateway_refuses_is_rejected_alone(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any, list_name: str, reason: Reason
) -> None:
    """The gateway's word on one number is told with its reason."""
    sandbox.opt_out(BAD, list_name)
    people = crowd(1000)

    await ledger.follow(sms.stream(people.campaign()))

    assert_one_rejected(sandbox, ledger, people, reason)


async def test_a_number_without_a_country_is_rejected_alone(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any
) -> None:
    """A number whose code no country has is rejected here, and nobody else with it."""
    people = crowd(1000)
    people.recipients[617] = Recipient("+999 123 456 789", ("Zoé",))

    await ledger.follow(sms.stream(people.campaign()))

    assert dict(ledger.result.rejections) == {Reason.MALFORMED: 1}
    assert ledger.by_row[618].reason is Reason.MALFORMED
    del people.texts[BAD]
    people.assert_texted_once(sandbox)


async def test_a_text_that_only_the_gateway_finds_too_long_is_found_by_halving(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """A request refused by 111 is cut in two until one person is left, and everybody else is texted."""
    transport = StricterGateway(sandbox, BAD)
    people = crowd(1000)
    sms = service(transport=transport)

    await ledger.follow(sms.stream(people.campaign(), concurrency=1))
    await transport.aclose()

    assert_one_rejected(sandbox, ledger, people, Reason.TEXT_TOO_LONG)
    assert ledger.result.parts == sum(entry["parts"] for entry in sandbox.state()["campaigns"])
    assert sandbox.requests["v9.sendSms"] <= 1 + 2 * 10


async def test_a_single_111_costs_nobody_a_text(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any) -> None:
    """Where the halves are taken, everybody is accepted."""
    sandbox.faults([{"fault": "status_111", "times": 3}])
    people = crowd(1000)

    await ledger.follow(sms.stream(people.campaign()))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_halving_goes_on_where_the_campaign_stopped(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any
) -> None:
    """A campaign that is stopped between two halves texts everybody once when it goes on."""
    people = crowd(1000)
    campaign = people.campaign()
    carried, runs = Stopping(2), list[CampaignRun]()
    carried.then = lambda: runs[0].stop()
    sms = service(concurrency=1, transport=carried)
    sandbox.faults([{"fault": "status_111", "times": 1}])

    runs.append(sms.stream(campaign))
    await ledger.follow(runs[0])
    assert (ledger.result.accepted, ledger.result.pending) == (500, 500)

    await ledger.follow(service(concurrency=1).stream(campaign))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_the_same_text_for_all_is_not_halved(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any) -> None:
    """Where everybody's text is the same one, 111 rejects them all at once."""
    sandbox.faults([{"fault": "status_111", "path": "sendSms"}])
    campaign = Campaign("soldes", SmsMessage("Bonjour", purpose="marketing"), list(crowd(100).texts))

    await ledger.follow(sms.stream(campaign))

    assert dict(ledger.result.rejections) == {Reason.TEXT_TOO_LONG: 100}
    assert (sandbox.requests["v9.sendSms"], sandbox.messages()) == (1, [])
