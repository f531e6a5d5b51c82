"""The service over the API: what is repeated, sub-account views, contact lists, replies, neutral answers."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    Contact,
    GatewayError,
    InvalidRequest,
    ListChange,
    ListStopped,
    NewSubAccount,
    NotPermitted,
    NotSent,
    OutcomeUnknown,
    Reason,
    RestBackend,
    RetryPolicy,
    Secret,
    SmsService,
)
from allmysms_async.backend import CAPABILITIES, ActsForSubAccounts, Calls, KeepsLists
from allmysms_async.errors import DuplicateRequest, ProtocolError, RequestTimeout, ServerFailure, UnsupportedFeature
from allmysms_async.model import Campaign, Recipient, SmsMessage
from allmysms_async.protocols.rest import neutral
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.contacts import CreateList, ListField
from allmysms_async.protocols.rest.replies import GetPulls
from allmysms_async.protocols.rest.reports import Ack
from allmysms_async.protocols.rest.sms import SendSms
from allmysms_async.protocols.rest.sub_accounts import CreateSubAccount, ManageSubAccountCredits, UpdateSubAccount
from allmysms_async.sandbox import Sandbox
from tests.cases import each

ONE = "33612345678"
OTHER = "33698765432"


class Patient:
    """A clock whose sleep takes no time and is written down."""

    def __init__(self) -> None:
        """Start at 0."""
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return a moment of the sandbox's day."""
        return datetime(2027, 3, 2, 9, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return what was slept so far."""
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        """Write it down."""
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Patient:
    """A clock that does not wait."""
    return Patient()


@pytest.fixture
def patient(opened: Callable[..., RestBackend], clock: Patient) -> SmsService:
    """A service that does not really wait between attempts."""
    policy = RetryPolicy(attempts=4, deadline=60)
    return SmsService(opened(), clock=clock, rng=random.Random(1), send_policy=policy)


def asked(sandbox: Sandbox, name: str) -> int:
    """Return how many requests an operation had."""
    return sandbox.requests.get(f"v9.{name}", 0)


# -- attempts ---------------------------------------------------------------------------------------------------------


async def test_safe_operation_is_repeated_after_lost_answers(
    sandbox: Sandbox, patient: SmsService, clock: Patient
) -> None:
    """A read is asked again after a lost answer, a server's failure and a request to slow down, with growing waits."""
    sandbox.faults([{"fault": "reset_after", "times": 1}, {"fault": "http_503", "times": 1}])
    info = await patient.call(GetInfo())
    assert info.credits == Decimal(1_000_000_000)
    assert (asked(sandbox, "getInfo"), len(clock.slept)) == (3, 2)
    sandbox.faults([{"fault": "http_429", "retry_after": 7, "times": 1}])
    await patient.call(GetInfo())
    assert clock.slept[-1] >= 7


async def test_attempts_are_as_many_as_are_asked_for(sandbox: Sandbox, patient: SmsService) -> None:
    """``attempts`` counts the first one too, as in a policy; the last error is raised as it is."""
    sandbox.faults([{"fault": "http_500"}])
    for attempts, requests in ((1, 1), (3, 3), (None, 4)):
        before = asked(sandbox, "getInfo")
        with pytest.raises(ServerFailure):
            await patient.call(GetInfo(), attempts=attempts)
        assert asked(sandbox, "getInfo") - before == requests
    for attempts in (0, -1):
        with pytest.raises(InvalidRequest, match=f"attempts is {attempts}, it must be at least 1"):
            await patient.call(GetInfo(), attempts=attempts)


async def test_retries_is_the_former_name_of_the_attempts_after_the_first(
    sandbox: Sandbox, patient: SmsService
) -> None:
    """``retries=1`` still makes two attempts, warns where it is written, and is refused beside ``attempts=``."""
    sandbox.faults([{"fault": "http_500"}])
    with pytest.warns(DeprecationWarning, match="attempts=") as told, pytest.raises(ServerFailure):
        await patient.call(GetInfo(), retries=1)
    assert [one.filename for one in told] == [__file__]
    assert asked(sandbox, "getInfo") == 2
    with pytest.warns(DeprecationWarning, match="attempts="), pytest.raises(InvalidRequest, match="nothing was sent"):
        await patient.call(GetInfo(), attempts=2, retries=1)
    with pytest.warns(DeprecationWarning, match="attempts="), pytest.raises(InvalidRequest, match="retries is -1"):
        await patient.call(GetInfo(), retries=-1)
    assert asked(sandbox, "getInfo") == 2


async def test_operation_with_a_key_is_repeated_and_sends_once(sandbox: Sandbox, patient: SmsService) -> None:
    """A send that carries its identifier is repeated after a lost answer, and the person is texted once."""
    sandbox.faults([{"fault": "reset_after", "times": 2}])
    sent = await patient.call(SendSms("Bonjour", [Recipient(ONE)], unique_identifier="k1"))
    assert sent.treatment_status == "ALREADY_TREATED"
    assert (asked(sandbox, "sendSms"), sandbox.stats()["messages"]) == (3, 1)
    sandbox.faults([{"fault": "reset_after"}])
    with pytest.raises(OutcomeUnknown) as caught:
        await patient.call(SendSms("Bonsoir", [Recipient(ONE)], unique_identifier="k2"))
    assert caught.value.idempotency_key == "k2"
    assert sandbox.stats()["messages"] == 2


async def test_operation_without_its_key_is_repeated_only_while_surely_not_sent(
    sandbox: Sandbox, patient: SmsService
) -> None:
    """A send without an identifier is repeated after 429, and never after a lost answer."""
    sandbox.faults([{"fault": "http_429", "times": 1}])
    assert (await patient.call(SendSms("Bonjour", [Recipient(ONE)]))).status == "100"
    sandbox.faults([{"fault": "reset_after"}])
    before = asked(sandbox, "sendSms")
    with pytest.raises(OutcomeUnknown):
        await patient.call(SendSms("Bonsoir", [Recipient(ONE)]))
    assert asked(sandbox, "sendSms") - before == 1


@pytest.mark.parametrize(
    "operation", [GetPulls(), ManageSubAccountCredits("demo-shop", 15), CreateList("l")], ids=lambda one: one.name
)
@pytest.mark.parametrize("fault", ["reset_after", "http_503_after", "http_429", "http_500"])
async def test_operation_that_is_never_repeated_is_asked_once(
    sandbox: Sandbox, patient: SmsService, operation: GetPulls | ManageSubAccountCredits | CreateList, fault: str
) -> None:
    """What moves credit or creates, and getPulls, is asked once whatever happens, and a second attempt is refused."""
    sandbox.faults([{"fault": fault}])
    with pytest.raises(Exception, match=operation.name):
        await patient.call(operation)  # type: ignore[arg-type]  # one of three
    assert asked(sandbox, operation.name) == 1
    with pytest.raises(InvalidRequest, match="never repeated"):
        await patient.call(operation, attempts=2)  # type: ignore[arg-type]
    assert asked(sandbox, operation.name) == 1


async def test_refusal_is_not_repeated(sandbox: Sandbox, patient: SmsService) -> None:
    """The gateway's own word is final, also on a safe operation."""
    with pytest.raises(GatewayError):
        await patient.call(UpdateSubAccount("nobody", city="Nice"))
    assert asked(sandbox, "updateSubAccount") == 1
    await patient.call(SendSms("Bonjour", [Recipient(ONE)]))
    with pytest.raises(DuplicateRequest):
        await patient.call(SendSms("Bonjour", [Recipient(ONE)]))


async def test_options_of_the_api_hold_for_each_attempt(
    sandbox: Sandbox, opened: Callable[..., RestBackend], until: Any, pass_time: Any
) -> None:
    """``with_options`` gives the same operations with another time-out, one attempt each; the api keeps its own."""
    backend = opened(timeout=1e6)
    await backend.account()
    sandbox.faults([{"fault": "hang_after"}])

    async def times_out(asking: Any) -> None:
        task = asyncio.ensure_future(asking)
        await until(lambda: sandbox.in_flight)
        pass_time(300)
        with pytest.raises(RequestTimeout, match="300 s"):
            await task
        await until(lambda: not sandbox.in_flight)

    await times_out(backend.api.with_options(timeout=300).account.get_info())
    assert asked(sandbox, "getInfo") == 2
    sandbox.faults([])
    await backend.account()
    sandbox.faults([{"fault": "hang_after", "times": 1}])
    await times_out(SmsService(backend).call(GetInfo(), timeout=300, attempts=1))
    assert asked(sandbox, "getInfo") == 4


async def test_send_may_have_a_timeout_of_its_own(
    sandbox: Sandbox, opened: Callable[..., RestBackend], until: Any, pass_time: Any
) -> None:
    """An attempt of ``send(timeout=300)`` ends after 300 seconds, whatever the backend's own are; texted once it is."""
    backend = opened(timeout=1e6)
    await backend.account()
    sandbox.faults([{"fault": "hang_after"}])
    task = asyncio.ensure_future(
        SmsService(backend, send_policy=RetryPolicy(attempts=1)).send("Bonjour", ONE, timeout=300)
    )
    await until(lambda: sandbox.in_flight)
    pass_time(300)
    with pytest.raises(OutcomeUnknown, match="300 s"):
        await task
    await until(lambda: not sandbox.in_flight)
    assert (asked(sandbox, "sendSms"), sandbox.stats()["messages"]) == (1, 1)


# -- reports and campaigns --------------------------------------------------------------------------------------------


async def test_reports_and_campaigns_in_the_neutral_vocabulary(sandbox: Sandbox, service: SmsService) -> None:
    """Reports of a send and of one text, the campaigns of a period and an estimate, whatever the wire calls them."""
    receipt = await service.send(SmsMessage("Bonjour", sender="MAGASIN"), [ONE, "33612340002"])
    sandbox.advance(30)
    reports = await service.delivery_reports(receipt.campaign_id or "")
    assert [(one.phone, one.status.value) for one in reports] == [(ONE, "delivered"), ("33612340002", "undelivered")]
    one = await service.delivery_report(receipt.accepted[1].sms_id or "")
    assert (one.phone, one.status.value, one.code) == ("33612340002", "undelivered", "2")
    day = datetime(2027, 3, 2, tzinfo=UTC)
    found = [info async for info in service.campaigns(day, day.replace(day=3))]
    assert [(info.campaign_id, info.recipients, info.sender) for info in found] == [(receipt.campaign_id, 2, "MAGASIN")]
    sandbox.opt_out(OTHER)
    estimate = await service.simulate("Bonjour", [ONE, OTHER])
    assert (estimate.recipients, [rejected.phone for rejected in estimate.rejected]) == (1, [OTHER])


@each(
    ("status", "state"), [("9", "unknown"), ("soon", "unknown"), ("", "pending"), (None, "pending"), ("1", "delivered")]
)
def test_report_with_an_unknown_status_is_not_guessed(status: str | None, state: str) -> None:
    """A report whose status no manual lists is told as such, with the status, and loses no other report."""
    report = neutral.report(Ack(phone_number=ONE, status=status), None)
    assert (report.status.value, report.code) == (state, status or "")


@pytest.mark.parametrize("credits", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_credits_that_are_no_figure_are_refused(credits: Decimal) -> None:
    """What is no finite figure never travels."""
    with pytest.raises(InvalidRequest, match="nothing was sent"):
        ManageSubAccountCredits("shop", credits)


def test_credits_travel_without_an_exponent() -> None:
    """A figure is written out, as PHP and people read it."""
    assert ManageSubAccountCredits("shop", Decimal("1E+3")).values()["credits"] == "1000"


@pytest.mark.parametrize("url", ["ftp://a", "https://", "https://u@a", "https://a?k=v", "http://example.com"])
async def test_address_that_would_show_the_key_is_refused(url: str) -> None:
    """An address that is none, or over which the key would travel in the clear, is refused at once."""
    with pytest.raises(InvalidRequest, match="base_url"):
        RestBackend("demo", "key", base_url=url)
    with pytest.warns(UserWarning, match="in clear to example.com"):
        assert RestBackend("demo", "key", base_url="http://example.com", allow_plain_http=True)


async def test_column_without_a_name_is_refused() -> None:
    """A list's column needs a name."""
    with pytest.raises(InvalidRequest, match="no name"):
        CreateList("l", [ListField(" ")])


# -- sub-accounts -----------------------------------------------------------------------------------------------------


async def test_view_acts_for_the_sub_account_and_closes_nothing(sandbox: Sandbox, service: SmsService) -> None:
    """A view sends and asks in the sub-account's name over the same connections; closing it leaves the service open."""
    view = service.with_sub_account("demo-shop")
    receipt = await view.send("Bonjour", ONE)
    assert receipt.credits_left == Decimal(9_999_985)
    assert (await view.account()).company == "Exemple Boutique"
    result = await view.run(Campaign("soldes", SmsMessage("Bonjour", purpose="marketing"), [OTHER], False, "ignore"))
    assert result.accepted == 1
    assert {campaign["login"] for campaign in sandbox.state()["campaigns"]} == {"demo-shop"}
    await view.aclose()
    assert (await service.account()).company == "Exemple SARL"
    assert (await service.account()).credits == Decimal(1_000_000_000)
    with pytest.raises(InvalidRequest):
        service.with_sub_account("demo\n")
    await service.aclose()
    with pytest.raises(NotSent):
        await view.account()


async def test_sub_accounts_in_the_neutral_vocabulary(service: SmsService) -> None:
    """A sub-account is created by its neutral description, listed, and needs what the protocol needs."""
    new = NewSubAccount(
        login="zoe", password=Secret("s3cret!"), first_name="Zoé", last_name="Été", email="z@example.com", zip_code="06"
    )
    assert await service.create_sub_account(new) == "zoe"
    listed = {one.account_id: one async for one in service.sub_accounts()}
    assert set(listed) == {"demo-shop", "demo-test", "zoe"}
    assert (listed["zoe"].name, listed["zoe"].email, listed["zoe"].credits) == ("Zoé Été", "z@example.com", Decimal(0))
    assert listed["demo-shop"].name == "Exemple Boutique"
    with pytest.raises(InvalidRequest, match="first_name, last_name, email, password"):
        await service.create_sub_account(NewSubAccount(login="a"))
    with pytest.raises(InvalidRequest, match="no name"):
        await service.create_sub_account(NewSubAccount(name="a"))


@pytest.mark.parametrize("password", ["s3cret!", Secret("short")])
async def test_password_is_a_secret_of_six_characters(password: object) -> None:
    """A password in the open, or too short, is refused before anything is sent, and shown nowhere."""
    with pytest.raises(InvalidRequest) as caught:
        CreateSubAccount(first_name="a", last_name="b", email="c", login="d", password=password)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)
    with pytest.raises(InvalidRequest):
        UpdateSubAccount("d", password=password)  # type: ignore[arg-type]


# -- contact lists ----------------------------------------------------------------------------------------------------


async def contacts(count: int, read: list[int]) -> AsyncIterator[Contact | str]:
    """Give contacts one after the other, and write down how far it was read."""
    for number in range(count):
        read.append(number)
        phone = f"336{number:08d}"
        yield Contact(phone, {"Ville": "Nice"}) if number % 2 else phone


async def test_large_list_is_filled_and_emptied_in_chunks(sandbox: Sandbox, service: SmsService) -> None:
    """A list of any length is streamed some rows at a time, and the gateway's counts are summed up."""
    await service.call(CreateList("clients", [ListField("Ville")]))
    read: list[int] = []
    change = await service.populate_list("clients", contacts(1250, read), chunk_size=500)
    assert change == ListChange(rows=1250, done=1250, requests=3)
    assert asked(sandbox, "populateList") == 3
    again = await service.populate_list("clients", [f"336{number:08d}" for number in range(3)] + ["0412345678"])
    assert (again.done, again.duplicated, again.ignored) == (0, 3, 1)
    gone = await service.delete_contacts("clients", contacts(1000, []), chunk_size=400)
    assert gone == ListChange(rows=1000, done=1000, requests=3)
    assert await service.populate_list("clients", []) == ListChange()
    for size in (0, 2001):
        with pytest.raises(InvalidRequest, match="chunk_size"):
            await service.populate_list("clients", [ONE], chunk_size=size)


@pytest.mark.parametrize(
    ("fault", "kind", "unknown"),
    [("reset_after", OutcomeUnknown, 10), ("http_429", Exception, 0), ("status_102", GatewayError, 0)],
)
async def test_list_that_stops_says_exactly_what_was_done(
    sandbox: Sandbox, patient: SmsService, fault: str, kind: type[Exception], unknown: int
) -> None:
    """A request that fails is not repeated: how many rows were done, may be done and were not sent is told."""
    await patient.call(CreateList("clients", [ListField("Ville")]))
    rows = [row async for row in contacts(100, [])]
    first = await patient.populate_list("clients", rows[:20], chunk_size=10)
    assert first.done == 20

    async def then_failing() -> AsyncIterator[Contact | str]:
        for number, row in enumerate(rows[20:]):
            if number == 10:
                sandbox.faults([{"fault": fault, "path": "populateList"}])
            yield row

    with pytest.raises(ListStopped) as caught:
        await patient.populate_list("clients", then_failing(), chunk_size=10)
    error = caught.value
    assert isinstance(error.reason, kind)
    assert (error.rows_done, error.rows_unknown) == (10, unknown)
    assert error.done == ListChange(rows=10, done=10, requests=1)
    assert asked(sandbox, "populateList") == 4
    assert "first 10 rows" in str(error)
    assert ("may have been taken" in str(error)) is bool(unknown)


async def test_source_that_fails_says_how_far_it_came(sandbox: Sandbox, service: SmsService) -> None:
    """What the source raises ends the change, is its reason, and is not shown."""
    await service.call(CreateList("clients"))

    def failing() -> list[str]:
        raise RuntimeError(ONE)

    async def broken() -> AsyncIterator[Contact | str]:
        yield ONE
        yield OTHER
        failing()

    with pytest.raises(ListStopped, match="RuntimeError") as caught:
        await service.populate_list("clients", broken(), chunk_size=1)
    assert (caught.value.rows_done, caught.value.rows_unknown) == (2, 0)
    assert ONE not in str(caught.value)
    with pytest.raises(ListStopped, match="list not found"):
        await service.delete_contacts("nothing", [ONE])
    with pytest.raises(ListStopped, match="MOBILEPHONE"):
        await service.populate_list("clients", [Contact(ONE, {"MobilePhone": OTHER})])


# -- replies and opt-outs ---------------------------------------------------------------------------------------------


async def test_new_replies_come_once_and_none_is_lost(sandbox: Sandbox, service: SmsService) -> None:
    """New answers come once; those that the caller did not come to are given first by the next call."""
    receipt = await service.send(SmsMessage("Bonjour", reference="mine"), [ONE, OTHER])
    for text in ("un", "deux", "trois"):
        sandbox.reply(ONE, text)
    first = service.replies()
    reply = await anext(first)
    assert (reply.phone, reply.text, reply.campaign_id) == (ONE, "trois", receipt.campaign_id)
    assert reply.received_at == datetime(2027, 3, 2, 9, tzinfo=UTC)
    sandbox.reply(OTHER, "quatre")
    assert [one.text async for one in service.replies()] == ["deux", "un", "quatre"]
    assert [one.text async for one in service.replies()] == []
    of_send = [one async for one in service.replies(receipt.campaign_id)]
    assert [(one.text, one.reference) for one in of_send] == [
        *(("un", "mine"), ("deux", "mine"), ("trois", "mine"), ("quatre", "mine"))
    ]
    assert len({one.reply_id for one in of_send}) == 4


async def test_replies_of_a_view_are_kept_for_the_next_one(sandbox: Sandbox, service: SmsService) -> None:
    """What a view for a sub-account fetched and did not give is given by the next view for it, and by no other."""
    await service.with_sub_account("demo-shop").send("Bonjour", to=ONE)
    for text in ("un", "deux", "trois"):
        sandbox.reply(ONE, text)
    async for reply in service.with_sub_account("demo-shop").replies():
        assert reply.text == "trois"
        break
    assert [one.text async for one in service.replies()] == []
    assert [one.text async for one in service.with_sub_account("demo-shop").replies()] == ["deux", "un"]


async def test_view_waits_as_long_as_its_service(sandbox: Sandbox, until: Any) -> None:
    """A view is closed with the grace of the service it comes from: without any, it does not wait for an answer."""
    sandbox.faults([{"fault": "hang_before"}])
    async with SmsService(
        RestBackend("demo", "demo-key", base_url=sandbox.http_url, timeout=1e6), grace=0.0
    ) as service:
        view = service.with_sub_account("demo-shop")
        running = asyncio.ensure_future(
            view.run(Campaign("soldes", SmsMessage("Bonjour", purpose="marketing"), [Recipient(ONE)], False, "ignore"))
        )
        await until(lambda: sandbox.in_flight)
        await view.aclose()  # for as long as a request may take, if it waited
        await asyncio.gather(running, return_exceptions=True)


async def test_many_replies_are_fetched_page_after_page(sandbox: Sandbox, service: SmsService) -> None:
    """More answers than a page holds are fetched until a page is not full."""
    await service.send("Bonjour", ONE)
    for number in range(1001):
        sandbox.reply(ONE, str(number))
    assert [one.text async for one in service.replies()] == [str(number) for number in reversed(range(1001))]
    assert asked(sandbox, "getPulls") == 2


async def test_opt_outs_in_the_neutral_vocabulary(sandbox: Sandbox, service: SmsService) -> None:
    """The numbers that are not texted have one reason each, and some can be texted again."""
    await service.send("Bonjour", ONE)
    sandbox.reply(ONE, "stop")
    sandbox.opt_out(OTHER, "blacklist_manual", login="demo")
    sandbox.opt_out("33600000005", "blacklist_unassigned")
    assert {one.phone: one.reason async for one in service.opt_outs()} == {
        ONE: Reason.OPTED_OUT,
        OTHER: Reason.MANUAL_BLACKLIST,
        "33600000005": Reason.UNASSIGNED,
    }
    await service.remove_opt_out("06 98 76 54 32")
    assert [one.phone async for one in service.opt_outs()] != []
    assert OTHER not in {one.phone async for one in service.opt_outs()}
    with pytest.raises(NotPermitted):
        await service.remove_opt_out(ONE)
    sandbox.reply(ONE, "START")
    assert ONE not in {one.phone async for one in service.opt_outs()}


async def test_backend_fulfils_what_the_table_says(opened: Callable[..., RestBackend]) -> None:
    """The table of capabilities says of this backend what it is."""
    backend = opened()
    for capability, (_, backends) in CAPABILITIES.items():
        assert isinstance(backend, capability) is ("rest" in backends), capability


@pytest.mark.parametrize("capability", [ActsForSubAccounts, KeepsLists, Calls])
async def test_backend_without_a_capability_is_told_before_any_io(capability: type[object]) -> None:
    """A backend that lacks what is asked is refused, naming the one that has it."""

    class Bare:
        """A backend that can do nothing."""

        name = identity = "bare"

        async def aclose(self) -> None:
            """Do nothing."""

    service = SmsService(Bare())

    async def ask() -> object:
        if capability is ActsForSubAccounts:
            return service.with_sub_account("a")
        return await (service.populate_list("a", [ONE]) if capability is KeepsLists else service.call(GetInfo()))

    with pytest.raises(UnsupportedFeature) as caught:
        await ask()
    assert caught.value.backends == ("rest",)


# -- faults on the XML path -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("truncated", OutcomeUnknown),
        ("truncated_json", ProtocolError),
        ("garbage", ProtocolError),
        ("html", ProtocolError),
        ("empty", ProtocolError),
        ("wrong_charset", ProtocolError),
        ("huge", ProtocolError),
        ("redirect", Exception),
        ("reset_before", OutcomeUnknown),
        ("http_502_after", ServerFailure),
        ("drip", RequestTimeout),
        ("hang_after", RequestTimeout),
    ],
)
async def test_fault_on_the_xml_path_is_one_typed_error(
    sandbox: Sandbox, opened: Callable[..., RestBackend], until: Any, pass_time: Any, fault: str, kind: type[Exception]
) -> None:
    """Whatever goes wrong with an answer in XML is one error of the tree, in bounded memory and time."""
    sandbox.faults([{"fault": fault, "megabytes": 2, "seconds": 1e6}])
    backend = opened(flow_format="xml", return_format="xml", max_response_bytes=1_000_000, timeout=300)
    sending = asyncio.ensure_future(backend.api.sms.send_sms("Bonjour", [Recipient(ONE)]))
    if kind is RequestTimeout:
        await until(lambda: sandbox.messages() and sandbox.in_flight)
        pass_time(300)
    with pytest.raises(kind) as caught:
        await sending
    if fault == "wrong_charset":
        assert "not XML" in str(caught.value) or "not JSON" in str(caught.value)
    assert sandbox.requests["v9.sendSms"] == 1


async def test_campaign_goes_through_in_xml(sandbox: Sandbox, opened: Callable[..., RestBackend]) -> None:
    """A personalised campaign over flows and answers in XML texts each person once, also when answers are lost."""
    sandbox.faults(
        [{"fault": "reset_after", "probability": 0.3}, {"fault": "truncated_json", "probability": 0.2}], seed=7
    )
    policy = RetryPolicy(attempts=40)
    service = SmsService(opened(flow_format="xml", return_format="xml"), policy=policy, clock=Patient())
    people = [Recipient(f"336{number:08d}", (f"<n° {number}> & co",)) for number in range(300)]
    message = SmsMessage("Bonjour #param_1#", purpose="marketing")
    result = await service.run(
        Campaign("soldes", message, people, exclude_opt_outs=False, quiet_hours="ignore"), chunk_size=25
    )
    assert (result.accepted, sandbox.stats()["messages"], sandbox.stats()["max_per_handset"]) == (300, 300, 1)
    assert (
        sandbox.messages("33600000299")[0]["text"] == "Bonjour <n? 299> & co"
        or "299" in (sandbox.messages("33600000299")[0]["text"])
    )
