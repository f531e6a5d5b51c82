"""Questions to the gateway: reports, replies, the account, opt-outs, sub-accounts, and whatever else a protocol has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TypeVar

from allmysms_async import argument
from allmysms_async.backend import (
    AddsOptOuts,
    Calls,
    Cancels,
    ChecksOptOuts,
    CreatesSubAccounts,
    DescribesAccount,
    ListsCampaigns,
    ListsOptOuts,
    ListsSubAccounts,
    Question,
    ReceivesReplies,
    RemovesOptOuts,
    ReportsDelivery,
)
from allmysms_async.batch.question import repeat
from allmysms_async.border import bordered
from allmysms_async.model import Account, CampaignSummary, DeliveryReport, NewSubAccount, OptOut, Reply, SubAccount
from allmysms_async.numbers import canonical_number
from allmysms_async.prepare import attempts_of, check_operation
from allmysms_async.service.core import Core

__all__ = ["Asking"]

R = TypeVar("R")


@bordered
class Asking(Core):
    """Asks the gateway once, or as often as a question may be repeated."""

    async def call(
        self,
        operation: Question[R],
        *,
        attempts: int | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> R:
        """Ask one of the protocol's own operations, repeated where its class of replay allows that.

        ``safe`` ones are repeated after a lost answer, ``key`` ones only if they carry their identifier, and ``never``
        ones not at all. ``RestBackend.api`` has the same operations in one attempt each.

        Args:
            operation: Such as ``GetAcks(camp_id)`` of the backend's protocol.
            attempts: Attempts at most, the first included; those of ``send_policy`` by default.
            timeout: Seconds for each attempt, as for ``send``.
            retries: ``attempts`` without the first: its former name, for one more version.

        Raises:
            InvalidRequest: Several attempts are asked for of an operation that is never repeated; nothing was sent.
            UnsupportedFeature: The backend has no operations of its own.
            AllMySmsError: As the operation says.
        """
        backend = self.capable(Calls)
        check_operation(operation)
        if timeout is not None:
            argument.seconds("timeout", timeout)
        return await repeat(
            lambda: backend.call(operation, timeout=timeout),
            replay=operation.replay,
            key=operation.idempotency_key,
            attempts=attempts_of(attempts, retries),
            policy=self._send_policy,
            clock=self._clock,
            rng=self._rng,
        )

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
