"""What a gateway can be asked, beside sending: each call goes to the backend, if it has the capability."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from allmysms_async import argument
from allmysms_async.backend import (
    CAPABILITIES,
    AddsOptOuts,
    Backend,
    Cancels,
    ChecksOptOuts,
    CreatesSubAccounts,
    DescribesAccount,
    KeepsLists,
    ListsCampaigns,
    ListsOptOuts,
    ListsSubAccounts,
    ReceivesReplies,
    RemovesOptOuts,
    ReportsDelivery,
)
from allmysms_async.border import bordered
from allmysms_async.contact_lists import change_list
from allmysms_async.errors import UnsupportedFeature
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
)
from allmysms_async.numbers import canonical_number

__all__ = ["Inquiry"]

B = TypeVar("B", bound=Backend)


@bordered
class Inquiry:
    """Asks a backend.

    Args:
        backend: What reaches the gateway.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def capable(self, capability: type[B]) -> B:
        """Return the backend as one that can do what is asked."""
        if isinstance(self.backend, capability):
            return self.backend
        what, backends = CAPABILITIES[capability]
        msg = f"The backend {self.backend.name} has no {what}; nothing was sent."
        raise UnsupportedFeature(msg, backends=backends)

    # -- campaigns and reports ----------------------------------------------------------------------------------------

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Args:
            campaign_id: As in ``SendReceipt.campaign_id`` or ``CampaignResult.campaign_ids``.

        Raises:
            CampaignNotFound: The gateway does not know it.
            CampaignNotCancellable: It was sent or cancelled already, or was never scheduled.
        """
        await self.capable(Cancels).cancel(argument.text("campaign_id", campaign_id))

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the delivery reports of one send; they may change for 72 hours."""
        return await self.capable(ReportsDelivery).delivery_reports(argument.text("campaign_id", campaign_id))

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Fetch the delivery report of one text; it may change for 72 hours."""
        return await self.capable(ReportsDelivery).delivery_report(argument.text("sms_id", sms_id))

    async def account(self) -> Account:
        """Fetch the account's state and credits."""
        return await self.capable(DescribesAccount).account()

    def campaigns(self, start: datetime, end: datetime, *, search: str | None = None) -> AsyncIterator[CampaignSummary]:
        """Iterate over the sends of a period that the gateway knows, lazily.

        Args:
            start: Start of the period, aware.
            end: End of the period, aware.
            search: Text to look for in names and messages.
        """
        argument.moment("start", start)
        argument.moment("end", end)
        if search is not None:
            argument.text("search", search)
        return self.capable(ListsCampaigns).campaigns(start, end, search=search)

    def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over what people answered, lazily.

        Some protocols hand each new answer out once only: keep it safe before doing anything else with it.

        Args:
            campaign_id: The answers to one send; None for those not fetched before.

        Raises:
            InvalidRequest: The protocol needs a campaign id.
        """
        if campaign_id is not None:
            argument.text("campaign_id", campaign_id)
        return self.capable(ReceivesReplies).replies(campaign_id)

    # -- opt-outs and sub-accounts ------------------------------------------------------------------------------------

    def opt_outs(self) -> AsyncIterator[OptOut]:
        """Iterate over the numbers that the gateway does not text any more."""
        return self.capable(ListsOptOuts).opt_outs()

    async def opted_out(self, phone: str) -> bool:
        """Tell whether a number opted out."""
        return await self.capable(ChecksOptOuts).opted_out(canonical_number(phone))

    async def add_opt_out(self, phone: str) -> None:
        """Bar a number from being texted."""
        await self.capable(AddsOptOuts).add_opt_out(canonical_number(phone))

    async def remove_opt_out(self, phone: str) -> None:
        """Let a number be texted again; only its owner may ask for that."""
        await self.capable(RemovesOptOuts).remove_opt_out(canonical_number(phone))

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create a sub-account, in one attempt; return what names it in later calls.

        Raises:
            InvalidRequest: Something that the protocol needs is missing.
            OutcomeUnknown: It may have been created.
        """
        argument.given("account", account, NewSubAccount, "a NewSubAccount")
        return await self.capable(CreatesSubAccounts).create_sub_account(account)

    def sub_accounts(self) -> AsyncIterator[SubAccount]:
        """Iterate over the sub-accounts."""
        return self.capable(ListsSubAccounts).sub_accounts()

    # -- contact lists ------------------------------------------------------------------------------------------------

    async def populate_list(
        self,
        name: str,
        contacts: Iterable[Contact | str] | AsyncIterable[Contact | str],
        *,
        chunk_size: int = 500,
    ) -> ListChange:
        """Insert contacts into a list that the gateway keeps, some in a request, however many there are.

        No request is ever made twice. Whether a number is one, the gateway says: it ignores those that are not.

        Args:
            name: The list's name; it must be there, with the columns that the contacts have.
            contacts: Any iterable or async iterable of contacts or bare numbers; read once, lazily.
            chunk_size: Contacts in a request, 2,000 at most.

        Returns:
            The gateway's counts, summed up.

        Raises:
            ListStopped: A request failed, or the source did. It says how many rows were answered for, and how many
                after them may have been taken; go on from there.
        """
        backend = self.capable(KeepsLists)
        argument.text("name", name)

        async def apply(rows: Sequence[Contact | str]) -> ListChange:
            return await backend.add_contacts(name, [Contact(row) if isinstance(row, str) else row for row in rows])

        return await change_list(apply, contacts, chunk_size=chunk_size)

    async def delete_contacts(
        self, name: str, phones: Iterable[Contact | str] | AsyncIterable[Contact | str], *, chunk_size: int = 500
    ) -> ListChange:
        """Delete contacts from a list that the gateway keeps; the twin of ``populate_list``.

        Args:
            name: The list's name.
            phones: Any iterable or async iterable of numbers or contacts; read once, lazily.
            chunk_size: Contacts in a request, 2,000 at most.

        Raises:
            ListStopped: As for ``populate_list``.
        """
        backend = self.capable(KeepsLists)
        argument.text("name", name)

        async def apply(rows: Sequence[Contact | str]) -> ListChange:
            return await backend.remove_contacts(name, [row if isinstance(row, str) else row.phone for row in rows])

        return await change_list(apply, phones, chunk_size=chunk_size)
