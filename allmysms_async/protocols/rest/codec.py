"""Operation -> ``HttpRequest``, and ``HttpResponse`` -> result or typed error. Pure: no clock, no I/O, no logging.

Source: HTTPS API v9, §5, §7.3, annexes 1 and 14.
"""

from __future__ import annotations

import re
import typing
from typing import Any, NoReturn, TypeVar

import msgspec

from allmysms_async.errors import InvalidText, ProtocolError
from allmysms_async.exchange import HttpRequest, HttpResponse, check_status
from allmysms_async.model import Secret
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Raw, Result, Unreadable, read

__all__ = ["Credentials", "decode", "encode", "form"]

R = TypeVar("R", bound=Result)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        login: The account's login.
        api_key: Its API key; travels in the body alone.
        sub_account: Login of the sub-account to act for, or None.
    """

    login: str
    api_key: Secret
    sub_account: str | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: they hold the key."""
        msg = "Credentials cannot be pickled."
        raise TypeError(msg)


# What a flow is full of is replaced at the speed of a search; the rest is rare enough for one call each.
_COMMON = tuple((bytes([byte]), b"%%%02X" % byte) for byte in b'%":,{}[]+&=#/')
_RARE = re.compile(rb"[^A-Za-z0-9_.\-~%+]")


def _quoted(value: bytes) -> bytes:
    """Return a form value percent-encoded, a space as ``+``."""
    for byte, escape in _COMMON:
        value = value.replace(byte, escape)
    value = value.replace(b" ", b"+")
    return _RARE.sub(lambda found: b"%%%02X" % found[0][0], value)


def form(fields: dict[str, str | bytes]) -> bytes:
    """Return form fields as the body of a POST, in UTF-8 and percent-encoded throughout."""
    pairs: list[bytes] = []
    for name, value in fields.items():
        pairs.append(name.encode() + b"=" + _quoted(value if isinstance(value, bytes) else value.encode()))
    return b"&".join(pairs)


def encode(
    operation: Operation[Any], credentials: Credentials, *, base_url: str, timeout: float, max_response_bytes: int
) -> HttpRequest:
    """Return the request for an operation.

    Args:
        operation: What is asked.
        credentials: Who asks.
        base_url: The server's root, without the API's own path.
        timeout: Seconds for the whole exchange.
        max_response_bytes: Largest answer that is read.

    Raises:
        InvalidText: A text holds half of a character (a lone surrogate), which UTF-8 cannot carry.
    """
    try:
        body = form(_fields(operation, credentials))
    except (UnicodeEncodeError, msgspec.EncodeError):
        msg = f"{operation.name}: a text holds half of a character and cannot be written as UTF-8; nothing was sent."
        raise InvalidText(msg, reason="malformed") from None
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Accept": "application/json"}
    if credentials.sub_account:
        headers["Allmysms-Subaccount"] = credentials.sub_account
    return HttpRequest(
        name=operation.name,
        url=f"{base_url}/http/9.0/{operation.path}",
        headers=headers,
        body=body,
        timeout=timeout,
        max_response_bytes=max_response_bytes,
    )


def _fields(operation: Operation[Any], credentials: Credentials) -> dict[str, str | bytes]:
    """Return an operation's form fields; the key is one of them."""
    fields: dict[str, str | bytes] = {"login": credentials.login, "apiKey": credentials.api_key.reveal()}
    fields["returnformat"] = "json"
    if operation.flow:
        fields[operation.flow] = msgspec.json.encode({"DATA": operation.data()})
    else:
        fields |= operation.values()
    return fields


def _answer(body: bytes, name: str) -> Raw:
    """Return the answer as a mapping."""
    try:
        answer: object = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        what = "empty" if not body.strip() else "an HTML page" if body.lstrip()[:1] == b"<" else "not JSON, or cut"
        msg = f"{name}: the answer is {what} ({len(body)} bytes); what became of the request is not known."
        raise ProtocolError(msg, request=name) from None
    if not isinstance(answer, dict):
        msg = f"{name}: the answer is JSON, but not an object; what became of the request is not known."
        raise ProtocolError(msg, request=name)
    return typing.cast("dict[str, object]", answer)


def decode(operation: type[Operation[R]], response: HttpResponse, *, passing: frozenset[str] = frozenset()) -> R:
    """Return the result that an answer holds.

    Args:
        operation: What was asked.
        response: What came back.
        passing: Statuses to return as a result although they are refusals.

    Raises:
        ServerFailure, RateLimited, HttpRefused: By HTTP status.
        ProtocolError: The answer is not what the manual says.
        GatewayError: The gateway refused; its class says why.
    """
    check_status(response, operation.name)
    answer = _answer(response.body, operation.name)
    if str(answer.get("status")) not in passing:
        error = operation.refused(answer)
        if error is not None:
            raise error
    try:
        return read(operation.result_type(), answer)
    except Unreadable as error:
        msg = f"{operation.name}: the answer's field {error} cannot be read; what became of the request is not known."
        raise ProtocolError(msg, request=operation.name) from None
