"""All that crosses the I/O boundary: a codec makes and reads these, a transport carries them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import NoReturn

from allmysms_async.errors import HttpRefused, ProtocolError, RateLimited, ServerFailure
from allmysms_async.redaction import Shown

__all__ = ["HttpRequest", "HttpResponse", "MailEnvelope", "MailReceipt", "check_status", "departure", "described"]

departure: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("departure", default=None)
"""Awaited by a transport once it has a connection, as the last thing before it writes: what limits requests a second,
or in flight, waits here, after connecting and TLS. It raises ``NotSent`` where nothing is to be written."""


class HttpRequest(Shown, frozen=True, kw_only=True):
    """One HTTP request.

    Attributes:
        name: Name of the operation, for errors and logs.
        url: Absolute address; never holds a secret.
        body: Bytes of the body; holds the credentials, so it is never shown.
        headers: Header fields; may hold credentials, so they are never shown.
        method: HTTP method.
        timeout: Seconds from the request's start to the last byte of its answer.
        max_response_bytes: Largest body that is read; a longer one is a ``ProtocolError``.
    """

    name: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"
    timeout: float = 60.0
    max_response_bytes: int = 64 * 1024 * 1024

    def __repr__(self) -> str:
        """Show what is asked of whom, and nothing of the contents."""
        return f"<HttpRequest {self.name} {self.method} {self.url} {len(self.body)} bytes>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the body holds the key."""
        msg = "An HttpRequest holds credentials and cannot be pickled."
        raise TypeError(msg)


class HttpResponse(Shown, frozen=True, kw_only=True):
    """One HTTP answer, read to its end.

    Attributes:
        status: HTTP status.
        headers: Header fields, their names in lower case.
        body: Bytes of the body; may hold secrets, so it is never shown.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Show the status and the size, and nothing of the contents."""
        return f"<HttpResponse {self.status} {len(self.body)} bytes>"


class MailEnvelope(Shown, frozen=True, kw_only=True):
    """One mail to one address.

    Attributes:
        name: Name of the operation, for errors and logs.
        mail_from: The address it comes from, and that errors are mailed back to.
        rcpt_to: The address it goes to.
        message: Header and body, its lines ending in CR LF; holds the credentials, so it is never shown.
        message_7bit: The same for a server that takes 7 bits only, or None where ``message`` is that already.
        timeout: Seconds from the start to the server's word that it took the mail.
    """

    name: str
    mail_from: str
    rcpt_to: str
    message: bytes
    message_7bit: bytes | None = None
    timeout: float = 120.0

    def __repr__(self) -> str:
        """Show what goes where, and nothing of the contents."""
        return f"<MailEnvelope {self.name} to {self.rcpt_to} {len(self.message)} bytes>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the message holds the key."""
        msg = "A MailEnvelope holds credentials and cannot be pickled."
        raise TypeError(msg)


class MailReceipt(Shown, frozen=True, kw_only=True):
    """A mail server's word that it took a mail.

    Attributes:
        code: Its code, 250.
        text: Its words, often with the name of the mail in its queue.
    """

    code: int
    text: str


def check_status(response: HttpResponse, request: str, *, says_taken: Callable[[bytes], object] | None = None) -> None:
    """Raise the error that an HTTP status stands for; a success passes.

    Args:
        response: What came back.
        request: Name of the operation.
        says_taken: Tells whether a body, which may be cut, says that the request was taken: then no status denies it.

    Raises:
        ServerFailure: 408 or 5xx: the request may have been taken.
        RateLimited: 429.
        HttpRefused: 3xx (never followed, since the body holds the key) or another 4xx.
        ProtocolError: A status that HTTP does not have, or an interim one as the answer.
    """
    status = response.status
    if 200 <= status < 300:
        return
    code = str(status)
    denied = status != 408 and status < 500
    if denied and says_taken is not None and says_taken(response.body[:65_536]):
        msg = f"{request}: the server answered HTTP {code} and success in one; it may have been taken."
        raise ProtocolError(msg, request=request, code=code)
    if status == 429:
        msg = f"{request}: the server asks to slow down (HTTP 429); this request was not taken."
        raise RateLimited(msg, request=request, code=code, retry_after=_seconds(response.headers.get("retry-after")))
    if status < 200 or status >= 600:
        msg = f"{request}: HTTP {code} is no answer; what became of the request is not known."
        raise ProtocolError(msg, request=request, code=code)
    if status == 408 or status >= 500:
        msg = f"{request}: the server failed (HTTP {code}); the request may have been taken."
        raise ServerFailure(msg, request=request, code=code)
    if 300 <= status < 400:
        msg = f"{request}: the server answered with a redirect (HTTP {code}), which is never followed; not taken."
        raise HttpRefused(msg, request=request, code=code, remedy="Check the base address.")
    msg = f"{request}: the server refused the request (HTTP {code}); it was not taken."
    raise HttpRefused(msg, request=request, code=code)


_BLANK = rb"(?:\s|<\?[^>]{0,200}>|<!--[^>]{0,200}-->){0,20}"
_is_html = re.compile(
    _BLANK + rb"<(?:!doctype\s+html|(?:html|head|body|title|center|font|h[1-6]|br|b|p|pre)\b(?!\s*:))", re.IGNORECASE
).match


def described(body: bytes) -> str:
    """Return what an answer is that could not be read, in a few words that show nothing of it."""
    text = body.removeprefix(b"\xef\xbb\xbf")[:2000].strip()
    if not body.strip():
        return "empty"
    if _is_html(text):
        return "an HTML page"
    if text[:1] == b"<":
        return "XML, or cut, and not what was asked for"
    if text[:1] in {b"{", b"["}:
        return "not JSON, or cut"
    if b"\0" in text or text[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "bytes that are no text, not JSON nor XML"
    return "plain text, not JSON nor XML"


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; a date, or nonsense, is None."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86_400 else None
