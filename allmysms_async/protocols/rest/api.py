"""The HTTPS API v9 by resource, typed: ``api.sms.send_sms(...)``, ``api.contacts.create_list(...)``."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from allmysms_async.border import border
from allmysms_async.protocols.rest.account import AccountApi
from allmysms_async.protocols.rest.blacklist import Blacklist
from allmysms_async.protocols.rest.campaigns import Campaigns
from allmysms_async.protocols.rest.contacts import Contacts
from allmysms_async.protocols.rest.links import Links
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.replies import Replies
from allmysms_async.protocols.rest.reports import Reports
from allmysms_async.protocols.rest.sms import Sms
from allmysms_async.protocols.rest.sub_accounts import SubAccounts
from allmysms_async.protocols.rest.voice import Voice
from allmysms_async.protocols.rest.webhooks import Webhooks
from allmysms_async.protocols.rest.wire import Result

__all__ = ["RestApi"]

R = TypeVar("R", bound=Result)


class _Calls(Protocol):
    """Makes one attempt at an operation."""

    async def call(self, operation: Operation[R], *, timeout: float | None = None) -> R: ...


class RestApi:
    """The operations, each one attempt.

    Args:
        line: What sends an operation and reads its answer.
        timeout: Seconds for each attempt; the line's own by default.

    Attributes:
        sms: Sending and simulating.
        reports: Delivery reports.
        replies: The answers that people sent.
        campaigns: Earlier and scheduled sends.
        account: The account, and what texts cost it.
        blacklist: The numbers that are not texted any more.
        sub_accounts: Sub-accounts.
        contacts: Contact lists.
        links: Short addresses.
        voice: Voice messages.
        webhooks: The addresses that the gateway calls.
    """

    def __init__(self, line: _Calls, *, timeout: float | None = None) -> None:
        @border
        async def call(operation: Operation[Any]) -> Any:
            return await line.call(operation, timeout=timeout)

        self._line = line
        self.sms = Sms(call)
        self.reports = Reports(call)
        self.replies = Replies(call)
        self.campaigns = Campaigns(call)
        self.account = AccountApi(call)
        self.blacklist = Blacklist(call)
        self.sub_accounts = SubAccounts(call)
        self.contacts = Contacts(call)
        self.links = Links(call)
        self.voice = Voice(call)
        self.webhooks = Webhooks(call)

    def with_options(self, *, timeout: float) -> RestApi:
        """Return the same operations with other options; connections are shared.

        Args:
            timeout: Seconds for each attempt, connection included.
        """
        return RestApi(self._line, timeout=timeout)
