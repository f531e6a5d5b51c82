"""Campaigns by mail to the sandbox, encrypted: each handset once, each row accounted for, and errors by mail."""

import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    InvalidText,
    Mail2SmsBackend,
    MmsMessage,
    NoValidNumber,
    Reason,
    Recipient,
    RetryPolicy,
    SmsMessage,
    SmsService,
    UnsupportedFeature,
    parse_error_reply,
)
from allmysms_async.sandbox import Clock, Sandbox
from allmysms_async.transports.smtp import SmtpTransport


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock stands still."""
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as running:
        yield running


@contextlib.asynccontextmanager
async def service(sandbox: Sandbox, key: str = "demo-key", **options: Any) -> AsyncIterator[SmsService]:
    """A service over STARTTLS and AUTH."""
    trust = ssl.create_default_context(cadata=sandbox.certificate)
    login = {"username": "demo", "password": "demo-pass", "local_hostname": "shop.example.com"}
    async with SmtpTransport("localhost", sandbox.smtp_port, ssl_context=trust, **login, **options) as transport:
        backend = Mail2SmsBackend("demo", key, mail_from="shop@example.com", transport=transport)
        async with SmsService(backend, policy=RetryPolicy(base=0.001, attempts=25)) as sms:
            yield sms


@pytest.mark.slow
async def test_ten_thousand_people_are_each_texted_once(sandbox: Sandbox) -> None:
    """Every handset has the text once, every row is accepted, and mails are as few as the subject allows."""
    people = [f"06{number:08d}" for number in range(10_000, 20_000)]
    message = SmsMessage("Soldes d'été. STOP au 36180", sender="MAGASIN", purpose="marketing")
    async with service(sandbox) as sms:
        result = await sms.run(Campaign("soldes", message, people, None, "ignore"))

    assert (result.rows, result.accepted, result.complete) == (10_000, 10_000, True)
    assert sandbox.stats() == {"messages": 10_000, "handsets": 10_000, "max_per_handset": 1}
    per_mail = (989 - len("demo@demo-key||from=MAGASIN|date=") + 1) // 12
    assert sandbox.requests == {"mail2sms.mail": -(-10_000 // per_mail)}
    assert {message["sender"] for message in sandbox.messages()} == {"MAGASIN"}
    assert {message["protocol"] for message in sandbox.messages()} == {"mail2sms"}
    assert sandbox.mails() == []


@pytest.mark.slow
async def test_ten_thousand_through_a_server_that_puts_off(sandbox: Sandbox) -> None:
    """With a third of the commands put off or cut before the mail, everybody is still texted exactly once."""
    sandbox.faults(
        [
            {"fault": "reset_before", "path": "/smtp/RCPT", "probability": 0.15},
            {"fault": "http_451", "path": "/smtp/DATA", "probability": 0.15},
            {"fault": "http_421", "path": "/smtp/MAIL", "probability": 0.1},
        ],
        seed=5,
    )
    people = [f"06{number:08d}" for number in range(10_000, 20_000)]
    async with service(sandbox) as sms:
        result = await sms.run(Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), people))

    assert (result.accepted, result.unknown, result.failed) == (10_000, 0, 0)
    assert sandbox.stats() == {"messages": 10_000, "handsets": 10_000, "max_per_handset": 1}


async def test_lost_answers_are_unknown_and_never_repeated(sandbox: Sandbox) -> None:
    """Connections cut after some mails were taken: their people are unknown, texted once, and nobody else is missed."""
    # Three in a row would be a server that is gone, and stop the campaign.
    sandbox.faults([{"fault": "reset_after", "times": 2}])
    people = [f"06{number:08d}" for number in range(10_000, 13_000)]
    async with service(sandbox) as sms:
        result = await sms.run(Campaign("soldes", SmsMessage("Bonjour", purpose="transactional"), people))

    assert result.unknown > 0
    assert result.accepted + result.unknown == 3_000
    assert sandbox.stats() == {"messages": 3_000, "handsets": 3_000, "max_per_handset": 1}


async def test_same_texts_share_a_mail(sandbox: Sandbox) -> None:
    """Personalised texts are rendered here: one mail for each distinct text, its people together."""
    people = [Recipient(f"06{number:08d}", (["Zoé", "Léa", "Ali"][number % 3],)) for number in range(60)]
    async with service(sandbox) as sms:
        result = await sms.run(Campaign("c", SmsMessage("Bonjour #param_1#", purpose="transactional"), people))

    assert result.all_accepted
    assert sandbox.requests == {"mail2sms.mail": 3}
    counts = Counter(message["text"] for message in sandbox.messages())
    assert counts == {"Bonjour Zoé": 20, "Bonjour Léa": 20, "Bonjour Ali": 20}


async def test_a_date_waits_for_its_time(sandbox: Sandbox) -> None:
    """A scheduled mail is taken now and sent then, by the clocks of Paris."""
    when = datetime(2027, 3, 2, 10, 30, tzinfo=UTC)
    async with service(sandbox) as sms:
        receipt = await sms.send(SmsMessage("Bonjour", send_at=when), "0612345678")
    assert receipt.scheduled
    assert sandbox.messages() == []
    sandbox.advance(2 * 3600)
    assert [message["received_at"] for message in sandbox.messages()] == ["2027-03-02T11:30:00+01:00"]


async def test_a_wrong_key_is_told_by_mail_alone(sandbox: Sandbox) -> None:
    """Silence is success: the send is accepted, and the error comes to the sender's mailbox."""
    async with service(sandbox, "wrong-key") as sms:
        receipt = await sms.send("Bonjour", "0612345678")

    assert len(receipt.accepted) == 1
    assert sandbox.messages() == []
    (mail,) = sandbox.mails("shop@example.com")
    assert isinstance(parse_error_reply(mail["raw"].encode()), AuthenticationFailed)


async def test_numbers_that_the_gateway_does_not_take_are_told_by_mail(sandbox: Sandbox) -> None:
    """A mail without any valid number comes back as 114; with one among others, nothing is told."""
    async with service(sandbox) as sms:
        await sms.send("Bonjour", "+881123456789")
        await sms.send("Bonjour", ["+881123456789", "0612345678"])

    (mail,) = sandbox.mails()
    assert isinstance(parse_error_reply(mail["raw"].encode()), NoValidNumber)
    assert [message["phone"] for message in sandbox.messages()] == ["33612345678"]


async def test_unicode_is_refused_naming_the_characters(sandbox: Sandbox) -> None:
    """Mail2SMS has no field for the coding, so a text outside GSM-7 is refused here."""
    async with service(sandbox) as sms:
        for message in ("Привет", SmsMessage("Bonjour 👋"), SmsMessage("Bonjour", encoding="unicode")):
            with pytest.raises(InvalidText) as caught:
                await sms.send(message, "0612345678")
            assert caught.value.reason == "needs_unicode"
        with pytest.raises(InvalidText, match=r"👋 \(U\+1F44B\)"):
            await sms.send("Bonjour 👋", "0612345678")
        people = [Recipient("0612345678", ("Zoé",)), Recipient("0612345679", ("Женя",))]
        result = await sms.run(Campaign("c", SmsMessage("Bonjour #param_1#", purpose="transactional"), people))
    assert (result.accepted, dict(result.rejections)) == (1, {Reason.NEEDS_UNICODE: 1})
    assert len(sandbox.messages()) == 1


async def test_an_mms_is_refused_before_the_wire(sandbox: Sandbox) -> None:
    """Neither send() nor a campaign takes an MMS here; both name the backend that does."""
    async with service(sandbox) as sms:
        with pytest.raises(UnsupportedFeature, match="no MMS") as caught:
            await sms.send(MmsMessage(text="Bonjour"), "0612345678")
        assert caught.value.backends == ("mms",)
        with pytest.raises(UnsupportedFeature, match="no MMS"):
            sms.stream(Campaign("c", MmsMessage(text="Bonjour", purpose="transactional"), ["0612345678"]))
    assert sandbox.requests == {}


async def test_a_list_that_needs_two_mails_is_no_send(sandbox: Sandbox) -> None:
    """send() is one request; what does not fit one subject is refused, not split."""
    async with service(sandbox) as sms:
        with pytest.raises(ValueError, match="need 2 requests"):
            await sms.send("Bonjour", [f"06{number:08d}" for number in range(90)])
    assert sandbox.requests == {}
