"""What every backend promises of French rules: how to opt out stands in the text, or nothing is sent."""

import logging
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from allmysms_async import (
    Campaign,
    InvalidRequest,
    InvalidText,
    Recipient,
    RestBackend,
    SmsMessage,
    SmsService,
)
from allmysms_async.errors import InvalidSchedule, InvalidSender
from allmysms_async.prepare import marketing

PARIS = ZoneInfo("Europe/Paris")
PHONE, ABROAD = "33612345678", "32470123456"
OWN_STOP = {"envoyersmspro": "\nSTOP SMS au 36111"}


def message_of(bench: Any, text: str = "Soldes demain", **options: Any) -> SmsMessage:
    """Return a marketing text with what the protocol asks for."""
    return SmsMessage(text, **({"sender": bench.wire.sender, "purpose": "marketing"} | options))


def campaign_of(message: SmsMessage, *people: str | Recipient) -> Campaign:
    """Return a campaign of a few."""
    return Campaign("soldes", message, [*people] or [PHONE], exclude_opt_outs=False)


async def test_marketing_without_stop_is_refused_with_the_remedy(named: Any) -> None:
    """Neither one text nor a campaign with a sender goes to France without the words; nothing is sent."""
    service = named.service()
    with pytest.raises(InvalidText, match=r"opt out; nothing was sent\. Give the message add_stop=True") as refused:
        await service.send(message_of(named), PHONE)
    assert refused.value.reason == "missing_stop"
    with pytest.raises(InvalidText, match="add_stop=True"):
        service.stream(campaign_of(message_of(named)))
    for almost in ("Soldes. STOP au 36180.", "STOP au 36180 Soldes", "Soldes.STOP au 36180", "STOP au 36180"):
        with pytest.raises(InvalidText, match="add_stop=True"):
            await service.send(message_of(named, almost), PHONE)
    assert named.texts == {}


async def test_added_stop_arrives_at_the_end_of_the_text(taking: Any) -> None:
    """`add_stop=True` completes a text, once, in `send` and in a campaign, personalised or not."""
    service, ending = taking.service(), OWN_STOP.get(taking.wire.name, " STOP au 36180")
    await service.send(message_of(taking, add_stop=True), PHONE)
    people = [Recipient("0612345679", ("Zoé",)), Recipient("0612345670", ("Léa",))]
    await service.run(campaign_of(message_of(taking, "Soldes, #param_1#", add_stop=True), *people))
    assert taking.texts == {
        PHONE: [f"Soldes demain{ending}"],
        "33612345679": [f"Soldes, Zoé{ending}"],
        "33612345670": [f"Soldes, Léa{ending}"],
    }


async def test_text_that_says_how_to_opt_out_arrives_as_it_is(taking: Any) -> None:
    """Nothing is added to it, also where that is asked for."""
    service, ending = taking.service(), OWN_STOP.get(taking.wire.name, " STOP au 36180")
    await service.send(message_of(taking, f"Soldes{ending}"), PHONE)
    await service.send(message_of(taking, f"Demain{ending}", add_stop=True), PHONE)
    assert taking.texts == {PHONE: [f"Soldes{ending}", f"Demain{ending}"]}


async def test_added_stop_counts_in_parts_before_anything_is_sent(named: Any) -> None:
    """A text of one part takes two with the words, and one that is too long with them is refused."""
    service, units = named.service(), 19 if named.wire.name == "envoyersmspro" else 14
    one = await service.send(message_of(named, "x" * (160 - units), add_stop=True), PHONE)
    two = await service.send(message_of(named, "x" * (161 - units), add_stop=True), "0612345679")
    assert (one.parts, two.parts) == (1, 2)
    result = await service.run(campaign_of(message_of(named, "y" * (161 - units), add_stop=True), "0612345670"))
    assert result.parts == 2
    most = named.backend().limits.max_gsm_units
    with pytest.raises(InvalidText, match="units in GSM7") as refused:
        await service.send(message_of(named, "x" * (most - units + 1), add_stop=True), PHONE)
    assert refused.value.reason == "text_too_long"
    with pytest.raises(InvalidText, match="units in GSM7"):
        service.stream(campaign_of(message_of(named, "x" * (most - units + 1), add_stop=True)))


async def test_nothing_is_asked_of_a_text_abroad(named: Any) -> None:
    """To nobody in France a text goes as it is; a list must be said to be one of people abroad."""
    service = named.service()
    await service.send(message_of(named), f"+{ABROAD}")
    with pytest.raises(InvalidText, match="add_stop=True"):
        await service.send(message_of(named, add_stop=False), [f"+{ABROAD}", PHONE])
    with pytest.raises(InvalidText, match="add_stop=True"):
        await service.send(message_of(named), "+590 690 12 34 56")
    result = await service.run(campaign_of(message_of(named, add_stop=False), f"+{ABROAD[:-1]}7", PHONE))
    assert (result.accepted, result.rejections) == (1, {"missing_stop": 1})
    assert named.texts == {ABROAD: ["Soldes demain"], ABROAD[:-1] + "7": ["Soldes demain"]}


async def test_other_purposes_are_asked_for_nothing(taking: Any) -> None:
    """A code or a confirmation needs no words to opt out."""
    service = taking.service()
    await service.send(message_of(taking, purpose="otp"), PHONE)
    await service.run(campaign_of(message_of(taking, purpose="transactional"), "0612345679"))
    assert taking.texts == {PHONE: ["Soldes demain"], "33612345679": ["Soldes demain"]}


async def test_without_a_sender_no_words_are_asked_for(taking: Any) -> None:
    """The answer STOP goes to the number that the text came from; a provider's own sender is one."""
    service = taking.service()
    if taking.wire.name == "envoyersmspro":
        with pytest.raises(InvalidText, match="stop_sms=True"):
            await service.send(message_of(taking, sender=None), PHONE)
        return
    await service.send(message_of(taking, sender=None), PHONE)
    assert taking.texts == {PHONE: ["Soldes demain"]}


async def test_empty_text_stays_empty(taking: Any) -> None:
    """Nobody receives words to opt out of nothing."""
    with pytest.raises(InvalidText, match="empty"):
        await taking.service().send(message_of(taking, " ", add_stop=True), PHONE)
    assert taking.texts == {}


async def test_sender_that_operators_refuse_is_warned_of_once(named: Any, caplog: Any) -> None:
    """The text goes out, and the log says why it may not arrive; with `strict_sender` it is refused."""
    marketing._warn.cache_clear()
    service, message = named.service(), message_of(named, "Code 4821", sender="RDV", purpose="transactional")
    with caplog.at_level(logging.WARNING, "allmysms_async"):
        await service.send(message, PHONE)
        await service.send(msgspec.structs.replace(message, text="Code 4822"), PHONE)
    told = [record.getMessage() for record in caplog.records if "operators" in record.getMessage()]
    assert len(told) == 1
    assert "'RDV': RDV names nobody" in told[0]
    assert "2025-03-10" in told[0]
    strict = msgspec.structs.replace(message, strict_sender=True)
    with pytest.raises(InvalidSender, match=r"RDV names nobody.* Nothing was sent"):
        await service.send(strict, PHONE)
    with pytest.raises(InvalidSender, match="RDV names nobody"):
        service.stream(campaign_of(strict))
    assert named.texts == {PHONE: ["Code 4821", "Code 4822"]}


@pytest.mark.parametrize("words", ["in the past", "over a year ahead", "clock skips", "show twice"])
async def test_dates_that_cannot_be_told_are_refused(taking: Any, words: str) -> None:
    """Past, over a year ahead, in an hour that clocks skip or show twice: refused before anything is sent."""
    now = datetime.fromtimestamp(taking.sandbox.clock.now(), PARIS)
    when = {
        "in the past": now - timedelta(seconds=1),
        "over a year ahead": now + timedelta(days=367),
        "clock skips": datetime(2027, 3, 28, 2, 30, tzinfo=PARIS),
        "show twice": datetime(2027, 10, 31, 2, 30, tzinfo=PARIS),
    }[words]
    service = taking.service()
    message = message_of(taking, "Rappel", purpose="transactional", send_at=when)
    with pytest.raises(InvalidSchedule, match=words):
        await service.send(message, PHONE)
    with pytest.raises(InvalidSchedule, match=words):
        service.stream(campaign_of(message))
    assert taking.texts == {}


async def test_urgent_channel_is_not_for_marketing() -> None:
    """The manual keeps it for urgent messages: a marketing text that asks for it is refused, with a sender or not."""
    async with SmsService(RestBackend("demo", "demo-key", base_url="http://127.0.0.1:1")) as service:
        for sender in (None, "MAGASIN"):
            message = SmsMessage("Soldes. STOP au 36180", sender=sender, purpose="marketing", priority=True)
            with pytest.raises(InvalidRequest, match="urgent messages is not for marketing"):
                await service.send(message, PHONE)
            with pytest.raises(InvalidRequest, match="urgent messages is not for marketing"):
                service.stream(campaign_of(message))
