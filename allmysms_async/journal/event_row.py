"""What is stored of events: a row for each, and what a group of them says of texts and opt-outs. Pure.

What a group says is the same in any order, and so is what the database makes of it: of two states of a text, and of
two changes of an opt-out, the columns themselves say which is the later one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec

from allmysms_async.clock import PARIS
from allmysms_async.errors import JournalError
from allmysms_async.journal.event_schema import LANES
from allmysms_async.model.answer import DeliveryReport
from allmysms_async.model.event import Event, UnknownEvent, ends_opt_out, identity, opt_out_of, rank
from allmysms_async.model.record import OptOut, Reply
from allmysms_async.model.vocabulary import DeliveryStatus, Reason
from allmysms_async.text import escaped

__all__ = [
    "EventRow",
    "Group",
    "OptOutRow",
    "event_of",
    "grouped",
    "key_of",
    "lane_of",
    "merged",
    "moment",
    "opt_out_from",
    "opt_out_row",
    "stored",
    "time_of",
]

EventRow: TypeAlias = tuple[Any, ...]
"""kind, identity, phone, lane, campaign_id, sms_id, status, at, body."""

StateRow: TypeAlias = tuple[str, str, str, str | None, str, int, float | None, bytes]
"""campaign_id, text, phone, sms_id, status, rank, at, identity."""

OptOutRow: TypeAlias = tuple[str, float | None, str, str, float | None]
"""phone, since, source, reason, ended_at."""

_EARLIEST = -1e308
_SAME_MOMENT = 256
_STATES = {status.value: (status.value, rank(status)) for status in DeliveryStatus}
_encode = msgspec.msgpack.Encoder().encode
_DECODERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    "report": msgspec.msgpack.Decoder(DeliveryReport),
    "reply": msgspec.msgpack.Decoder(Reply),
    "unknown": msgspec.msgpack.Decoder(UnknownEvent),
}


class Group(NamedTuple):
    """Events that are stored together.

    Attributes:
        events: A row for each.
        states: What they say of texts, one row for each text.
        opt_outs: What those with a date say of opt-outs, one row for each number.
        undated: By their identities what those without one say; that counts from when they are first stored.
    """

    events: list[EventRow]
    states: list[StateRow]
    opt_outs: list[OptOutRow]
    undated: dict[bytes, OptOutRow]


def grouped(events: Iterable[Event], now: float) -> Group:
    """Return what is stored of some events.

    Args:
        events: The events.
        now: Unix time.
    """
    rows: list[EventRow] = []
    states: dict[tuple[str, str], StateRow] = {}
    opt_outs: dict[str, OptOutRow] = {}
    undated: dict[bytes, OptOutRow] = {}
    for event in events:
        name, body = identity(event), _body_of(event)
        if isinstance(event, UnknownEvent):
            phone = key_of(event, name)
            rows.append(("unknown", name, phone, lane_of(phone), None, None, None, now, body))
            continue
        phone = stored(event.phone)
        campaign = None if event.campaign_id is None else stored(event.campaign_id)
        sms_id = None if event.sms_id is None else stored(event.sms_id)
        at = time_of(event.received_at)
        when = now if at is None else at
        if isinstance(event, DeliveryReport):
            status, reached = _STATES[event.status]
            rows.append(("report", name, phone, lane_of(phone), campaign, sms_id, status, when, body))
            key = (campaign, phone) if campaign else ("", sms_id or phone)  # as ``text_key``
            state = (key[0], key[1], phone, sms_id, status, reached, at, name)
            known = states.get(key)
            if known is None or _order(state) > _order(known):
                states[key] = state
            if event.status is not DeliveryStatus.OPTED_OUT:
                continue
            # A clock that is ahead must not outlast what people say later.
            change: OptOutRow | None = phone, min(when, now), "report", Reason.OPTED_OUT.value, None
        else:
            rows.append(("reply", name, phone, lane_of(phone), campaign, sms_id, None, when, body))
            change = _change_of(event, phone, min(when, now))
        if change is None:
            continue
        if at is None:
            undated[name] = change
        else:
            opt_outs[phone] = merged(opt_outs[phone], change) if phone in opt_outs else change
    # In one order, whatever came in which: two processes that store at once then never wait for each other.
    return Group(rows, [states[key] for key in sorted(states)], [opt_outs[key] for key in sorted(opt_outs)], undated)


def event_of(kind: str, body: bytes, number: int, label: str) -> Event:
    """Return an event as it was stored; its moments are in UTC.

    Args:
        kind: What it is.
        body: All of it.
        number: Its place among the events stored.
        label: Names the journal to people.

    Raises:
        JournalError: It was stored by another version of the library, or is damaged.
    """
    try:
        found: Event = _DECODERS[kind].decode(body)
    except (msgspec.DecodeError, ValueError, KeyError) as error:  # what it says of it may hold a value
        msg = f"Event {number} in the journal {label} cannot be read by this version of the library."
        raise JournalError(msg) from (None if isinstance(error, UnicodeError) else error)
    return found


def key_of(event: Event, name: bytes | None = None) -> str:
    """Return what an event is handled in order with: its number; what names nobody waits for nothing.

    Args:
        event: The event.
        name: Its identity, where it is known already.
    """
    if isinstance(event, UnknownEvent):
        return f"?{(name or identity(event)).hex()}"
    return stored(event.phone)


def lane_of(key: str) -> int:
    """Return the lane of what events are handled in order with, the same in every process."""
    return zlib.crc32(key.encode()) % LANES


def stored(text: str) -> str:
    """Return a text as every database can hold it."""
    return text if text.isalnum() or (text.isascii() and "\0" not in text) else escaped(text)


def time_of(at: datetime | None) -> float | None:
    """Return a moment as it is stored."""
    return None if at is None else _stamp(at, at.fold)


@lru_cache(_SAME_MOMENT)
def _stamp(at: datetime, fold: int) -> float:
    """Return a moment's time stamp; many events have the same one. Two that are equal may differ in their fold."""
    del fold
    return at.timestamp()


def moment(at: float | None) -> datetime | None:
    """Return a moment that was stored."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


def opt_out_from(row: Sequence[Any]) -> OptOut:
    """Return an opt-out as it was read: phone, since, source, reason, ended_at."""
    phone, since, source, reason, ended = row
    over = None if ended is None or since >= ended else moment(ended)
    return OptOut(phone=phone, reason=Reason(reason), since=moment(since), source=source, ended_at=over)


def opt_out_row(opt_out: OptOut, now: float) -> OptOutRow:
    """Return what is stored of an opt-out; one without a date holds from now on."""
    since, ended = (None if at is None else min(at, now) for at in (time_of(opt_out.since), time_of(opt_out.ended_at)))
    if since is None and ended is None:
        since = now
    return stored(opt_out.phone), since, opt_out.source, opt_out.reason.value, ended


def merged(one: OptOutRow, other: OptOutRow) -> OptOutRow:
    """Return what two changes of a number's opt-out say together: the latest STOP and the latest START."""
    stop = max(one, other, key=_stop_order)
    ends = [ended for ended in (one[4], other[4]) if ended is not None]
    return stop[0], stop[1], stop[2], stop[3], max(ends, default=None)


def _change_of(event: Reply, phone: str, at: float) -> OptOutRow | None:
    """Return how a reply changes the opt-out of its number, or None."""
    opt_out = opt_out_of(event)
    if opt_out is not None:
        return phone, _latest(at), opt_out.source, opt_out.reason.value, None
    if ends_opt_out(event):
        return phone, None, "reply", Reason.OPTED_OUT.value, at
    return None


def _latest(at: float) -> float:
    """Return the latest moment that may have been meant: the gateway writes Paris's time, which shows an hour twice."""
    shown = datetime.fromtimestamp(at, PARIS)
    return at if shown.fold else shown.replace(fold=1).timestamp()


def _order(state: StateRow) -> tuple[int, float, bytes, str]:
    """Return what the later of two states of a text has more of; of two that are even it is always the same one."""
    at = state[6]
    return state[5], _EARLIEST if at is None else at, state[7], state[3] or ""


def _stop_order(row: OptOutRow) -> tuple[float, str, str]:
    """Return what the later of two opt-outs of a number has more of."""
    return _EARLIEST if row[1] is None else row[1], row[2], row[3]


def _body_of(event: Event) -> bytes:
    """Return all of an event."""
    try:
        return _encode(event)
    except UnicodeEncodeError:  # of lone surrogates
        return _encode(_escaped(msgspec.to_builtins(event, builtin_types=(datetime,))))


def _escaped(value: Any) -> Any:
    """Return a field with every text in it as can be stored."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {_escaped(key): _escaped(each) for key, each in pairs.items()}
    return value
