"""The neutral vocabulary: what is sent, to whom, and what became of it, whatever the protocol."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, NoReturn, TypeAlias

import msgspec

from allmysms_async.discreet import Discreet
from allmysms_async.numbers import mask
from allmysms_async.text import Coding

__all__ = [
    "Accepted",
    "Account",
    "Campaign",
    "CampaignResult",
    "CampaignSummary",
    "Contact",
    "DeliveryReport",
    "DeliveryStatus",
    "Encoding",
    "Estimate",
    "FoundSend",
    "ListChange",
    "MmsKind",
    "MmsMessage",
    "NewSubAccount",
    "OptOut",
    "Outcome",
    "OutcomeState",
    "Progress",
    "Purpose",
    "Reason",
    "Recipient",
    "RecipientResult",
    "Rejected",
    "Reply",
    "Secret",
    "SendReceipt",
    "SmsMessage",
    "SubAccount",
    "Totals",
    "Unconfirmed",
    "as_sms",
]

Purpose: TypeAlias = Literal["marketing", "transactional", "otp"]
"""Why a text is sent: French law treats them differently."""

Encoding: TypeAlias = Literal["auto", "gsm7", "unicode"]
"""``auto`` takes GSM-7 where the expanded text allows it; ``gsm7`` refuses what it cannot hold, naming it."""


class Reason(enum.StrEnum):
    """Why a recipient was not accepted; one vocabulary for all protocols."""

    EMPTY = "empty"
    MALFORMED = "malformed"
    LAND_LINE = "land_line"
    OUTSIDE_FRANCE = "outside_france"
    DUPLICATE = "duplicate"
    MISSING_PARAM = "missing_param"
    TEXT_TOO_LONG = "text_too_long"
    NEEDS_UNICODE = "needs_unicode"
    OPTED_OUT = "opted_out"
    UNASSIGNED = "unassigned"
    MANUAL_BLACKLIST = "manual_blacklist"
    INVALID_AT_GATEWAY = "invalid_at_gateway"
    QUIET_HOURS = "quiet_hours"
    GATEWAY_REFUSED = "gateway_refused"
    NOT_CONFIRMED = "not_confirmed"


class DeliveryStatus(enum.StrEnum):
    """What a delivery report says; one vocabulary for all protocols."""

    PENDING = "pending"
    HANDED_TO_OPERATOR = "handed_to_operator"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    UNKNOWN_NUMBER = "unknown_number"
    UNKNOWN = "unknown"
    """A status that the manual does not list; ``DeliveryReport.code`` is it."""
    OPTED_OUT = "opted_out"


class OutcomeState(enum.StrEnum):
    """Where a row of a campaign stands."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"


class Secret:
    """A text that is never shown: a key or a password.

    Args:
        value: The text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        """Show that there is one, and nothing of it."""
        return "<Secret>"

    def __eq__(self, other: object) -> bool:
        """Compare by text."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash by text."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the text would be in the open."""
        msg = "A Secret cannot be pickled."
        raise TypeError(msg)


# -- what is sent -----------------------------------------------------------------------------------------------------


class SmsMessage(msgspec.Struct, frozen=True):
    """A text and how it is to be sent.

    Attributes:
        text: The text; ``#param_1#``, ``#param_2#``… stand for each recipient's values, counted from 1 without gaps.
        sender: Shown in place of the short number, or None for the gateway's default. To France it is honoured only if
            the text ends with ``STOP au 36180``.
        purpose: ``marketing``, ``transactional`` or ``otp``; a campaign must say.
        encoding: ``auto`` (default), ``gsm7`` or ``unicode``. A text is never cut, re-coded or transliterated.
        send_at: When to send it, an aware datetime in the future; None is now.
        wants_replies: Whether recipients should be able to answer.
        reference: The caller's own identifier, returned with reports and replies.
        track_links: Replace a link by a short one that counts clicks.
        priority: Use the channel for urgent messages (metropolitan France; the account must be entitled to it).

    Source: HTTPS API v9, §7.2.
    """

    text: str
    sender: str | None = None
    purpose: Purpose | None = None
    encoding: Encoding = "auto"
    send_at: datetime | None = None
    wants_replies: bool = False
    reference: str | None = None
    track_links: bool = False
    priority: bool = False

    def __repr__(self) -> str:
        """Show everything but the text, which may hold a one-time code."""
        return f"<SmsMessage {len(self.text)} characters, sender={self.sender!r}, purpose={self.purpose!r}>"


class MmsKind(enum.IntEnum):
    """What an MMS carries; the values are the gateway's ``MSGCLASS``. Source: MMS module, §1.2."""

    TEXT = 0
    IMAGE = 1
    VIDEO = 2
    SOUND = 3
    SOUND_AND_IMAGE = 4


class MmsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A text with a picture, a video, a sound, or a sound and a picture; or a longer text alone.

    The gateway fetches the media itself: each is an address ``http://…`` without ``&`` that ends like its kind of
    file, and holds at most 600 KB. Placeholders in the text are filled in as in an ``SmsMessage``.

    Attributes:
        text: The text: 1 to 1000 characters alone, 1 to 100 beside media; a newline counts 2.
        image: Address of a ``.gif`` or ``.jpg`` file.
        video: Address of a ``.3gp`` file; with neither an image nor a sound.
        sound: Address of a ``.mid`` or ``.amr`` file.
        duration: Seconds that the video or the sound takes, 0 to 1000; required with one, and only with one.
        purpose: ``marketing``, ``transactional`` or ``otp``; a campaign must say.
        send_at: When to send it, an aware datetime in the future; None is now.
        notify: Whether the gateway reports errors by e-mail to the account's owner; None leaves it to the account.

    Source: MMS module, §1.2, §1.3.
    """

    text: str
    image: str | None = None
    video: str | None = None
    sound: str | None = None
    duration: int | None = None
    purpose: Purpose | None = None
    send_at: datetime | None = None
    notify: bool | None = None

    @property
    def kind(self) -> MmsKind:
        """What it carries, told from the media that are given."""
        if self.video is not None:
            return MmsKind.VIDEO
        if self.sound is not None:
            return MmsKind.SOUND if self.image is None else MmsKind.SOUND_AND_IMAGE
        return MmsKind.TEXT if self.image is None else MmsKind.IMAGE

    @property
    def sms(self) -> SmsMessage:
        """Its text, with the options that a plain text has too; measured in characters, as an MMS is."""
        return SmsMessage(self.text, purpose=self.purpose, encoding="unicode", send_at=self.send_at)

    def __repr__(self) -> str:
        """Show the kind and the length, and nothing of the text."""
        return f"<MmsMessage {self.kind.name.lower()} {len(self.text)} characters, purpose={self.purpose!r}>"


class Recipient(msgspec.Struct, frozen=True):
    """One person to be texted.

    Attributes:
        phone: A mobile number in any usual form.
        params: Values for ``#param_1#``, ``#param_2#``…
        line: Line of the file it was read from, counted from 1, or None.
    """

    phone: str
    params: tuple[str, ...] = ()
    line: int | None = None

    def __repr__(self) -> str:
        """Show the number masked, and how many values go with it."""
        return f"<Recipient {mask(self.phone)}, {len(self.params)} params>"


class Campaign(Discreet, frozen=True, eq=False, weakref=True):
    """One message to many recipients.

    A campaign object is one campaign: running the same object again continues it and texts nobody twice, while
    another object with the same contents is another campaign.

    Attributes:
        name: Shown in the provider's back office, followed by a mark of the run and the chunk.
        message: The message; its ``purpose`` is required here. An MMS needs a backend that sends MMS.
        recipients: Any iterable or async iterable of ``Recipient`` or of numbers; read once, lazily.
    """

    name: str
    message: SmsMessage | MmsMessage
    recipients: Iterable[Recipient | str] | AsyncIterable[Recipient | str]


# -- what a gateway answered ------------------------------------------------------------------------------------------


class Accepted(Discreet, frozen=True):
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


class SendReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway answered to one send.

    Attributes:
        campaign_id: The gateway's identifier of the send, for reports, replies and cancelling.
        results: One for each recipient, in the order they were given.
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
    results: tuple[RecipientResult, ...]
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
    """

    phone: str
    status: DeliveryStatus
    code: str
    comment: str | None = None
    received_at: datetime | None = None
    sms_id: str | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
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


class CampaignSummary(msgspec.Struct, frozen=True, kw_only=True):
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


class FoundSend(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway knows of a send that was never answered.

    Attributes:
        campaign_id: The gateway's identifier.
        sms_ids: Canonical numbers that it took the text for, each with the identifier of its text where there is one.
        parts: Text parts over all recipients, or None.
    """

    campaign_id: str
    sms_ids: Mapping[str, str | None]
    parts: int | None = None

    def __repr__(self) -> str:
        """Show the count, not the numbers."""
        return f"<FoundSend {self.campaign_id} {len(self.sms_ids)} recipients>"


# -- what else a gateway knows ----------------------------------------------------------------------------------------


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
    """

    phone: str
    text: str
    received_at: datetime | None = None
    reply_id: str | None = None
    sms_id: str | None = None
    campaign_id: str | None = None
    reference: str | None = None


class OptOut(Discreet, frozen=True, kw_only=True):
    """A number that the gateway does not text any more.

    Attributes:
        phone: Canonical number.
        reason: ``opted_out``, ``unassigned`` or ``manual_blacklist``.
        since: Since when, or None.
    """

    phone: str
    reason: Reason = Reason.OPTED_OUT
    since: datetime | None = None


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


class SubAccount(msgspec.Struct, frozen=True, kw_only=True):
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


class Contact(msgspec.Struct, frozen=True):
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


class ListChange(msgspec.Struct, frozen=True, kw_only=True):
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


# -- what became of a campaign ----------------------------------------------------------------------------------------


class Outcome(msgspec.Struct, frozen=True):
    """What became of one row of a campaign's source.

    Attributes:
        row: Ordinal in the source, counted from 1.
        line: Line of the file, where the source has lines.
        phone: Canonical number, or what the source held if it is not one.
        state: accepted, rejected, failed (surely not sent), unknown (may have been sent).
        reason: Why it was not accepted.
        sms_id: The gateway's identifier of the text, where the protocol has one.
        campaign_id: The gateway's identifier of the send.
    """

    row: int
    line: int | None
    phone: str
    state: OutcomeState
    reason: Reason | None = None
    sms_id: str | None = None
    campaign_id: str | None = None

    def __repr__(self) -> str:
        """Show the number masked."""
        return f"<Outcome row {self.row} {mask(self.phone)} {self.state}{f' {self.reason}' if self.reason else ''}>"


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows read so far ended; ``accepted + rejected + failed + unknown + pending = rows``.

    Attributes:
        rows: Rows read from the source.
        accepted: The gateway took the message.
        rejected: Surely not texted, with a reason.
        failed: Surely not sent, after all retries.
        unknown: May have been sent; nothing more is known.
        pending: Read, not yet sent.
        rejections: How many rows by reason.
        parts: Text parts that the gateway took.
        cost: Euros that the gateway reported, without tax.
        complete: Whether the source was read to its end.
    """

    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    unknown: int = 0
    pending: int = 0
    rejections: Mapping[Reason, int] = {}
    parts: int = 0
    cost: Decimal = Decimal(0)
    complete: bool = False


class Progress(Totals, frozen=True, kw_only=True):
    """Where a campaign stands.

    Attributes:
        outcomes: The rows whose outcome became known since the last progress.
        waiting_until: While the gateway's request limit allows no request, when the next one is allowed; else None.
        least_seconds: How long the campaign takes at least because of that limit, as foreseen at its start; 0 if it
            fits, None if that is not known (no limit, or a source without a length).
        recovered: Recipients read back from the journal so far, to know them again in a source that is read again.
    """

    outcomes: tuple[Outcome, ...] = ()
    waiting_until: datetime | None = None
    least_seconds: float | None = None
    recovered: int = 0


class CampaignResult(Totals, frozen=True, kw_only=True):
    """What became of a campaign.

    Attributes:
        name: The campaign's name.
        run_id: The random identifier of this run; its first eight characters are in the provider's back office.
        campaign_ids: The gateway's identifiers of the sends, in no particular order.
        problems: What went wrong with chunks that failed or stayed unknown, each sentence once, with how often.
    """

    name: str
    run_id: str
    campaign_ids: tuple[str, ...] = ()
    problems: Mapping[str, int] = {}

    @property
    def all_accepted(self) -> bool:
        """Whether the source was read to its end and every row of it was accepted."""
        return self.complete and self.accepted == self.rows


def as_sms(message: SmsMessage | MmsMessage) -> SmsMessage:
    """Return a message's text and the options that every kind of message has."""
    return message.sms if isinstance(message, MmsMessage) else message


def coding_of(encoding: Encoding) -> Coding | None:
    """Return the coding that an encoding asks for, None for ``auto``."""
    return {"auto": None, "gsm7": Coding.GSM7, "unicode": Coding.UNICODE}[encoding]
