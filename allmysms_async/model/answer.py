"""What a gateway answered to a send, and what it knows of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from allmysms_async.model.vocabulary import DeliveryStatus, Reason
from allmysms_async.redaction import Discreet, Shown

__all__ = [
    "Accepted",
    "Account",
    "CampaignSummary",
    "DeliveryReport",
    "Estimate",
    "FoundSend",
    "RecipientResult",
    "Rejected",
    "SendReceipt",
    "TextPrice",
    "Unconfirmed",
]


class Accepted(Discreet, frozen=True, gc=False):
    """The gateway took the message for this recipient.

    Attributes:
        phone: Canonical number.
        sms_id: The gateway's identifier of this text, where the protocol has one.
    """

    phone: str
    sms_id: str | None = None


class Rejected(Discreet, frozen=True):
    """The recipient was surely not texted.

    Attributes:
        phone: Canonical number.
        reason: From the one vocabulary.
        since: Since when the number has been on a black list, where the gateway says so.
    """

    phone: str
    reason: Reason
    since: datetime | None = None


class Unconfirmed(Discreet, frozen=True):
    """The gateway's answer does not say what became of this recipient.

    Attributes:
        phone: Canonical number.
    """

    phone: str


RecipientResult: TypeAlias = Accepted | Rejected | Unconfirmed
"""What the gateway's answer says of one recipient."""


class SendReceipt(Shown, frozen=True, kw_only=True):
    """What the gateway answered to one send.

    Attributes:
        campaign_id: The gateway's identifier of the send, for reports, replies and cancelling.
        results: One for each recipient, in the order they were given; immutable.
        parts: Text parts taken, over all recipients.
        credits_used: Credits that this send cost, or None if the answer does not say.
        credits_left: Credits left, or None.
        cost: Euros, without tax, or None.
        balance: Euros left, or None.
        scheduled: Whether it waits for its date.
        replayed: Whether this is the answer to an earlier request with the same key.
        idempotency_key: The key it was sent with, or None.
        raw: The whole answer as the protocol's own names and values.
        warning: What is odd in the answer, in a sentence that names nobody, or None.
    """

    campaign_id: str | None
    results: Sequence[RecipientResult]
    parts: int | None = None
    credits_used: Decimal | None = None
    credits_left: Decimal | None = None
    cost: Decimal | None = None
    balance: Decimal | None = None
    scheduled: bool = False
    replayed: bool = False
    idempotency_key: str | None = None
    raw: Mapping[str, object] = {}
    warning: str | None = None

    @property
    def accepted(self) -> tuple[Accepted, ...]:
        """The recipients whose message was taken."""
        return tuple(result for result in self.results if isinstance(result, Accepted))

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """The recipients that were surely not texted."""
        return tuple(result for result in self.results if isinstance(result, Rejected))

    @property
    def unconfirmed(self) -> tuple[Unconfirmed, ...]:
        """The recipients of whom the answer says nothing."""
        return tuple(result for result in self.results if isinstance(result, Unconfirmed))

    def __repr__(self) -> str:
        """Show the counts, not the numbers."""
        return (
            f"<SendReceipt {self.campaign_id} accepted={len(self.accepted)} rejected={len(self.rejected)} "
            f"unconfirmed={len(self.unconfirmed)} scheduled={self.scheduled}>"
        )


class Estimate(Discreet, frozen=True, kw_only=True):
    """What a send would cost.

    Attributes:
        recipients: How many would be texted.
        parts: Text parts over all recipients.
        credits: Credits, where the gateway says so.
        cost: Euros, without tax.
        rejected: Those the gateway would not take.
    """

    recipients: int
    parts: int
    credits: Decimal | None
    cost: Decimal | None
    rejected: tuple[Rejected, ...] = ()


class DeliveryReport(Discreet, frozen=True, kw_only=True):
    """What became of one text; may change for 72 hours after the send.

    Attributes:
        phone: Canonical number.
        status: From the one vocabulary.
        code: The protocol's own status.
        comment: The operator's explanation, if any.
        received_at: When the operator reported, or None.
        sms_id: The gateway's identifier of the text, where it is known.
        campaign_id: The gateway's identifier of its send, where it is known.
        raw: The fields of the request that brought it, by the protocol's own names, where one did.
    """

    phone: str
    status: DeliveryStatus
    code: str
    comment: str | None = None
    received_at: datetime | None = None
    sms_id: str | None = None
    campaign_id: str | None = None
    raw: Mapping[str, str] = {}


class Account(Discreet, frozen=True, kw_only=True):
    """The account that sends.

    Attributes:
        status: The gateway's own words, such as ``Active Account``.
        credits: Credits left.
        texts: One-part texts that can be sent to the reference country.
        country: Reference country, ISO 3166 two letters.
        balance: Euros left.
        email: The account's address.
        company: The account's company.
        can_send_priority: Whether the channel for urgent messages may be used.
    """

    status: str
    credits: Decimal | None = None
    texts: int | None = None
    country: str | None = None
    balance: Decimal | None = None
    email: str | None = None
    company: str | None = None
    can_send_priority: bool | None = None


class TextPrice(Shown, frozen=True, kw_only=True):
    """What a text part costs in one country.

    Attributes:
        country: ISO 3166 two letters, or what the gateway has in their place.
        prefix: First digits of its numbers: the country code, or more.
        part: Euros without tax.
    """

    country: str
    prefix: str
    part: Decimal


class CampaignSummary(Shown, frozen=True, kw_only=True):
    """What the gateway knows of one earlier send.

    Attributes:
        campaign_id: The gateway's identifier.
        name: The name it was sent with.
        status: The gateway's own word, such as ``sent``, ``programmed``, ``cancelled``.
        ordered_at: When it was asked for.
        sent_at: When it was, or will be, sent.
        recipients: How many.
        parts: Text parts over all recipients.
        sender: What is shown as the sender.
    """

    campaign_id: str
    name: str | None
    status: str | None
    ordered_at: datetime | None
    sent_at: datetime | None
    recipients: int | None
    parts: int | None
    sender: str | None


class FoundSend(Shown, frozen=True, kw_only=True):
    """What a gateway knows of a send that was never answered.

    Attributes:
        campaign_id: The gateway's identifier.
        sms_ids: Canonical numbers that it took the text for, each with the identifier of its text where there is one.
        parts: Text parts over all recipients, or None.
        whole: Whether these are all that it took the text for: only then whoever is missing was surely not texted.
    """

    campaign_id: str
    sms_ids: Mapping[str, str | None]
    parts: int | None = None
    whole: bool = False

    def __repr__(self) -> str:
        """Show the count, not the numbers."""
        return f"<FoundSend {self.campaign_id} {len(self.sms_ids)} recipients>"
