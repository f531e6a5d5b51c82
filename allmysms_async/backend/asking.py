"""What a backend can be asked beside sending: one small Protocol for each capability."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

from allmysms_async.backend.gateway import Backend
from allmysms_async.model import (
    Account,
    CampaignSummary,
    Contact,
    DeliveryReport,
    ListChange,
    NewSubAccount,
    OptOut,
    Reply,
    SubAccount,
    TextPrice,
    UnknownEvent,
)

__all__ = [
    "ActsForSubAccounts",
    "AddsOptOuts",
    "Calls",
    "ChecksOptOuts",
    "CreatesSubAccounts",
    "DescribesAccount",
    "HandsOutReplies",
    "KeepsLists",
    "LimitsQuestions",
    "ListsCampaigns",
    "ListsOptOuts",
    "ListsPrices",
    "ListsSubAccounts",
    "Question",
    "ReceivesReplies",
    "RemovesOptOuts",
    "Replay",
    "ReportsDelivery",
]

Replay: TypeAlias = Literal["safe", "key", "never"]
"""Whether a request may be repeated when its outcome is not known: always, with the same idempotency key, or never."""

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


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
class ListsPrices(Backend, Protocol):
    """Can say what a text part costs in each country."""

    async def prices(self) -> tuple[TextPrice, ...]:
        """Fetch the account's price list."""
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
class HandsOutReplies(ReceivesReplies, Protocol):
    """Hands each new answer out once, whatever send it is to.

    Attributes:
        replies_at_once: Answers in a page at most; a page with less is the last.
    """

    @property
    def replies_at_once(self) -> int:
        """Answers in a page at most."""
        ...

    async def new_replies(self) -> tuple[Reply | UnknownEvent, ...]:
        """Fetch a page of the answers that were not fetched before, in one attempt; what is none is kept as it came.

        Raises:
            OutcomeUnknown: They may have been handed out, and will not be again; ``replies(campaign_id)`` has them.
        """
        ...


@runtime_checkable
class LimitsQuestions(Backend, Protocol):
    """Takes only so many requests, those that send included."""

    @property
    def questions_per_hour(self) -> int:
        """Questions an hour at most that leave half of the room to sends."""
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
