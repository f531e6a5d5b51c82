"""One mail: the error that it reports, and that it is the same one wherever it lies."""

import asyncio
import smtplib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidRequest
from allmysms_async.mailbox import MailError, read_error_mail
from allmysms_async.sandbox import Clock, Sandbox
from tests.cases import each

from .mails import BOUNCE, NEWSLETTER, OTHERS, STATUSES, error_mail


def read(mail: bytes) -> MailError:
    """Return the error that a mail reports."""
    error = read_error_mail(mail)
    assert error is not None
    return error


@each("code", STATUSES)
def test_each_status_of_the_manual_is_an_error(code: str) -> None:
    """Its status, date and name are told, and a sentence that holds nothing of anybody."""
    error = read(error_mail(code, 7))
    assert (error.code, error.message_id, error.in_reply_to) == (code, f"<7.{code}@allmysms.com>", None)
    assert error.received_at == datetime(2026, 11, 2, 9, 7, tzinfo=UTC)
    assert error.problem.startswith("mail2sms: ")


def test_other_mails_are_none() -> None:
    """A bounce, even one that quotes an error, a newsletter, nothing at all and a success are no errors."""
    assert [read_error_mail(mail) for mail in OTHERS] == [None] * len(OTHERS)
    assert b"Status=104" in BOUNCE
    assert b"Status" in NEWSLETTER


def test_the_same_mail_is_one_wherever_it_lies() -> None:
    """Line endings, and what a mailbox notes in a mail, do not make it another; what was sent twice is two."""
    for name in (True, False):
        mail = error_mail("104", 1, name=name)
        noted = b"Status: RO\nX-UID: 12\nContent-Length: 99\n" + mail + b"\n"
        same = {read(each).identity for each in (mail, mail.replace(b"\n", b"\r\n"), noted)}
        assert len(same) == 1
        assert len(same.pop()) == 16
        assert read(error_mail("104", 2, name=name)).identity != read(mail).identity
        assert read(error_mail("102", 1, name=name)).identity != read(mail).identity


@each(
    ("header", "moment"),
    [
        ("Mon, 2 Nov 2026 10:07:00 +0100", datetime(2026, 11, 2, 9, 7, tzinfo=UTC)),
        ("2 Nov 2026 09:07:00 -0000", datetime(2026, 11, 2, 9, 7, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("Mon, 99 Nov 2026 10:07:00 +0100", None),
        ("Mon, 2 Nov 1969 10:07:00 +2359", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Mon, 2 Nov 2026 10:07:00 +99999999", None),
        ("1 1 1 1 1", None),
    ],
)
def test_a_date_is_aware_or_none(header: str, moment: datetime | None) -> None:
    """Whatever stands there, the date is one or none."""
    mail = error_mail("102", date=False)
    assert read(f"Date: {header}\n".encode() + mail).received_at == moment


def test_names_are_one_printable_line() -> None:
    """A name that is folded, no text, or too long is kept fit for a journal."""
    mail = error_mail("102", name=False)
    error = read(b"Message-ID:\n <a\0b\xe9@x>\nIn-Reply-To: " + b"<y>" * 999 + b"\n" + mail)
    assert error.message_id == "<ab??@x>" or error.message_id == "<ab?@x>"
    assert len(error.in_reply_to or "") == 998


def test_a_long_mail_is_read_by_its_head() -> None:
    """What stands at the beginning of a mail of megabytes is found, and what stands at its end is not looked for."""
    mail = error_mail("104", 3)
    tail = b"x" * 75 + b"\n"
    assert read(mail + tail * 30_000).code == "104"
    assert read_error_mail(b"Subject: x\n\n" + tail * 30_000 + b"Status=104\n") is None
    assert read_error_mail(b"Subject: x\n\n" + tail * 100 + b"Status=104\n") is not None


def test_shown_is_nothing_of_a_number() -> None:
    """A number in the gateway's own words is masked, in the sentence and in what is printed."""
    error = read(b"Subject: x\n\nStatus=117\nStatusText=Le 33612345678 est sur liste\n")
    assert "336****78" in error.problem
    assert "33612345678" not in repr(error)


def test_what_is_no_mail_is_a_typed_error() -> None:
    """Only bytes are a mail."""
    for wrong in ("Status=102", None, 5):
        with pytest.raises(InvalidRequest):
            read_error_mail(wrong)  # type: ignore[arg-type]


@given(st.binary(max_size=300), st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=a\n", b"Date: "]))
def test_no_bytes_are_an_exception(raw: bytes, before: bytes) -> None:
    """Whatever arrives is read or is none."""
    read_error_mail(before + raw)
    error = read_error_mail(before + raw + b"\n\nStatus=102\n")
    assert error is None or error.code.isdecimal()


async def test_the_sandbox_mails_are_read() -> None:
    """What an independent reading of the manual mails back counts, each mail as another one, with its date."""
    codes = [*STATUSES, "102"]
    async with Sandbox(clock=Clock(tick=lambda: 0.0)) as sandbox:
        for code in codes:
            sandbox.faults([{"fault": f"status_{code}"}])
            await asyncio.to_thread(post, sandbox.smtp_port)
        mails = [mail["raw"].encode() for mail in sandbox.mails("sms@shop.example")]
    errors = [read(mail) for mail in mails]
    assert [error.code for error in errors] == codes
    assert len({error.identity for error in errors}) == len(errors)
    assert {error.received_at for error in errors} == {datetime(2027, 3, 2, 9, tzinfo=UTC)}


def post(port: int) -> None:
    """Hand a mail to the sandbox's mail server."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client", timeout=250) as client:
        client.sendmail("sms@shop.example", ["mail2sms@allmysms.com"], b"Subject: demo@k|0612345678\r\n\r\nBonjour\r\n")
