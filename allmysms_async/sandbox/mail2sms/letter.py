"""Reading a mail the way an old gateway does: the raw subject, unfolded but with no encoded word decoded.

Source: Mail2SMS, §2.1.
"""

import email
import re
from dataclasses import dataclass

from allmysms_async.sandbox.state import Reason, Refused

__all__ = ["Letter", "read_letter", "read_text"]

_FOLD = re.compile(rb"\r\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Letter:
    """What the subject of a mail says."""

    login: str
    api_key: str
    phones: list[str]
    sender: str
    date: str


def read_letter(content: bytes) -> Letter:
    """Read the subject of a mail.

    Raises:
        Refused: There is no subject, or it has too few fields.
    """
    subject = _subject(content)
    if not subject:
        raise Refused(Reason.EMPTY_FLOW)
    fields = subject.split("|")
    if len(fields) < 2:
        raise Refused(Reason.BROKEN_FLOW)
    login, _, api_key = fields[0].partition("@")
    options = dict(_option(field) for field in fields[2:])
    phones = [phone for part in fields[1].split(";") if (phone := part.strip())]
    return Letter(login.strip(), api_key.strip(), phones, options.get("from", ""), options.get("date", ""))


def _subject(content: bytes) -> str:
    """Return the raw subject."""
    header = content.partition(b"\r\n\r\n")[0]
    for line in _FOLD.sub(b"", header).split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"subject":
            return value.decode("latin-1").strip()
    return ""


def _option(field: str) -> tuple[str, str]:
    """Split one of the fields after the numbers."""
    name, _, value = field.partition("=")
    return name.strip().lower(), value.strip()


def read_text(content: bytes) -> str:
    """Return the first plain text of a mail, without the line ending that every mail has at its end."""
    for part in email.message_from_bytes(content).walk():
        if part.get_content_type() == "text/plain":
            body = part.get_payload(decode=True)
            raw = body if isinstance(body, bytes) else b""
            text = _decoded(raw, part.get_content_charset("utf-8")).replace("\r\n", "\n")
            return text[:-1] if text.endswith("\n") else text
    return ""


def _decoded(raw: bytes, charset: str) -> str:
    """Decode a body; what its charset cannot be is lost."""
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")
