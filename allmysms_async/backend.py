"""What a backend can be asked: one small Protocol for each capability.

A backend fulfils those that its protocol has; a service call that the backend lacks is refused before any I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

from allmysms_async.errors import UnsupportedFeature
from allmysms_async.model import (
    Account,
    CampaignSummary,
    Contact,
    DeliveryReport,
    Estimate,
    FoundSend,
    ListChange,
    MmsMessage,
    NewSubAccount,
    OptOut,
    Recipient,
    Reply,
    SendReceipt,
    SmsMessage,
    SubAccount,
)
from allmysms_async.redaction import Discreet, Shown
from allmysms_async.text import Coding

__all__ = [
    "CAPABILITIES",
    "ActsForSubAccounts",
    "AddsOptOuts",
    "AddsToMessages",
    "Backend",
    "Calls",
    "Cancels",
    "ChecksOptOuts",
    "CreatesSubAccounts",
    "DescribesAccount",
    "KeepsLists",
    "LimitsByMessage",
    "ListsCampaigns",
    "ListsOptOuts",
    "ListsSubAccounts",
    "Paces",
    "Question",
    "ReceivesReplies",
    "Reconciles",
    "RemovesOptOuts",
    "Replay",
    "ReportsDelivery",
    "SendLimits",
    "SendRequest",
    "Sends",
    "SendsMms",
    "Simulates",
    "added_to",
    "capable",
    "identity",
    "limits_by_message",
    "limits_of",
]

Replay: TypeAlias = Literal["safe", "key", "never"]
"""Whether a request may be repeated when its outcome is not known: always, with the same idempotency key, or never."""


R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


def identity(*parts: str) -> str:
    """Return a backend's ``identity``.

    Args:
        parts: The protocol's name, the server's address, the login, and whatever else tells accounts apart.
    """
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


class SendLimits(Shown, frozen=True, kw_only=True):
    """What one request of a protocol can hold.

    Attributes:
        recipients: Recipients in a request by default.
        max_recipients: Recipients in a request at most.
        max_gsm_units: Length of a GSM-7 text at most, in units (an extension character is two).
        max_ucs2_units: Length of a Unicode text at most, in UTF-16 units; 0 if the protocol has no Unicode.
        personalises: Whether the protocol itself replaces ``#param_N#``.
        idempotent: Whether a request can carry an idempotency key.
        max_numbers_length: Length at most of all canonical numbers of a request, one character between each; None is
            without bound.
        metropolitan_only: Whether only mobiles of metropolitan France can be reached.
        refused_characters: Characters that the gateway would replace by others: a text that holds one is refused.
        reports_cost: Whether the answer to a send says what it cost, in euros.
    """

    recipients: int
    max_recipients: int
    max_gsm_units: int
    max_ucs2_units: int
    personalises: bool
    idempotent: bool
    max_numbers_length: int | None = None
    metropolitan_only: bool = False
    refused_characters: str = ""
    reports_cost: bool = False

    def max_units(self, coding: Coding) -> int:
        """Return the length of a text at most, in units of its coding."""
        return self.max_gsm_units if coding is Coding.GSM7 else self.max_ucs2_units


class SendRequest(Discreet, frozen=True, kw_only=True):
    """One request to send: one text, one coding, some recipients.

    Attributes:
        message: How it is to be sent; its text is replaced by ``text``.
        text: The text; a template when ``params`` is not 0.
        coding: The coding that every expanded text of this request is sent in.
        params: How many ``#param_N#`` the gateway is to replace.
        recipients: Canonical numbers, each once, with at least ``params`` values.
        parts: Text parts over all recipients, as measured here.
        campaign_name: Shown in the provider's back office.
        idempotency_key: The same for every attempt of the same request, or None.
        timeout: Seconds for one attempt, or None for the backend's own.
        mms: The MMS that the text belongs to, or None where a plain text is asked for.
    """

    message: SmsMessage
    text: str
    coding: Coding
    recipients: Sequence[Recipient]
    params: int = 0
    parts: int = 0
    campaign_name: str | None = None
    idempotency_key: str | None = None
    timeout: float | None = None
    mms: MmsMessage | None = None


@runtime_checkable
class Backend(Protocol):
    """A way to reach a gateway."""

    @property
    def name(self) -> str:
        """The protocol's short name, such as ``rest``."""
        ...

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them: protocol, server and login, hashed."""
        ...

    async def aclose(self) -> None:
        """Close what this backend opened."""
        ...


B = TypeVar("B", bound=Backend)


@runtime_checkable
class Sends(Backend, Protocol):
    """Can send texts."""

    @property
    def limits(self) -> SendLimits:
        """What one request can hold."""
        ...

    def check(self, message: SmsMessage) -> None:
        """Refuse, before any I/O, what this protocol cannot send as it is asked.

        Raises:
            InvalidSender: The sender does not follow the protocol's rules.
            UnsupportedFeature: The protocol lacks an option that the message asks for.
        """
        ...

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send in one attempt.

        Raises:
            NotSent: Surely not sent.
            OutcomeUnknown: May have been sent.
            HttpRefused: Surely not sent.
            GatewayError: The gateway refused it whole.
        """
        ...


@runtime_checkable
class LimitsByMessage(Protocol):
    """Has limits that depend on the message."""

    def limits_of(self, message: SmsMessage | MmsMessage) -> SendLimits:
        """Return what one request with this message can hold."""
        ...


def limits_by_message(backend: Sends) -> Callable[[SmsMessage | MmsMessage], SendLimits]:
    """Return what tells the limits of one request with a message: looked up once, it may be asked often."""
    return backend.limits_of if isinstance(backend, LimitsByMessage) else lambda _: backend.limits


def limits_of(backend: Sends, message: SmsMessage | MmsMessage) -> SendLimits:
    """Return what one request of a backend with this message can hold."""
    return limits_by_message(backend)(message)


@runtime_checkable
class AddsToMessages(Protocol):
    """Has settings of its own that change what people receive."""

    def added_to(self, message: SmsMessage | MmsMessage) -> Mapping[str, str | bool | None]:
        """Return those settings that a message does not override, by their names."""
        ...


def added_to(backend: Sends, message: SmsMessage | MmsMessage) -> Mapping[str, str | bool | None]:
    """Return the settings of a backend that change what people receive of a message; none by default."""
    return backend.added_to(message) if isinstance(backend, AddsToMessages) else {}


@runtime_checkable
class SendsMms(Sends, Protocol):
    """Can send MMS, by ``send`` with ``SendRequest.mms``."""

    def check_mms(self, message: MmsMessage) -> None:
        """Refuse, before any I/O, an MMS that cannot be sent as it is asked.

        Raises:
            InvalidRequest: Its media or its duration cannot be right.
        """
        ...


@runtime_checkable
class Paces(Backend, Protocol):
    """Keeps a limit of requests per time, so that a campaign may have to wait.

    A request beyond the limit is not sent: it raises ``RequestLimitReached``, and whoever asked waits.
    """

    def turn_in(self) -> float:
        """Return the seconds until the next request may be sent, 0 if it may be now."""
        ...

    async def least_seconds(self, requests: int) -> float:
        """Return how long so many requests take at least because of the limit, from now; 0 if they fit into it."""
        ...


@runtime_checkable
class Simulates(Backend, Protocol):
    """Can say what a send would cost."""

    async def simulate(self, request: SendRequest) -> Estimate:
        """Ask what a send would cost, without sending."""
        ...


@runtime_checkable
class Cancels(Backend, Protocol):
    """Can cancel a scheduled send."""

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Raises:
            CampaignNotFound: The gateway does not know it.
            CampaignNotCancellable: It was sent or cancelled already, or was never scheduled.
        """
        ...


@runtime_checkable
class ReportsDelivery(Backend, Protocol):
    """Can say what became of texts."""

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the reports of one send; they may change for 72 hours."""
        ...

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Fetch the report of one text."""
        ...


@runtime_checkable
class DescribesAccount(Backend, Protocol):
    """Can describe the account."""

    async def account(self) -> Account:
        """Fetch the account's state and credits."""
        ...


@runtime_checkable
class ListsCampaigns(Backend, Protocol):
    """Can list earlier sends."""

    def campaigns(self, start: datetime, end: datetime, *, search: str | None = None) -> AsyncIterator[CampaignSummary]:
        """Iterate over the sends of a period, a page at a time."""
        ...


@runtime_checkable
class ReceivesReplies(Backend, Protocol):
    """Can fetch what people answered."""

    def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over answers, lazily.

        Args:
            campaign_id: Those to one send; None for those not fetched before, where the protocol has that.

        Raises:
            InvalidRequest: The protocol needs a campaign id.
        """
        ...


@runtime_checkable
class ListsOptOuts(Backend, Protocol):
    """Can list the numbers that are not texted any more."""

    def opt_outs(self) -> AsyncIterator[OptOut]:
        """Iterate over the numbers."""
        ...


@runtime_checkable
class ChecksOptOuts(Backend, Protocol):
    """Can say whether one number opted out."""

    async def opted_out(self, phone: str) -> bool:
        """Tell whether a number opted out."""
        ...


@runtime_checkable
class AddsOptOuts(Backend, Protocol):
    """Can bar a number from being texted."""

    async def add_opt_out(self, phone: str) -> None:
        """Bar a number from being texted."""
        ...


@runtime_checkable
class RemovesOptOuts(Backend, Protocol):
    """Can let a number be texted again."""

    async def remove_opt_out(self, phone: str) -> None:
        """Let a number be texted again."""
        ...


@runtime_checkable
class CreatesSubAccounts(Backend, Protocol):
    """Can create sub-accounts."""

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create a sub-account; return what names it in later calls. Never repeated by itself."""
        ...


@runtime_checkable
class ListsSubAccounts(Backend, Protocol):
    """Can list sub-accounts."""

    def sub_accounts(self) -> AsyncIterator[SubAccount]:
        """Iterate over the sub-accounts."""
        ...


@runtime_checkable
class ActsForSubAccounts(Backend, Protocol):
    """Can act in a sub-account's name."""

    def with_sub_account(self, login: str) -> Self:
        """Return a view that acts for a sub-account, over the same connections; closing it closes nothing."""
        ...


@runtime_checkable
class KeepsLists(Backend, Protocol):
    """Keeps contact lists at the gateway. Neither change is ever repeated by itself."""

    async def add_contacts(self, list_name: str, contacts: Sequence[Contact]) -> ListChange:
        """Insert contacts into a list, in one attempt."""
        ...

    async def remove_contacts(self, list_name: str, phones: Sequence[str]) -> ListChange:
        """Delete contacts from a list, in one attempt."""
        ...


class Question(Protocol[R_co]):
    """One of a protocol's own operations, given as data.

    Class attributes:
        name: Its name, as the protocol has it.
        replay: Whether it may be repeated when its outcome is not known.
    """

    name: ClassVar[str]
    replay: ClassVar[Replay]

    @property
    def idempotency_key(self) -> str | None:
        """What makes repeating it safe, where ``replay`` is ``key``."""
        ...

    @classmethod
    def result_type(cls) -> type[R_co]:
        """Return the class of its answer."""
        ...


@runtime_checkable
class Calls(Backend, Protocol):
    """Can be asked any of its protocol's own operations."""

    async def call(self, operation: Question[R], *, timeout: float | None = None) -> R:
        """Make one attempt at an operation."""
        ...


@runtime_checkable
class Reconciles(Backend, Protocol):
    """Can say whether a send was taken that was never answered."""

    async def find_send(
        self, campaign_name: str, moments: Sequence[datetime], *, campaign_id: str | None = None
    ) -> FoundSend | None:
        """Look a send up by its name, or by the gateway's identifier where that is known.

        Args:
            campaign_name: As in ``SendRequest.campaign_name``, which no other send has.
            moments: When it may have been sent; it is looked for a day before and after each.
            campaign_id: The gateway's identifier; with it neither name nor moments matter.

        Returns:
            What the gateway knows of it, or None if it does not know it: that alone is no proof that it was not sent.
        """
        ...


CAPABILITIES: Mapping[type[object], tuple[str, tuple[str, ...]]] = {
    Sends: ("sending", ("rest", "soap", "mail2sms", "mms", "envoyersmspro")),
    SendsMms: ("MMS", ("mms",)),
    Simulates: ("simulating", ("rest",)),
    Cancels: ("cancelling", ("rest", "soap", "envoyersmspro")),
    ReportsDelivery: ("delivery reports", ("rest", "soap", "envoyersmspro")),
    ReceivesReplies: ("replies", ("rest", "soap", "envoyersmspro")),
    DescribesAccount: ("describing the account", ("rest", "soap", "mms", "envoyersmspro")),
    ListsCampaigns: ("listing campaigns", ("rest",)),
    ListsOptOuts: ("listing opt-outs", ("rest", "soap")),
    ChecksOptOuts: ("checking an opt-out", ("envoyersmspro",)),
    AddsOptOuts: ("adding an opt-out", ("envoyersmspro",)),
    RemovesOptOuts: ("removing an opt-out", ("rest", "envoyersmspro")),
    CreatesSubAccounts: ("creating sub-accounts", ("rest", "soap", "envoyersmspro")),
    ListsSubAccounts: ("listing sub-accounts", ("rest", "envoyersmspro")),
    ActsForSubAccounts: ("acting for a sub-account", ("rest",)),
    KeepsLists: ("contact lists", ("rest",)),
    Calls: ("operations of its own", ("rest",)),
    Reconciles: ("looking unanswered sends up", ("rest",)),
}
"""Each capability in words, and the backends that have it; a test compares it with the backends themselves."""


def capable(backend: Backend, capability: type[B]) -> B:
    """Return a backend as one that can do what is asked.

    Raises:
        UnsupportedFeature: It cannot; the error names those that can.
    """
    if isinstance(backend, capability):
        return backend
    what, backends = CAPABILITIES[capability]
    msg = f"The backend {backend.name} has no {what}; nothing was sent."
    raise UnsupportedFeature(msg, backends=backends)
