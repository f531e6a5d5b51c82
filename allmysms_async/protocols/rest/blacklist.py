"""The numbers that the gateway does not text any more.

Source: HTTPS API v9, §18 and §19.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Done, Result, Wire
from allmysms_async.redaction import Discreet

__all__ = [
    "Blacklist",
    "BlacklistEntry",
    "DeleteBlacklistEntry",
    "DeleteBlacklistEntryResult",
    "GetBlacklist",
    "GetBlacklistResult",
]


class BlacklistEntry(Discreet, frozen=True, kw_only=True):
    """One number.

    Attributes:
        phone_number: The number, as ``33…``.
        comment: ``stop``, its owner opted out; ``Refused``, nobody has it; ``manual unsubscribe``, added by hand.
        reception_date: Since when.
    """

    phone_number: Annotated[str | None, Wire(trim=True)] = None
    comment: str | None = None
    reception_date: datetime | None = None


class GetBlacklistResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetBlacklist``.

    Attributes:
        blacklist: The numbers; they come all in one piece.
    """

    blacklist: Annotated[tuple[BlacklistEntry, ...], Wire(("blacklist",), item="contact")] = ()

    def __repr__(self) -> str:
        """Show how many."""
        return f"<GetBlacklistResult {len(self.blacklist)} numbers>"


class DeleteBlacklistEntryResult(Done, frozen=True, kw_only=True):
    """Answer to ``DeleteBlacklistEntry``."""


class GetBlacklist(Operation[GetBlacklistResult], frozen=True):
    """Fetch the opt-outs, the numbers that nobody has and those added by hand.

    Source: HTTPS API v9, §18 (formerly getStop).

    Args:
        sub_account: Login of the sub-account to ask about.
        campaign_id: Only those that this send led to.

    Raises:
        ProtocolError: The list is longer than ``max_response_bytes``, 64 MB by default.
    """

    sub_account: str | None = None
    campaign_id: str | None = None

    route = routes.GET_BLACKLIST


class DeleteBlacklistEntry(Operation[DeleteBlacklistEntryResult], frozen=True):
    """Let a number be texted again that was found invalid or was added by hand.

    Source: HTTPS API v9, §19; its XML answers under ``deleteList``.

    Args:
        phone_number: The number.

    Raises:
        NotPermitted: It is not on the list, or its owner opted out by STOP.
    """

    phone_number: str

    route = routes.DELETE_BLACKLIST_ENTRY


class Blacklist(Resource):
    """The numbers that the gateway does not text any more."""

    get_blacklist = Method(GetBlacklist)
    delete_blacklist_entry = Method(DeleteBlacklistEntry)
