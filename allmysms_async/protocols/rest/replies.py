"""What people answered.

Source: HTTPS API v9, §14 to §16.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from allmysms_async.numbers import mask
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result, Wire
from allmysms_async.redaction import Discreet

__all__ = [
    "GetPull",
    "GetPullBySmsId",
    "GetPullBySmsIdResult",
    "GetPullResult",
    "GetPulls",
    "GetPullsResult",
    "Mo",
    "Replies",
]

# The gateway hands an answer out once: no field, whatever it holds, may lose the others.
_Text = Annotated[str | None, Wire(lenient=True)]
_Id = Annotated[str | None, Wire(trim=True, lenient=True)]


class Mo(Discreet, frozen=True, kw_only=True):
    """One answer.

    Attributes:
        phone_number: The number of whoever answered, as ``33…``.
        id: The gateway's identifier of the answer.
        campaign_id: Identifier of the send that was answered.
        message: The answer.
        reception_date: When it came.
    """

    phone_number: _Id = None
    id: _Id = None
    campaign_id: _Id = None
    message: _Text = None
    reception_date: Annotated[datetime | None, Wire(lenient=True)] = None

    def __repr__(self) -> str:
        """Show the number masked, and nothing of the answer."""
        return f"<Mo {mask(self.phone_number or '')} {len(self.message or '')} characters>"


class GetPullsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetPulls``.

    Attributes:
        mos: The answers, the newest first; an entry of another form than the manual's may be in ``raw`` alone, and is
            an ``UnknownEvent`` for whoever watches replies.
    """

    mos: Annotated[tuple[Mo, ...], Wire(("mos",), item="mo", lenient=True)] = ()


class GetPullResult(GetPullsResult, frozen=True, kw_only=True):
    """Answer to ``GetPull``.

    Attributes:
        cli_msg_id: The caller's own identifier of the send.
    """

    cli_msg_id: Annotated[str | None, Wire(("cliMsgId", "climsgid"))] = None


class GetPullBySmsIdResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetPullBySmsId``; it has the fields of ``Mo`` without the identifier."""

    phone_number: _Id = None
    campaign_id: _Id = None
    message: _Text = None
    reception_date: datetime | None = None

    def __repr__(self) -> str:
        """Show the number masked, and nothing of the answer."""
        return f"<GetPullBySmsIdResult {mask(self.phone_number or '')} {len(self.message or '')} characters>"


class GetPulls(Operation[GetPullsResult], frozen=True):
    """Fetch the answers to all sends that were not fetched before; each is handed out once only.

    Keep what it returns safe before anything else. It is never repeated by itself: ``GetPull`` of a send still has an
    answer that was lost on the way.

    Source: HTTPS API v9, §14.

    Args:
        limit: Answers to return at most, 1000 by default.
        sub_account: Login of the sub-account to ask about.

    Raises:
        GatewayError: The gateway answered ``error`` in place of the answers.
    """

    limit: int | None = None
    sub_account: str | None = None

    route = routes.GET_PULLS


class GetPull(Operation[GetPullResult], frozen=True):
    """Fetch the answers to one send, those fetched before included.

    Source: HTTPS API v9, §15.

    Args:
        camp_id: As returned by the send.
        sub_account: Login of the sub-account it was sent for.

    Raises:
        GatewayError: The gateway answered ``error`` in place of the answers.
    """

    camp_id: str
    sub_account: str | None = None

    route = routes.GET_PULL


class GetPullBySmsId(Operation[GetPullBySmsIdResult], frozen=True):
    """Fetch the answer to one text.

    Source: HTTPS API v9, §16.

    Args:
        sms_id: As returned by the send.
        sub_account: Login of the sub-account it was sent for.

    Raises:
        GatewayError: The gateway answered ``error`` in place of the answer.
    """

    sms_id: str
    sub_account: str | None = None

    route = routes.GET_PULL_BY_SMS_ID


class Replies(Resource):
    """What people answered."""

    get_pulls = Method(GetPulls)
    get_pull = Method(GetPull)
    get_pull_by_sms_id = Method(GetPullBySmsId)
