"""Sending and simulating texts.

Source: HTTPS API v9, §6 to §8, annexes 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import cast

import msgspec

from allmysms_async.model import People, Recipient
from allmysms_async.protocols.form import Quoted, quoted
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.sent import SendSmsResult, SimpleSendResult, SmsId, read_many, read_ordinary
from allmysms_async.protocols.rest.wire import Result
from allmysms_async.redaction import Shown

__all__ = [
    "SendSms",
    "SendSmsResult",
    "SimpleSend",
    "SimpleSendResult",
    "SimulateCampaign",
    "SimulateCampaignResult",
    "Sms",
    "SmsId",
]

_NATIONAL_DIGITS = 9
# What stands before the first number, before each other one, before a value, after the last, and after all people.
_FIRST = "%7B%22MOBILEPHONE%22%3A%22"
_NEXT = f"%22%7D%2C{_FIRST}"
_VALUE = "%22%2C%22PARAM_{}%22%3A%22"
_END = "%22%7D"
_CLOSE = "%5D%7D%7D"


class SimulateCampaignResult(Result, frozen=True, kw_only=True):
    """Answer to ``SimulateCampaign``.

    Attributes:
        status: 100 when it could be simulated.
        status_text: The status in words.
        invalid_numbers: Refused numbers joined by ``|``.
        nb_credits: Credits, which the manual describes as those left.
        nb_contacts: Recipients.
        nb_sms: Text parts.
        balance: Euros left.
        cost: Euros the send would cost.
    """

    status: str | None = None
    status_text: str | None = None
    invalid_numbers: str | None = None
    nb_credits: Decimal | None = None
    nb_contacts: int | None = None
    nb_sms: int | None = None
    balance: Decimal | None = None
    cost: Decimal | None = None


class SimpleSend(Operation[SimpleSendResult], frozen=True):
    """Send one text to a few numbers, without a data flow.

    Source: HTTPS API v9, §6.

    Args:
        message: The text.
        mobile: Numbers joined by ``;``; French ones in national or international form.
        tpoa: Sender shown; by default a short number of 5 digits.
        date: When to send it, aware.
        campaign: Name of the send.
        coding: 1 GSM-7 (the gateway's default), 2 Unicode.
        unique_identifier: Makes the request unique for 24 hours: the same one returns the first request's answer.

    Raises:
        GatewayError: As annex 2 lists them.
    """

    message: str
    mobile: str
    tpoa: str | None = None
    date: datetime | None = None
    campaign: str | None = None
    coding: int | None = None
    unique_identifier: str | None = None

    route = routes.SIMPLE_SEND


def _mobile(phone: str) -> str:
    """Return a canonical number as it travels; one of nine digits would be read as a national one without its 0.

    Source: HTTPS API v9, §7.3.
    """
    return f"+{phone}" if len(phone) == _NATIONAL_DIGITS else phone


class _SmsFlow(Shown, frozen=True):
    """The variables of ``smsData``, as the table of §7.2 lists them."""

    message: str
    recipients: Sequence[Recipient]
    dynamic: int = 0
    campaign_name: str | None = None
    date: datetime | None = None
    tpoa: str | None = None
    cli_msg_id: str | None = None
    tracking: bool | None = None
    coding: int | None = None
    alerting: bool | None = None
    verbose: bool | None = None
    unique_identifier: str | None = None


def _sms_data(values: dict[str, str], recipients: Sequence[Recipient], dynamic: int) -> dict[str, object]:
    """Return the flow: its variables, and one element for each recipient with the values of the placeholders."""
    data: dict[str, object] = dict(values)
    if not dynamic:
        data["SMS"] = [{"MOBILEPHONE": _mobile(recipient.phone)} for recipient in recipients]
        return data
    data["DYNAMIC"] = str(dynamic)
    names = ["MOBILEPHONE", *(f"PARAM_{number}" for number in range(1, dynamic + 1))]
    rows = ((_mobile(recipient.phone), *recipient.params) for recipient in recipients)
    data["SMS"] = [dict(zip(names, row, strict=False)) for row in rows]
    return data


def _flow(values: dict[str, str], recipients: Sequence[Recipient], dynamic: int) -> bytes:
    """Return the flow in JSON, as ``_sms_data`` has it; where it can be written column by column, as it travels."""
    people = People.of(recipients)
    columns: list[Sequence[str] | None] = [None]
    if people is not None and len(recipients) and len(people.values) >= dynamic:
        phones = people.phones
        if min(map(len, phones)) <= _NATIONAL_DIGITS:
            phones = list(map(_mobile, phones))
        columns = [_quoted_column(column) for column in (phones, *people.values[:dynamic])]
    if None in columns:
        return msgspec.json.encode({"DATA": _sms_data(values, recipients, dynamic)})
    before = [_NEXT, *(_VALUE.format(number) for number in range(1, dynamic + 1))]
    stride = 2 * len(columns)
    pieces = [""] * (stride * len(recipients))
    for position, (text, column) in enumerate(zip(before, cast("list[Sequence[str]]", columns), strict=True)):
        pieces[2 * position :: stride] = [text] * len(recipients)
        pieces[2 * position + 1 :: stride] = column
    around = quoted(msgspec.json.encode({"DATA": _sms_data(values, (), dynamic)})).decode()
    pieces[0] = around.removesuffix(_CLOSE) + _FIRST
    pieces.append(_END + _CLOSE)
    return Quoted("".join(pieces).encode())


def _quoted_column(column: Sequence[str]) -> Sequence[str] | None:
    """Return texts as they travel in a flow, between their quotes; None if one is none, or JSON escapes a character."""
    try:
        text = "".join(column)
    except TypeError:  # callers are not all typed
        return None
    if text.isascii() and text.encode().isalnum():
        return column
    written = msgspec.json.encode(column)
    if b"\\" in written:
        return None
    # Without an escape every quote is the beginning or the end of a text.
    return quoted(written[2:-2]).decode().split("%22%2C%22")


class SendSms(_SmsFlow, Operation[SendSmsResult], frozen=True):
    """Send one text to many numbers.

    Source: HTTPS API v9, §7, annexes 1 and 2.

    Args:
        message: The text, at most 8 parts; ``#param_1#``… stand for each recipient's values.
        recipients: Numbers with their values. Several thousand in one request risk HTTP's time limits; split them.
        dynamic: How many ``#param_N#`` the text holds.
        campaign_name: Name of the send.
        date: When to send it, aware; travels as wall-clock time of Paris.
        tpoa: Sender shown: a letter first, letters without accents, digits and spaces, 3 to 11 characters.
        cli_msg_id: The caller's own identifier, returned with reports and replies.
        tracking: Replace a link by a short one that counts clicks.
        coding: 1 GSM-7, 2 Unicode.
        alerting: Use the channel for urgent messages.
        verbose: Say why each number is left out.
        unique_identifier: Makes the request unique for 24 hours: the same one returns the first request's answer.

    Raises:
        GatewayError: As annex 2 lists them.
    """

    route = routes.SEND_SMS
    read_ordinary = staticmethod(read_ordinary)

    def data(self) -> dict[str, object]:
        """Return what ``smsData`` holds under ``DATA``."""
        return _sms_data(self.values(), self.recipients, self.dynamic)

    def flow(self) -> bytes:
        """Return the flow in JSON; of many recipients it is written column by column."""
        return _flow(self.values(), self.recipients, self.dynamic)


class SendMany(SendSms, frozen=True):
    """``SendSms`` as a campaign makes it: the raw answer, at which hardly anybody looks, is read when somebody does."""

    read_ordinary = staticmethod(read_many)


class SimulateCampaign(_SmsFlow, Operation[SimulateCampaignResult], frozen=True):
    """Ask what a send would cost and which numbers would be refused, without sending.

    Source: HTTPS API v9, §8.

    Args:
        message: As in ``SendSms``, like all the others.
        recipients: Numbers with their values.

    Raises:
        GatewayError: As annex 2 lists them.
    """

    route = routes.SIMULATE_CAMPAIGN

    def data(self) -> dict[str, object]:
        """Return what ``smsData`` holds under ``DATA``."""
        return _sms_data(self.values(), self.recipients, self.dynamic)


class Sms(Resource):
    """Sending and simulating texts."""

    simple_send = Method(SimpleSend)
    send_sms = Method(SendSms)
    simulate_campaign = Method(SimulateCampaign)
