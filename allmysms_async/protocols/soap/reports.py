"""Delivery reports and replies.

Source: SOAP API, B (Ack, AckAnswer, Pull, PullAnswer), C (getAck, getPull) and annex 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from allmysms_async.protocols.refusal import refusal
from allmysms_async.protocols.soap import routes, status
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.wire import Fields, Result, checked, date, items, kept, text
from allmysms_async.redaction import Discreet

__all__ = ["Ack", "GetAcks", "GetAcksResult", "GetPull", "GetPullResult", "Pull"]


class Ack(Discreet, frozen=True, kw_only=True):
    """One delivery report.

    Attributes:
        phone_number: The number, as ``33…``.
        status: 1 delivered, 2 undelivered, 3 handed to the operator, 4 rejected, 5 rejected (unknown number).
        comment: The same in words.
        reception_date: When the operator reported.
    """

    phone_number: str
    status: str
    comment: str | None = None
    reception_date: datetime | None = None


class Pull(Discreet, frozen=True, kw_only=True):
    """One reply.

    Attributes:
        id: Its identifier; empty in the manual's sample.
        phone_number: Who replied.
        campaign_id: What was replied to.
        message: The reply.
        reception_date: When it came.
    """

    id: str | None
    phone_number: str
    campaign_id: str | None
    message: str
    reception_date: datetime | None

    def __repr__(self) -> str:
        """Show that there is one, and nothing of it."""
        return "<Pull>"


class GetAcksResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetAcks``.

    Attributes:
        status: 0 there are reports, 1 there are none.
        acks: One report for each text.
        cli_msg_id: The caller's own identifier of the send.
    """

    status: str
    acks: tuple[Ack, ...] = ()
    cli_msg_id: str | None = None


class GetPullResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetPull``.

    Attributes:
        status: 0 there are replies, 1 there are none.
        pulls: The replies.
        cli_msg_id: The caller's own identifier of the send.
    """

    status: str
    pulls: tuple[Pull, ...] = ()
    cli_msg_id: str | None = None


def _listing(answer: Fields, request: str) -> str:
    """Return the status of an answer that lists something, 0 or 1.

    Raises:
        GatewayError: It is a refusal.
        ProtocolError: It is none that the manual lists.
    """
    code = (text(answer, "status") or "").strip()
    if code in status.LIST_SUCCESS:
        return code
    raise refusal(status.LIST, code, request) or status.unlisted(code, request)


class GetAcks(Operation[GetAcksResult], frozen=True):
    """Fetch the delivery reports of one send.

    Source: SOAP API, C (getAck), annex 2.

    Args:
        camp_id: As returned by the send.

    Raises:
        NotPermitted: The gateway refuses access.
    """

    camp_id: str

    route = routes.GET_ACKS

    def arguments(self) -> Mapping[str, str]:
        """Return its arguments by their wire names."""
        return {"campId": checked("The campaign id", self.camp_id)}

    @classmethod
    def read(cls, answer: Fields) -> GetAcksResult:
        """Return what an answer says; without any report it is an empty list."""
        return GetAcksResult(
            status=_listing(answer, cls.name),
            acks=tuple(
                Ack(
                    phone_number=text(entry, "phoneNumber") or "",
                    status=(text(entry, "status") or text(entry, "statut") or "").strip(),
                    comment=text(entry, "comment"),
                    reception_date=date(entry, "receptionDate"),
                )
                for entry in items(answer, "acks", "answer")
            ),
            cli_msg_id=text(answer, "cliMsgId"),
            raw=kept(answer, dated=((entry, "receptionDate") for entry in items(answer, "acks", "answer"))),
        )


class GetPull(Operation[GetPullResult], frozen=True):
    """Fetch the replies to one send.

    Source: SOAP API, C (getPull). The table calls the list ``pull``, the sample leaves ``pulls`` empty and fills
    ``answer``: whichever holds something is read.

    Args:
        camp_id: As returned by the send.

    Raises:
        NotPermitted: The gateway refuses access.
    """

    camp_id: str

    route = routes.GET_PULL

    def arguments(self) -> Mapping[str, str]:
        """Return its arguments by their wire names."""
        return {"campId": checked("The campaign id", self.camp_id)}

    @classmethod
    def read(cls, answer: Fields) -> GetPullResult:
        """Return what an answer says; without any reply it is an empty list."""
        return GetPullResult(
            status=_listing(answer, cls.name),
            pulls=tuple(
                Pull(
                    id=text(entry, "id") or None,
                    phone_number=text(entry, "phoneNumber") or "",
                    campaign_id=text(entry, "campaignId") or None,
                    message=text(entry, "message") or "",
                    reception_date=date(entry, "receptionDate"),
                )
                for entry in items(answer, "answer", "pulls", "pull")
            ),
            cli_msg_id=text(answer, "cliMsgId"),
            raw=kept(answer, dated=((entry, "receptionDate") for entry in items(answer, "answer", "pulls", "pull"))),
        )
