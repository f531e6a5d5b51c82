"""Operation -> ``HttpRequest``, and ``HttpResponse`` -> result or typed error. Pure: no clock, no I/O, no logging.

Source: HTTPS API v9, §5, §7.3, annexes 1 and 14.
"""

from __future__ import annotations

import json
import math
import re
import typing
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from allmysms_async import argument
from allmysms_async.errors import InvalidRequest, InvalidText, ProtocolError
from allmysms_async.exchange import HttpRequest, HttpResponse, check_status, described
from allmysms_async.model import Secret
from allmysms_async.protocols import connection
from allmysms_async.protocols.form import form
from allmysms_async.protocols.rest.operation import Operation, status_code
from allmysms_async.protocols.rest.scalar import Unreadable
from allmysms_async.protocols.rest.wire import Raw, Result, read
from allmysms_async.protocols.xml import NotXml, mapping, read_xml, write_xml
from allmysms_async.redaction import Shown

R = TypeVar("R", bound=Result)

Format: TypeAlias = Literal["json", "xml"]


class Formats(Shown, frozen=True, kw_only=True):
    """The format that data flows travel in, and the one that answers are asked for in.

    Attributes:
        flow: ``json`` or ``xml``.
        answer: ``json`` or ``xml``; sent as ``returnformat`` with every request (§5).

    Raises:
        InvalidRequest: It is neither.
    """

    flow: Format = "json"
    answer: Format = "json"

    def __post_init__(self) -> None:
        """Refuse another format."""
        argument.one_of("A format", self.flow, ("json", "xml"))
        argument.one_of("A format", self.answer, ("json", "xml"))

    @property
    def may_answer_xml(self) -> bool:
        """Whether an answer in XML is asked for: the manual's introduction says that it follows the flow's format."""
        return "xml" in (self.flow, self.answer)


_JSON = Formats()

# The most objects and lists, and the most commas, in an answer: reading so many takes a few hundred MB.
_MAX_NESTED = 2_000_000
_MAX_PARTED = 10_000_000
# Figures that are read as they are written: beyond a machine's range, or no figures at all.
_BEYOND = re.compile(rb"[0-9]{19}|[eE][+-]?[0-9]{3}|NaN|Infinity")
# Half of a character, which one of the two readers of JSON would let pass.
_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_MAX_DIGITS = 40
# An opt-out list of 64 MB, the largest answer that is read by default, has half of these.
_MAX_ELEMENTS = 4_000_000
_MAX_DEPTH = 32
# Annex 1 prints the text of a message in a CDATA section, and everything else plain.
_CDATA = frozenset({"MESSAGE"})
_says_taken = re.compile(rb'"status"\s{0,9}:\s{0,9}"?10[01]\b|<status>\s{0,9}10[01]\s{0,9}</status>').search


class Credentials(connection.Credentials, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        login: The account's login.
        api_key: Its API key; travels in the body alone.
        sub_account: Login of the sub-account to act for, or None.
    """

    api_key: Secret
    sub_account: Secret | None = None


def encode(
    operation: Operation[Any],
    credentials: Credentials,
    *,
    base_url: str,
    timeout: float,
    max_response_bytes: int,
    formats: Formats = _JSON,
) -> HttpRequest:
    """Return the request for an operation.

    Args:
        operation: What is asked.
        credentials: Who asks.
        base_url: The server's root, without the API's own path.
        timeout: Seconds for the whole exchange.
        max_response_bytes: Largest answer that is read.
        formats: The format of the flow, and the one that the answer is asked for in.

    Raises:
        InvalidText: A text holds half of a character (a lone surrogate), which UTF-8 cannot carry, or in XML a control
            character.
        InvalidRequest: It cannot be asked in a sub-account's name.
    """
    if credentials.sub_account and not operation.route.for_sub_account:
        msg = f"{operation.name} cannot be asked in a sub-account's name; nothing was sent."
        raise InvalidRequest(msg, request=operation.name, remedy="Ask with the main account's own service.")
    try:
        body = form(_fields(operation, credentials, formats))
    except (UnicodeEncodeError, msgspec.EncodeError):
        msg = f"{operation.name}: a text holds half of a character and cannot be written as UTF-8; nothing was sent."
        raise InvalidText(msg, reason="malformed") from None
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    headers["Accept"] = "application/json, text/xml" if formats.may_answer_xml else "application/json"
    if credentials.sub_account:
        headers["Allmysms-Subaccount"] = credentials.sub_account.reveal()
    return HttpRequest(
        name=operation.name,
        url=f"{base_url}/http/9.0/{operation.route.path}",
        headers=headers,
        body=body,
        timeout=timeout,
        max_response_bytes=max_response_bytes,
    )


def _fields(operation: Operation[Any], credentials: Credentials, formats: Formats) -> dict[str, str | bytes]:
    """Return an operation's form fields; the key is one of them."""
    fields: dict[str, str | bytes] = {"login": credentials.login.reveal(), "apiKey": credentials.api_key.reveal()}
    route = operation.route
    fields["returnformat"] = "json" if route.json_only else formats.answer
    if route.flow is None:
        fields |= operation.values()
        return fields
    if formats.flow == "xml":
        fields[route.flow.name] = write_xml(operation.data(), route.flow.items, cdata=_CDATA)
    else:
        fields[route.flow.name] = operation.flow()
    fields |= operation.values(beside=True)
    return fields


def is_xml(body: bytes) -> bool:
    """Return whether an answer is to be read as XML: its format is its own, whatever was asked for."""
    return body[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def from_xml(body: bytes, *, max_elements: int = _MAX_ELEMENTS) -> Raw:
    """Return what an answer in XML holds under its root, whatever the root is called.

    Raises:
        NotXml: It cannot be read, or holds no field.
    """
    # A recorded message in base64 is one text, as long as an answer may be.
    _, answer = read_xml(body, mapping, max_elements=max_elements, max_depth=_MAX_DEPTH, max_text=len(body))
    if not isinstance(answer, dict):
        msg = "XML without any field"
        raise NotXml(msg)
    return typing.cast("dict[str, object]", answer)


def _answer(body: bytes, name: str) -> Raw:
    if is_xml(body):
        try:
            return from_xml(body)
        except NotXml as error:
            html = described(body)
            what = html if "HTML" in html else str(error)
            msg = f"{name}: the answer is {what} ({len(body)} bytes); what became of the request is not known."
            raise ProtocolError(msg, request=name) from None
    if body.count(b"{") + body.count(b"[") > _MAX_NESTED or body.count(b",") > _MAX_PARTED:
        msg = f"{name}: the answer is JSON with too many elements ({len(body)} bytes); "
        msg += "what became of the request is not known."
        raise ProtocolError(msg, request=name)
    try:
        answer = _json(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        is_cut = "truncated" in str(error) and body.strip() and not _HALF.search(body)
        what = "JSON that is cut" if is_cut else described(body)
        msg = f"{name}: the answer is {what} ({len(body)} bytes); what became of the request is not known."
        raise ProtocolError(msg, request=name) from None
    if not isinstance(answer, dict):
        msg = f"{name}: the answer is JSON, but not an object; what became of the request is not known."
        raise ProtocolError(msg, request=name)
    return typing.cast("dict[str, object]", answer)


def _json(body: bytes) -> object:
    """Return what JSON holds.

    A figure that no machine can hold must not make a taken send unreadable: such an answer keeps figures as written.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deep.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        if not _BEYOND.search(body) or _HALF.search(body):
            raise
        return json.loads(body.decode(), parse_float=_written, parse_int=_written, parse_constant=str)


def _written(figure: str) -> object:
    """Return a figure of JSON, one that is too large for a machine's as it is written."""
    if len(figure) > _MAX_DIGITS:
        return figure
    try:
        return int(figure)
    except ValueError:
        number = float(figure)
        return number if math.isfinite(number) else figure


def decode(
    operation: type[Operation[R]],
    response: HttpResponse,
    *,
    passing: frozenset[str] = frozenset(),
    formats: Formats = _JSON,
) -> R:
    """Return the result that an answer holds.

    Args:
        operation: What was asked.
        response: What came back.
        passing: Statuses to return as a result although they are refusals.
        formats: The format that the answer was asked for in; it is read in its own.

    Raises:
        ServerFailure, RateLimited, HttpRefused: By HTTP status.
        ProtocolError: The answer is not what the manual says.
        GatewayError: The gateway refused; its class says why.
    """
    ordinary = decode_ordinary(operation, response)
    if ordinary is not None:
        return ordinary
    answer = _answer(response.body, operation.name)
    if status_code(answer) not in passing:
        error = operation.refused(answer)
        if error is not None:
            raise error
    try:
        return read(operation.result_type(), answer)
    except Unreadable as error:
        msg = f"{operation.name}: the answer's field {error} cannot be read; what became of the request is not known."
        raise ProtocolError(msg, request=operation.name) from None


def decode_ordinary(operation: type[Operation[R]], response: HttpResponse) -> R | None:
    """Return the result that an answer holds which is a success in its usual form, or None of any other.

    Raises:
        ServerFailure, RateLimited, HttpRefused: By HTTP status.
        ProtocolError: HTTP does not have its status.
    """
    check_status(response, operation.name, says_taken=_says_taken)
    return typing.cast("R | None", operation.read_ordinary(response.body))
