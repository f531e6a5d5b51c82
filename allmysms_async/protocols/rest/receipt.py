"""Reading a send's answer for each recipient: accepted, rejected and why, or not confirmed.

Source: HTTPS API v9, §7.2 (VERBOSE), §7.4.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from allmysms_async import plausible
from allmysms_async.clock import PARIS
from allmysms_async.model import (
    Accepted,
    AllAccepted,
    People,
    Reason,
    Recipient,
    RecipientResult,
    Rejected,
    SendReceipt,
    Unconfirmed,
)
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.rest.sent import Listed, SendSmsResult

_REASONS = {
    "blacklist_stop": Reason.OPTED_OUT,
    "blacklist_unassigned": Reason.UNASSIGNED,
    "blacklist_manual": Reason.MANUAL_BLACKLIST,
    "invalid": Reason.INVALID_AT_GATEWAY,
}


# A date has its dashes: some phone numbers could be read as dates without them.
_is_date = re.compile(r"\d{4}-\d\d-\d\d.*", re.ASCII).fullmatch
# The screen of §4 shows a refused number as `336…(336…`: as it was sent, and as it was read.
_is_twice = re.compile(r"(\+?[0-9]{8,15})\((\+?[0-9]{8,15})\)?").fullmatch
_is_number = re.compile(r"\+?[0-9]{8,15}").fullmatch
_NUMBER_KEYS = ("number", "phonenumber", "mobilephone", "msisdn", "phone", "mobile")


def _date(text: str) -> datetime | None:
    """Read the date on which a number was blacklisted."""
    try:
        return plausible.dated(datetime.fromisoformat(text).replace(tzinfo=PARIS)) if _is_date(text) else None
    except ValueError:
        return None


def _rejection(number: str, detail: object) -> Rejected:
    """Read what the answer says of one number: an object with the reason, or the reason alone."""
    values: list[object] = [detail]
    if isinstance(detail, Mapping):
        values = list(typing.cast("Mapping[str, object]", detail).values())
    elif isinstance(detail, list):
        values = typing.cast("list[object]", detail)
    words = [value.strip() for value in values if isinstance(value, str)]
    reason = next((_REASONS[word] for word in words if word in _REASONS), Reason.INVALID_AT_GATEWAY)
    since = next((date for date in map(_date, words) if date is not None), None)
    return Rejected(number, reason, since)


def _number(raw: str) -> str:
    """Return a number of the gateway's in the form that numbers are matched on."""
    raw = raw.strip()
    twice = _is_twice(raw)
    return read_gateway_number(twice[1] if twice else raw)


def _entries(details: object) -> Iterator[tuple[str, object]]:
    """Yield each number of the details, as it came, with what they say of it."""
    if isinstance(details, Mapping):
        # XML wraps a list in an element for each item, whose name the manual does not print.
        (name, inner), *others = typing.cast("Mapping[str, object]", details).items() or [("", None)]
        if not others and isinstance(inner, list | Mapping) and not _is_number(name):
            details = typing.cast("object", inner)
    for entry in typing.cast("list[object]", details if isinstance(details, list) else [details]):
        if isinstance(entry, Mapping):
            yield from _spoken_of(typing.cast("Mapping[str, object]", entry))
        elif isinstance(entry, str | int) and _is_number(str(entry).strip()):
            yield str(entry), None


def _spoken_of(fields: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the number that an object holds, and the rest of it; without one, its keys are the numbers."""
    scalars = {key.lower(): value for key, value in fields.items() if isinstance(value, str | int)}
    name = next((key for key in _NUMBER_KEYS if key in scalars), None)
    name = name or next((key for key, value in scalars.items() if _is_number(str(value).strip())), None)
    if name is None:
        yield from fields.items()
    else:
        yield str(scalars[name]), [value for key, value in scalars.items() if key != name]


def discarded(details: object, invalid_numbers: str | None) -> dict[str, Rejected]:
    """Return the refused numbers with their reasons.

    The manual does not print the shape of the details, so a list of objects and a mapping are both read. An object's
    number is the value whose name says so, else the one that looks like a number.
    """
    refused: dict[str, Rejected] = {}
    for raw in (invalid_numbers or "").split("|"):
        if raw.strip():
            number = _number(raw)
            refused[number] = Rejected(number, Reason.INVALID_AT_GATEWAY)
    for raw, detail in _entries(details):
        number = _number(raw)
        refused[number] = _rejection(number, detail)
    return refused


def _in_order(result: SendSmsResult, recipients: Sequence[Recipient]) -> AllAccepted | None:
    """Return what an answer says that lists everybody in the order asked for, and nobody else; None of any other."""
    entries = result.sms_ids
    if result.invalid_numbers or result.discarded_numbers_details or len(entries) != len(recipients):
        return None
    phones = People.phones_of(recipients)
    if isinstance(entries, Listed):
        ids: Sequence[str | None] = entries.ids
        in_order = phones == entries.phones
    else:
        ids = [entry.sms_id for entry in entries]
        in_order = phones == [entry.phone_number for entry in entries]
    return AllAccepted(phones, plausible.identifiers(ids)) if in_order else None


def _by_number(result: SendSmsResult, recipients: Sequence[Recipient]) -> tuple[RecipientResult, ...]:
    """Return what an answer says of each recipient, wherever it stands in it."""
    refused = discarded(result.discarded_numbers_details, result.invalid_numbers)
    ids: dict[str, str | None] = {}
    for entry in result.sms_ids:
        if entry.phone_number:
            ids.setdefault(entry.phone_number, entry.sms_id)
    missing = [r for r in recipients if r.phone not in ids and r.phone not in refused]
    if ids and missing:
        # Numbers usually come back as they were sent; where they do not, they are matched on the canonical form.
        ids = {read_gateway_number(number): sms_id for number, sms_id in ids.items()} | ids
    nothing_sent = result.status == "114"
    left = len(recipients) - sum(recipient.phone in refused for recipient in recipients)
    silent = not result.sms_ids and result.nb_contacts == left
    results: list[RecipientResult] = []
    for recipient in recipients:
        phone = recipient.phone
        if phone in ids:
            results.append(Accepted(phone, plausible.identifier(ids[phone])))
        elif phone in refused:
            results.append(refused[phone])
        elif nothing_sent:
            results.append(Rejected(phone, Reason.INVALID_AT_GATEWAY))
        else:
            results.append(Accepted(phone) if silent else Unconfirmed(phone))
    return tuple(results)


def receipt(result: SendSmsResult, recipients: Sequence[Recipient], parts: int, key: str | None) -> SendReceipt:
    """Return what an answer says of each recipient of the request.

    A recipient that it lists with an identifier is accepted, one that it lists among the refused is rejected. One in
    neither list is accepted only if the answer lists no identifier at all and its count of recipients agrees.
    """
    results = _in_order(result, recipients) or _by_number(result, recipients)
    accepted_all = isinstance(results, AllAccepted) or all(isinstance(entry, Accepted) for entry in results)
    campaign_id, cost = plausible.identifier(result.campaign_id), plausible.cost(result.cost, parts)
    taken = plausible.parts(result.nb_sms, len(recipients))
    read = {
        "campaignId": (result.campaign_id or None, campaign_id),
        "cost": (result.cost, cost),
        "nbSms": (result.nb_sms, taken),
    }
    odd = [name for name, (came, found) in read.items() if came is not None and found is None]
    return SendReceipt(
        campaign_id=campaign_id,
        results=results,
        parts=taken if taken is not None else parts if accepted_all else None,
        credits_used=result.credits_used,
        credits_left=result.credits,
        cost=cost,
        balance=result.balance,
        scheduled=result.status == "101",
        replayed=result.treatment_status is not None,
        idempotency_key=key,
        raw=result.raw,
        warning=plausible.told("sendSms", [*plausible.odd_in(result.raw), *odd]),
    )
