"""All that crosses the I/O boundary: a codec makes and reads these, a transport carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import msgspec

from allmysms_async.errors import HttpRefused, ProtocolError, RateLimited, ServerFailure

__all__ = ["HttpRequest", "HttpResponse", "check_status"]


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
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


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
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


def check_status(response: HttpResponse, request: str) -> None:
    """Raise the error that an HTTP status stands for; a success passes.

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


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; a date, or nonsense, is None."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86_400 else None
