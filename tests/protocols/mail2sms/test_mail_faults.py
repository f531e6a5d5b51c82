"""What goes wrong on the way to the mail server, step by step: one clear error each, and nobody texted twice."""

import asyncio
import random
import ssl
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import (
    AllMySmsError,
    AuthenticationFailed,
    Campaign,
    CampaignStopped,
    CannotPass,
    CertificateRefused,
    InvalidRequest,
    Mail2SmsBackend,
    NotSent,
    OutcomeUnknown,
    RetryPolicy,
    SmsMessage,
    SmsService,
)
from allmysms_async.errors import ConnectionLost, MailDeferred, MailRefused, ProtocolError, RequestTimeout
from allmysms_async.exchange import MailEnvelope
from tests.cases import each

CLOSE, HANG = b"close", b"hang"
PHONE = "33612345678"
PEOPLE = [f"336100{number:05d}" for number in range(400)]

FAULTS: list[tuple[str, bytes, type[AllMySmsError], str | None]] = [
    # Before there is any mail: nothing was sent, and it can be tried again.
    ("GREETING", CLOSE, NotSent, None),
    ("GREETING", b"421 too busy", MailDeferred, "421"),
    ("GREETING", b"554 not you", NotSent, "554"),
    ("EHLO", CLOSE, NotSent, None),
    ("STARTTLS", CLOSE, NotSent, None),
    ("STARTTLS", b"454 not now", MailDeferred, "454"),
    ("STARTTLS", b"501 what", NotSent, "501"),
    ("AUTH", CLOSE, NotSent, None),
    ("AUTH", b"454 not now", MailDeferred, "454"),
    ("AUTH", b"535 who", AuthenticationFailed, "535"),
    # At the envelope: likewise.
    ("MAIL", CLOSE, NotSent, None),
    ("MAIL", HANG, NotSent, None),
    ("MAIL", b"421 too busy", MailDeferred, "421"),
    ("MAIL", b"451 not now", MailDeferred, "451"),
    ("MAIL", b"530 log in first", AuthenticationFailed, "530"),
    ("MAIL", b"550 not you", MailRefused, "550"),
    ("MAIL", b"999 what", NotSent, "999"),
    ("MAIL", b"<html>", NotSent, "-1"),
    ("RCPT", CLOSE, NotSent, None),
    ("RCPT", HANG, NotSent, None),
    ("RCPT", b"421 too busy", MailDeferred, "421"),
    ("RCPT", b"451 not now", MailDeferred, "451"),
    ("RCPT", b"550 not there", MailRefused, "550"),
    # At the mail itself: what is said counts, silence says nothing.
    ("DATA", CLOSE, ConnectionLost, None),
    ("DATA", HANG, RequestTimeout, None),
    ("DATA", b"421 too busy", MailDeferred, "421"),
    ("DATA", b"451 not now", MailDeferred, "451"),
    ("DATA", b"554 no", MailRefused, "554"),
    ("DOT", CLOSE, ConnectionLost, None),
    ("DOT", HANG, RequestTimeout, None),
    ("DOT", b"421 too busy", MailDeferred, "421"),
    ("DOT", b"451 not now", MailDeferred, "451"),
    ("DOT", b"550 spam", MailRefused, "550"),
    ("DOT", b"354 what", ProtocolError, "354"),
    ("DOT", b"<html>", ProtocolError, "-1"),
]
IDS = [f"{step}-{answer.decode().split()[0]}" for step, answer, _, _ in FAULTS]


class Hurried:
    """A clock whose waits take no time."""

    def __init__(self) -> None:
        """Start at a fixed moment."""
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.fromtimestamp(1_800_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time have passed."""
        self.seconds += seconds
        await asyncio.sleep(0)


def backend(transport: Any, **options: Any) -> Mail2SmsBackend:
    """Return the backend over a transport."""
    return Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=transport, **options)


def service(transport: Any, **options: Any) -> SmsService:
    """Return a service over a transport, whose waits take no time."""
    policy = RetryPolicy(attempts=4, deadline=1e6)
    return SmsService(
        backend(transport, **options), policy=policy, send_policy=policy, clock=Hurried(), rng=random.Random(1)
    )


@pytest.mark.parametrize(("step", "answer", "error", "code"), FAULTS, ids=IDS)
async def test_each_fault_is_one_clear_error(
    postman: Any,
    line: Any,
    request_of: Any,
    pass_time: Any,
    step: str,
    answer: bytes,
    error: type[AllMySmsError],
    code: str | None,
) -> None:
    """Each fault gives exactly its error, which names the step or what to do, and neither key nor text nor number."""
    postman.says = {step: [answer]}
    transport = line(postman.port, username="shop", password="s3cret")

    sending = asyncio.create_task(backend(transport).send(request_of("code 4821", PHONE, timeout=300)))
    if answer == HANG:
        await postman.silent.wait()
        pass_time(300)
    with pytest.raises(AllMySmsError) as caught:
        await sending

    assert type(caught.value) is error
    assert caught.value.code == code
    assert caught.value.request == "mail2sms"
    told = f"{caught.value} {caught.value!r}"
    assert ("may have been taken" in told) == isinstance(caught.value, OutcomeUnknown)
    assert not any(word in told for word in ("demo-key", "s3cret", "4821", PHONE))
    assert len(postman.taken) == 0


@pytest.mark.parametrize(("step", "answer", "error", "code"), FAULTS, ids=IDS)
async def test_no_fault_sends_twice(
    postman: Any, line: Any, pass_time: Any, step: str, answer: bytes, error: type[AllMySmsError], code: str | None
) -> None:
    """Through the service: what was surely not sent is repeated until it is taken once; all else is left alone."""
    postman.says = {step: [answer]}
    sms = service(line(postman.port, username="shop", password="s3cret"), timeout=300)

    sending = asyncio.create_task(sms.send("code 4821", PHONE))
    if answer == HANG:
        await postman.silent.wait()
        pass_time(300)
    if issubclass(error, NotSent):
        receipt = await sending
        assert len(receipt.accepted) == 1
        assert len(postman.taken) == 1
    else:
        with pytest.raises(OutcomeUnknown if issubclass(error, OutcomeUnknown) else error):
            await sending
        assert postman.taken == []
        assert len(postman.mails) == (step == "DOT")


async def test_a_mail_that_may_have_been_taken_is_unknown_in_a_campaign(postman: Any, line: Any) -> None:
    """A connection lost after the mail makes its recipients unknown; the others are accepted, each written to once."""
    postman.says = {"DOT": [b"250 OK", CLOSE]}
    transport = line(postman.port, max_connections=1)
    sms = service(transport)

    result = await sms.run(Campaign("c", SmsMessage("Bonjour", purpose="transactional"), PEOPLE), concurrency=1)

    per_mail = (989 - len("demo@demo-key||from=|date=") + 1) // 12
    assert (result.accepted, result.unknown, result.failed) == (len(PEOPLE) - per_mail, per_mail, 0)
    written = [number for mail in postman.mails for number in mail.split(b"|")[1].split(b";")]
    assert sorted(written) == sorted(phone.encode() for phone in PEOPLE)


async def test_a_refusal_leaves_the_connection_to_the_next_mail(postman: Any, line: Any, request_of: Any) -> None:
    """After 451 or 550 the same connection carries the next mail, reset; after 421 a new one does."""
    postman.says = {"RCPT": [b"451 not now", b"550 no"], "DOT": [b"451 not now"]}
    one = backend(line(postman.port))
    for error in (MailDeferred, MailRefused, MailDeferred):
        with pytest.raises(error):
            await one.send(request_of("Bonjour", PHONE))
    await one.send(request_of("Bonjour", PHONE))
    assert (postman.connections, len(postman.taken), postman.commands.count("RSET")) == (1, 1, 3)

    postman.says = {"MAIL": [b"421 enough"]}
    with pytest.raises(MailDeferred):
        await one.send(request_of("Bonjour", PHONE))
    await one.send(request_of("Bonjour", PHONE))
    assert (postman.connections, len(postman.taken)) == (2, 2)


async def test_a_reset_that_is_refused_costs_the_connection(postman: Any, line: Any, request_of: Any) -> None:
    """Where RSET fails, the next mail goes over a new connection."""
    postman.says = {"RCPT": [b"451 not now"], "RSET": [CLOSE]}
    one = backend(line(postman.port))
    with pytest.raises(MailDeferred):
        await one.send(request_of("Bonjour", PHONE))
    await one.send(request_of("Bonjour", PHONE))
    assert (postman.connections, len(postman.taken)) == (2, 1)


async def test_connections_are_few_and_shared(postman: Any, line: Any, request_of: Any) -> None:
    """Twenty mails at once use no more connections than allowed, and twenty more the same ones."""
    one = backend(line(postman.port, max_connections=3))
    for _ in range(2):
        await asyncio.gather(*(one.send(request_of("Bonjour", PHONE)) for _ in range(20)))
    assert postman.connections == 3
    assert len(postman.taken) == 40


async def test_a_connection_is_left_after_so_many_mails(postman: Any, line: Any, request_of: Any) -> None:
    """max_mails bounds what goes over one connection."""
    one = backend(line(postman.port, max_connections=1, max_mails=2))
    for _ in range(5):
        await one.send(request_of("Bonjour", PHONE))
    assert postman.connections == 3


async def test_a_connection_that_the_server_closed_is_opened_again(postman: Any, line: Any, request_of: Any) -> None:
    """A server that hung up between two mails costs nothing: the next one goes over a new connection."""
    one = backend(line(postman.port))
    await one.send(request_of("Bonjour", PHONE))
    await postman.leave()
    await one.send(request_of("Bonjour", PHONE))
    assert (postman.connections, len(postman.taken)) == (2, 2)


async def test_without_starttls_nothing_is_sent(postman: Any, line: Any, request_of: Any) -> None:
    """A server that offers no encryption is not spoken to in clear: neither key nor password leaves."""
    postman.says = {"EHLO": [b"250-localhost\r\n250 AUTH PLAIN"]}
    with pytest.raises(CannotPass, match="no encryption"):
        await backend(line(postman.port, username="shop", password="s3cret")).send(request_of("Bonjour", PHONE))
    assert postman.commands == ["EHLO"]


async def test_a_certificate_of_nobody_is_refused(postman: Any, line: Any, request_of: Any) -> None:
    """A certificate that no trusted authority vouches for ends the attempt before any mail, saying so."""
    transport = line(postman.port, ssl_context=ssl.create_default_context())
    with pytest.raises(CertificateRefused, match="certificate of localhost was refused: no authority") as caught:
        await backend(transport).send(request_of("Bonjour", PHONE))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert postman.commands == ["EHLO", "STARTTLS"]


async def test_a_certificate_for_another_name_is_refused(postman: Any, trust: Any, request_of: Any) -> None:
    """A certificate has to be for the name that was asked for."""
    from allmysms_async.transports.smtp import SmtpTransport

    async with SmtpTransport("127.0.0.1", postman.port, ssl_context=trust, local_hostname="c.example.com") as transport:
        with pytest.raises(
            CertificateRefused, match=r"certificate of 127\.0\.0\.1 was refused: it is for another name"
        ):
            await backend(transport).send(request_of("Bonjour", PHONE))
    assert "MAIL" not in postman.commands


async def test_tls_spoken_to_a_server_without_is_not_sent(postman: Any, line: Any, request_of: Any) -> None:
    """security="tls" against a server that starts in clear sends nothing."""
    with pytest.raises(NotSent):
        await backend(line(postman.port, security="tls")).send(request_of("Bonjour", PHONE))
    assert postman.commands == []


@pytest.mark.parametrize("methods", [b"", b"\r\n250-AUTH GSSAPI"], ids=["no AUTH", "only unknown ones"])
async def test_a_server_that_takes_no_login_is_an_error_that_stops(
    postman: Any, line: Any, request_of: Any, methods: bytes
) -> None:
    """A login was asked for; without it nothing is sent."""
    postman.says = {"EHLO": [b"250-localhost\r\n250 STARTTLS", b"250-localhost" + methods + b"\r\n250 8BITMIME"]}
    with pytest.raises(AuthenticationFailed, match=r"login|log in"):
        await backend(line(postman.port, username="shop", password="s3cret")).send(request_of("Bonjour", PHONE))
    assert "MAIL" not in postman.commands


async def test_eight_bits_only_where_the_server_takes_them(postman: Any, line: Any, request_of: Any) -> None:
    """With 8BITMIME the body goes as it is, announced; without it the same text goes in 7 bits."""
    await backend(line(postman.port)).send(request_of("Été", PHONE))
    postman.says = {"EHLO": [b"250-localhost\r\n250 STARTTLS", b"250 localhost"]}
    await backend(line(postman.port)).send(request_of("Été", PHONE))

    first, second = postman.taken
    assert first.endswith("Content-Transfer-Encoding: 8bit\r\n\r\nÉté\r\n".encode())
    assert second.endswith(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=89t=C3=A9\r\n")
    announced = [each for each in postman.lines if each.startswith(b"MAIL")]
    assert announced == [b"MAIL FROM:<shop@example.com> BODY=8BITMIME\r\n", b"MAIL FROM:<shop@example.com>\r\n"]


async def test_a_campaign_against_a_server_that_puts_off_stops_and_goes_on(postman: Any, line: Any) -> None:
    """A server that puts everything off stops the run with everybody waiting; later the same campaign is sent once."""
    postman.says = {"RCPT": [b"451 not now"] * 40}
    sms = service(line(postman.port))
    campaign = Campaign("c", SmsMessage("Bonjour", purpose="transactional"), PEOPLE)

    with pytest.raises(CampaignStopped) as stopped:
        await sms.run(campaign, concurrency=2)
    assert isinstance(stopped.value.reason, MailDeferred)
    assert postman.taken == []
    postman.says = {}
    result = await sms.run(campaign)

    assert result.all_accepted
    written = [number for mail in postman.taken for number in mail.split(b"|")[1].split(b";")]
    assert sorted(written) == sorted(phone.encode() for phone in PEOPLE)


async def test_a_cancelled_send_leaves_no_connection_behind(postman: Any, line: Any, request_of: Any) -> None:
    """Cancelling in the middle of a mail closes the connection; the next mail opens another."""
    postman.says = {"DOT": [HANG]}
    one = backend(line(postman.port))
    task = asyncio.create_task(one.send(request_of("Bonjour", PHONE)))
    await postman.came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await one.send(request_of("Bonjour", PHONE))
    assert postman.connections == 2


async def test_a_send_cancelled_during_a_reset_leaves_no_connection_behind(
    postman: Any, line: Any, request_of: Any
) -> None:
    """Cancelling while a refused mail is cleared away closes that connection."""
    postman.says = {"RCPT": [b"451 not now"], "RSET": [HANG]}
    one = backend(line(postman.port))
    task = asyncio.create_task(one.send(request_of("Bonjour", PHONE)))
    await postman.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await one.send(request_of("Bonjour", PHONE))
    assert postman.connections == 2


async def test_waiting_for_a_turn_ends_in_time(postman: Any, line: Any, request_of: Any) -> None:
    """A mail that gets no connection within its time was not sent."""
    postman.says = {"DOT": [HANG]}
    one = backend(line(postman.port, max_connections=1))
    first = asyncio.create_task(one.send(request_of("Bonjour", PHONE)))
    await postman.came.wait()
    with pytest.raises(NotSent, match="no connection became free"):
        await one.send(request_of("Bonjour", PHONE, timeout=0.05))
    first.cancel()
    await asyncio.wait({first})


async def test_a_closed_transport_sends_nothing(postman: Any, line: Any, request_of: Any) -> None:
    """After aclose() a send is NotSent, and a connection in use is closed when its mail ends."""
    transport = line(postman.port)
    postman.says = {"DOT": [b"250 OK"]}
    await backend(transport).send(request_of("Bonjour", PHONE))
    await transport.aclose()
    assert postman.commands[-1] == "QUIT"
    with pytest.raises(NotSent, match="closed"):
        await backend(transport).send(request_of("Bonjour", PHONE))


async def test_a_farewell_that_is_not_answered_is_no_error(postman: Any, line: Any, request_of: Any) -> None:
    """A server that hangs up at QUIT is let go."""
    postman.says = {"QUIT": [CLOSE]}
    transport = line(postman.port)
    await backend(transport).send(request_of("Bonjour", PHONE))
    await transport.aclose()


@each(
    "options",
    [
        {"security": "ssl"},
        {"max_connections": 0},
        {"max_mails": 0},
        {"username": "shop"},
        {"password": "s3cret"},
        {"security": "plain", "username": "shop", "password": "s3cret"},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """What cannot be right is told when the transport is made."""
    from allmysms_async.transports.smtp import SmtpTransport

    with pytest.raises(InvalidRequest):
        SmtpTransport("mail.example.com", **options)


@pytest.mark.parametrize("which", ["mail_from", "rcpt_to"])
@pytest.mark.parametrize("address", ["SECR\x1bET@example.com", "SECRÉT@example.com", "a\0SECRET", None])
async def test_an_address_that_cannot_be_written_is_told_before_a_connection_is_opened(
    postman: Any, line: Any, which: str, address: Any
) -> None:
    """Waiting does not help it, so it is one attempt; the address is not shown."""
    addresses = {"mail_from": "shop@example.com", "rcpt_to": "mail2sms@example.com", which: address}
    with pytest.raises(CannotPass, match="address cannot be written; nothing was sent") as caught:
        await line(postman.port).send(MailEnvelope(name="mail2sms", message=b"\r\n", **addresses))
    assert caught.value.remedy
    assert "SECR" not in "".join(traceback.format_exception(caught.value))
    assert postman.connections == 0


async def test_a_server_that_never_greets_is_given_up(
    postman: Any, line: Callable[..., Any], request_of: Any, pass_time: Any, turns: Any
) -> None:
    """Each step before the mail has a time-out of its own."""
    postman.says = {"GREETING": [HANG]}
    one = backend(line(postman.port, connect_timeout=100))
    sending = asyncio.create_task(one.send(request_of("Bonjour", PHONE, timeout=1000)))
    await postman.silent.wait()
    await turns()  # the client, too, knows of the connection, and waits
    pass_time(101)
    with pytest.raises(NotSent, match="did not answer in time"):
        await sending


@pytest.mark.parametrize("code", [b"550", b"451", b"354", b"421", b"354-a\r\n354"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT", "AUTH", "GREETING"])
async def test_words_of_a_server_are_not_in_the_traceback(
    postman: Any, line: Any, request_of: Any, step: str, code: bytes
) -> None:
    """A server may quote the subject, which holds key and numbers: neither the error nor what led to it shows that."""
    if step == "DATA" and code.startswith(b"354"):
        code = b"250"
    postman.says = {step: [code + b" rejected: Subject: demo@SECRETKEY|33612345678|from=|date="]}
    backend = Mail2SmsBackend(
        "demo",
        "SECRETKEY",
        mail_from="shop@example.com",
        transport=line(postman.port, username="shop", password="s3cret"),
    )
    with pytest.raises(AllMySmsError) as caught:
        await backend.send(request_of("x", PHONE))
    shown = "".join(traceback.format_exception(caught.value))
    assert "SECRETKEY" not in shown
    assert PHONE not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
