"""The twelve functions, against the sandbox over real sockets."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    DeliveryStatus,
    EnvoyerSmsProBackend,
    InsufficientCredit,
    InvalidNumber,
    InvalidRequest,
    InvalidText,
    NewSubAccount,
    SmsMessage,
    SmsService,
    UnsupportedFeature,
    errors,
)
from allmysms_async.errors import InvalidSchedule, InvalidSender

PHONE = "33612345678"
MORE = "33612345679"
Connect = Callable[..., EnvoyerSmsProBackend]


async def test_text_arrives_with_the_sender_as_it_is(sandbox: Any, connect: Connect) -> None:
    """A text reaches its handset once, from the default sender or the message's own."""
    async with SmsService(connect()) as sms:
        receipt = await sms.send("Bonjour\n{été}", [PHONE, "+33 6 12 34 56 79"])
        await sms.send(SmsMessage("Au revoir", sender="Societe 2"), PHONE)

    assert [accepted.phone for accepted in receipt.accepted] == [PHONE, MORE]
    assert (receipt.credits_used, receipt.parts, receipt.warning) == (Decimal(2), 2, None)
    assert receipt.credits_left == sandbox.state()["accounts"][0]["credits"] // 15 + 1
    shown = [(entry["text"], entry["sender"]) for entry in sandbox.messages(PHONE)]
    assert shown == [("Bonjour\n{été}", "MAGASIN"), ("Au revoir", "Societe 2")]


async def test_sender_is_required_before_the_wire(sandbox: Any, connect: Connect) -> None:
    """Without a sender, or with one that breaks the rules, nothing leaves."""
    sms = SmsService(connect(default_sender=None))
    for sender in (None, "", "AB", "A" * 12, "été12", "12345", "A-B", " AB", "A_B", "AB\n"):
        with pytest.raises(InvalidSender):
            await sms.send(SmsMessage("Bonjour", sender=sender), PHONE)
    with pytest.raises(InvalidSender):
        connect(default_sender="1234")

    assert sandbox.requests == {}


@pytest.mark.parametrize(
    ("units", "parts"), [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3)], ids=lambda value: str(value)
)
async def test_long_text_is_billed_as_the_manual_says(sandbox: Any, connect: Connect, units: int, parts: int) -> None:
    """Up to 160 it is one SMS, up to 306 two, up to 459 three, with newlines and braces counted twice."""
    text = "{\n" + "a" * (units - 4)
    receipt = await SmsService(connect()).send(text, PHONE)

    assert (receipt.parts, receipt.credits_used, receipt.warning) == (parts, Decimal(parts), None)
    assert sandbox.messages(PHONE)[0]["text"] == text


async def test_text_that_is_too_long_is_refused_before_the_wire(sandbox: Any, connect: Connect) -> None:
    """460 characters, 161 where long texts are not wanted, and 19 fewer with STOP, do not leave."""
    for options, most in (
        ({}, 459),
        ({"long_messages": False}, 160),
        ({"stop_sms": True}, 440),
        ({"stop_sms": True, "long_messages": False}, 141),
    ):
        sms = SmsService(connect(**options))
        with pytest.raises(InvalidText):
            await sms.send("a" * (most + 1), PHONE)
        assert sandbox.requests == {}
        assert len((await sms.send("a" * most, PHONE)).accepted) == 1
        sandbox.reset()


async def test_stop_takes_nineteen(sandbox: Any, connect: Connect) -> None:
    """With STOP, 141 characters are one SMS and 142 are two; the notice is on the handset."""
    sms = SmsService(connect(stop_sms=True))
    one, two = [await sms.send("a" * length, PHONE) for length in (141, 142)]

    assert (one.parts, two.parts) == (1, 2)
    assert (one.warning, two.warning) == (None, None)
    assert sandbox.messages(PHONE)[0]["text"] == "a" * 141 + "\nSTOP SMS au 36111"


async def test_pair_is_not_split_with_stop_at_the_end_either(sandbox: Any, connect: Connect) -> None:
    """A euro that moves to the next SMS, with STOP in the same count: the provider bills the three that are told."""
    sms = SmsService(connect(stop_sms=True))
    receipt = await sms.send("a" * 152 + "\u20ac" + "a" * 133, PHONE)  # 306 units with STOP
    assert (receipt.parts, receipt.credits_used, receipt.warning) == (3, Decimal(3), None)
    sandbox.reset()
    with pytest.raises(InvalidText, match="4 parts"):
        await sms.send("a" * 152 + "\u20ac" + "a" * 286, PHONE)  # 459 units with STOP
    assert sandbox.requests == {}


async def test_what_the_protocol_lacks_is_refused_before_the_wire(sandbox: Any, connect: Connect) -> None:
    """Unicode, short links, urgency and references are refused, naming what is asked; Unicode characters by name."""
    sms = SmsService(connect())
    for options in ({"track_links": True}, {"priority": True}, {"reference": "a"}):
        with pytest.raises(UnsupportedFeature, match="rest"):
            await sms.send(SmsMessage("Bonjour", **options), PHONE)
    with pytest.raises(InvalidText, match="no Unicode"):
        await sms.send(SmsMessage("Bonjour", encoding="unicode"), PHONE)
    with pytest.raises(InvalidText, match="U\\+1F600"):
        await sms.send("Bonjour 😀", PHONE)
    with pytest.raises(InvalidText, match=r"U\+1F600"):
        connect().check(SmsMessage("Bonjour 😀"))
    with pytest.raises(InvalidSchedule):
        await connect().api.messages.send("a", (PHONE,), "MAGASIN", send_at=datetime(2030, 1, 1))
    with pytest.raises(UnsupportedFeature):
        await sms.delivery_report("1")
    with pytest.raises(InvalidRequest):
        _ = [reply async for reply in sms.replies()]

    assert sandbox.requests == {}


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.messages.send("a", (), "MAGASIN"),
        lambda api: api.messages.send("a", (PHONE,) * 1001, "MAGASIN"),
        lambda api: api.messages.send(" ", (PHONE,), "MAGASIN"),
        lambda api: api.messages.send("a", (PHONE,), "MAGASIN", tag="a" * 21),
        lambda api: api.messages.send("a", (PHONE,), "MAGASIN", tag=""),
        lambda api: api.messages.send("\ud800", (PHONE,), "MAGASIN"),
        lambda api: api.messages.stats("87a"),
        lambda api: api.messages.cancel(""),
        lambda api: api.accounts.create(""),
        lambda api: api.accounts.create("a" * 51),
        lambda api: api.accounts.delete("x"),
        lambda api: api.accounts.transfer("1", "2", 0),
        lambda api: api.stops.check("0612345678"),
        lambda api: api.responses.get("1", -1),
    ],
)
async def test_impossible_parameter_is_refused_before_the_wire(
    sandbox: Any, connect: Connect, call: Callable[[Any], Any]
) -> None:
    """What the provider would refuse is refused here, and takes no place in the request window."""
    backend = connect()
    with pytest.raises(errors.InvalidRequest):
        await call(backend.api)

    assert sandbox.requests == {}


async def test_scheduled_text_waits_and_can_be_cancelled(sandbox: Any, connect: Connect) -> None:
    """A scheduled text has no reports, arrives at its minute, or never if it is cancelled; its SMS come back."""
    sms = SmsService(connect(), clock=connect()._line._clock)
    when = datetime.fromtimestamp(sandbox.clock.now(), UTC) + timedelta(hours=2, seconds=30)
    first, second = [await sms.send(SmsMessage("Bonjour", send_at=when), phone) for phone in (PHONE, MORE)]
    assert first.scheduled
    assert await sms.delivery_reports(str(first.campaign_id)) == ()
    with pytest.raises(errors.CampaignPending):
        await connect().api.messages.stats(str(first.campaign_id))
    cancelled = await connect().api.messages.cancel(str(second.campaign_id))
    assert cancelled.recredited_sms == 1
    sandbox.advance(2 * 3600 + 31)
    assert sandbox.messages(PHONE) == []
    sandbox.advance(30)

    assert len(sandbox.messages(PHONE)) == 1
    assert sandbox.messages(MORE) == []
    with pytest.raises(CampaignNotCancellable) as sent:
        await sms.cancel(str(first.campaign_id))
    with pytest.raises(CampaignNotCancellable) as twice:
        await sms.cancel(str(second.campaign_id))
    with pytest.raises(CampaignNotFound):
        await sms.cancel("999999")
    assert (sent.value.code, twice.value.code) == ("10", "11")


async def test_reports_say_what_became_of_each(sandbox: Any, connect: Connect) -> None:
    """Every status of the manual comes back in the one vocabulary, opt-outs included."""
    sandbox.opt_out("0612340009")
    sms = SmsService(connect())
    people = ["33612340001", "33612340002", "33612340009"]
    receipt = await sms.send("Bonjour", people)
    assert receipt.credits_used == 2
    assert receipt.warning is not None
    assert "counts 2 SMS sent to 3 recipients" in receipt.warning
    reports = await sms.delivery_reports(str(receipt.campaign_id))
    assert [report.status for report in reports[:2]] == [DeliveryStatus.HANDED_TO_OPERATOR] * 2
    sandbox.advance(60)
    reports = await sms.delivery_reports(str(receipt.campaign_id))

    assert {report.phone: report.status for report in reports} == {
        people[0]: DeliveryStatus.DELIVERED,
        people[1]: DeliveryStatus.UNDELIVERED,
        people[2]: DeliveryStatus.OPTED_OUT,
    }
    assert [report.received_at is not None for report in reports] == [True, False, False]
    assert (await connect().api.messages.stats(str(receipt.campaign_id))).counts == {
        "1": 1,
        "2": 1,
        "3": 0,
        "4": 0,
        "5": 1,
    }


async def test_replies_are_read_page_by_page(sandbox: Any, connect: Connect) -> None:
    """Answers to a text that asked for them come lazily, 50 a request; a text that did not ask has none."""
    sms = SmsService(connect())
    receipt = await sms.send(SmsMessage("Viendrez-vous ?", wants_replies=True), PHONE)
    message_id = str(receipt.campaign_id)
    assert [reply async for reply in sms.replies(message_id)] == []
    for number in range(120):
        sandbox.envoyersmspro.respond(message_id, PHONE, f"Réponse <{number}> & \U0001f600")
    replies = sms.replies(message_id)
    before = sandbox.requests["envoyersmspro.response/get"]
    first = await anext(replies)
    assert sandbox.requests["envoyersmspro.response/get"] == before + 1
    rest = [reply async for reply in replies]

    assert sandbox.requests["envoyersmspro.response/get"] == before + 3
    assert (first.phone, first.text, first.campaign_id) == (PHONE, "Réponse <0> & \U0001f600", message_id)
    assert first.received_at is not None
    assert [reply.text for reply in rest] == [f"Réponse <{number}> & \U0001f600" for number in range(1, 120)]
    unasked = await sms.send("Bonjour", PHONE)
    assert [reply async for reply in sms.replies(str(unasked.campaign_id))] == []
    with pytest.raises(errors.NoReplies):
        await connect().api.responses.get(str(unasked.campaign_id))
    with pytest.raises(errors.FlowRefused, match="Offset cannot be bigger"):
        await connect().api.responses.get(message_id, 121)


async def test_opt_outs_are_added_checked_and_removed(connect: Connect) -> None:
    """STOP SMS is switched on and off for one number."""
    sms = SmsService(connect())
    assert await sms.opted_out("06 12 34 56 78") is False
    await sms.add_opt_out("06 12 34 56 78")
    assert await sms.opted_out(PHONE) is True
    assert await sms.opted_out(MORE) is False
    await sms.remove_opt_out(PHONE)
    assert await sms.opted_out(PHONE) is False
    with pytest.raises(InvalidNumber):
        await sms.opted_out("0142345678")


async def test_accounts_are_created_filled_used_and_deleted(sandbox: Any, connect: Connect) -> None:
    """An account under the login is created empty, gets SMS, sends with its own id, and is deleted."""
    main = SmsService(connect())
    number = await main.create_sub_account(NewSubAccount(name="Boutique & Cie"))
    branch = SmsService(connect(account_id=number))
    with pytest.raises(InsufficientCredit):
        await branch.send("Bonjour", PHONE)
    moved = await connect().api.accounts.transfer("1", number, 3)
    assert (moved.credit_account.account_id, moved.credit_account.sms_remaining) == (number, 3)
    with pytest.raises(InsufficientCredit, match="Debit account"):
        await connect().api.accounts.transfer(number, "1", 4)
    await branch.send("Bonjour", [PHONE, MORE])
    account = await branch.account()
    assert (account.texts, account.credits) == (1, Decimal(1))
    listed = {entry.account_id: entry async for entry in main.sub_accounts()}

    assert (listed[number].name, listed[number].credits) == ("Boutique & Cie", Decimal(1))
    limits = (await connect().api.accounts.list()).accounts
    assert [entry.api_request_limit for entry in limits] == [15_000, 100]
    left = await connect().api.accounts.delete(number)
    assert [entry.account_id for entry in left.accounts] == ["1"]
    with pytest.raises(AuthenticationFailed):
        await branch.account()
    with pytest.raises(UnsupportedFeature):
        await main.create_sub_account(NewSubAccount(name="a", email="a@example.com"))
    with pytest.raises(InvalidRequest):
        await main.create_sub_account(NewSubAccount())
    assert len(sandbox.messages()) == 2


@pytest.mark.parametrize("basic_auth", [True, False])
@pytest.mark.parametrize("account_id", [None, "1", "7"])
async def test_login_is_checked_either_way(connect: Connect, basic_auth: bool, account_id: str | None) -> None:
    """Basic authentication and form fields are the same account; a wrong password or account is told."""
    backend = connect(basic_auth=basic_auth, account_id=account_id)
    if account_id == "7":
        with pytest.raises(AuthenticationFailed):
            await backend.account()
        return
    assert (await backend.account()).texts == 1_000_000_000 // 15
    with pytest.raises(AuthenticationFailed):
        await connect(basic_auth=basic_auth, account_id=account_id, password="wrong").account()


@pytest.mark.parametrize(
    "options",
    [
        {"login": ""},
        {"login": "06\n00"},
        {"login": "06:00"},
        {"password": "a:b"},
        {"password": ""},
        {"account_id": "1:2"},
        {"base_url": "http://www.envoyersmspro.com"},
        {"base_url": "https://a:b@www.envoyersmspro.com"},
        {"base_url": "ftp://www.envoyersmspro.com"},
        {"base_url": "https://:b@www.envoyersmspro.com"},
        {"base_url": "https://www.envoyersmspro.com/#a"},
        {"tag": "é"},
        {"request_limit": 0},
    ],
)
def test_impossible_option_is_refused_without_being_shown(connect: Connect, options: dict[str, Any]) -> None:
    """What cannot travel safely is refused at once; a password is not in the refusal."""
    with pytest.raises(InvalidRequest) as caught:
        connect(**options)
    assert "a:b" not in str(caught.value)


def test_password_with_a_colon_travels_as_a_field(connect: Connect) -> None:
    """Only Basic authentication has no room for a colon."""
    assert "a:b" not in repr(connect(password="a:b", basic_auth=False))
    with pytest.warns(UserWarning, match="in clear to example.com"):
        allowed = connect(base_url="http://example.com/api/", allow_plain_http=True)
    assert repr(allowed) == "<EnvoyerSmsProBackend http://example.com>"


async def test_options_of_the_full_api_do_what_the_manual_says(sandbox: Any, connect: Connect) -> None:
    """Truncation cuts at 160, deduplication drops repeats, and malformed numbers are refused unless allowed."""
    send = connect().api.messages.send
    with pytest.raises(errors.TextRefused):
        await send("a" * 161, (PHONE,), "MAGASIN")
    await send("a" * 161, (PHONE,), "MAGASIN", truncation_allowed=True, tag="promo")
    assert sandbox.messages(PHONE)[0]["text"] == "a" * 160
    assert (await send("b", (PHONE, PHONE, MORE), "MAGASIN", dedupe=True)).sms_sent == 2
    with pytest.raises(errors.NumbersRefused) as caught:
        await send("c", (PHONE, "123", "0612345678"), "MAGASIN")
    assert caught.value.positions == (1, 2)
    assert (await send("c", (PHONE, "123"), "MAGASIN", all_numbers_allowed=True)).sms_sent == 2
    assert [entry["text"] for entry in sandbox.messages(PHONE)[1:]] == ["b", "c"]
    with pytest.raises(errors.ScheduleRefused, match="Unrecognized date"):
        await send("d", (PHONE,), "MAGASIN", send_at=datetime(2020, 1, 1, tzinfo=UTC))
