"""Delivery reports.

Source: HTTPS API v9, §9 and §10, annex 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result, Wire
from allmysms_async.redaction import Discreet

__all__ = ["Ack", "GetAckBySmsId", "GetAckBySmsIdResult", "GetAcks", "GetAcksResult", "Reports"]


class Ack(Discreet, frozen=True, kw_only=True):
    """One delivery report.

    Attributes:
        phone_number: The number, as ``33…``.
        status: 1 delivered, 2 undelivered, 3 handed to the operator, 4 rejected, 5 rejected (unknown number).
        comment: The operator's explanation.
        reception_date: When the operator reported.
        sms_id: Identifier of the text, where the answer has it.
    """

    phone_number: str | None = None
    status: Annotated[str | None, Wire(("status", "statut"))] = None
    comment: str | None = None
    reception_date: datetime | None = None
    sms_id: str | None = None


class GetAcksResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetAcks``.

    Attributes:
        acks: One report for each text.
        cli_msg_id: The caller's own identifier of the send.
    """

    acks: Annotated[tuple[Ack, ...], Wire(("acks",), item="ack")] = ()
    cli_msg_id: Annotated[str | None, Wire(("cliMsgId", "climsgid"))] = None


class GetAckBySmsIdResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetAckBySmsId``; its fields are those of ``Ack``."""

    phone_number: str | None = None
    status: Annotated[str | None, Wire(("status", "statut"))] = None
    comment: str | None = None
    reception_date: datetime | None = None


class GetAcks(Operation[GetAcksResult], frozen=True):
    """Fetch the delivery reports of one send; they may change for 72 hours.

    Source: HTTPS API v9, §9, annex 3.

    Args:
        camp_id: As returned by the send.
        sub_account: Login of the sub-account it was sent for.
        type: ``sms`` or ``vocal`` (named in the document's history, 1.19).

    Raises:
        GatewayError: The gateway answered ``error`` in place of the reports.
    """

    camp_id: str
    sub_account: str | None = None
    type: str | None = None

    route = routes.GET_ACKS


class GetAckBySmsId(Operation[GetAckBySmsIdResult], frozen=True):
    """Fetch the delivery report of one text; it may change for 72 hours.

    Source: HTTPS API v9, §10, annex 3.

    Args:
        sms_id: As returned by the send.
        sub_account: Login of the sub-account it was sent for.

    Raises:
        GatewayError: The gateway answered ``error`` in place of the report.
    """

    sms_id: str
    sub_account: str | None = None

    route = routes.GET_ACK_BY_SMS_ID


class Reports(Resource):
    """Delivery reports."""

    get_acks = Method(GetAcks)
    get_ack_by_sms_id = Method(GetAckBySmsId)
