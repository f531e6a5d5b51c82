"""What the provider can be asked, beside sending, in the neutral vocabulary: each question one operation or a few."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import TypeVar

from allmysms_async import plausible
from allmysms_async.border import bordered
from allmysms_async.errors import CampaignPending, InvalidRequest, NoReplies, ProtocolError, UnsupportedFeature
from allmysms_async.model import Account, DeliveryReport, NewSubAccount, Reply, SubAccount
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.connection import HttpBackend
from allmysms_async.protocols.envoyersmspro.account import CreateAccount, GetAccountStatus, GetAllAccounts
from allmysms_async.protocols.envoyersmspro.api import EnvoyerSmsProApi
from allmysms_async.protocols.envoyersmspro.line import Line
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result
from allmysms_async.protocols.envoyersmspro.response import PAGE, GetResponses
from allmysms_async.protocols.envoyersmspro.stats import GetMessageStats
from allmysms_async.protocols.envoyersmspro.status import DELIVERY
from allmysms_async.protocols.envoyersmspro.stop import ActivateStop, CheckStop, DeactivateStop

__all__ = ["EnvoyerSmsProInquiry"]

R = TypeVar("R", bound=Result)


@bordered
class EnvoyerSmsProInquiry(HttpBackend):
    """Asks the provider.

    Args:
        line: The way to it.

    Attributes:
        api: Every function of the API, by resource.
    """

    name = "envoyersmspro"

    def __init__(self, line: Line) -> None:
        self._line = line
        self._connection = line.connection
        self.api = EnvoyerSmsProApi(line.perform)

    async def perform(self, operation: Operation[R], *, timeout: float | None = None) -> R:
        """Make one attempt at an operation, if the request limit allows it.

        Args:
            operation: What is asked.
            timeout: Seconds for this attempt; the backend's own by default.

        Raises:
            RequestLimitReached: Not sent, or not taken; ``retry_after`` says when the next request may be sent.
            NotSent: Surely not sent.
            OutcomeUnknown: It may have been taken.
            HttpRefused: Surely not taken.
            GatewayError: The provider refused; its class says why.
        """
        return await self._line.perform(operation, timeout=timeout)

    @property
    def questions_per_hour(self) -> int:
        """Questions an hour that leave half of the account's requests to sends.

        Source: Envoyer SMS Pro, "Les limites".
        """
        return max(1, self._line.limit // 2)

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the reports of one send; none while it waits for its date.

        Source: Envoyer SMS Pro, "Fonction statistiques des messages".
        """
        try:
            stats = await self.perform(GetMessageStats(campaign_id))
        except CampaignPending:
            return ()
        reports: list[DeliveryReport] = []
        for entry in stats.recipients:
            status = DELIVERY.get(entry.status_id)
            if status is None:
                msg = "A delivery report has a status that the manual does not list."
                raise ProtocolError(msg, request=GetMessageStats.name)
            phone = read_gateway_number(entry.mobile_number)
            reports.append(
                DeliveryReport(
                    phone=phone,
                    status=status,
                    code=entry.status_id,
                    received_at=entry.delivered_date,
                    campaign_id=campaign_id,
                )
            )
        return tuple(reports)

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Refuse: texts have no identifiers of their own here.

        Raises:
            UnsupportedFeature: Always.
        """
        msg = f"The backend {self.name} gives texts no identifiers ({len(sms_id)} characters were given); "
        msg += "ask with delivery_reports(campaign_id)."
        raise UnsupportedFeature(msg, backends=("rest",))

    async def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over the answers to one send, 50 at a time, each page fetched when it is needed.

        A send without ``wants_replies`` has none.

        Raises:
            InvalidRequest: No campaign id: this provider knows answers by message alone.

        Source: Envoyer SMS Pro, "Fonction consultation des réponses".
        """
        if campaign_id is None:
            msg = "This provider knows replies by message alone: give the campaign id; nothing was sent."
            raise InvalidRequest(msg)
        offset = 0
        while True:
            try:
                page = await self.perform(GetResponses(campaign_id, offset))
            except NoReplies:
                return
            for response in page.responses:
                yield Reply(
                    phone=read_gateway_number(response.mobile_number),
                    text=response.content,
                    received_at=response.date,
                    campaign_id=campaign_id,
                )
            offset += len(page.responses)
            # Where it is not said how many there are, a page that is not full is the last.
            told = "number_of_response" not in plausible.odd_in(page.raw)
            if not page.responses or (offset >= page.number_of_responses if told else len(page.responses) < PAGE):
                return

    async def account(self) -> Account:
        """Fetch how many SMS are left.

        Source: Envoyer SMS Pro, "Fonction SMS restant".
        """
        status = await self.perform(GetAccountStatus())
        left = status.sms_remaining
        return Account(status="success", credits=None if left is None else Decimal(left), texts=left, country="FR")

    async def opted_out(self, phone: str) -> bool:
        """Tell whether a number opted out.

        Source: Envoyer SMS Pro, "Fonction consultation STOP SMS".
        """
        return (await self.perform(CheckStop(phone))).active

    async def add_opt_out(self, phone: str) -> None:
        """Bar a number from being texted.

        Source: Envoyer SMS Pro, "Fonction activation STOP SMS".
        """
        await self.perform(ActivateStop(phone))

    async def remove_opt_out(self, phone: str) -> None:
        """Let a number be texted again.

        Source: Envoyer SMS Pro, "Fonction désactivation STOP SMS".
        """
        await self.perform(DeactivateStop(phone))

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create an account under the login, from its name alone; return its identifier.

        Raises:
            InvalidRequest: It has no name.

        Source: Envoyer SMS Pro, "Fonction création de compte".
        """
        if account != NewSubAccount(name=account.name):
            msg = f"The backend {self.name} knows no more of an account than its name; nothing was sent."
            raise UnsupportedFeature(msg)
        return (await self.perform(CreateAccount(account.name or ""))).account_id

    async def sub_accounts(self) -> AsyncIterator[SubAccount]:
        """Iterate over the accounts under the login.

        Source: Envoyer SMS Pro, "Fonction liste des comptes".
        """
        for entry in (await self.perform(GetAllAccounts())).accounts:
            left = entry.sms_remaining
            credits_left = None if left is None else Decimal(left)
            yield SubAccount(account_id=entry.account_id, name=entry.account_name, credits=credits_left)
