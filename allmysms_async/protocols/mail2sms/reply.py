"""Reading the mail that the gateway sends back to the sender, only ever because of an error.

Source: Mail2SMS, §2.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.errors import GatewayError
from allmysms_async.protocols.mail2sms import status

if TYPE_CHECKING:
    from email.message import EmailMessage, Message

__all__ = ["parse_error_reply"]

# How the two are written is not printed; "Status=102", "Status : 102" and "<Status>102</Status>" are all read. A
# mail server's own report says "Status: 5.1.1" or 550, which is none: the gateway's statuses are from 100 to 199.
_STATUS = re.compile(r"(?<![A-Za-z])status\s*[=:>]\s*(1\d\d)(?![\d.])", re.IGNORECASE | re.ASCII)
_WORDS = re.compile(r"status\s?text\s*[=:>][ \t]*([^\r\n]*)", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^>]*>", re.IGNORECASE)
_STATUS_TAG = re.compile(r"<(status(?:text)?)>", re.IGNORECASE)
_MAX_CHARACTERS = 20_000
_SUCCESS = frozenset({"100", "101"})


@border
def parse_error_reply(message: EmailMessage | Message[Any, Any] | bytes) -> GatewayError | None:
    """Turn a mail that came back from the gateway into the error it reports.

    The gateway answers a Mail2SMS only on error, by a mail to the sender, minutes later perhaps: whoever sends by this
    protocol reads that mailbox, and gives each mail to this function. It does not say which mail it answers, nor which
    of its numbers were refused where some were taken.

    Args:
        message: The mail, parsed or as it came.

    Returns:
        The error, or None if the mail reports none: it is something else.
    """
    # Here and not above: they take 5 ms to import, and few programs read mails.
    import email
    import email.policy
    from email.message import Message

    argument.given("The mail", message, (bytes, Message), "a mail, parsed or as bytes")
    parsed = email.message_from_bytes(message, policy=email.policy.default) if isinstance(message, bytes) else message
    for text in _texts(parsed):
        found = _STATUS.search(text)
        if found is None or found[1] in _SUCCESS:
            continue
        words = _WORDS.search(text)
        return status.read(found[1], words[1] if words else "")
    return None


def _texts(message: Message[Any, Any]) -> Iterator[str]:
    """Yield the texts of a mail, those of HTML without their tags; what cannot be decoded is passed over."""
    for part in message.walk():
        if part.get_content_maintype() != "text":
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        try:
            text = content.decode(part.get_content_charset("utf-8"), "replace")[:_MAX_CHARACTERS]
        except (LookupError, ValueError):
            text = content.decode("utf-8", "replace")[:_MAX_CHARACTERS]
        if part.get_content_subtype() == "html":
            import html

            text = _BREAK.sub("\n", _STATUS_TAG.sub(r"\n\1=", text))
            text = html.unescape(_TAG.sub("", text))
        yield text
