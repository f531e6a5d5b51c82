"""Sending.

Source: SOAP API, B (MessageData, Sms, PushAnswer, PushId), C (sendSMS) and annex 1.
"""

from allmysms_async.sandbox.alphabet import parts
from allmysms_async.sandbox.state import Account, Campaign, Order, Reason, Refused, World

from .parse import Value, fields, rows, word
from .render import Answer
from .status import PARTLY, PROGRAMMED, SENT, said

__all__ = ["send_sms"]

_PREMIUM, _LOW_COST = 640, 160
_MAX_PARAMS = 100
_FIRST_ID = 32_845_703
_PARTS_EACH = 8
_ROWS_EACH = 1 << 20


def send_sms(world: World, account: Account, data: Value) -> Answer:
    """Send.

    Raises:
        Refused: It was not sent.
    """
    if not data:
        raise Refused(Reason.EMPTY_FLOW)
    flow = fields(data)
    order = _order(flow)
    planned = world.simulate(account, order)
    longest = _LOW_COST if word(flow.get("lowcost")) == "1" else _PREMIUM
    if any(len(text) > longest for text in ([planned.texts] if isinstance(planned.texts, str) else planned.texts)):
        raise Refused(Reason.TEXT_TOO_LONG)
    sending = world.submit(account, order)
    campaign = sending.campaign
    status = PROGRAMMED if campaign.scheduled else PARTLY if sending.discards else SENT
    return said(status) | {
        "credits": f"{sending.credits_left:.0f}",
        "invalidNumbers": "".join([f"{discard.number}|" for discard in sending.discards]),
        "campaignId": campaign.id,
        "ids": _ids(campaign),
    }


def _order(flow: dict[str, Value]) -> Order:
    """Return the request as an order.

    Raises:
        Refused: A field cannot be understood.
    """
    listed = [fields(row) for row in rows(flow.get("sms"))]
    if not listed or not all(listed) or "message" not in flow:
        raise Refused(Reason.BROKEN_FLOW)
    try:
        dynamic = int(word(flow.get("dynamic")) or "0")
    except ValueError:
        raise Refused(Reason.BROKEN_FLOW) from None
    if not 0 <= dynamic <= _MAX_PARAMS:
        raise Refused(Reason.BROKEN_FLOW)
    text = flow["message"]
    return Order(
        protocol="soap",
        method="sendSms",
        text=text if isinstance(text, str) else "",
        phones=[word(row.get("mobilePhone")) for row in listed],
        params=[_params(row.get("params"), dynamic) for row in listed] if dynamic else [],
        dynamic=dynamic,
        sender=word(flow.get("tpoa")),
        date=word(flow.get("date")),
        repeatable=True,
        name=word(flow.get("campaignName")),
        client_message_id=word(flow.get("cliMsgId")),
    )


def _params(value: Value, dynamic: int) -> list[str | None]:
    """Return a recipient's values; one that is not there is None."""
    values: list[str | None] = [held if isinstance(held, str) else None for held in rows(value)]
    return values + [None] * (dynamic - len(values))


def _ids(campaign: Campaign) -> list[Answer]:
    """Return an identifier for each part of each text; they are figures, and none is ever used twice."""
    ids: list[Answer] = []
    for index, phone in enumerate(campaign.phones):
        first = _FIRST_ID + (campaign.number * _ROWS_EACH + index) * _PARTS_EACH
        count = parts(campaign.text(index), unicode=False)
        ids.extend({"mobilePhone": phone, "id": str(first + part), "part": str(part + 1)} for part in range(count))
    return ids
