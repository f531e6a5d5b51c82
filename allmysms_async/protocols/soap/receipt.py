"""Reading a send's answer for each recipient: accepted, rejected, or not confirmed.

Source: SOAP API, B (PushAnswer, PushId) and annex 1 (113).
"""

from __future__ import annotations

from collections.abc import Sequence

from allmysms_async import plausible
from allmysms_async.model import Accepted, Reason, Recipient, RecipientResult, Rejected, SendReceipt, Unconfirmed
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.soap.sms import SendSmsResult, parted
from allmysms_async.protocols.soap.status import PARTLY_SENT

__all__ = ["receipt"]


def receipt(result: SendSmsResult, recipients: Sequence[Recipient], parts: int, *, scheduled: bool) -> SendReceipt:
    """Return what an answer says of each recipient that was asked for.

    Listed with an identifier, of any part, is accepted; listed among the invalid is rejected. In neither list is
    accepted only if the answer speaks of the whole request: it lists no identifier at all (a scheduled send has none
    yet), it has a campaign id, and for 113 it says who is left out. Otherwise it is not confirmed; so is everybody
    who is not listed in a 113 without a campaign id, which may be a refusal or a send.

    Args:
        result: The answer.
        recipients: Who was asked for, in order.
        parts: Text parts over all of them, as measured here.
        scheduled: Whether a date was asked for; 113 does not say.
    """
    ids: dict[str, str | None] = {}
    for entry in result.ids:
        if entry.mobile_phone:
            # The first part's identifier stands for the text.
            ids.setdefault(read_gateway_number(entry.mobile_phone), entry.id or None)
    invalid = set(parted(result.invalid_numbers))
    partly = result.status == PARTLY_SENT
    silent = not result.ids and bool(result.campaign_id) and (bool(invalid) or not partly)
    results: list[RecipientResult] = []
    for recipient in recipients:
        phone = recipient.phone
        if phone in ids:
            results.append(Accepted(phone, plausible.identifier(ids[phone])))
        elif phone in invalid:
            results.append(Rejected(phone, Reason.INVALID_AT_GATEWAY))
        else:
            results.append(Accepted(phone) if silent else Unconfirmed(phone))
    accepted_all = all(isinstance(entry, Accepted) for entry in results)
    taken, campaign_id = len(result.ids) or None, plausible.identifier(result.campaign_id)
    odd = list(plausible.odd_in(result.raw))
    if result.campaign_id and campaign_id is None:
        odd.append("campaignId")
    if taken is not None and plausible.parts(taken, len(recipients)) is None:
        odd.append("ids")
        taken = None
    return SendReceipt(
        campaign_id=campaign_id,
        results=tuple(results),
        parts=taken if taken is not None else parts if accepted_all else None,
        credits_left=result.credits,
        scheduled=result.status == "101" or (partly and scheduled),
        raw=result.raw,
        warning=plausible.told("sendSms", odd),
    )
