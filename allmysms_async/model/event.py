"""What comes back by itself: delivery reports and replies, which of them are one event, and what they change."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from allmysms_async.model.answer import DeliveryReport
from allmysms_async.model.record import OptOut, Reply
from allmysms_async.model.vocabulary import DeliveryStatus, Reason
from allmysms_async.redaction import Discreet

__all__ = [
    "FINAL",
    "Event",
    "Kept",
    "UnknownEvent",
    "ends_opt_out",
    "identity",
    "opt_out_of",
    "rank",
    "supersedes",
    "text_key",
]

_IDENTITY_BYTES = 16
# The length of a part of an identity as it stands before it, of those that are a byte each in ASCII and in UTF-8.
_LENGTHS = tuple(length.to_bytes(8, "big").decode() for length in range(128))
_SAME_MOMENT = 256
_MOST = 64
"""Characters of a reply in which its first word is looked for."""

_FIRST_WORD = re.compile(r"[^\w]*(\w+)")

FINAL = frozenset(
    (
        DeliveryStatus.DELIVERED,
        DeliveryStatus.UNDELIVERED,
        DeliveryStatus.REJECTED,
        DeliveryStatus.UNKNOWN_NUMBER,
        DeliveryStatus.OPTED_OUT,
    )
)
"""States of a text that no later word of its way can undo."""

_RANKS = {DeliveryStatus.UNKNOWN: 0, DeliveryStatus.PENDING: 1, DeliveryStatus.HANDED_TO_OPERATOR: 2}
_FINAL_RANK = 3


class UnknownEvent(Discreet, frozen=True, kw_only=True):
    """A request of which no report and no reply can be made; it is kept as it came.

    Attributes:
        raw: Its fields, by the names that it has for them; a field that comes several times holds the first value.
        reason: Why it is neither, in a few words that hold nothing of it.
    """

    raw: Mapping[str, str]
    reason: str


Event: TypeAlias = DeliveryReport | Reply | UnknownEvent
"""What one request of a gateway brings."""


class Kept(Discreet, frozen=True):
    """An event that was stored and waits to be handled.

    Attributes:
        id: Its place among the events stored, the first stored first.
        event: The event; moments are in UTC.
        attempts: How often it was put off so far.
        cause: What whoever observes knows of the request that brought it; only of what waits in memory.
    """

    id: int
    event: Event
    attempts: int = 0
    cause: object = None


def identity(event: Event) -> bytes:
    """Return what is the same for the same event, however often and by whatever way it comes: 16 bytes.

    A report is told by its text, status and date; a reply by send, number, date and wording, since a webhook and the
    two ways to ask for replies name nothing else alike.
    """
    parts: tuple[str, ...]
    match event:
        case DeliveryReport():
            parts = ("report", *text_key(event), event.phone, event.code, _moment(event.received_at))
        case Reply():
            parts = ("reply", event.campaign_id or "", event.phone, _moment(event.received_at), event.text)
        case UnknownEvent():
            parts = ("unknown", *(part for pair in sorted(event.raw.items()) for part in pair))
    return hashlib.blake2b(_prefixed(parts), digest_size=_IDENTITY_BYTES).digest()


def _prefixed(parts: tuple[str, ...]) -> bytes:
    """Return parts in UTF-8, each after its length in 8 bytes."""
    try:  # what nearly all of them are: short, and in ASCII
        whole = "".join([_LENGTHS[len(part)] + part for part in parts])
    except IndexError:
        pass
    else:
        if whole.isascii():
            return whole.encode()
    written = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join([each for part in written for each in (len(part).to_bytes(8, "big"), part)])


def text_key(report: DeliveryReport) -> tuple[str, str]:
    """Return what names the text that a report is of: its send and number; the text's identifier without a send."""
    return (report.campaign_id, report.phone) if report.campaign_id else ("", report.sms_id or report.phone)


def rank(status: DeliveryStatus) -> int:
    """Return how far a text has come on its way: 0 for a status that the manual does not list, 3 for a final one."""
    return _RANKS.get(status, _FINAL_RANK)


def supersedes(new: DeliveryReport, old: DeliveryReport) -> bool:
    """Tell whether a report replaces what is known of its text.

    A final state is never undone by one on the way to it; between two of the same rank the later date counts, and one
    without a date is no later than any.
    """
    reached, before = rank(new.status), rank(old.status)
    if reached != before:
        return reached > before
    if new.received_at is None or old.received_at is None:
        return old.received_at is None
    return new.received_at >= old.received_at


def opt_out_of(reply: Reply) -> OptOut | None:
    """Return the opt-out that a reply is, or None: its first word is STOP, however it is written."""
    if _first_word(reply.text) != "stop":
        return None
    return OptOut(phone=reply.phone, reason=Reason.OPTED_OUT, since=reply.received_at, source="reply")


def ends_opt_out(reply: Reply) -> bool:
    """Tell whether a reply lets its number be texted again: its first word is START.

    Source: HTTPS API v9, §18.
    """
    return _first_word(reply.text) == "start"


def _moment(at: datetime | None) -> str:
    """Return a moment, the same for the same moment in any zone."""
    return "" if at is None else _stamp(at, at.fold)


@lru_cache(_SAME_MOMENT)
def _stamp(at: datetime, fold: int) -> str:
    """Return a moment's time stamp; many events have the same one. Two that are equal may differ in their fold."""
    del fold
    return repr(at.timestamp())


def _first_word(text: str) -> str:
    """Return the first word of a text, in small letters without accents; empty without one."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text[:_MOST]) if not unicodedata.combining(each))
    found = _FIRST_WORD.match(plain)
    return found[1].casefold() if found else ""
