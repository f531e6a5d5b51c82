"""Every capability in words, and who has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from allmysms_async.backend.asking import (
    ActsForSubAccounts,
    AddsOptOuts,
    Calls,
    ChecksOptOuts,
    CreatesSubAccounts,
    DescribesAccount,
    KeepsLists,
    ListsCampaigns,
    ListsOptOuts,
    ListsPrices,
    ListsSubAccounts,
    ReceivesReplies,
    RemovesOptOuts,
    ReportsDelivery,
)
from allmysms_async.backend.gateway import Backend
from allmysms_async.backend.sending import Cancels, Reconciles, Sends, SendsMms, Simulates
from allmysms_async.errors import UnsupportedFeature

__all__ = ["CAPABILITIES", "capable"]

B = TypeVar("B", bound=Backend)

CAPABILITIES: Mapping[type[object], tuple[str, tuple[str, ...]]] = {
    Sends: ("sending", ("rest", "soap", "mail2sms", "mms", "envoyersmspro")),
    SendsMms: ("MMS", ("mms",)),
    Simulates: ("simulating", ("rest",)),
    Cancels: ("cancelling", ("rest", "soap", "envoyersmspro")),
    ReportsDelivery: ("delivery reports", ("rest", "soap", "envoyersmspro")),
    ReceivesReplies: ("replies", ("rest", "soap", "envoyersmspro")),
    DescribesAccount: ("describing the account", ("rest", "soap", "mms", "envoyersmspro")),
    ListsPrices: ("listing prices", ("rest",)),
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
