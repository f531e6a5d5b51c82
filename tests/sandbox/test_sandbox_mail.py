"""The sandbox's mail server and gateway, spoken to by the standard library's client."""

import asyncio
import email.message
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from allmysms_async.sandbox import Sandbox, SandboxError

TO = "mail2sms@allmysms.com"
FROM = "shop@example.com"
BODY = b"\r\n\r\nBonjour\r\n"


def post(port: int, content: bytes, *, to: str = TO, mail_from: str = FROM, before: Any = None) -> None:
    """Hand one mail over, in clear unless ``before`` does something first."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client", timeout=250) as client:
        if before is not None:
            before(client)
        client.sendmail(mail_from, [to], content)


@pytest.fixture
def send(sandbox: Sandbox) -> Callable[..., Any]:
    """Hand a mail to the sandbox, out of the event loop."""

    async def hand_over(content: bytes, **options: Any) -> None:
        await asyncio.to_thread(post, sandbox.smtp_port, content, **options)

    return hand_over


async def test_subject_is_read_raw_and_unfolded(sandbox, send):
    """A folded subject is one line again; the fields are where the manual has them."""
    folded = b"subject: demo@demo-key|33612345678;\r\n 0712345678|from=MAGASIN|date=\r\nX: y\r\n\r\nA STOP au 36180\r\n"
    await send(folded)
    assert [(m["phone"], m["text"], m["sender"], m["protocol"]) for m in sandbox.messages()] == [
        ("33612345678", "A STOP au 36180", "MAGASIN", "mail2sms"),
        ("33712345678", "A STOP au 36180", "MAGASIN", "mail2sms"),
    ]
    assert sandbox.mails() == []
    assert sandbox.requests == {"mail2sms.mail": 1}


async def test_encoded_words_are_not_decoded(sandbox, send):
    """A subject that a mail library encoded is not understood, as by a gateway that reads the raw header."""
    mail = email.message.EmailMessage()
    mail["Subject"] = "demo@demo-key|" + ";".join(f"336{number:08d}" for number in range(20)) + "|from=|date="
    mail.set_content("Bonjour")
    written = mail.as_bytes().replace(b"\n", b"\r\n")
    assert b"=?utf-8?" in written
    await send(written)
    assert sandbox.messages() == []
    assert sandbox.mails()[0]["text"].startswith("Status=1")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Subject: demo@wrong|33612345678|from=|date=" + BODY, 102),
        (b"Subject: nobody@demo-key|33612345678|from=|date=" + BODY, 102),
        (b"Subject: demo|33612345678" + BODY, 102),
        (b"Subject: demo-test@demo-test-key|33612345678|from=|date=\r\n\r\n" + b"x" * 900 + b"\r\n", 104),
        (b"From: a@b.c" + BODY, 105),
        (b"Subject: " + BODY, 105),
        (b"Subject: Bonjour" + BODY, 109),
        (b"Subject: demo@demo-key|33612345678|from=|date=\r\n\r\n\r\n", 110),
        (b"Subject: demo@demo-key|33612345678|from=|date=\r\n\r\n" + b"x\r\n" * 700, 111),
        (b"Subject: demo@demo-key|0142345678;n/a|from=|date=" + BODY, 114),
        (b"Subject: demo@demo-key||from=|date=" + BODY, 114),
        (b"Subject: demo@demo-key|33612345678|from=|date=demain" + BODY, 115),
        (b"Subject: demo@demo-key|33612345678|from=|date=2020-01-01 10:00:00" + BODY, 115),
    ],
)
async def test_each_error_is_mailed_back(sandbox, send, content, code):
    """Each status of the manual is mailed to the sender, who learns nothing by SMTP; nobody is texted."""
    sandbox.set_credits("demo-test", 14)
    await send(content)
    (mail,) = sandbox.mails("Shop@Example.com")
    status, words, *_ = mail["text"].splitlines()
    assert status == f"Status={code}"
    assert words.startswith("StatusText=")
    assert "{" not in words
    assert "demo-key" not in mail["raw"]
    assert sandbox.messages() == []
    assert sandbox.mails("other@example.com") == []


async def test_a_mail_without_a_sender_is_not_answered(sandbox, send):
    """An error about a bounce is sent to nobody."""
    await send(b"Subject: x" + BODY, mail_from="")
    assert sandbox.mails() == []


async def test_identical_mails_are_two_sends(sandbox, send):
    """The rule of ten seconds is v9's alone."""
    for _ in range(2):
        await send(b"Subject: demo@demo-key|33612345678|from=|date=" + BODY)
    assert sandbox.stats() == {"messages": 2, "handsets": 1, "max_per_handset": 2}


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=89t=C3=A9",
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc9t\xe9\r\n",
        b"Content-Type: text/plain; charset=x-none\r\nContent-Transfer-Encoding: base64\r\n\r\nw4l0w6k=\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b\r\n%s"
        % b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xc3\x89t\xc3\xa9\r\n--b--\r\n",
    ],
    ids=["quoted-printable", "Latin-1", "unknown charset", "multipart"],
)
async def test_bodies_of_usual_mail_programs_are_read(sandbox, send, body):
    """The first plain text is the text, however it is encoded."""
    await send(b"Subject: demo@demo-key|33612345678|from=|date=\r\nMIME-Version: 1.0\r\n" + body)
    assert [message["text"] for message in sandbox.messages()] == ["Été"]


async def test_a_mail_without_plain_text_has_none(sandbox, send):
    """A mail in HTML alone is an empty text."""
    await send(
        b"Subject: demo@demo-key|33612345678|\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
    )
    assert sandbox.mails()[0]["text"].startswith("Status=110")


async def test_only_the_gateways_address_is_taken(sandbox, send):
    """Mail to anybody else is refused at RCPT."""
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        await send(b"Subject: x" + BODY, to="somebody@allmysms.com")
    assert {code for code, _ in caught.value.recipients.values()} == {550}


async def test_a_line_that_is_too_long_is_refused(sandbox, send):
    """A header line of 998 characters is taken, one of 999 is not."""
    await send(b"Subject: demo@demo-key|33612345678|x=".ljust(998, b"y") + BODY)
    with pytest.raises(smtplib.SMTPDataError, match="Line too long"):
        await send(b"Subject: demo@demo-key|33612345678|x=".ljust(999, b"y") + BODY)
    assert sandbox.stats()["messages"] == 1


@pytest.mark.parametrize("password", ["demo-pass", "wrong"])
async def test_login_is_checked_after_encryption(sandbox, send, password):
    """STARTTLS shows the certificate that the sandbox's authority vouches for; AUTH takes an account's password."""
    trust = ssl.create_default_context(cadata=sandbox.certificate)

    def before(client: smtplib.SMTP) -> None:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        client.starttls(context=trust)
        client.login("demo", password)

    content = b"Subject: demo@demo-key|33612345678|from=|date=" + BODY
    if password == "demo-pass":
        await send(content, before=before)
    else:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await send(content, before=before)
    assert sandbox.stats()["messages"] == (password == "demo-pass")


@pytest.mark.parametrize(
    ("fault", "error", "carried_out"),
    [
        ({"fault": "latency", "seconds": 0.01}, None, 1),
        ({"fault": "http_451"}, smtplib.SMTPDataError, 0),
        ({"fault": "http_550_after"}, smtplib.SMTPDataError, 1),
        ({"fault": "http_421"}, smtplib.SMTPDataError, 0),
        ({"fault": "reset_before"}, smtplib.SMTPServerDisconnected, 0),
        ({"fault": "reset_after"}, smtplib.SMTPServerDisconnected, 1),
        ({"fault": "truncated"}, smtplib.SMTPException, 1),
        ({"fault": "garbage"}, smtplib.SMTPException, 1),
        ({"fault": "reset_before", "path": "/smtp/MAIL"}, smtplib.SMTPServerDisconnected, 0),
        ({"fault": "http_450", "path": "/smtp/RCPT"}, smtplib.SMTPRecipientsRefused, 0),
        ({"fault": "reset_after", "path": "/smtp/RCPT"}, smtplib.SMTPServerDisconnected, 0),
    ],
    ids=lambda value: str(value.get("path", "")) + value["fault"] if isinstance(value, dict) else "",
)
async def test_faults_strike_at_each_command(sandbox, send, fault, error, carried_out):
    """A fault strikes once where it is told to, before or after the mail has its effect."""
    sandbox.faults([fault | {"times": 1}])
    content = b"Subject: demo@demo-key|33612345678|from=|date=" + BODY
    if error is None:
        await send(content)
    else:
        with pytest.raises(error):
            await send(content)
    assert sandbox.stats()["messages"] == carried_out
    await send(content)
    assert sandbox.stats()["messages"] == carried_out + 1
    assert sandbox.in_flight == 0


@pytest.mark.parametrize("fault", ["hang_before", "hang_after"])
async def test_a_server_that_hangs_is_left(sandbox, send, until, fault):
    """Silence ends when the client leaves, or the sandbox does."""
    sandbox.faults([{"fault": fault}])
    done = int(fault == "hang_after")
    with socket.create_connection(("127.0.0.1", sandbox.smtp_port)) as sock:
        sock.sendall(b"HELO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<mail2sms@allmysms.com>\r\nDATA\r\n")
        sock.sendall(b"Subject: demo@demo-key|33612345678\r\n\r\nx\r\n.\r\n")
        await until(lambda: sandbox.in_flight == 1 and sandbox.stats()["messages"] == done)
    await until(lambda: sandbox.in_flight == 0)
    assert sandbox.stats()["messages"] == done


async def test_a_status_can_be_asked_for(sandbox, send):
    """status_NNN mails that status back, and has no other effect."""
    sandbox.faults([{"fault": "status_104"}])
    await send(b"Subject: demo@demo-key|33612345678|from=|date=" + BODY)
    assert sandbox.mails()[0]["text"].startswith("Status=104")
    assert sandbox.messages() == []


async def test_mailbox_and_certificate_are_shown_by_the_control_api(sandbox, send, gateway):
    """GET mails and GET certificate say what the object says; a reset empties the mailbox."""
    await send(b"Subject: x" + BODY)
    http: httpx.AsyncClient = gateway.http
    assert (await http.get("/_sandbox/mails")).json() == sandbox.mails()
    assert len((await http.get("/_sandbox/mails", params={"to": FROM})).json()) == 1
    assert (await http.get("/_sandbox/mails", params={"to": "a@b.c"})).json() == []
    pem = (await http.get("/_sandbox/certificate")).text
    assert pem == sandbox.certificate
    assert pem.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in pem
    await http.post("/_sandbox/reset")
    assert sandbox.mails() == []


async def test_taken_mail_port_is_a_clear_error(sandbox, reserve):
    """A second sandbox on the same mail port says which port, and leaves its HTTP port free."""
    port = reserve()
    with pytest.raises(SandboxError, match=str(sandbox.smtp_port)):
        async with Sandbox(http_port=port, smtp_port=sandbox.smtp_port):
            raise AssertionError("it listens twice")
    async with Sandbox(http_port=port) as other:
        assert other.http_port == port


async def test_the_sandbox_stops_with_clients_connected(until):
    """Whoever is connected, encrypted or not, is cut off at once, and no task is left."""
    sandbox = Sandbox()
    async with sandbox:
        trust = ssl.create_default_context(cadata=sandbox.certificate)

        def connect() -> smtplib.SMTP:
            client = smtplib.SMTP("localhost", sandbox.smtp_port, local_hostname="client", timeout=250)
            client.starttls(context=trust)
            return client

        clients = [await asyncio.to_thread(connect) for _ in range(2)]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for client in clients:
        client.close()
