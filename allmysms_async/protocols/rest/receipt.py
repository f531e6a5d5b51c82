"""Reading a send's answer for each recipient: accepted, rejected and why, or not confirmed.

Source: HTTPS API v9, §7.2 (VERBOSE), §7.4.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from datetime import datetime

from allmysms_async.model import Accepted, Reason, Recipient, RecipientResult, Rejected, SendReceipt, Unconfirmed
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.rest.sms import SendSmsResult
from allmysms_async.protocols.rest.wire import PARIS

__all__ = ["discarded", "receipt"]

_REASONS = {
    "blacklist_stop": Reason.OPTED_OUT,
    "blacklist_unassigned": Reason.UNASSIGNED,
    "blacklist_manual": Reason.MANUAL_BLACKLIST,
    "invalid": Reason.INVALID_AT_GATEWAY,
}


def _date(value: object) -> datetime | None:
    """Read the date a number was blacklisted."""
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=PARIS)
    except ValueError:
        return None


def _rejection(number: str, detail: object) -> Rejected:
    """Read one entry of the details: an object with the reason, or the reason alone."""
    since: datetime | None = None
    words: list[str] = []
    values = typing.cast("Mapping[str, object]", detail).values() if isinstance(detail, Mapping) else [detail]
    for value in values:
        word = str(value)
        words.append(word)
        since = since or _date(word)
    reason = next((_REASONS[word] for word in words if word in _REASONS), Reason.INVALID_AT_GATEWAY)
    return Rejected(number, reason, since)


def discarded(details: object, invalid_numbers: str | None) -> dict[str, Rejected]:
    """Return the refused numbers with their reasons.

    The shape of the details is not printed in the manual, so a list of objects and a mapping are both read; which of
    an object's values is the number is told by its form.
    """
    refused: dict[str, Rejected] = {}
    for raw in (invalid_numbers or "").split("|"):
        if raw.strip():
            number = read_gateway_number(raw)
            refused[number] = Rejected(number, Reason.INVALID_AT_GATEWAY)
    if isinstance(details, Mapping):
        for raw, detail in typing.cast("Mapping[str, object]", details).items():
            number = read_gateway_number(raw)
            refused[number] = _rejection(number, detail)
    elif isinstance(details, list):
        for entry in typing.cast("list[object]", details):
            if not isinstance(entry, Mapping):
                continue
            fields = {key.lower(): value for key, value in typing.cast("Mapping[str, object]", entry).items()}
            raw = next((fields[key] for key in ("number", "phonenumber", "mobilephone") if key in fields), None)
            if raw is not None:
                number = read_gateway_number(str(raw))
                refused[number] = _rejection(number, fields)
    return refused


def receipt(result: SendSmsResult, recipients: Sequence[Recipient], parts: int, key: str | None) -> SendReceipt:
    """Return what an answer says of each recipient that was asked for.

    Listed with an identifier is accepted; listed among the refused is rejected; in neither list is accepted only if
    the answer lists no identifier at all and its number of recipients agrees.
    """
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
    silent = not ids and result.nb_contacts in {None, len(recipients) - sum(r.phone in refused for r in recipients)}
    results: list[RecipientResult] = []
    for recipient in recipients:
        phone = recipient.phone
        if phone in ids:
            results.append(Accepted(phone, ids[phone]))
        elif phone in refused:
            results.append(refused[phone])
        elif nothing_sent:
            results.append(Rejected(phone, Reason.INVALID_AT_GATEWAY))
        else:
            results.append(Accepted(phone) if silent else Unconfirmed(phone))
    accepted_all = all(isinstance(entry, Accepted) for entry in results)
    return SendReceipt(
        campaign_id=result.campaign_id or None,
        results=tuple(results),
        parts=result.nb_sms if result.nb_sms is not None else parts if accepted_all else None,
        credits_used=result.credits_used,
        credits_left=result.credits,
        cost=result.cost,
        balance=result.balance,
        scheduled=result.status == "101",
        replayed=result.treatment_status is not None,
        idempotency_key=key,
        raw=result.raw,
    )
