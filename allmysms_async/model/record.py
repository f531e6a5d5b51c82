"""What else a gateway keeps: answers of people, opt-outs, sub-accounts, contact lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from allmysms_async.model.vocabulary import Reason, Secret
from allmysms_async.numbers import mask
from allmysms_async.redaction import Discreet, Shown

__all__ = [
    "Contact",
    "ListChange",
    "NewSubAccount",
    "OptOut",
    "OptOutSource",
    "Reply",
    "SubAccount",
]


OptOutSource: TypeAlias = Literal["gateway", "reply", "report", "import", "manual"]
"""What told of an opt-out."""


class Reply(Discreet, frozen=True, kw_only=True):
    """What somebody answered to a text.

    Attributes:
        phone: Canonical number of who answered.
        text: The answer.
        received_at: When it came, or None.
        reply_id: The gateway's identifier of the answer, where the protocol has one.
        sms_id: The gateway's identifier of the text that was answered, where it is known.
        campaign_id: The gateway's identifier of its send, where it is known.
        reference: The caller's own identifier of its send, where it is known.
        raw: The fields of the request that brought it, by the protocol's own names, where one did.
    """

    phone: str
    text: str
    received_at: datetime | None = None
    reply_id: str | None = None
    sms_id: str | None = None
    campaign_id: str | None = None
    reference: str | None = None
    raw: Mapping[str, str] = {}


class OptOut(Discreet, frozen=True, kw_only=True):
    """A number that is not texted any more.

    Attributes:
        phone: Canonical number.
        reason: ``opted_out``, ``unassigned`` or ``manual_blacklist``.
        since: Since when, or None.
        source: What told of it: ``gateway`` (its list), ``reply`` (a STOP), ``report`` (a delivery report), ``import``
            (a list of one's own) or ``manual``.
        ended_at: Since when the number may be texted again, by a START or a removal; None while it may not.
    """

    phone: str
    reason: Reason = Reason.OPTED_OUT
    since: datetime | None = None
    source: OptOutSource = "gateway"
    ended_at: datetime | None = None


class NewSubAccount(Discreet, frozen=True, kw_only=True):
    """A sub-account to create; each protocol says which of these it needs.

    Attributes:
        name: Its name, where a protocol asks for nothing but that.
        login: Its login.
        password: Its password.
        first_name: Of its owner.
        last_name: Of its owner.
        company: Its owner's company.
        mobile: Its owner's mobile number.
        email: Its owner's address.
        phone: Its owner's other number.
        website: Its owner's site.
        address: Street of its owner.
        zip_code: Postal code of its owner.
        city: City of its owner.
        country: Country of its owner.
        notify_owner: Send its owner a summary by e-mail.
        notify_master: Send the main account a summary by e-mail.
        post_paid: Bill it afterwards; only if the main account is billed so.
    """

    name: str | None = None
    login: str | None = None
    password: Secret | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    mobile: str | None = None
    email: str | None = None
    phone: str | None = None
    website: str | None = None
    address: str | None = None
    zip_code: str | None = None
    city: str | None = None
    country: str | None = None
    notify_owner: bool | None = None
    notify_master: bool | None = None
    post_paid: bool | None = None


class SubAccount(Discreet, frozen=True, kw_only=True):
    """A sub-account as the gateway lists it.

    Attributes:
        account_id: What names it in later calls: a login, or a number, as the protocol has it.
        name: Its name, or its owner's.
        email: Its owner's address, or None.
        credits: Credits left, or None.
        active: Whether it may be used, or None.
    """

    account_id: str
    name: str | None = None
    email: str | None = None
    credits: Decimal | None = None
    active: bool | None = None


class Contact(Shown, frozen=True):
    """One person on a contact list that the gateway keeps.

    Attributes:
        phone: The number, in a form that the gateway takes.
        columns: What else the list holds of them, by the names of its columns.
    """

    phone: str
    columns: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Show the number masked, and how many columns go with it."""
        return f"<Contact {mask(self.phone)}, {len(self.columns)} columns>"


class ListChange(Shown, frozen=True, kw_only=True):
    """What a change to a contact list did; ``done + ignored + duplicated`` is the gateway's own count.

    Attributes:
        rows: Rows that were sent to the gateway and answered for.
        done: Contacts that were inserted, or deleted.
        ignored: Contacts that the gateway passed over.
        duplicated: Contacts that it found twice.
        requests: Requests that it took.
    """

    rows: int = 0
    done: int = 0
    ignored: int = 0
    duplicated: int = 0
    requests: int = 0
