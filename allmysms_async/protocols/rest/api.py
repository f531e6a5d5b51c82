"""The HTTPS API v9 by resource, typed: ``api.sms.send_sms(...)``, ``api.reports.get_acks(...)``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from allmysms_async.protocols.rest.account import AccountApi
from allmysms_async.protocols.rest.campaigns import Campaigns
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.reports import Reports
from allmysms_async.protocols.rest.sms import Sms

__all__ = ["RestApi"]


class RestApi:
    """The operations, each one attempt.

    Args:
        call: What sends an operation and reads its answer.

    Attributes:
        sms: Sending and simulating.
        reports: Delivery reports.
        campaigns: Earlier and scheduled sends.
        account: The account.
    """

    def __init__(self, call: Callable[[Operation[Any]], Awaitable[Any]]) -> None:
        self.sms = Sms(call)
        self.reports = Reports(call)
        self.campaigns = Campaigns(call)
        self.account = AccountApi(call)
