"""send(): one text to one person or a few, and what to do when no answer comes."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    Accepted,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    Reason,
    Recipient,
    Rejected,
    SmsMessage,
    SmsService,
)
from allmysms_async.errors import DuplicateRequest
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]
PHONE = "33612345678"


async def test_one_text_arrives(sandbox: Sandbox, sms: SmsService) -> None:
    """A text arrives as it was written, and the receipt says what it cost."""
    receipt = await sms.send("Votre code est 4821 : à saisir\navant midi", to="06 12 34 56 78", sender="MAGASIN")

    (message,) = sandbox.messages(PHONE)
    assert message["text"] == "Votre code est 4821 : à saisir\navant midi"
    assert message["campaign_id"] == receipt.campaign_id
    (accepted,) = receipt.results
    assert isinstance(accepted, Accepted)
    assert accepted.phone == PHONE
    assert accepted.sms_id
    assert (receipt.parts, receipt.credits_used, receipt.cost) == (1, Decimal(15), Decimal("0.045"))
    assert (receipt.scheduled, receipt.replayed) == (False, False)
    assert sandbox.stats()["messages"] == 1


async def test_a_unicode_text_arrives_whole(sandbox: Sandbox, sms: SmsService) -> None:
    """A text that GSM-7 cannot hold is sent as Unicode without a question."""
    text = "Joyeux Noël 🎄 à François"

    receipt = await sms.send(text, PHONE)

    assert sandbox.messages(PHONE)[0]["text"] == text
    assert receipt.parts == 1


async def test_several_people_are_texted_by_one_request(sandbox: Sandbox, sms: SmsService) -> None:
    """Results come in the order of the recipients, each accepted or rejected with its reason."""
    sandbox.opt_out("0610000002")
    people = ["+33 6 10 00 00 01", "0610000002", "0692 12 34 56", "+32 470 12 34 56", "+881 123 456 78"]

    receipt = await sms.send("Bonjour", people)

    assert [result.phone for result in receipt.results] == [
        "33610000001",
        "33610000002",
        "262692123456",
        "32470123456",
        "88112345678",
    ]
    assert [result.phone for result in receipt.accepted] == ["33610000001", "262692123456", "32470123456"]
    assert [(refused.phone, refused.reason) for refused in receipt.rejected] == [
        ("33610000002", Reason.OPTED_OUT),
        ("88112345678", Reason.INVALID_AT_GATEWAY),
    ]
    assert isinstance(receipt.results[1], Rejected)
    assert receipt.rejected[0].since is not None
    assert {message["phone"] for message in sandbox.messages()} == {result.phone for result in receipt.accepted}
    assert sandbox.requests == {"v9.sendSms": 1}


async def test_a_number_given_twice_is_texted_once(sandbox: Sandbox, sms: SmsService) -> None:
    """Two spellings of one number in one call are one person, who reads the first one's text."""
    receipt = await sms.send(
        "Bonjour #param_1#", [Recipient("0612345678", ("Zoé",)), Recipient("+33 (0)6 12 34 56 78", ("Zoé encore",))]
    )

    assert len(receipt.results) == 1
    assert [message["text"] for message in sandbox.messages()] == ["Bonjour Zoé"]


async def test_each_reads_the_own_text(sandbox: Sandbox, sms: SmsService) -> None:
    """Parameters are filled in for each recipient; a value that looks like a placeholder stays as it is."""
    await sms.send("#param_1# : #param_2#", [Recipient(f"061000000{n}", (f"n° {n}", f"{n} €")) for n in range(4)])
    await sms.send("#param_1# : #param_2#", Recipient("0610000009", ("#param_2#", "9 €")))

    texts = {message["phone"]: message["text"] for message in sandbox.messages()}
    assert texts == {f"3361000000{n}": f"n° {n} : {n} €" for n in range(4)} | {"33610000009": "#param_2# : 9 €"}


async def test_texts_of_two_codings_are_not_mixed(sandbox: Sandbox, sms: SmsService) -> None:
    """Recipients who would need two requests are refused, saying what to use instead; encoding= makes it one."""
    people = [Recipient("0610000001", ("Zoé",)), Recipient("0610000002", ("Chloë",))]
    with pytest.raises(InvalidRequest, match=r"need 2 requests.*encoding='unicode'"):
        await sms.send("Bonjour #param_1#", people)
    assert sandbox.requests == {}

    receipt = await sms.send(SmsMessage("Bonjour #param_1#", encoding="unicode"), people)

    assert len(receipt.accepted) == 2
    assert {message["text"] for message in sandbox.messages()} == {"Bonjour Zoé", "Bonjour Chloë"}


@pytest.mark.parametrize("fault", ["http_503", "http_503_after", "reset_before", "reset_after", "truncated", "garbage"])
async def test_a_text_arrives_once_although_answers_are_lost(sandbox: Sandbox, sms: SmsService, fault: str) -> None:
    """Without an answer the request is repeated under the same key."""
    sandbox.faults([{"fault": fault, "times": 3}])

    receipt = await sms.send("Bonjour", PHONE)

    assert len(receipt.accepted) == 1
    assert receipt.replayed == (fault not in ("http_503", "reset_before"))
    assert len(sandbox.messages()) == 1
    assert sandbox.requests == {"v9.sendSms": 4}


@pytest.mark.parametrize(
    ("fault", "texted"), [("http_503_after", 1), ("reset_after", 1), ("http_503", 0), ("status_160", 0), ("html", 1)]
)
async def test_an_unknown_outcome_is_learnt_with_its_key(
    sandbox: Sandbox, sms: SmsService, assert_silent: Any, fault: str, texted: int
) -> None:
    """OutcomeUnknown names its key; the same call with it returns what happened, and texts once in all."""
    sandbox.faults([{"fault": fault}])

    with pytest.raises(OutcomeUnknown, match="may have been sent") as caught:
        await sms.send("Votre code est 4821", "0612345678")

    key = caught.value.idempotency_key
    assert key
    assert key in str(caught.value)
    assert "within 23 hours" in str(caught.value)
    assert_silent(caught.value, "4821", PHONE, "0612345678")
    assert len(sandbox.messages()) == texted

    sandbox.faults([])
    sandbox.advance(22 * 3600)
    receipt = await sms.send("Votre code est 4821", "0612345678", idempotency_key=key)
    assert (len(receipt.accepted), receipt.replayed, receipt.idempotency_key) == (1, bool(texted), key)
    assert len(sandbox.messages()) == 1


async def test_a_given_key_texts_once_however_often_it_is_used(sandbox: Sandbox, sms: SmsService) -> None:
    """A caller's own key makes its call repeatable, at once and later."""
    receipts = [await sms.send("Bonjour", PHONE, idempotency_key="commande-42") for _ in range(3)]

    assert [receipt.replayed for receipt in receipts] == [False, True, True]
    assert len({receipt.campaign_id for receipt in receipts}) == 1
    assert len(sandbox.messages()) == 1


async def test_two_calls_are_two_texts(sandbox: Sandbox, sms: SmsService) -> None:
    """Without a key of the caller's, each call has its own: the same text later is sent again."""
    await sms.send("Bonjour", PHONE)
    sandbox.advance(11)
    await sms.send("Bonjour", PHONE)

    assert len(sandbox.messages()) == 2


async def test_an_identical_call_within_ten_seconds_is_told(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """The gateway's refusal of an identical request is one clear error, not a wait and a second text."""
    await sms.send("Bonjour", PHONE)

    with pytest.raises(DuplicateRequest, match="wait over 10 seconds"):
        await sms.send("Bonjour", PHONE)

    assert len(sandbox.messages()) == 1
    assert clock.waits == []


async def test_no_server_is_surely_not_sent(
    sandbox: Sandbox, service: Service, closed_port: str, clock: Any, assert_silent: Any
) -> None:
    """Without any connection send() gives up after its attempts, by NotSent."""
    with pytest.raises(NotSent, match="no connection could be made") as caught:
        await service(url=closed_port).send("Votre code est 4821", PHONE)

    assert len(clock.waits) == 4
    assert_silent(caught.value, "4821", PHONE)
    assert sandbox.messages() == []


async def test_a_cancelled_send_is_texted_once_at_most(sandbox: Sandbox, sms: SmsService, until: Any) -> None:
    """A task that is cancelled while it waits leaves nothing running; its key tells later what happened."""
    sandbox.faults([{"fault": "hang_after", "times": 1}])
    task = asyncio.create_task(sms.send("Bonjour", PHONE, idempotency_key="commande-43"))
    await until(sandbox.messages)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    receipt = await sms.send("Bonjour", PHONE, idempotency_key="commande-43")

    assert receipt.replayed
    assert len(sandbox.messages()) == 1
