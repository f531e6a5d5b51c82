"""The mails that come back: each printed status is its typed error, and what is no error is none."""

import email
import email.message
import email.policy
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import (
    AuthenticationFailed,
    GatewayError,
    InsufficientCredit,
    NoValidNumber,
    errors,
    parse_error_reply,
)
from allmysms_async.sandbox.mail2sms.letter import read_text
from tests.cases import each

SAMPLES = Path(__file__).parents[2] / "samples" / "mail2sms"
STATUSES: dict[str, type[GatewayError]] = {
    "102": AuthenticationFailed,
    "104": InsufficientCredit,
    "105": errors.FlowRefused,
    "109": errors.FlowRefused,
    "110": errors.FlowRefused,
    "111": errors.TextRefused,
    "114": NoValidNumber,
    "115": errors.ScheduleRefused,
}


def test_every_status_of_the_table_is_tested() -> None:
    """There is a sample for each line of the manual's table, and for nothing else."""
    found = {path.name.removeprefix("error_") for path in SAMPLES.iterdir() if path.name.startswith("error_")}
    assert found == set(STATUSES)


@each("code", STATUSES)
def test_each_status_is_its_error(code: str) -> None:
    """The status decides the class; the code is kept; parsed or raw, old policy or new, makes no difference."""
    raw = (SAMPLES / f"error_{code}" / "response").read_bytes()
    for message in (raw, email.message_from_bytes(raw), email.message_from_bytes(raw, policy=email.policy.default)):
        error = parse_error_reply(message)
        assert type(error) is STATUSES[code]
        assert (error.code, error.request) == (code, "mail2sms")
        assert "nothing" in str(error)


def test_credits_are_read_from_the_words() -> None:
    """104 says how many credits are needed and left."""
    error = parse_error_reply((SAMPLES / "error_104" / "response").read_bytes())
    assert isinstance(error, InsufficientCredit)
    assert (error.needed, error.available) == (Decimal(45), Decimal(12))
    assert "It needs 45 credits, 12 are left." in str(error)


def plain(text: str) -> EmailMessage:
    """Return a mail with a plain text."""
    mail = EmailMessage()
    mail.set_content(text)
    return mail


@each(
    "text",
    [
        "Status=102\nStatusText=no",
        "Status : 102\nStatusText : no",
        "STATUS: 102",
        "Bonjour,\n\n  Status = 102\n  Status Text = no\n",
        "<Status>102</Status><StatusText>no</StatusText>",
    ],
)
def test_the_two_are_read_however_they_are_written(text: str) -> None:
    """How a mail writes them is not printed, so every usual way is read."""
    assert isinstance(parse_error_reply(plain(text)), AuthenticationFailed)


@pytest.mark.parametrize(
    "text",
    [
        "<p>Status=104<br>StatusText=A utiliser&nbsp;: 45 Cr&eacute;dits, Disponibles: 12 Cr&eacute;dits</p>",
        "<table><tr><td>Status : 104</td></tr><tr><td>StatusText : 45 and 12</td></tr></table>",
        "<status>104</status><statusText>45, 12</statusText>",
    ],
)
def test_html_is_read_too(text: str) -> None:
    """Tags and entities do not hide the status."""
    mail = EmailMessage()
    mail.set_content(text, subtype="html")
    error = parse_error_reply(mail)
    assert isinstance(error, InsufficientCredit)
    assert (error.needed, error.available) == (Decimal(45), Decimal(12))


def test_a_status_that_the_table_lacks_says_the_gateways_words() -> None:
    """An unlisted status is a plain GatewayError with its words, on one line, numbers masked."""
    error = parse_error_reply(plain("Status=117\nStatusText=Le   numéro 33612345678 est\x07 sur liste"))
    assert type(error) is GatewayError
    assert error.code == "117"
    assert "Le numéro 336****78 est sur liste" in str(error)
    silent = parse_error_reply(plain("Status=118"))
    assert silent is not None
    assert str(silent).endswith("does not list.")


@each(
    "text",
    [
        "",
        "Bonjour, merci de votre commande.",
        "Status=100\nStatusText=Your messages have been sent",
        "Status=101",
        "Final-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1",
        "Status: 550 5.1.1",
        "Status=1020",
        "mystatus=102",
    ],
)
def test_what_reports_no_error_is_none(text: str) -> None:
    """Other mails, successes and the reports of mail servers are not taken for errors of the gateway."""
    assert parse_error_reply(plain(text)) is None


def test_words_without_figures_are_no_figures() -> None:
    """104 without its two figures is still 104."""
    error = parse_error_reply(plain("Status=104\nStatusText=Crédit insuffisant"))
    assert isinstance(error, InsufficientCredit)
    assert (error.needed, error.available) == (None, None)


def test_a_mail_of_attachments_alone_is_none() -> None:
    """Parts that hold no text are passed over, also one that says it is text and is a list of parts."""
    mail = EmailMessage()
    mail.set_content(b"Status=102", maintype="application", subtype="octet-stream")
    assert parse_error_reply(mail) is None
    nested = email.message.Message()
    nested["Content-Type"] = "text/plain"
    nested.attach(plain("Bonjour"))
    assert parse_error_reply(nested) is None


def test_unknown_charsets_and_attachments_are_no_obstacle() -> None:
    """The text is found among other parts; a charset that nobody knows is read as UTF-8."""
    raw = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\n"
        b"x\r\n--b\r\nContent-Type: text/plain; charset=x-none\r\n\r\nStatus=102\r\nStatusText=\xff\r\n--b--\r\n"
    )
    assert isinstance(parse_error_reply(raw), AuthenticationFailed)


@given(st.binary(max_size=400))
def test_no_bytes_are_an_exception(raw: bytes) -> None:
    """Whatever arrives is read or is none."""
    error = parse_error_reply(raw)
    assert error is None or isinstance(error, GatewayError)


@each("charset", ["a\0b", "idna", "undefined", "nothing", "base64"])
def test_charset_that_cannot_be_is_passed_over(charset: str) -> None:
    """Whatever a mail says of its own letters, its status is read, and nothing else is raised."""
    raw = f'Content-Type: text/plain; charset="{charset}"\r\n\r\nStatus=102\r\nStatusText=x\r\n'.encode()
    error = parse_error_reply(raw)
    assert type(error) is AuthenticationFailed


@pytest.mark.parametrize("charset", ["a\0b", "idna", "undefined"])
def test_sandbox_reads_a_mail_with_a_charset_that_cannot_be(charset: str) -> None:
    """The stand-in does not fall over either."""
    assert read_text(f'Content-Type: text/plain; charset="{charset}"\r\n\r\nBonjour\r\n'.encode()) == "Bonjour"
