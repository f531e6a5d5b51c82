"""What the answer to a send says of its recipients."""

from __future__ import annotations

from decimal import Decimal

from allmysms_async import plausible
from allmysms_async.backend import SendRequest
from allmysms_async.model import AllAccepted, SendReceipt
from allmysms_async.protocols.envoyersmspro.message import SendMessageResult

__all__ = ["receipt"]


def receipt(result: SendMessageResult, request: SendRequest, parts: int) -> SendReceipt:
    """Return what an answer says: success accepts everybody, whatever its count; a count that differs is told."""
    sent, left = result.sms_sent, result.sms_remaining
    people = len(request.recipients)
    campaign_id, odd = plausible.identifier(result.message_id), list(plausible.odd_in(result.raw))
    if campaign_id is None:
        odd.append("message_id")
    if sent is not None and plausible.parts(sent, people) is None:
        sent = None
        odd.append("sms_sent")
    warning = plausible.told("message/send", odd)
    # The manual does not say whether it counts people or SMS: either is right.
    if sent not in {None, people, parts}:
        differs = f"message/send: the provider counts {sent} SMS sent to {people} recipients, {parts} were expected."
        warning = f"{differs} {warning}" if warning else differs
    return SendReceipt(
        campaign_id=campaign_id,
        results=AllAccepted(request.phones),
        parts=parts,
        credits_used=None if sent is None else Decimal(sent),
        credits_left=None if left is None else Decimal(left),
        scheduled=request.message.send_at is not None,
        raw=result.raw,
        warning=warning,
    )
