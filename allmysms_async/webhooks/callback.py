"""One request of the gateway -> one event. Pure, and never an error, whatever the request holds.

Source: HTTPS API v9, §6.2, §7.5, §9.3, §14.3, §42, annex 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from allmysms_async import argument, plausible
from allmysms_async.clock import PARIS
from allmysms_async.model import DeliveryReport, DeliveryStatus, Event, Reply, UnknownEvent
from allmysms_async.numbers import MAX_RAW_LENGTH, read_gateway_number
from allmysms_async.protocols.rest.scalar import plain_status
from allmysms_async.protocols.rest.status import DELIVERY
from allmysms_async.webhooks.form import Pairs, as_bytes, body_of, form_of, plain_form

__all__ = ["FIELDS", "parse"]

# By the names in small letters. smsMold is how §14.3 was scanned, statut how §9.2 prints status.
_STATUS = ("status", "statut")
_STATUS_TEXT = ("statustext",)
_DATE = ("receptiondate",)
_PHONE = ("phonenumber",)
_CAMPAIGN = ("campaignid", "campid")
_SMS = ("smsid",)
_REPLY = ("smsmoid", "smsmold")
_MESSAGE = "message"

FIELDS = frozenset((*_STATUS, *_STATUS_TEXT, *_DATE, *_PHONE, *_CAMPAIGN, *_SMS, *_REPLY, _MESSAGE))
"""Names of the fields of reports and replies, in small letters."""

# As the manual writes them: what nearly every request has.
_KEYS = {
    name: name.lower()
    for name in (
        *("smsId", "status", "statusText", "receptionDate", "phoneNumber", "campaignId", "smsMoId", "message"),
    )
}

_REMEMBERED = 1024

_WITHOUT_EVENT = frozenset({"HEAD", "OPTIONS"})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

_is_usual_number = re.compile(r"33[67][0-9]{8}").fullmatch
_has_digit = re.compile(r"[0-9]").search
_broken = re.compile(r"\s*([-:])\s*").sub
# The + of an offset that nobody escaped is read as a blank.
_blank_offset = re.compile(r"(.*T.*) (\d\d:?\d\d)", re.ASCII).fullmatch


def parse(query: str | bytes, body: bytes = b"", *, method: str = "GET", content_type: str = "") -> Event | None:
    """Return what a request of the gateway tells.

    Names may have any case and order; fields that are missing, empty, repeated (the first that is not empty counts)
    or unknown do no harm, and ``raw`` of the event has them all. Texts are UTF-8, else Windows-1252; dates are of
    Paris, unless they say otherwise. A body counts in other methods than GET: a form, or an object in JSON.

    Source: HTTPS API v9, §6.2, §14.3, annex 3.

    Args:
        query: The query string, as it came, with or without ``?``. Its length, like that of the body, is for the
            caller to bound.
        body: The request's body, as it came.
        method: The request's method.
        content_type: The request's ``Content-Type``.

    Returns:
        ``DeliveryReport`` (with ``DeliveryStatus.UNKNOWN`` where the manual does not list the status, ``code`` being
        it), ``Reply``, ``UnknownEvent`` where neither can be made of what there is, or None where there is nothing, as
        in the check that the gateway makes of a new address.

    Raises:
        InvalidRequest: An argument is of another type.
    """
    argument.given("query", query, (str, bytes), "a text or bytes")
    argument.given("body", body, (bytes, bytearray, memoryview), "bytes")
    verb = argument.text("method", method).upper()
    kind = argument.text("content_type", content_type).partition(";")[0].strip().lower()
    if verb in _WITHOUT_EVENT:
        return None
    written = as_bytes(query).removeprefix(b"?")
    has_body = bool(body) and verb not in _WITHOUT_BODY
    if not has_body and (usual := _usual(written)) is not None:
        return usual
    pairs = form_of(written)
    if has_body:
        pairs += body_of(bytes(body), kind)
    return _event(pairs)


def _usual(written: bytes) -> Event | None:
    """Return the event of a query string as the manual has them, or None for what is to be looked at with more care."""
    fields = plain_form(written, _KEYS)
    if fields is None:
        return None
    phone, status, answer = fields.get("phoneNumber", ""), fields.get("status"), fields.get(_MESSAGE)
    if not _is_usual_number(phone):
        return None
    if status is not None and answer is None and "smsMoId" not in fields:
        known = DELIVERY.get(status)
        if known is None:
            return None
        return DeliveryReport(
            phone=read_gateway_number(phone),
            status=known,
            code=status,
            comment=fields.get("statusText", "").strip() or None,
            received_at=_moment(fields.get("receptionDate", "")),
            sms_id=plausible.identifier(fields.get("smsId", "").strip()),
            campaign_id=plausible.identifier(fields.get("campaignId", "").strip()),
            raw=fields,
        )
    if status is None and answer is not None:
        return Reply(
            phone=read_gateway_number(phone),
            text=answer,
            received_at=_moment(fields.get("receptionDate", "")),
            reply_id=plausible.identifier(fields.get("smsMoId", "").strip()),
            sms_id=plausible.identifier(fields.get("smsId", "").strip()),
            campaign_id=plausible.identifier(fields.get("campaignId", "").strip()),
            raw=fields,
        )
    return None


def _event(pairs: Pairs) -> Event | None:
    """Return the event that fields make."""
    raw: dict[str, str] = {}
    fields: dict[str, str] = {}
    for name, value in pairs:
        key = _KEYS.get(name)
        if key is None:
            name = name.strip().removeprefix("amp;")  # what PHP put between two fields
            key = name.lower()
        raw.setdefault(name, value)
        # Of a field that comes again the first value counts that is not blank.
        if key in FIELDS and (key not in fields or not fields[key].strip()):
            fields[key] = value
    if not any(map(str.strip, raw.values())) and not any(map(str.strip, fields.values())):
        return None
    number = _first(fields, _PHONE).strip()
    phone = read_gateway_number(number) if len(number) <= MAX_RAW_LENGTH else ""
    if not (phone.isprintable() and _has_digit(phone)):
        return UnknownEvent(raw=raw, reason="it has no number")
    status, answered = plain_status(_first(fields, _STATUS)), bool(_first(fields, _REPLY).strip())
    if status and not answered:
        return _report(fields, raw, phone, status)
    if answered or _MESSAGE in fields:
        return Reply(
            phone=phone,
            text=fields.get(_MESSAGE, ""),
            received_at=_moment(_first(fields, _DATE)),
            reply_id=_identifier(fields, _REPLY),
            sms_id=_identifier(fields, _SMS),
            campaign_id=_identifier(fields, _CAMPAIGN),
            raw=raw,
        )
    return UnknownEvent(raw=raw, reason="it has neither a status nor an answer")


def _report(fields: Mapping[str, str], raw: Mapping[str, str], phone: str, status: str) -> Event:
    """Return a report."""
    code = plausible.identifier(status)
    if code is None:
        return UnknownEvent(raw=raw, reason="its status can be none")
    return DeliveryReport(
        phone=phone,
        status=DELIVERY.get(code, DeliveryStatus.UNKNOWN),
        code=code,
        comment=_first(fields, _STATUS_TEXT).strip() or None,
        received_at=_moment(_first(fields, _DATE)),
        sms_id=_identifier(fields, _SMS),
        campaign_id=_identifier(fields, _CAMPAIGN),
        raw=raw,
    )


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first value that is not empty, by any of its names."""
    for name in names:
        value = fields.get(name)
        if value and not value.isspace():
            return value
    return ""


def _identifier(fields: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """Return an identifier, or None for what can be none."""
    return plausible.identifier(_first(fields, names).strip())


def _moment(written: str) -> datetime | None:
    """Return a date, of Paris unless it says otherwise, line breaks in it removed; None for what is none.

    Source: HTTPS API v9, §10.2, §14.2 (dates broken over two lines).
    """
    return None if len(written) > MAX_RAW_LENGTH else _read_moment(written)


@lru_cache(_REMEMBERED)
def _read_moment(written: str) -> datetime | None:
    line = " ".join(written.split())
    offset = _blank_offset(line) if "T" in line else None
    if offset is not None:
        line = f"{offset[1]}+{offset[2]}"
    moment = _iso(line) or _iso(_broken(r"\1", line))
    return None if moment is None else plausible.dated(moment if moment.tzinfo else moment.replace(tzinfo=PARIS))


def _iso(line: str) -> datetime | None:
    try:
        return datetime.fromisoformat(line)
    except ValueError:
        return None
