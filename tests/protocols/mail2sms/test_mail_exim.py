"""Against a real mail server: what arrives is what was written, byte for byte."""

import email
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import AuthenticationFailed, Campaign, Mail2SmsBackend, NotSent, SmsMessage, SmsService
from allmysms_async.errors import InvalidRequest, MailRefused

WHEN = datetime(2027, 9, 29, 12, 0, tzinfo=UTC)
LOGIN = {"username": "shop", "password": "s3cret"}

NUMBERS = [f"336{number:08d}" for number in range(100)]


def backend(transport: Any, key: str = "demo-key") -> Mail2SmsBackend:
    """Return the backend over a transport."""
    return Mail2SmsBackend("demo", key, mail_from="shop@example.com", transport=transport)


def subject_of(mail: bytes) -> bytes:
    """Return the raw subject: the header lines that it takes, which must be one."""
    lines = mail.partition(b"\n\n")[0].split(b"\n")
    (at,) = [number for number, line in enumerate(lines) if line.startswith(b"Subject:")]
    assert not lines[at + 1].startswith((b" ", b"\t"))
    return lines[at].removeprefix(b"Subject: ")


@pytest.mark.parametrize(
    ("sender", "when", "ending"),
    [
        (None, None, b"|from=|date="),
        ("MA BOUTIQUE", None, b"|from=MA BOUTIQUE|date="),
        (None, WHEN, b"|from=|date=2027-09-29 14:00:00"),
        ("MA BOUTIQUE", WHEN, b"|from=MA BOUTIQUE|date=2027-09-29 14:00:00"),
    ],
    ids=["plain", "sender", "date", "both"],
)
async def test_subject_of_989_characters_arrives_raw_and_whole(
    exim: Any, line: Callable[..., Any], sender: str | None, when: datetime | None, ending: bytes
) -> None:
    """A subject of exactly 989 characters is one line of the mail that arrived; one number more is a second mail."""
    # The key is stretched so that the numbers, 11 digits and a sign between each, fill the subject to the last.
    room = 989 - len("demo@|" + ending.decode())
    count = (room - 8 + 1) // 12  # the key has at least eight characters
    key = "k" * (room - (12 * count - 1))
    message = SmsMessage("Bonjour", sender=sender, purpose="transactional", send_at=when)
    transport = line(exim.port, **LOGIN)
    async with SmsService(backend(transport, key)) as sms:
        full = await sms.run(Campaign("exact", message, NUMBERS[:count]))
        (mail,) = await exim.mails(1)
        more = await sms.run(Campaign("one more", message, NUMBERS[: count + 1]))
        first, second = sorted(await exim.mails(2), key=len, reverse=True)

    assert full.all_accepted
    assert more.all_accepted
    subject = subject_of(mail)
    assert len(subject) == 989
    assert subject == b"demo@" + key.encode() + b"|" + ";".join(NUMBERS[:count]).encode() + ending
    assert subject_of(first) == subject
    assert subject_of(second) == b"demo@" + key.encode() + b"|" + NUMBERS[count].encode() + ending


async def test_a_subject_that_is_one_longer_is_refused_here(line: Callable[..., Any], request_of: Any) -> None:
    """A request that would need 990 characters never leaves."""
    numbers = NUMBERS[:80]
    key = "k" * (990 - len("demo@|" + ";".join(numbers) + "|from=|date="))

    with pytest.raises(InvalidRequest, match="do not fit the subject"):
        await backend(line(1), key).send(request_of("Bonjour", *numbers))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Votre code est 4821", "7bit"),
        ("Été à Noël : 10 € l'été\n.un point\n\n..deux\nfin ", "8bit"),
        ("a" * 998, "7bit"),
        ("a" * 1224, "quoted-printable"),
        ("é" * 700, "quoted-printable"),
        ("un\rdeux\r\ntrois", "quoted-printable"),
    ],
    ids=["ascii", "accents", "longest line", "too long a line", "too many bytes", "lone CR"],
)
async def test_body_arrives_as_it_was_written(
    exim: Any, line: Callable[..., Any], request_of: Any, text: str, encoding: str
) -> None:
    """The text is the body, in 7 or 8 bits wherever a mail can hold it, and decodes to itself everywhere."""
    await backend(line(exim.port, **LOGIN)).send(request_of(text, "33612345678"))

    (mail,) = await exim.mails(1)
    parsed = email.message_from_bytes(mail)
    assert parsed["Content-Transfer-Encoding"] == encoding
    assert parsed["Content-Type"] == "text/plain; charset=utf-8"
    body = parsed.get_payload(decode=True)
    assert isinstance(body, bytes)
    # The server keeps its mails with LF.
    assert body.decode() == text + "\n"
    if encoding != "quoted-printable":
        assert mail.partition(b"\n\n")[2].decode() == text + "\n"


async def test_several_mails_go_over_one_connection(exim: Any, line: Callable[..., Any], request_of: Any) -> None:
    """Mails one after the other share a connection, with its one login."""
    transport = line(exim.port, **LOGIN)
    for number in range(3):
        await backend(transport).send(request_of(f"Bonjour {number}", "33612345678"))

    mails = await exim.mails(3)
    assert {email.message_from_bytes(mail).get_payload() for mail in mails} == {f"Bonjour {n}\n" for n in range(3)}
    assert [message.count(b"Message-ID: <") for message in mails] == [1, 1, 1]


async def test_encryption_from_the_start_works(exim: Any, line: Callable[..., Any], request_of: Any) -> None:
    """security="tls" speaks TLS before anything else."""
    receipt = await backend(line(exim.tls_port, security="tls", **LOGIN)).send(request_of("Bonjour", "33612345678"))

    assert receipt.raw["code"] == 250
    assert "OK id=" in str(receipt.raw["text"])
    assert len(await exim.mails(1)) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_nobody_is_refused_by_a_real_server(
    exim: Any, line: Callable[..., Any], request_of: Any, security: str
) -> None:
    """Whenever TLS starts, a certificate that nobody vouches for ends it before login and mail."""
    port = exim.port if security == "starttls" else exim.tls_port
    transport = line(port, security=security, ssl_context=ssl.create_default_context(), **LOGIN)
    with pytest.raises(NotSent, match="no authority known here vouches for it"):
        await backend(transport).send(request_of("Bonjour", "33612345678"))


async def test_a_wrong_password_is_an_error_that_stops(exim: Any, line: Callable[..., Any], request_of: Any) -> None:
    """The mail server's refusal of the login is AuthenticationFailed, and shows no password."""
    transport = line(exim.port, username="shop", password="wrong-one")

    with pytest.raises(AuthenticationFailed, match="refused the login") as caught:
        await backend(transport).send(request_of("Bonjour", "33612345678"))
    assert caught.value.code == "535"
    assert "wrong-one" not in f"{caught.value!r} {caught.value}"


async def test_a_server_that_relays_for_nobody_refuses(exim: Any, line: Callable[..., Any], request_of: Any) -> None:
    """Without the login that this server wants, its 550 at RCPT is a refusal."""
    with pytest.raises(MailRefused, match=r"550, at RCPT"):
        await backend(line(exim.port)).send(request_of("Bonjour", "33612345678"))
