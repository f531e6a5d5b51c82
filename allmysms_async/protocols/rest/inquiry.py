"""What the gateway answers beside sends, in the neutral vocabulary; each question takes one operation or a few."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from allmysms_async.border import bordered
from allmysms_async.model import (
    Account,
    CampaignSummary,
    Contact,
    DeliveryReport,
    ListChange,
    NewSubAccount,
    OptOut,
    Reply,
    Secret,
    SubAccount,
    TextPrice,
    UnknownEvent,
)
from allmysms_async.protocols.rest import neutral
from allmysms_async.protocols.rest.account import GetInfo, GetPrices
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.protocols.rest.blacklist import DeleteBlacklistEntry, GetBlacklist
from allmysms_async.protocols.rest.contacts import DeleteContacts, PopulateList
from allmysms_async.protocols.rest.line import Line
from allmysms_async.protocols.rest.replies import GetPull, GetPulls
from allmysms_async.protocols.rest.reports import GetAckBySmsId, GetAcks
from allmysms_async.protocols.rest.sub_accounts import GetSubAccounts


@bordered
class RestInquiry:
    """Asks the gateway.

    Args:
        line: The way to it.
        kept: Answers that were fetched and not given yet, by the sub-account they are for; every view shares them.

    Attributes:
        api: Every operation of the API, by resource.
        replies_at_once: Answers that are fetched at once at most.
    """

    replies_at_once = 1000

    def __init__(self, line: Line, kept: dict[Secret, deque[Reply | UnknownEvent]] | None = None) -> None:
        self._line = line
        self._connection = line.connection
        self._kept: dict[Secret, deque[Reply | UnknownEvent]] = {} if kept is None else kept
        self._fetched = self._kept.setdefault(Secret(line.sub_account or ""), deque())
        self.api = RestApi(line)

    # -- campaigns and replies ---------------------------------------------------------------------------------------

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the reports of one send; they may change for 72 hours.

        Source: HTTPS API v9, §9.
        """
        result = await self._line.call(GetAcks(campaign_id))
        return tuple(neutral.report(ack, ack.sms_id, campaign_id) for ack in result.acks)

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Fetch the report of one text; it may change for 72 hours.

        Source: HTTPS API v9, §10.
        """
        return neutral.report(await self._line.call(GetAckBySmsId(sms_id)), sms_id)

    async def account(self) -> Account:
        """Fetch the account's state and credits.

        Source: HTTPS API v9, §17.
        """
        return neutral.account(await self._line.call(GetInfo()))

    async def prices(self) -> tuple[TextPrice, ...]:
        """Fetch what a text part costs in each country; what cannot be a price is left out.

        Source: HTTPS API v9, §33.
        """
        return neutral.prices(await self._line.call(GetPrices()))

    async def campaigns(
        self, start: datetime, end: datetime, *, search: str | None = None
    ) -> AsyncIterator[CampaignSummary]:
        """Iterate over the sends of a period, 100 at a time, in the order of their sending dates.

        Source: HTTPS API v9, §13.
        """
        async for info in self.api.campaigns.iterate(start, end, search=search):
            yield neutral.summary(info)

    async def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over answers: all of one send, or those to any send that were not fetched before.

        The gateway hands each of the latter out once only, 1,000 at a time. The backend keeps those of a page that the
        caller did not come to, also for a view that acts for a sub-account, and the next call gives them first; the end
        of the process loses them. An answer of another form than the manual's has no number, and is in ``raw`` and in
        its text as it came.

        Source: HTTPS API v9, §14 and §15.
        """
        if campaign_id is not None:
            result = await self._line.call(GetPull(campaign_id))
            for event in neutral.handed_out(result, result.cli_msg_id):
                yield neutral.as_reply(event, campaign_id)
            return
        more = True
        while self._fetched or more:
            if not self._fetched:
                page = await self.new_replies()
                self._fetched.extend(page)
                more = len(page) >= self.replies_at_once
            while self._fetched:
                yield neutral.as_reply(self._fetched.popleft())

    async def new_replies(self) -> tuple[Reply | UnknownEvent, ...]:
        """Fetch a page of the answers that were not fetched before; first those that a caller of ``replies`` left.

        One of another form than the manual's is an ``UnknownEvent``: it will not be handed out again.

        Raises:
            OutcomeUnknown: They may have been handed out, and will not be again; ``replies(campaign_id)`` has them.

        Source: HTTPS API v9, §14.
        """
        if self._fetched:
            left = tuple(self._fetched)
            self._fetched.clear()
            return left
        page = await self._line.call(GetPulls(self.replies_at_once))
        return neutral.handed_out(page)

    async def opt_outs(self) -> AsyncIterator[OptOut]:
        """Iterate over the numbers that are not texted any more; they come in one piece.

        Source: HTTPS API v9, §18.
        """
        result = await self._line.call(GetBlacklist())
        for entry in result.blacklist:
            yield neutral.opt_out(entry)

    async def remove_opt_out(self, phone: str) -> None:
        """Let a number be texted again that was found invalid or was added by hand.

        Raises:
            NotPermitted: It is not on the list, or its owner opted out by STOP.

        Source: HTTPS API v9, §19.
        """
        await self._line.call(DeleteBlacklistEntry(phone))

    # -- sub-accounts and contact lists -------------------------------------------------------------------------------

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create a sub-account, in one attempt; return its login.

        Raises:
            InvalidRequest: What §21 requires is missing.

        Source: HTTPS API v9, §21.
        """
        operation = neutral.creation(account)
        await self._line.call(operation)
        return operation.login

    async def sub_accounts(self) -> AsyncIterator[SubAccount]:
        """Iterate over the sub-accounts; they come in one piece.

        Source: HTTPS API v9, §23.
        """
        result = await self._line.call(GetSubAccounts())
        for info in result.sub_accounts:
            yield neutral.sub_account(info)

    async def add_contacts(self, list_name: str, contacts: Sequence[Contact]) -> ListChange:
        """Insert contacts into a list, in one attempt.

        Source: HTTPS API v9, §27.
        """
        result = await self._line.call(PopulateList(list_name, contacts))
        return neutral.list_change(result, len(contacts))

    async def remove_contacts(self, list_name: str, phones: Sequence[str]) -> ListChange:
        """Delete contacts from a list, in one attempt.

        Source: HTTPS API v9, §28.
        """
        result = await self._line.call(DeleteContacts(list_name, phones))
        return neutral.list_change(result, len(phones))
