"""What a backend can be asked: one small Protocol for each capability.

A backend fulfils those that its protocol has; a service call that the backend lacks is refused before any I/O.
"""

from __future__ import annotations

from allmysms_async.backend.asking import (
    ActsForSubAccounts,
    AddsOptOuts,
    Calls,
    ChecksOptOuts,
    CreatesSubAccounts,
    DescribesAccount,
    HandsOutReplies,
    KeepsLists,
    LimitsQuestions,
    ListsCampaigns,
    ListsOptOuts,
    ListsPrices,
    ListsSubAccounts,
    Question,
    ReceivesReplies,
    RemovesOptOuts,
    Replay,
    ReportsDelivery,
)
from allmysms_async.backend.capability import CAPABILITIES, capable
from allmysms_async.backend.gateway import Backend, identity
from allmysms_async.backend.request import SendLimits, SendRequest
from allmysms_async.backend.sending import (
    AddsToMessages,
    AppendsStop,
    Cancels,
    LimitsByMessage,
    Paces,
    Reconciles,
    Sends,
    SendsMms,
    Simulates,
    added_to,
    limits_by_message,
    limits_of,
)

__all__ = [
    "CAPABILITIES",
    "ActsForSubAccounts",
    "AddsOptOuts",
    "AddsToMessages",
    "AppendsStop",
    "Backend",
    "Calls",
    "Cancels",
    "ChecksOptOuts",
    "CreatesSubAccounts",
    "DescribesAccount",
    "HandsOutReplies",
    "KeepsLists",
    "LimitsByMessage",
    "LimitsQuestions",
    "ListsCampaigns",
    "ListsOptOuts",
    "ListsPrices",
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
