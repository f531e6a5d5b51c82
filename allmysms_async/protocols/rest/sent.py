"""What the gateway answers to a send, and the short way to read what it nearly always answers.

An ordinary answer is JSON and a success, and has fields of the usual names and types alone. It is read straight into
its types. Whatever differs from that is left to the tolerant reader of ``wire``; where both read an answer they read
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

import msgspec

from allmysms_async import plausible
from allmysms_async.protocols.rest.wire import Result, Wire
from allmysms_async.redaction import Discreet

__all__ = ["Listed", "SendSmsResult", "SimpleSendResult", "SmsId", "read_many", "read_ordinary"]


class SmsId(Discreet, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """The gateway's identifier of one text.

    Attributes:
        phone_number: The number, as ``33…``.
        sms_id: The identifier.
    """

    phone_number: str | None = None
    sms_id: str | None = None


class SimpleSendResult(Result, frozen=True, kw_only=True):
    """Answer to ``SimpleSend``.

    Attributes:
        status: 100 sent, 101 scheduled.
        status_text: The status in words.
        invalid_numbers: Refused numbers joined by ``|``, possibly empty or with one ``|`` too many.
        campaign_id: Identifier of the send.
        credits: Credits left.
        balance: Euros left.
        cost: Euros this send cost.
        treatment_status: Present when this is the answer to an earlier request with the same identifier.
    """

    status: str | None = None
    status_text: str | None = None
    invalid_numbers: str | None = None
    campaign_id: str | None = None
    credits: Decimal | None = None
    balance: Decimal | None = None
    cost: Decimal | None = None
    treatment_status: Annotated[object, Wire(("treatmentStatus", "treatmentstatus"))] = None


class SendSmsResult(SimpleSendResult, frozen=True, kw_only=True):
    """Answer to ``SendSms``, on top of what ``SimpleSendResult`` has.

    Attributes:
        credits_used: Credits this send cost.
        nb_contacts: Recipients.
        nb_sms: Text parts.
        sms_ids: One identifier for each text that goes to a valid number.
        discarded_numbers_details: With ``verbose``: which numbers were left out and why; its shape is not printed in
            the manual, so it is kept as it came.
    """

    credits_used: Decimal | None = None
    nb_contacts: int | None = None
    nb_sms: int | None = None
    sms_ids: Annotated[tuple[SmsId, ...], Wire(("smsIds",), item="sms")] = ()
    discarded_numbers_details: object = None


# -- the short way ----------------------------------------------------------------------------------------------------


class _Answer(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What an ordinary answer holds."""

    status: Literal[100, 101]
    campaign_id: str
    sms_ids: tuple[SmsId, ...]
    status_text: str | None = None
    invalid_numbers: str | None = None
    credits: int | float | None = None
    credits_used: int | float | None = None
    nb_contacts: int | None = None
    nb_sms: int | None = None
    balance: int | float | None = None
    cost: int | float | None = None


class Unread(Mapping[str, object]):
    """An ordinary answer under the gateway's own names, read when somebody looks at it.

    Args:
        body: The answer, which was read into its types before.
    """

    __slots__ = ("_body", "_fields")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._fields: dict[str, object] | None = None

    def _read(self) -> dict[str, object]:
        if self._fields is None:
            self._fields = msgspec.json.decode(self._body, type=dict[str, object])
        return self._fields

    def __getitem__(self, name: str) -> object:
        """Return a field."""
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._read())

    def __len__(self) -> int:
        """Return how many fields there are."""
        return len(self._read())

    def __repr__(self) -> str:
        """Show what a dictionary of the fields shows."""
        return repr(self._read())


class Listed(tuple[SmsId, ...]):
    """The identifiers of an ordinary answer, which know their columns.

    Attributes:
        phones: The number of each.
        ids: The identifier of each.
    """

    phones: list[str]
    ids: list[str]


_decoder = msgspec.json.Decoder(_Answer)
_FIGURES: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(("credits", "credits_used", "balance", "cost"), plausible.amount),
    **dict.fromkeys(("nb_contacts", "nb_sms"), plausible.count),
}


def read_ordinary(body: bytes) -> SendSmsResult | None:
    """Return what an ordinary answer to a send holds, or None if it is not one."""
    result = read_many(body)
    if result is None:
        return None
    return msgspec.structs.replace(result, sms_ids=tuple(result.sms_ids), raw=dict(result.raw))


def read_many(body: bytes) -> SendSmsResult | None:
    """Do as ``read_ordinary`` does; the raw answer is read when somebody looks at it, and the identifiers are
    ``Listed``.
    """
    try:
        answer = _decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):  # one of which is that it is not UTF-8
        return None
    values: dict[str, Any] = {}
    for name, read in _FIGURES.items():
        came = getattr(answer, name)
        values[name] = found = read(came)
        if found is None and came is not None:
            return None
    listed = Listed(answer.sms_ids)
    phones, ids = [entry.phone_number for entry in listed], [entry.sms_id for entry in listed]
    if not (all(phones) and all(ids)):
        return None
    listed.phones, listed.ids = cast("list[str]", phones), cast("list[str]", ids)
    return SendSmsResult(
        status=str(answer.status),
        status_text=answer.status_text,
        invalid_numbers=answer.invalid_numbers,
        campaign_id=answer.campaign_id,
        sms_ids=listed,
        raw=Unread(body),
        **values,
    )
