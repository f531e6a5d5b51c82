"""One mail: the error of the gateway that it reports, if it reports one, and what tells it from every other mail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.model.mail_error import MailError, mail_identity
from allmysms_async.protocols.mail2sms import parse_error_reply

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["HEAD", "LONGEST", "read_error_mail"]

LONGEST = 1 << 20
"""Bytes of a mail that is read whole; of a longer one only the head is."""

HEAD = 1 << 16
"""Bytes that are read of a longer one: the gateway's own mails are far shorter."""

_LONGEST_NAME = 998
# What a mailbox or a program that reads it notes in the mail itself, and changes later.
_NOTES = frozenset(
    (
        *("status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", "content-length", "lines"),
        *("x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys", "x-gmail-labels"),
    )
)


@border
def read_error_mail(mail: bytes) -> MailError | None:
    """Turn a mail into the error of the gateway that it reports.

    Whoever knows the mailbox's address can write such a mail: believe a count of them as far as you believe the
    mailbox.

    Args:
        mail: The mail as it came; of one longer than 1 MiB the first 64 KiB are read.

    Returns:
        The error, or None if the mail reports none: it is something else, or a mail server's own report.

    Raises:
        InvalidRequest: It is no bytes.

    Source: Mail2SMS, §2.2.
    """
    # Here and not above: they take 5 ms to import, and few programs read mails.
    import email

    argument.given("The mail", mail, bytes, "a mail as bytes")
    read = mail if len(mail) <= LONGEST else mail[:HEAD]
    message = email.message_from_bytes(read)
    # What a mail server says of a mail that it could not deliver may quote that mail.
    if message.get_content_type() == "multipart/report":
        return None
    error = parse_error_reply(message)
    if error is None or error.code is None:
        return None
    message_id = _name(message, "Message-ID")
    return MailError(
        code=error.code,
        problem=str(error.args[0]),
        identity=mail_identity(b"id", message_id.encode()) if message_id else _digest(message, read),
        received_at=_date(message),
        message_id=message_id,
        in_reply_to=_name(message, "In-Reply-To"),
    )


def _header(message: Message[Any, Any], name: str) -> str:
    """Return the first header of a name as it stands there, on one line; empty without one."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return " ".join(str(value).split())
    return ""


def _name(message: Message[Any, Any], header: str) -> str | None:
    """Return the name of a mail that a header holds, or None."""
    value = _header(message, header).encode("ascii", "replace").decode("ascii")
    return "".join(each for each in value if each.isprintable())[:_LONGEST_NAME] or None


def _date(message: Message[Any, Any]) -> datetime | None:
    """Return when a mail was written, in UTC, as far as it says so."""
    from email.utils import parsedate_to_datetime

    try:
        written = parsedate_to_datetime(_header(message, "Date"))
        # Of a mail that does not say in which zone, the moment is in UTC. Source: RFC 5322, section 3.3.
        moment = (written if written.tzinfo else written.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if 1970 <= moment.year < 9999 else None


def _digest(message: Message[Any, Any], mail: bytes) -> bytes:
    """Return what tells a mail without a name from others: all of it but notes of the mailbox and its line endings."""
    headers = (
        f"{key.lower()}:{' '.join(str(value).split())}".encode("utf-8", "surrogateescape")
        for key, value in message.raw_items()
        if key.lower() not in _NOTES
    )
    body = mail.replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip(b"\n")
    return mail_identity(b"digest", *headers, b"", body)
