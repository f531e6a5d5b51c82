"""A request to send -> the mail that carries it. Pure: no clock, no I/O, no logging.

The mail is written byte by byte. The standard library folds a long subject at 78 columns and turns it into encoded
words, which a gateway that reads the raw header cannot understand; here it is one plain line, whatever its length.

Source: Mail2SMS, §2.1; RFC 5322, §2.1.1 (998 characters a line).
"""

from __future__ import annotations

import binascii
import functools
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from allmysms_async import argument
from allmysms_async.backend import SendRequest
from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidNumber, InvalidRequest, InvalidSender, InvalidText
from allmysms_async.exchange import MailEnvelope
from allmysms_async.model import Secret, SmsMessage
from allmysms_async.numbers import name_shown
from allmysms_async.protocols import connection
from allmysms_async.protocols.refusal import place_of_wrong
from allmysms_async.redaction import Shown

__all__ = [
    "MAX_SUBJECT",
    "Credentials",
    "Stamp",
    "checked_address",
    "checked_credential",
    "checked_sender",
    "encode",
    "room",
    "subject",
]

MAX_SUBJECT = 989
"""Characters of a subject at most: with ``Subject: `` before it, a line of 998, the most that mail allows."""

_MAX_LINE = 998
# What is between two fields, between two numbers, between login and key, and after a field's name.
_FORGING = frozenset("|;@=")
_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{1,9}[A-Za-z0-9]")
_are_numbers = re.compile(r"[0-9]{5,15}(?:;[0-9]{5,15})*", re.ASCII).fullmatch
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class Credentials(connection.Credentials, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        login: The account's login.
        api_key: Its API key; travels in the subject.
    """

    api_key: Secret


class Stamp(Shown, frozen=True, kw_only=True):
    """What tells one mail from another.

    Attributes:
        date: When it was written, aware.
        message_id: Its identifier, without the angle brackets.
    """

    date: datetime
    message_id: str


def checked_credential(name: str, value: str) -> str:
    """Return a login or a key that cannot be taken for more than it is.

    Raises:
        InvalidRequest: It is empty, or holds a character that would forge a field or a header.
    """
    if (
        not argument.text(name, value)
        or not value.isascii()
        or not value.isprintable()
        or " " in value
        or _FORGING & set(value)
    ):
        msg = (
            f"{name} is empty or holds characters that no {name} has (blanks, controls, accents, | ; @ =), which would "
            "forge the request; nothing was sent."
        )
        raise InvalidRequest(msg)
    return value


def checked_address(name: str, value: str) -> str:
    """Return a plain e-mail address.

    Raises:
        InvalidRequest: It is not ``somebody@somewhere`` in ASCII, and nothing else.
    """
    if not _ADDRESS.fullmatch(argument.text(name, value)):
        msg = f"{name} is not a plain e-mail address such as shop@example.com; nothing was sent."
        raise InvalidRequest(msg)
    return value


def checked_sender(sender: str | None) -> None:
    """Refuse a sender that the gateway would not take; None is its own number.

    Raises:
        InvalidSender: Not a letter first, then letters without accents, digits and spaces, 3 to 11 characters.

    Source: Mail2SMS, §2.1.
    """
    if sender is not None and not _SENDER.fullmatch(sender):
        msg = (
            f"The sender {name_shown(sender)!r} is not 3 to 11 letters without accents, digits or spaces, starting "
            f"with a letter{place_of_wrong(sender)}; nothing was sent."
        )
        raise InvalidSender(msg)


def subject(credentials: Credentials, numbers: str, message: SmsMessage) -> str:
    """Return the subject; ``from=`` and ``date=`` are always written, empty where there is nothing to say.

    Args:
        credentials: Who asks.
        numbers: Canonical numbers, joined by ``;``.
        message: Its sender and date are used.
    """
    date = message.send_at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S") if message.send_at else ""
    key = credentials.api_key.reveal()
    return f"{credentials.login.reveal()}@{key}|{numbers}|from={message.sender or ''}|date={date}"


def room(credentials: Credentials, message: SmsMessage) -> int:
    """Return how many characters of a subject are left for the numbers."""
    return MAX_SUBJECT - len(subject(credentials, "", message))


def encode(
    request: SendRequest, credentials: Credentials, stamp: Stamp, *, mail_from: str, rcpt_to: str, timeout: float
) -> MailEnvelope:
    """Return the mail for a request.

    Raises:
        InvalidNumber: There is no number, or one is not digits alone.
        InvalidSender: The sender would not be taken.
        InvalidRequest: Its numbers make the subject longer than a line may be.
        InvalidText: The text holds half of a character (a lone surrogate), which UTF-8 cannot carry.
    """
    phones = request.phones
    numbers = ";".join(phones)
    if not _are_numbers(numbers) or numbers.count(";") != len(phones) - 1:
        msg = "mail2sms: numbers must be digits with the country code, which would else forge the request; not sent."
        raise InvalidNumber(msg, reason="malformed")
    checked_sender(request.message.sender)
    line = subject(credentials, numbers, request.message)
    if len(line) > MAX_SUBJECT or not line.isascii() or not line.isprintable():
        msg = (
            f"mail2sms: {len(phones)} numbers do not fit the subject of one mail ({MAX_SUBJECT} plain characters); "
            "nothing was sent."
        )
        raise InvalidRequest(msg)
    date = _dated(stamp.date.replace(microsecond=0), stamp.date.utcoffset())
    header = (
        f"From: {mail_from}\r\nTo: {rcpt_to}\r\nSubject: {line}\r\nDate: {date}\r\n"
        f"Message-ID: <{stamp.message_id}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    ).encode("ascii")
    try:
        plain = request.text.encode()
    except UnicodeEncodeError:
        msg = "mail2sms: the text holds half of a character and cannot be written as UTF-8; nothing was sent."
        raise InvalidText(msg, reason="malformed") from None
    lines = plain.split(b"\n")
    # A lone CR is no line ending in a mail, and a longer line would be cut or refused on the way.
    if b"\r" in plain or max(map(len, lines)) > _MAX_LINE:
        message, message_7bit = _written(header, "quoted-printable", _quoted(lines)), None
    elif plain.isascii():
        message, message_7bit = _written(header, "7bit", lines), None
    else:
        message = _written(header, "8bit", lines)
        message_7bit = _written(header, "quoted-printable", _quoted(lines))
    return MailEnvelope(
        name="mail2sms",
        mail_from=mail_from,
        rcpt_to=rcpt_to,
        message=message,
        message_7bit=message_7bit,
        timeout=timeout,
    )


def _written(header: bytes, encoding: str, lines: Iterable[bytes]) -> bytes:
    return header + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + b"\r\n".join(lines) + b"\r\n"


def _quoted(lines: Iterable[bytes]) -> list[bytes]:
    """Return lines as quoted-printable, which breaks long ones as it must."""
    return [binascii.b2a_qp(each, istext=False).replace(b"\n", b"\r\n") for each in lines]


@functools.lru_cache(8)
def _dated(moment: datetime, _offset: timedelta | None) -> str:
    """Return a whole second as a mail's date; many mails are written in one, each in its clock's time zone."""
    from email.utils import format_datetime  # here, since it takes a while to import, and few programs send mails

    return format_datetime(moment)
