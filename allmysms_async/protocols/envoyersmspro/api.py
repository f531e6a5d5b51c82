"""Envoyer SMS Pro by resource, typed: ``api.messages.send(...)``, ``api.accounts.transfer(...)``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from allmysms_async.protocols.envoyersmspro.account import Accounts
from allmysms_async.protocols.envoyersmspro.message import Messages
from allmysms_async.protocols.envoyersmspro.operation import Operation
from allmysms_async.protocols.envoyersmspro.response import Responses
from allmysms_async.protocols.envoyersmspro.stop import Stops

__all__ = ["EnvoyerSmsProApi"]


class EnvoyerSmsProApi:
    """The twelve functions, each one attempt.

    Args:
        call: What sends an operation and reads its answer.

    Attributes:
        messages: Sending, statistics, cancelling.
        accounts: The account, and the others under its login.
        stops: STOP SMS.
        responses: What people answered.
    """

    def __init__(self, call: Callable[[Operation[Any]], Awaitable[Any]]) -> None:
        self.messages = Messages(call)
        self.accounts = Accounts(call)
        self.stops = Stops(call)
        self.responses = Responses(call)
