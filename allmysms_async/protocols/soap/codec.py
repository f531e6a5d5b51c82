"""Operation -> ``HttpRequest``, and ``HttpResponse`` -> result or typed error. Pure: no clock, no I/O, no logging.

Both take time that grows with the recipients (60 us each), so the backend runs them outside the event loop.

Source: SOAP API, C; SOAP 1.1, §4.4 (Fault) and §6.2 (HTTP).
"""

from __future__ import annotations

import re
from typing import Any, Protocol, TypeVar

from allmysms_async.errors import AllMySmsError, FaultRefused, ProtocolError, ServerFailure
from allmysms_async.exchange import HttpRequest, HttpResponse, check_status
from allmysms_async.model import Secret
from allmysms_async.protocols import connection
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.wire import Fields, Result, Unreadable, Value

__all__ = ["Builder", "Credentials", "decode", "encode"]

R = TypeVar("R", bound=Result)

# The sender's fault, all said before the call is made: the request was not taken. Source: SOAP 1.1, §4.4.1.
_NOT_TAKEN = frozenset({"Client", "VersionMismatch", "MustUnderstand"})


class Builder(Protocol):
    """Builds envelopes."""

    def build(self, operation: str, arguments: dict[str, Any]) -> tuple[bytes, str]:
        """Return an envelope and its ``SOAPAction``."""
        ...


class Credentials(connection.Credentials, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        login: The account's login.
        passcode: Its password; travels in the envelope.
    """

    passcode: Secret


def encode(
    operation: Operation[Any],
    credentials: Credentials,
    builder: Builder,
    *,
    endpoint: str,
    timeout: float,
    max_response_bytes: int,
) -> HttpRequest:
    """Return the request for an operation.

    Args:
        operation: What is asked.
        credentials: Who asks.
        builder: What builds the envelope.
        endpoint: Where it goes.
        timeout: Seconds for the whole exchange.
        max_response_bytes: Largest answer that is read.

    Raises:
        InvalidRequest: Something in it cannot travel.
    """
    who = {operation.route.login_name: credentials.login.reveal(), "passCode": credentials.passcode.reveal()}
    body, action = builder.build(operation.name, {**who, **operation.arguments()})
    return HttpRequest(
        name=operation.name,
        url=endpoint,
        headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"', "Accept": "text/xml"},
        body=body,
        timeout=timeout,
        max_response_bytes=max_response_bytes,
    )


# A field of its own name, or an entry of a Map; of another operation too, which is then unknown and no worse.
_says_taken = re.compile(
    rb"(?:<(?:\w{1,20}:)?status\b[^>]{0,200}>|>status</[^>]{1,40}>\s{0,99}<[^>]{1,200}>)\s{0,9}(?:100|101|113)\s{0,9}<"
).search


def decode(operation: type[Operation[R]], response: HttpResponse) -> R:
    """Return the result that an answer holds.

    Args:
        operation: What was asked.
        response: What came back.

    Raises:
        ServerFailure, RateLimited, HttpRefused: By HTTP status, or for a Fault of the server's.
        FaultRefused: A Fault of the sender's: surely not taken.
        ProtocolError: The answer is not what the manual says.
        GatewayError: The gateway refused; its class says why.
    """
    name = operation.name
    if response.status != 500:  # SOAP 1.1 sends a Fault with it, which says more
        check_status(response, name, says_taken=_says_taken)
    if response.status not in {200, 500}:
        msg = f"{name}: HTTP {response.status} is no answer to a call; what became of the request is not known."
        raise ProtocolError(msg, request=name, code=str(response.status))
    returned = _returned(response, name)
    try:
        return operation.read(_fields(returned))
    except Unreadable as error:
        msg = f"{name}: the answer's field {error} cannot be read; what became of the request is not known."
        raise ProtocolError(msg, request=name) from None


def _returned(response: HttpResponse, name: str) -> Value:
    """Return what the answer returns, raising what it is instead."""
    # Here and not above, since it brings lxml, which `import allmysms_async` does without.
    from allmysms_async.protocols.soap.document import Malformed
    from allmysms_async.protocols.soap.tree import Fault, read_answer

    try:
        returned = read_answer(response.body, name)
    except Fault as fault:
        raise _fault(fault.code, name) from None
    except Malformed as error:
        check_status(response, name)
        msg = f"{name}: the answer is {error} ({len(response.body)} bytes); what became of the request is not known."
        raise ProtocolError(msg, request=name) from None
    check_status(response, name)
    return returned


def _fault(code: str, name: str) -> AllMySmsError:
    """Return the error of a Fault; its words are left out, since they may repeat the request."""
    kind = code.partition(".")[0]
    if kind in _NOT_TAKEN:
        msg = f"{name}: the server found the request at fault (SOAP Fault {kind}); it was not taken."
        return FaultRefused(msg, request=name, code=kind)
    shown = kind if kind == "Server" else None
    msg = f"{name}: the server failed (SOAP Fault {shown or 'of another kind'}); the request may have been taken."
    return ServerFailure(msg, request=name, code=shown)


def _fields(returned: Value) -> Fields:
    """Return an answer's fields; a bare word is its status, a bare list what was asked for."""
    if isinstance(returned, dict):
        return returned
    return {"status": returned} if isinstance(returned, str) else {"answer": returned}
