"""What cannot be right is one clear typed error, before or after the wire as fits; nobody is texted."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    EmptyCampaign,
    InvalidNumber,
    InvalidRequest,
    InvalidSource,
    InvalidText,
    NoValidNumber,
    SmsMessage,
    SmsService,
    read_csv,
)
from allmysms_async.errors import FlowRefused, InvalidSchedule, InvalidSender, ScheduleRefused, TextRefused
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]
PHONE = "0612345678"
WHOLE = ("0612345678", "33612345678", "612345678")
SECRET = "code 4821"
PAST = datetime(2027, 3, 2, 8, 59, 59, tzinfo=UTC)  # a second before the sandbox's present

MESSAGES: dict[str, tuple[dict[str, Any], type[InvalidRequest], str]] = {
    "text too long": ({"text": SECRET + "a" * 1220}, InvalidText, "1229 units in GSM7, at most 1224"),
    "text too long in Unicode": ({"text": SECRET + "漢" * 530}, InvalidText, "539 units in UNICODE, at most 536"),
    "no text": ({"text": " \n"}, InvalidText, "The text is empty"),
    "placeholders with a gap": ({"text": SECRET + " #param_2#"}, InvalidText, "param_1"),
    "not for GSM-7": ({"text": SECRET + " 漢", "encoding": "gsm7"}, InvalidText, "U\\+6F22|漢"),
    "sender with an accent": ({"text": SECRET, "sender": "Épicerie"}, InvalidSender, "3 to 11 letters"),
    "sender too long": ({"text": SECRET, "sender": "MAGASINS UNIS"}, InvalidSender, "3 to 11 letters"),
    "sender with a digit first": ({"text": SECRET, "sender": "3SUISSES"}, InvalidSender, "starting with a letter"),
    "past date": ({"text": SECRET, "send_at": PAST}, InvalidSchedule, "is in the past"),
    "date without a zone": ({"text": SECRET, "send_at": datetime(2030, 1, 1)}, InvalidSchedule, "aware"),
    "unknown purpose": ({"text": SECRET, "purpose": "spam"}, InvalidRequest, "marketing, transactional or otp"),
    "unknown encoding": ({"text": SECRET, "encoding": "latin1"}, InvalidRequest, "auto, gsm7 or unicode"),
    "unprintable reference": ({"text": SECRET, "reference": "a\nb"}, InvalidRequest, "at most 64 printable"),
}  # fmt: skip


async def follow(sms: SmsService, message: SmsMessage) -> None:
    """Send by stream()."""
    async for _ in sms.stream(Campaign("soldes", message, [PHONE])):
        pass


WAYS: dict[str, Callable[[SmsService, SmsMessage], Awaitable[object]]] = {
    "send": lambda sms, message: sms.send(message, PHONE),
    "simulate": lambda sms, message: sms.simulate(message, PHONE),
    "run": lambda sms, message: sms.run(Campaign("soldes", message, [PHONE])),
    "stream": follow,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("options", "kind", "words"), MESSAGES.values(), ids=MESSAGES)
async def test_a_message_that_cannot_be_right_is_refused_before_the_wire(
    sandbox: Sandbox,
    sms: SmsService,
    assert_silent: Any,
    way: str,
    options: dict[str, Any],
    kind: type[InvalidRequest],
    words: str,
) -> None:
    """Text, sender, date and options are checked here, in every way to send; the gateway is not asked."""
    message = SmsMessage(**({"purpose": "marketing"} | options))

    with pytest.raises(kind, match=words) as caught:
        await WAYS[way](sms, message)

    assert type(caught.value) is kind
    assert_silent(caught.value, SECRET, *WHOLE)
    assert sandbox.requests == {}


RECIPIENTS: dict[str, tuple[object, type[InvalidRequest], str]] = {
    "nobody": ([], InvalidRequest, "There is nobody to send to"),
    "empty": ("", InvalidNumber, "No phone number was given"),
    "land line": ("01 42 34 56 78", InvalidNumber, "land line"),
    "too short": ([PHONE, "06 12 34 5"], InvalidNumber, r"Recipient 2: .*10 digits"),
    "a word": ([PHONE, "demain"], InvalidNumber, "Recipient 2"),
    "two in one": ("0612345678,0612345679", InvalidNumber, "one number, nothing else"),
    "a figure": ([612345678], InvalidNumber, "as a text, not as int"),
    "too many": ([f"06{number:08d}" for number in range(10_000_000, 10_002_001)], InvalidRequest, r"run\(\) or stream"),
}


@pytest.mark.parametrize(("recipients", "kind", "words"), RECIPIENTS.values(), ids=RECIPIENTS)
async def test_a_send_to_a_number_that_cannot_be_right_is_refused_whole(
    sandbox: Sandbox, sms: SmsService, assert_silent: Any, recipients: Any, kind: type[InvalidRequest], words: str
) -> None:
    """send() refuses before the wire, naming the recipient by its position; nobody of the others is texted."""
    with pytest.raises(kind, match=words) as caught:
        await sms.send(SECRET, recipients)

    assert_silent(caught.value, SECRET, *WHOLE, "0142345678", "33142345678")
    assert sandbox.requests == {}


CAMPAIGNS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no purpose": ({"message": SmsMessage(SECRET)}, {}, "must say its purpose"),
    "no name": ({"name": " "}, {}, "1 to 100 printable"),
    "a name of lines": ({"name": "a\nb"}, {}, "1 to 100 printable"),
    "a long name": ({"name": "a" * 101}, {}, "1 to 100 printable"),
    "chunks of nobody": ({}, {"chunk_size": 0}, "must be 1 to 2000"),
    "chunks too large": ({}, {"chunk_size": 2001}, "must be 1 to 2000"),
    "no workers": ({}, {"concurrency": 0}, "at least 1"),
}


@pytest.mark.parametrize(("fields", "options", "words"), CAMPAIGNS.values(), ids=CAMPAIGNS)
async def test_a_campaign_that_cannot_be_right_is_refused_before_the_wire(
    sandbox: Sandbox, sms: SmsService, fields: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    """Name, purpose and sizes are checked when the campaign is given."""
    whole = {"name": "soldes", "message": SmsMessage(SECRET, purpose="marketing"), "recipients": [PHONE]} | fields

    with pytest.raises(InvalidRequest, match=words):
        sms.stream(Campaign(**whole), **options)

    assert sandbox.requests == {}


@pytest.mark.parametrize("rows", [[], iter(()), "file"], ids=["list", "iterator", "file"])
async def test_an_empty_list_is_an_error(sandbox: Sandbox, sms: SmsService, tmp_path: Path, rows: Any) -> None:
    """A campaign without any row ends by EmptyCampaign, not by a result of zeros."""
    if rows == "file":
        (tmp_path / "clients.csv").write_text("Mobile;Nom\r\n")
        rows = read_csv(tmp_path / "clients.csv", phone="mobile")

    with pytest.raises(EmptyCampaign, match="held no row; nothing was sent"):
        await sms.run(Campaign("soldes", SmsMessage(SECRET, purpose="marketing"), rows))

    assert set(sandbox.requests) <= {"v9.getBlacklist"}


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A file that cannot be opened is refused when it is given, with its path and why."""
    with pytest.raises(InvalidSource, match=r"clients\.csv cannot be read: No such file"):
        read_csv(tmp_path / "clients.csv", phone="mobile")


async def test_a_file_that_breaks_off_stops_the_campaign_naming_the_line(
    sandbox: Sandbox, sms: SmsService, ledger: Any, tmp_path: Path
) -> None:
    """A quote that is never closed ends the campaign by CampaignStopped; those before it are accounted for."""
    rows = [f"06100{number:05d};Zoé" for number in range(120)]
    rows[100] = '0612345678;"Zoé'
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(["Mobile;Nom", *rows, ""]), encoding="utf-8")
    campaign = Campaign(
        "soldes", SmsMessage("Bonjour #param_1#", purpose="marketing"), read_csv(path, params=[2], header=True)
    )

    await ledger.follow(sms.stream(campaign, chunk_size=50))

    assert isinstance(ledger.stopped.reason, InvalidSource)
    assert ledger.stopped.reason.line == 102
    assert "line 102" in str(ledger.stopped)
    result = ledger.result
    assert (result.rows, result.accepted + result.pending, result.complete) == (100, 100, False)
    assert sandbox.stats()["messages"] == result.accepted


async def test_a_wrong_login_is_told_with_what_to_do(sandbox: Sandbox, service: Service, assert_silent: Any) -> None:
    """102 is AuthenticationFailed for a send as for a question, and holds neither login's key nor text."""
    sms = service(key="another-key")

    with pytest.raises(AuthenticationFailed, match="Check the login and the key") as caught:
        await sms.send(SECRET, PHONE)
    with pytest.raises(AuthenticationFailed, match="Check the login and the key"):
        await sms.simulate(SECRET, PHONE)

    assert_silent(caught.value, "another-key", SECRET, *WHOLE)
    assert sandbox.requests == {"v9.sendSms": 1, "v9.simulateCampaign": 1}
    assert sandbox.messages() == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(105, FlowRefused), (109, FlowRefused), (110, FlowRefused), (111, TextRefused), (115, ScheduleRefused)],
)
async def test_what_the_gateway_refuses_is_told_once(
    sandbox: Sandbox, sms: SmsService, assert_silent: Any, status: int, kind: type[Exception]
) -> None:
    """A refusal is one typed error with the gateway's code, after one request."""
    sandbox.faults([{"fault": f"status_{status}"}])

    with pytest.raises(kind, match="nothing was sent") as caught:
        await sms.send(SECRET, PHONE)

    assert caught.value.code == str(status)
    assert_silent(caught.value, SECRET, *WHOLE)
    assert sandbox.requests == {"v9.sendSms": 1}


async def test_numbers_that_are_all_refused_are_an_error(sandbox: Sandbox, sms: SmsService, assert_silent: Any) -> None:
    """If the gateway takes nobody, send() raises NoValidNumber with the reasons."""
    sandbox.opt_out(PHONE)

    with pytest.raises(NoValidNumber, match="opted_out") as caught:
        await sms.send(SECRET, [PHONE, "+881 123 456 78"])

    assert "invalid_at_gateway" in str(caught.value)
    assert_silent(caught.value, SECRET, *WHOLE)
    assert sandbox.messages() == []


async def test_options_of_one_send_that_cannot_be_right_are_refused(sandbox: Sandbox, sms: SmsService) -> None:
    """A sender given twice, and a key that no gateway takes, are refused before the wire."""
    with pytest.raises(InvalidRequest, match="either in the message or as sender="):
        await sms.send(SmsMessage(SECRET, sender="MAGASIN"), PHONE, sender="BOUTIQUE")
    for key in ("", "a" * 65, "a\nb"):
        with pytest.raises(InvalidRequest, match="1 to 64 printable"):
            await sms.send(SECRET, PHONE, idempotency_key=key)
    assert sandbox.requests == {}


@pytest.mark.parametrize("to", [612345678, None, b"0612345678", 6.12])
async def test_recipients_that_are_no_text_are_refused(sms: SmsService, to: Any) -> None:
    """A number that is not a text, in a call or a campaign, is one clear error before anything is sent."""
    with pytest.raises(InvalidRequest, match="numbers as text"):
        await sms.send("Bonjour", to)
    with pytest.raises(InvalidRequest, match="numbers as text"):
        sms.stream(Campaign("soldes", SmsMessage("Bonjour", purpose="marketing"), to))


async def test_one_text_is_not_read_letter_by_letter(sms: SmsService) -> None:
    """A campaign's recipients are several: one number in their place is refused, not taken for its digits."""
    with pytest.raises(InvalidRequest, match="not str"):
        sms.stream(Campaign("soldes", SmsMessage("Bonjour", purpose="marketing"), "0612345678"))
