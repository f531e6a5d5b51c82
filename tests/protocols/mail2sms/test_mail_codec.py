"""The mail that a request becomes, byte for byte, and what is refused before there is one."""

import email
import itertools
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import decode_header
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidNumber, InvalidRequest, InvalidText, Mail2SmsBackend, SmsMessage, UnsupportedFeature
from allmysms_async.backend import SendRequest, limits_of
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.plan import Planner
from allmysms_async.clock import SystemClock
from allmysms_async.errors import InvalidSender
from allmysms_async.exchange import MailEnvelope, MailReceipt
from allmysms_async.model import Recipient, Secret
from allmysms_async.protocols.mail2sms.codec import Credentials, Stamp, encode, room, subject
from allmysms_async.text import Coding
from tests.cases import each

SAMPLES = Path(__file__).parents[2] / "samples" / "mail2sms"
CREDENTIALS = Credentials(login=Secret("arthur45"), api_key=Secret("de135f8d2a091e4"))
STAMP = Stamp(date=datetime(2015, 9, 29, 8, 0, tzinfo=UTC), message_id="1@example.com")
NOON = datetime(2015, 9, 29, 12, 0, tzinfo=UTC)

CASES: dict[str, tuple[SmsMessage, tuple[str, ...]]] = {
    "several_numbers": (SmsMessage("Bonjour"), ("33612121515", "33614141515")),
    "sender_and_date": (
        SmsMessage("Soldes d'été\nSTOP au 36180", sender="MAGASIN", send_at=NOON),
        ("33612121515",),
    ),
}


class Still(SystemClock):
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return the moment of every mail."""
        return STAMP.date


class Kept:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.envelopes: list[MailEnvelope] = []

    async def send(self, envelope: MailEnvelope) -> MailReceipt:
        """Take a mail."""
        self.envelopes.append(envelope)
        return MailReceipt(code=250, text="OK id=1")

    async def aclose(self) -> None:
        """Do nothing."""


def request(message: SmsMessage, *phones: str) -> SendRequest:
    """Return a request to send a message to numbers."""
    recipients = [Recipient(phone) for phone in phones]
    return SendRequest(message=message, text=message.text, coding=Coding.GSM7, recipients=recipients)


def mail(message: SmsMessage, *phones: str) -> MailEnvelope:
    """Return the mail for it."""
    return encode(
        request(message, *phones),
        CREDENTIALS,
        STAMP,
        mail_from="shop@example.com",
        rcpt_to="mail2sms@allmysms.com",
        timeout=5,
    )


@pytest.mark.parametrize("name", CASES)
def test_mail_is_the_one_of_the_manual(name: str) -> None:
    """The whole mail, header and body, is the literal one."""
    message, phones = CASES[name]
    envelope = mail(message, *phones)
    assert envelope.message == (SAMPLES / name / "request").read_bytes()
    assert (envelope.mail_from, envelope.rcpt_to) == ("shop@example.com", "mail2sms@allmysms.com")


def test_every_sample_is_used_and_names_its_source() -> None:
    """Each sample says from which part of the manual it was typed in, and each is driven by a table."""
    names = {path.name for path in SAMPLES.iterdir()}
    assert {name for name in names if not name.startswith("error_")} == set(CASES)
    assert all((SAMPLES / name / "SOURCE").read_text().startswith("Mail2SMS, §2.") for name in names)


def test_from_and_date_are_written_where_they_are_empty() -> None:
    """The manual's form always has both."""
    assert subject(CREDENTIALS, "33612121515", SmsMessage("x")) == "arthur45@de135f8d2a091e4|33612121515|from=|date="


@given(
    sender=st.none() | st.from_regex(r"[A-Za-z][A-Za-z0-9 ]{1,9}[A-Za-z0-9]", fullmatch=True),
    when=st.none() | st.just(NOON),
    key=st.text(alphabet="abc123", min_size=1, max_size=400),
    lengths=st.lists(st.integers(8, 15), min_size=1, max_size=300),
)
def test_every_subject_fits_and_none_could_hold_one_number_more(
    sender: str | None, when: datetime | None, key: str, lengths: list[int]
) -> None:
    """Whatever the numbers' lengths: each mail's subject is at most 989, and full, and every number is in one."""
    backend = Mail2SmsBackend("demo", key, mail_from="shop@example.com", transport=Kept())
    message = SmsMessage("x", sender=sender, send_at=when)
    sink = MemorySink()
    limits = limits_of(backend, message)
    planner = Planner(message, limits, chunk_size=limits.max_recipients, seen=sink.seen, accounted=sink.accounted)
    # Distinct numbers of countries without rules on lengths; Spain's code, then digits.
    numbers = [f"+34{row:06d}".ljust(1 + length, "1") for row, length in enumerate(lengths)]
    assert [planner.add(row, number) for row, number in enumerate(numbers, 1)] == [None] * len(numbers)
    chunks = planner.flush()

    def length(phones: list[str]) -> int:
        return len(subject(Credentials(login=Secret("demo"), api_key=Secret(key)), ";".join(phones), message))

    def phones_of(chunk: Chunk) -> list[str]:
        return [recipient.phone for recipient in chunk.recipients]

    assert [phone for chunk in chunks for phone in phones_of(chunk)] == [number[1:] for number in numbers]
    assert all(length(phones_of(chunk)) <= 989 for chunk in chunks)
    for one, following in itertools.pairwise(chunks):
        assert length([*phones_of(one), phones_of(following)[0]]) > 989


def test_subject_is_plain_text_on_one_line() -> None:
    """A subject of many numbers is neither folded nor encoded."""
    phones = [f"336{number:08d}" for number in range(70)]
    written = mail(SmsMessage("x", sender="MA BOUTIQUE", send_at=NOON), *phones).message
    (line,) = [each for each in written.split(b"\r\n") if each.startswith(b"Subject: ")]
    assert line.endswith(b"33600000069|from=MA BOUTIQUE|date=2015-09-29 14:00:00")
    parsed = email.message_from_bytes(written)["Subject"]
    assert decode_header(parsed) == [(parsed, None)]
    assert all(len(each) <= 998 for each in written.split(b"\r\n"))


@each(
    ("text", "encoding"),
    [
        ("a" * 998, "7bit"),
        ("a" * 999, "quoted-printable"),
        ("a" * 998 + "\n" + "b" * 998, "7bit"),
        ("a\n" + "b" * 999, "quoted-printable"),
        ("é" * 499, "8bit"),
        ("é" * 499 + "a", "quoted-printable"),
    ],
)
def test_lines_of_998_octets_go_as_they_are(text: str, encoding: str) -> None:
    """A line that mail can hold is not encoded; one octet more is."""
    envelope = mail(SmsMessage(text), "33612121515")
    assert f"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() in envelope.message
    for written in (envelope.message, envelope.message_7bit or b""):
        assert all(len(line) <= 998 for line in written.split(b"\r\n"))
    assert (envelope.message_7bit is None) == (encoding != "8bit")
    assert (envelope.message_7bit or envelope.message).isascii()


def test_room_shrinks_with_sender_and_date() -> None:
    """What a sender and a date take is not there for numbers."""
    assert room(CREDENTIALS, SmsMessage("x")) == 989 - len("arthur45@de135f8d2a091e4||from=|date=")
    assert room(CREDENTIALS, SmsMessage("x", sender="MAGASIN", send_at=NOON)) == room(CREDENTIALS, SmsMessage("x")) - 26


@each("bad", ["|", ";", "@", "=", "\r", "\n", "\0", " ", "\t", "é", "\x7f"], ids=ascii)
@each("field", ["login", "api_key"])
def test_credentials_cannot_forge_a_field_or_a_header(field: str, bad: str) -> None:
    """What separates fields, numbers or headers is refused in a login and a key, without being shown."""
    values = {"login": "demo", "api_key": "demo-key", field: f"ab{bad}0699999999"}
    with pytest.raises(InvalidRequest, match=f"{field} is empty or holds") as caught:
        Mail2SmsBackend(**values, mail_from="shop@example.com", transport=Kept())
    assert "0699999999" not in str(caught.value)


@each("bad", ["", "MA", "DOUZELETTRES", "1MAGASIN", "MAGASIN ", "CAFÉ", "A|B;C", "A@B", "A=B=C"])
def test_sender_outside_the_rules_is_refused(bad: str) -> None:
    """Sender: a letter, then letters, digits and spaces, 3 to 11."""
    backend = Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=Kept())
    with pytest.raises(InvalidSender):
        backend.check(SmsMessage("x", sender=bad))


@pytest.mark.parametrize("bad", ["MAG\r\nBcc: a", "MAG\nASIN", "MAG\0ASIN"], ids=ascii)
def test_sender_cannot_forge_a_header_even_past_the_check(bad: str) -> None:
    """A sender that came to the codec unchecked is refused there."""
    with pytest.raises((InvalidSender, InvalidRequest)):
        mail(SmsMessage("x", sender=bad), "33612121515")


@each(
    "address",
    ["", "shop", "a@b@c.example", "a b@example.com", "a@example.com\r\nBcc: x@y", "<a@example.com>", "é@x.fr"],
)
@each("field", ["mail_from", "rcpt_to"])
def test_addresses_are_plain_ones(field: str, address: str) -> None:
    """An address is one address in ASCII, and nothing else."""
    addresses = {"mail_from": "shop@example.com", "rcpt_to": "mail2sms@allmysms.com", field: address}
    with pytest.raises(InvalidRequest, match=f"{field} is not a plain"):
        Mail2SmsBackend("demo", "demo-key", transport=Kept(), **addresses)


@pytest.mark.parametrize(
    "options", [{"reference": "r"}, {"track_links": True}, {"priority": True}, {"wants_replies": True}], ids=str
)
def test_what_a_mail_cannot_say_is_refused(options: dict[str, Any]) -> None:
    """An option without a field is refused, naming a backend that has it."""
    backend = Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=Kept())
    with pytest.raises(UnsupportedFeature) as caught:
        backend.check(SmsMessage("x", **options))
    assert caught.value.backends == ("rest",)


@pytest.mark.parametrize("options", [{}, {"hostname": "mail.example.com", "transport": Kept()}], ids=["none", "both"])
def test_one_way_to_the_mail_server_is_given(options: dict[str, Any]) -> None:
    """A host's name or a transport: not both, not neither."""
    with pytest.raises(InvalidRequest, match="hostname, or a transport"):
        Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", **options)


def test_credentials_that_leave_no_room_are_refused() -> None:
    """A key so long that no number fits is told at once."""
    with pytest.raises(InvalidRequest, match="no room"):
        Mail2SmsBackend("demo", "k" * 960, mail_from="shop@example.com", transport=Kept())


def test_half_a_character_is_refused() -> None:
    """A lone surrogate cannot be written as UTF-8."""
    with pytest.raises(InvalidText, match="half of a character"):
        mail(SmsMessage("a\ud800"), "33612121515")


def test_accounts_are_told_apart_without_being_shown() -> None:
    """The identity differs by login and by gateway, not by key or mail server, and shows neither."""

    def told(login: str = "demo", key: str = "demo-key", **options: Any) -> str:
        return Mail2SmsBackend(login, key, mail_from="shop@example.com", transport=Kept(), **options).identity

    assert told() == told(key="another-key")
    assert len({told(), told("other"), told(rcpt_to="test@allmysms.com")}) == 3
    assert "demo" not in told()


async def test_each_mail_has_its_own_identifier_and_the_time() -> None:
    """Message-ID and Date are set for each mail, the former in the receipt; nothing else differs."""
    kept = Kept()
    backend = Mail2SmsBackend(
        "demo", "demo-key", mail_from="shop@example.com", transport=kept, timeout=7, clock=Still()
    )
    receipts = [await backend.send(request(SmsMessage("Bonjour", send_at=NOON), "33612121515")) for _ in range(2)]
    ids = [str(receipt.raw["message_id"]) for receipt in receipts]
    assert len(set(ids)) == 2
    assert all(receipt.scheduled and receipt.campaign_id is None for receipt in receipts)
    first, second = (
        envelope.message.replace(identifier.encode(), b"ID")
        for envelope, identifier in zip(kept.envelopes, ids, strict=True)
    )
    assert first == second
    assert b"Date: Tue, 29 Sep 2015 08:00:00 +0000\r\nMessage-ID: <ID>\r\n" in first
    assert [envelope.timeout for envelope in kept.envelopes] == [7, 7]


@pytest.mark.parametrize("show", [repr, str, lambda value: f"{[value]}"], ids=["repr", "str", "list"])
def test_a_mail_shows_nothing_of_its_contents(show: Callable[[object], str]) -> None:
    """An envelope holds the key and the text: it shows neither, and is not pickled."""
    envelope = mail(SmsMessage("code 4821"), "33612121515")
    assert not any(word in show(envelope) for word in ("de135f8d2a091e4", "4821", "33612121515"))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(envelope)


@each("phone", ["33612345678;33699999999", "33612345678|from=X", "+33612345678", "", "\u0663" * 11, "1" * 16])
def test_number_cannot_forge_a_field(phone: str) -> None:
    """What is not digits alone is refused by the codec itself, whoever calls it."""
    request = SendRequest(
        message=SmsMessage("x"), text="x", coding=Coding.GSM7, recipients=(Recipient(phone),), parts=1
    )
    with pytest.raises(InvalidNumber, match="not"):
        encode(request, CREDENTIALS, STAMP, mail_from="a@b.fr", rcpt_to="c@d.fr", timeout=1)


@each("sender", ["A|date=2030", "MAG;1", "1abc", "", "A\r\nBcc: x"])
def test_sender_is_checked_by_the_codec_too(sender: str) -> None:
    """A sender that would add a field is refused before there is a mail."""
    request = SendRequest(
        message=SmsMessage("x", sender=sender),
        text="x",
        coding=Coding.GSM7,
        recipients=(Recipient("33612345678"),),
        parts=1,
    )
    with pytest.raises(InvalidSender):
        encode(request, CREDENTIALS, STAMP, mail_from="a@b.fr", rcpt_to="c@d.fr", timeout=1)


def test_credentials_show_nothing_and_stay_here() -> None:
    """Neither login nor key is shown or pickled."""
    assert repr(CREDENTIALS) == "<Credentials>"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(CREDENTIALS)
