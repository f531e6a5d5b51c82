"""Sending.

Source: SOAP API, B (MessageData, Sms, PushAnswer, PushId), C (sendSMS) and annex 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from allmysms_async.errors import InvalidRequest, InvalidText, NoValidNumber
from allmysms_async.model import Recipient
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.refusal import refusal
from allmysms_async.protocols.soap import routes, status
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.wire import (
    Fields,
    Result,
    amount,
    checked,
    items,
    kept,
    text,
    wire_date,
)
from allmysms_async.redaction import Discreet, Unshown
from allmysms_async.text import placeholders

__all__ = ["PushId", "SendSms", "SendSmsResult", "parted"]


class PushId(Discreet, frozen=True, kw_only=True):
    """One part of one text.

    Attributes:
        mobile_phone: The number, as ``33…``.
        id: The gateway's identifier of the part.
        part: Which part of the text, from 1.
    """

    mobile_phone: str | None = None
    id: str | None = None
    part: str | None = None


class SendSmsResult(Result, frozen=True, kw_only=True):
    """Answer to ``SendSms``.

    Attributes:
        status: 100 sent, 101 scheduled, 113 sent to some.
        status_text: The same in words.
        credits: Credits left.
        invalid_numbers: The refused numbers, parted by bars.
        campaign_id: Identifier of the send.
        ids: One for each part of each text.
    """

    status: str = ""
    status_text: str | None = None
    credits: Decimal | None = None
    invalid_numbers: str | None = None
    campaign_id: str | None = None
    ids: tuple[PushId, ...] = ()


class SendSms(Operation[SendSmsResult], frozen=True, kw_only=True):
    """Send one text to some numbers.

    Source: SOAP API, C (sendSMS).

    Args:
        message: The text; with ``dynamic``, its ``#param_N#`` are replaced.
        recipients: Numbers, each with at least ``dynamic`` values.
        dynamic: How many ``#param_N#`` the text has.
        lowcost: Send by the cheaper route: 160 characters at most.
        campaign_name: Shown in the back office.
        cli_msg_id: The caller's own identifier, returned with reports and replies.
        date: When to send it, aware; None is now.
        tpoa: Sender shown.
        mail_notif: Mail a confirmation to the account's owner.

    Raises:
        InvalidRequest: A text cannot travel, or the number of values does not fit.
    """

    message: str
    recipients: Sequence[Recipient]
    dynamic: int = 0
    lowcost: bool | None = None
    campaign_name: str | None = None
    cli_msg_id: str | None = None
    date: datetime | None = None
    tpoa: str | None = None
    mail_notif: bool | None = None

    route = routes.SEND_SMS

    def arguments(self) -> Mapping[str, Any]:
        """Return its arguments by their wire names."""
        if not self.recipients:
            msg = "sendSms: there is nobody to send to; nothing was sent."
            raise InvalidRequest(msg)
        if self.dynamic and placeholders(self.message) != self.dynamic:
            msg = f"sendSms: dynamic is {self.dynamic}, which is not what the text has; nothing was sent."
            raise InvalidText(msg, reason="placeholders")
        data: dict[str, Any] = {"message": checked("The text", self.message), "dynamic": self.dynamic}
        options = {
            "lowcost": None if self.lowcost is None else int(self.lowcost),
            "campaignName": _optional("The campaign's name", self.campaign_name),
            "cliMsgId": _optional("The reference", self.cli_msg_id),
            "date": None if self.date is None else wire_date(self.date),
            "tpoa": _optional("The sender", self.tpoa),
            "mailNotif": None if self.mail_notif is None else int(self.mail_notif),
        }
        data |= {name: value for name, value in options.items() if value is not None}
        data["sms"] = {"item": [self._row(recipient) for recipient in self.recipients]}
        return {"messageData": data}

    def _row(self, recipient: Recipient) -> dict[str, Any]:
        values = recipient.params[: self.dynamic]
        if len(values) < self.dynamic:
            msg = f"#param_{len(values) + 1}# has no value for somebody; nothing was sent."
            raise InvalidText(msg, reason="missing_param")
        return {
            "mobilePhone": checked("A number", recipient.phone),
            "params": {"item": [checked("A parameter", value) for value in values]},
        }

    @classmethod
    def read(cls, answer: Fields) -> SendSmsResult:
        """Return what an answer says; only a listed refusal is the gateway's word that nothing was sent."""
        code, words = (text(answer, "status") or "").strip(), text(answer, "statusText")
        if code not in status.SEND_SUCCESS and code != status.PARTLY_SENT:
            error = refusal(status.SEND, code, cls.name, words or "") or status.unlisted(code, cls.name)
            if isinstance(error, NoValidNumber):
                error.numbers = Unshown(parted(_lenient(answer, "invalidNumbers")))
            raise error
        return SendSmsResult(
            status=code,
            status_text=words,
            credits=amount(answer, "credits"),
            invalid_numbers=text(answer, "invalidNumbers"),
            campaign_id=text(answer, "campaignId"),
            ids=tuple(
                PushId(mobile_phone=text(entry, "mobilePhone"), id=text(entry, "id"), part=text(entry, "part"))
                for entry in items(answer, "ids")
            ),
            raw=kept(answer, "credits"),
        )


_bars = re.compile(r"[|;,]").split


def parted(numbers: str | None) -> list[str]:
    """Return refused numbers, in the form that they are matched on."""
    return [read_gateway_number(raw) for raw in _bars(numbers or "") if raw.strip()]


def _lenient(answer: Fields, name: str) -> str | None:
    """Return a text of a refusal, None if it is none: that nothing was sent is said already."""
    value = answer.get(name)
    return value if isinstance(value, str) else None


def _optional(field: str, value: str | None) -> str | None:
    return None if value is None else checked(field, value)
