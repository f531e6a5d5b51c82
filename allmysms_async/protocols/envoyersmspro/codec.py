"""Operation -> ``HttpRequest``, and ``HttpResponse`` -> result or typed error. Pure: no clock, no I/O, no logging.

Source: Envoyer SMS Pro, "Pré-requis".
"""

from __future__ import annotations

import base64
from typing import Any, TypeVar
from urllib.parse import quote_plus

from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    InvalidText,
    NotPermitted,
    NumbersRefused,
    ProtocolError,
    RateLimited,
    RequestLimitReached,
)
from allmysms_async.exchange import HttpRequest, HttpResponse, check_status
from allmysms_async.model import Secret
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols import connection
from allmysms_async.protocols.envoyersmspro.answer import Failure, Unreadable, failure, parse, says_success
from allmysms_async.protocols.envoyersmspro.message import SendMessage
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result
from allmysms_async.protocols.envoyersmspro.status import listed_numbers, refusal

__all__ = ["Credentials", "decode", "encode"]

R = TypeVar("R", bound=Result)


class Credentials(connection.Credentials, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        login: The account's login, a mobile number.
        password: Its password.
        account_id: Which of several accounts, or None.
        basic: Whether they travel as HTTP Basic authentication; else as form fields.
    """

    password: Secret
    account_id: Secret | None = None
    basic: bool = True


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
        InvalidRequest: A parameter cannot be right.
        InvalidText: A text holds half of a character (a lone surrogate), which UTF-8 cannot carry.
    """
    fields = operation.fields()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Accept": "text/xml"}
    if credentials.basic:
        parts = [credentials.login.reveal(), credentials.password.reveal()]
        parts += [credentials.account_id.reveal()] if credentials.account_id else []
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(parts).encode()).decode()
    else:
        fields |= {"login": credentials.login.reveal(), "password": credentials.password.reveal()}
        fields |= {"accountid": credentials.account_id.reveal()} if credentials.account_id else {}
    try:
        # The comma between numbers stays as printed; a newline is one LF character, so %0A as printed.
        pairs = [f"{name}={quote_plus(value, safe=',')}" for name, value in fields.items()]
    except UnicodeEncodeError:
        msg = f"{operation.name}: a text holds half of a character and cannot be written as UTF-8; nothing was sent."
        raise InvalidText(msg, reason="malformed") from None
    return HttpRequest(
        name=operation.name,
        url=f"{base_url}/api/{operation.name}",
        headers=headers,
        body="&".join(pairs).encode(),
        timeout=timeout,
        max_response_bytes=max_response_bytes,
    )


def decode(operation: Operation[R], response: HttpResponse) -> R:
    """Return the result that an answer holds.

    Args:
        operation: What was asked.
        response: What came back.

    Raises:
        ServerFailure: HTTP 408, 500, 502 and the like: the request may have been taken.
        RateLimited: HTTP 503: overloaded, try again. ``RequestLimitReached``: a 400 that names no error of the manual.
        HttpRefused: HTTP 404 and the like.
        ProtocolError: The answer is not what the manual says.
        GatewayError: The provider refused; its class says why.
    """
    failed, answer, unread = None, None, None
    if response.status < 300 or response.status in {400, 403}:
        try:
            answer = parse(response.body)
        except Unreadable as unreadable:
            unread = str(unreadable)
        failed = failure(response.body, answer)
    error = _refused(operation, failed) if failed is not None else None
    if error is not None:
        raise error
    name = operation.name
    if response.status >= 300 and says_success(response.body):
        msg = f"{name}: the provider answered HTTP {response.status} and success in one; it may have been taken."
        raise ProtocolError(msg, request=name, code=str(response.status))
    _check_status(response, name)
    if failed is not None:
        if operation.replay == "safe":
            what = "with a failure that the manual does not list"
        else:
            what = "with a failure that the manual does not list; the request may have been taken"
        msg = f"{name}: the provider answered {what}."
        raise ProtocolError(msg, request=name, code=failed.error_id or None)
    try:
        if answer is None:
            raise Unreadable(unread)
        if (answer.word("status") or "").lower() != "success":
            raise Unreadable("an answer without its status")
        return operation.read(answer)
    except Unreadable as error:
        msg = f"{name}: the answer is {error} ({len(response.body)} bytes); what became of the request is not known."
        raise ProtocolError(msg, request=name) from None


def _check_status(response: HttpResponse, name: str) -> None:
    """Raise what an HTTP status means to this provider. Source: Envoyer SMS Pro, "HTTP Status Codes"."""
    code = str(response.status)
    match response.status:
        case 400:
            msg = f"{name}: the provider allows no more requests for now (HTTP 400 without an error); not taken."
            raise RequestLimitReached(
                msg, request=name, code=code, retry_after=_seconds(response.headers.get("retry-after")), told=True
            )
        case 401:
            msg = f"{name}: no account has this login, password and account id (HTTP 401); nothing was done."
            raise AuthenticationFailed(msg, request=name, code=code, remedy="Check the three of them.")
        case 403:
            msg = f"{name}: the account may not do this (HTTP 403); nothing was done."
            raise NotPermitted(msg, request=name, code=code)
        case 503:
            msg = f"{name}: the provider is overloaded and asks to try again (HTTP 503); the request was not taken."
            seconds = _seconds(response.headers.get("retry-after"))
            raise RateLimited(msg, request=name, code=code, retry_after=seconds)
        case _:
            check_status(response, name)


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; a date, or nonsense, is None."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) <= 5 else None


def _refused(operation: Operation[Any], failed: Failure) -> AllMySmsError | None:
    """Return the error that a failure stands for, or None if the manual does not list it."""
    error = refusal(failed.error_id, failed.message, operation.name)
    if isinstance(error, NumbersRefused) and isinstance(operation, SendMessage):
        asked = set(operation.recipients)
        # Numbers usually come back as they were sent; where one does not, it is matched on its canonical form.
        listed = listed_numbers(failed.message)
        wrong = {number if number in asked else read_gateway_number(number) for number in listed}
        error.positions = tuple(index for index, number in enumerate(operation.recipients) if number in wrong)
    return error
