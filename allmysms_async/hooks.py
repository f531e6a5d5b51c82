"""What a hook is told of each request and its end: enough to log, and nothing that must not be in a log.

Every backend tells the same three notes, in the same order: ``Asked``, then ``Answered`` or ``Failed`` with the same
number. One attempt is one request. What is refused before a request is made is not told, and neither is the end of one
that its caller cancelled.

Only what is listed here as harmless is shown; every other value is replaced, so that a field which nobody thought of
stays hidden. Numbers are masked.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
import typing
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

from allmysms_async import logs
from allmysms_async.border import retell
from allmysms_async.clock import SYSTEM
from allmysms_async.errors import AllMySmsError
from allmysms_async.numbers import mask
from allmysms_async.plausible import odd_in, told
from allmysms_async.redaction import Shown, one_line

__all__ = ["Answered", "Asked", "Failed", "Hook", "Note"]

_log = logging.getLogger("allmysms_async")

_HIDDEN = "…"

# Written in one case and without underscores, as `_plain` makes them.
# fmt: off
_SHOWN = frozenset((
    "status", "statut", "type", "code", "coding", "dynamic", "date", "startdate", "enddate", "sendat", "limit",
    "offset", "hidetestcampaigns", "msisdnlist", "tracking", "alerting", "verbose", "locked", "filter", "credits",
    "creditsused", "nbcredits", "nbcontacts", "nbsms", "balance", "cost", "total", "success", "ignored",
    "duplicated", "duration", "isocode", "countryisocode", "campaignid", "campid", "id", "smsid", "uniqueidentifier",
    "treatmentstatus", "clicks", "delivered", "undelivered", "pending", "error", "invalid", "stop", "mo", "click",
    "uniqueclick", "creationdate", "commanddate", "sendingdate", "receptiondate", "datereceived", "contacts",
    "lowcost", "mailnotif", "part", "msgclass", "senddate", "sendtime", "stopsms", "dedupe", "longmessageallowed",
    "messageid", "smssent", "smsremaining", "smsremaing", "recreditedsms", "apirequestlimit",
    "responsestatusid", "numberofresponse", "numberofresponses", "stopsmsstatusid",
    *(f"numberstatus{status}" for status in range(1, 6)),
    "referencecountryiso", "postpaid", "active", "prefix", "sms", "call", "directdeposit",
))
# fmt: on
_WORDS = frozenset(["statustext", "error", "comment"])
_NUMBERS = frozenset(["phonenumber", "mobilephone", "msisdn", "phone", "mobile", "phones"])
# Lists of people: told by their length, whatever their shape.
_PEOPLE = frozenset(
    (
        *("contacts", "contact", "acks", "ack", "mos", "mo", "blacklist", "subaccounts", "subaccount", "smsids", "sms"),
        *("ids", "pulls", "pull", "answer", "discardednumbersdetails", "msisdns", "customers"),
        *("recipient", "recipients", "response"),
    )
)
_plain_of = re.compile(r"[^a-z0-9]")
# An identifier or a figure; what is longer or has blanks may be anything.
_is_harmless = re.compile(r"[A-Za-z0-9_.:\- /]{0,64}").fullmatch
_MAX_DEPTH = 4
_numbers = itertools.count(1)


class Asked(Shown, frozen=True, kw_only=True):
    """A request is about to be made.

    Attributes:
        number: The same in the note of its end; counted from 1 in this process.
        name: Name of the operation.
        url: Its address, which holds no secret; ``mailto:`` and the gateway's for a mail.
        fields: Its fields; values that may be secret or somebody's are replaced.
        sub_account: Whether it is made in a sub-account's name.
        timeout: Seconds that it has.
        body_bytes: Length of its body, of a mail with its header.
    """

    number: int
    name: str
    url: str
    fields: Mapping[str, object]
    sub_account: bool
    timeout: float
    body_bytes: int


class Answered(Shown, frozen=True, kw_only=True):
    """A request was answered, and the answer is a success.

    Attributes:
        number: The same as in the note of the request.
        name: Name of the operation.
        seconds: How long it took, from the note of the request until its answer was read.
        http_status: Status of HTTP, None where a mail server answered.
        fields: The answer's fields; values that may be secret or somebody's are replaced.
        body_bytes: Length of its body; of a mail server's answer, that of its words.
    """

    number: int
    name: str
    seconds: float
    http_status: int | None
    fields: Mapping[str, object]
    body_bytes: int


class Failed(Shown, frozen=True, kw_only=True):
    """A request ended with an error.

    Attributes:
        number: The same as in the note of the request.
        name: Name of the operation.
        seconds: How long it took until then.
        error: The error, which holds no secret.
    """

    number: int
    name: str
    seconds: float
    error: AllMySmsError


T = TypeVar("T")

Note: TypeAlias = Asked | Answered | Failed
Hook: TypeAlias = Callable[[Note], None]
"""Called in the event loop: it must not block. What it raises is turned into a warning, and changes nothing else."""


def _plain(name: str) -> str:
    """Return a name in the form that the lists above have."""
    return _plain_of.sub("", name.lower())


def _length(value: object) -> int:
    """Return how many people a list is of, wrapped as XML wraps it or not."""
    if isinstance(value, Mapping):
        inner = list(typing.cast("Mapping[str, object]", value).values())
        only = inner[0] if len(inner) == 1 else None
        if isinstance(only, Mapping | list | tuple):
            return _length(typing.cast("object", only))
        return min(len(inner), 1)
    return len(typing.cast("list[object]", value))


def _redacted(name: str, value: object, depth: int = 0) -> object:
    """Return a value as it may be shown."""
    plain = _plain(name)
    if isinstance(value, Mapping):
        inner = typing.cast("Mapping[str, object]", value)
        if plain in _PEOPLE:
            return f"[{_length(inner)}]"
        if depth >= _MAX_DEPTH:
            return _HIDDEN
        return {one_line(str(key)): _redacted(str(key), one, depth + 1) for key, one in inner.items()}
    if isinstance(value, list | tuple):
        return f"[{_length(typing.cast('list[object]', value))}]"
    if value is None or isinstance(value, bool):
        return value
    if plain in _NUMBERS:
        return mask(str(value))
    if plain in _WORDS:
        return one_line(str(value))
    if plain in _SHOWN and isinstance(value, str | int | float) and _is_harmless(str(value)):
        return value
    return _HIDDEN if value != "" else ""


def redacted(fields: Mapping[str, object]) -> dict[str, object]:
    """Return fields as they may be shown."""
    return {one_line(name): _redacted(name, value) for name, value in fields.items()}


def numbered() -> int:
    """Return the number of the next request of this process."""
    return next(_numbers)


def warn_of_figures(request: str, raw: Mapping[str, object]) -> None:
    """Log the figures of an answer that cannot be right; a send's own receipt says so, and is logged where it is read.

    Args:
        request: Name of the operation.
        raw: The answer as it is kept.
    """
    warning = told(request, odd_in(raw))
    if warning:
        _log.warning("%s", warning, extra=logs.fields("figures_odd", request=request))


def tell(hooks: Iterable[Hook], note: Note) -> None:
    """Tell every hook; one that fails must not undo a send that was taken."""
    if isinstance(note, Failed):
        retell(note.error)
    for hook in hooks:
        try:
            hook(note)
        except Exception as error:
            with contextlib.suppress(Warning):
                warnings.warn(f"A hook failed on {note.name}: {type(error).__name__}.", RuntimeWarning, stacklevel=2)


async def noted(
    hooks: Iterable[Hook], note: Asked, work: Callable[[], Awaitable[T]], answered: Callable[[T, float], Answered]
) -> T:
    """Make a request of which hooks are told, and return its result.

    Args:
        hooks: Who is told.
        note: What they are told before it is made.
        work: What makes it.
        answered: Returns what they are told after it, from its result and the seconds that it took.

    Raises:
        AllMySmsError: As the work raises it.
    """
    began = SYSTEM.monotonic()
    tell(hooks, note)
    try:
        result = await work()
    except AllMySmsError as error:
        seconds = SYSTEM.monotonic() - began
        tell(hooks, Failed(number=note.number, name=note.name, seconds=seconds, error=error))
        raise
    tell(hooks, answered(result, SYSTEM.monotonic() - began))
    return result
