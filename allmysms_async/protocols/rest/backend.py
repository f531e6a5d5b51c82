"""The HTTPS API v9 as a backend: neutral model <-> operations."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from allmysms_async.backend import SendLimits, SendRequest, identity
from allmysms_async.errors import InvalidRequest, InvalidSender, ProtocolError
from allmysms_async.model import (
    Account,
    CampaignSummary,
    DeliveryReport,
    DeliveryStatus,
    Estimate,
    Secret,
    SendReceipt,
    SmsMessage,
)
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.rest import status
from allmysms_async.protocols.rest.account import GetInfo
from allmysms_async.protocols.rest.api import RestApi
from allmysms_async.protocols.rest.campaigns import CampaignInfo, DeleteCampaign, GetCampaignsInfo
from allmysms_async.protocols.rest.codec import Credentials, decode, encode
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.receipt import discarded, receipt
from allmysms_async.protocols.rest.reports import Ack, GetAckBySmsId, GetAckBySmsIdResult, GetAcks
from allmysms_async.protocols.rest.sms import SendSms, SimulateCampaign
from allmysms_async.protocols.rest.wire import Result

if TYPE_CHECKING:
    from allmysms_async.transports import HttpTransport

__all__ = ["RestBackend"]

R = TypeVar("R", bound=Result)

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{1,9}[A-Za-z0-9]")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PAGE = 100


def _root(base_url: str, *, allow_plain_http: bool) -> str:
    """Return the server's root, refusing what would show the key on the way."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "@" in parts.netloc:
        msg = "base_url must be an address such as https://api.allmysms.com, without credentials or a query."
        raise InvalidRequest(msg)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not allow_plain_http:
        msg = "base_url is plain http, which would send the API key in clear; use https, or say allow_plain_http=True."
        raise InvalidRequest(msg)
    return base_url.rstrip("/").removesuffix("/http/9.0")


def _credential(name: str, value: str) -> str:
    """Return a credential that is fit to travel in a form field or a header."""
    if not value or not value.isprintable() or not value.isascii():
        msg = f"{name} is empty or holds characters that no {name} has; nothing was sent."
        raise InvalidRequest(msg)
    return value


class RestBackend:
    """The AllMySMS gateway over its HTTPS API v9.

    Args:
        login: The account's login.
        api_key: The account's API key (customer area, API section); it travels in the body alone.
        base_url: The server's root; plain http is taken for a loopback address only, unless allowed.
        sub_account: Login of a sub-account to act for (annex 14), or None.
        transport: What carries the requests; by default one over httpx, closed with the backend. One that is given
            stays the caller's to close.
        timeout: Seconds for one attempt, connection included.
        max_response_bytes: Largest answer that is read.
        allow_plain_http: Whether the key may travel in clear to another host.

    Raises:
        InvalidRequest: A credential or the address cannot be right.

    Source: HTTPS API v9, §2, §3, §5.
    """

    name = "rest"
    limits = SendLimits(
        recipients=1000,
        max_recipients=2000,
        max_gsm_units=1224,
        max_ucs2_units=8 * 67,
        personalises=True,
        idempotent=True,
    )

    def __init__(
        self,
        login: str,
        api_key: str,
        *,
        base_url: str = "https://api.allmysms.com",
        sub_account: str | None = None,
        transport: HttpTransport | None = None,
        timeout: float = 60.0,
        max_response_bytes: int = 64 * 1024 * 1024,
        allow_plain_http: bool = False,
    ) -> None:
        self._credentials = Credentials(
            login=_credential("login", login),
            api_key=Secret(_credential("api_key", api_key)),
            sub_account=None if sub_account is None else _credential("sub_account", sub_account),
        )
        self._base_url = _root(base_url, allow_plain_http=allow_plain_http)
        self._owns_transport = transport is None
        self._transport = transport or _default_transport()
        self._timeout = timeout
        self._max_response_bytes = max_response_bytes
        self.api = RestApi(self.call)

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return identity(self.name, self._base_url, self._credentials.login, self._credentials.sub_account or "")

    def __repr__(self) -> str:
        """Show where it sends to, and neither login nor key."""
        return f"<RestBackend {self._base_url}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the key and open connections."""
        msg = "A RestBackend holds credentials and connections and cannot be pickled."
        raise TypeError(msg)

    async def aclose(self) -> None:
        """Close the connections, unless the transport is the caller's own."""
        if self._owns_transport:
            await self._transport.aclose()

    async def call(
        self, operation: Operation[R], *, timeout: float | None = None, passing: frozenset[str] = frozenset()
    ) -> R:
        """Make one attempt at an operation.

        Args:
            operation: What is asked.
            timeout: Seconds for this attempt; the backend's own by default.
            passing: Statuses to return as a result although they are refusals.

        Raises:
            NotSent: Surely not sent.
            OutcomeUnknown: It may have been taken.
            HttpRefused: Surely not taken.
            GatewayError: The gateway refused; its class says why.
        """
        request = encode(
            operation,
            self._credentials,
            base_url=self._base_url,
            timeout=self._timeout if timeout is None else timeout,
            max_response_bytes=self._max_response_bytes,
        )
        return decode(type(operation), await self._transport.send(request), passing=passing)

    # -- sending ------------------------------------------------------------------------------------------------------

    def check(self, message: SmsMessage) -> None:
        """Refuse a sender that the gateway would not honour.

        Raises:
            InvalidSender: Not a letter first, then letters without accents, digits and spaces, 3 to 11 characters.

        Source: HTTPS API v9, §7.2.
        """
        if message.sender is not None and not _SENDER.fullmatch(message.sender):
            msg = (
                f"The sender {message.sender[:20]!r} is not 3 to 11 letters without accents, digits or spaces, "
                "starting with a letter; nothing was sent."
            )
            raise InvalidSender(msg)

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send one text to some recipients in one attempt, by ``sendSms`` with VERBOSE.

        Source: HTTPS API v9, §7, annex 2.
        """
        operation = SendSms(**_flow(request), verbose=True, unique_identifier=request.idempotency_key)
        # 114 (no valid number) says of each number why; that is a receipt with every recipient rejected.
        result = await self.call(operation, timeout=request.timeout, passing=frozenset({"114"}))
        return receipt(result, request.recipients, request.parts, request.idempotency_key)

    async def simulate(self, request: SendRequest) -> Estimate:
        """Ask what a send would cost, without sending.

        Source: HTTPS API v9, §8.
        """
        result = await self.call(SimulateCampaign(**_flow(request)), timeout=request.timeout)
        return Estimate(
            recipients=result.nb_contacts or 0,
            parts=result.nb_sms or 0,
            credits=result.nb_credits,
            cost=result.cost,
            rejected=tuple(discarded(result.raw.get("discardedNumbersDetails"), result.invalid_numbers).values()),
        )

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Source: HTTPS API v9, §20 and annex 4.
        """
        await self.call(DeleteCampaign(campaign_id))

    # -- asking -------------------------------------------------------------------------------------------------------

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the reports of one send; they may change for 72 hours.

        Source: HTTPS API v9, §9.
        """
        result = await self.call(GetAcks(campaign_id))
        return tuple(_report(ack, ack.sms_id) for ack in result.acks)

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Fetch the report of one text; it may change for 72 hours.

        Source: HTTPS API v9, §10.
        """
        return _report(await self.call(GetAckBySmsId(sms_id)), sms_id)

    async def account(self) -> Account:
        """Fetch the account's state and credits.

        Source: HTTPS API v9, §17.
        """
        info = await self.call(GetInfo())
        return Account(
            status=info.status or "",
            credits=info.credits,
            texts=info.nb_sms,
            country=info.reference_country_iso,
            balance=info.balance,
            email=info.email,
            company=info.society,
            can_send_priority=None if info.alerting is None else info.alerting > 0,
        )

    async def campaigns(
        self, start: datetime, end: datetime, *, search: str | None = None
    ) -> AsyncIterator[CampaignSummary]:
        """Iterate over the sends of a period, 100 at a time, in the order of their sending dates.

        Source: HTTPS API v9, §13.
        """
        offset = 0
        while True:
            page = await self.call(
                GetCampaignsInfo(start, end, status="all", search=search, limit=_PAGE, offset=offset)
            )
            for info in page.campaigns:
                yield _summary(info)
            if len(page.campaigns) < _PAGE:
                return
            offset += _PAGE


def _default_transport() -> HttpTransport:
    """Return a transport over httpx, imported only when one is needed."""
    from allmysms_async.transports.httpx import HttpxTransport

    return HttpxTransport()


def _flow(request: SendRequest) -> dict[str, Any]:
    """Return the variables of the flow that a neutral request stands for."""
    message = request.message
    return {
        "message": request.text,
        "recipients": request.recipients,
        "dynamic": request.params,
        "campaign_name": request.campaign_name,
        "date": message.send_at,
        "tpoa": message.sender,
        "cli_msg_id": message.reference,
        "tracking": message.track_links or None,
        "coding": int(request.coding),
        "alerting": message.priority or None,
    }


def _report(ack: Ack | GetAckBySmsIdResult, sms_id: str | None) -> DeliveryReport:
    """Return a report in the neutral vocabulary."""
    code = ack.status or ""
    if code not in status.DELIVERY:
        msg = f"A delivery report has the status {status.say(code)!r}, which the manual does not list."
        raise ProtocolError(msg, request="getAcks", code=status.say(code) or None)
    return DeliveryReport(
        phone=read_gateway_number(ack.phone_number or ""),
        status=status.DELIVERY.get(code, DeliveryStatus.PENDING),
        code=code,
        comment=ack.comment or None,
        received_at=ack.reception_date,
        sms_id=sms_id,
    )


def _summary(info: CampaignInfo) -> CampaignSummary:
    """Return a send in the neutral vocabulary."""
    return CampaignSummary(
        campaign_id=info.id or "",
        name=info.name,
        status=info.status,
        ordered_at=info.command_date,
        sent_at=info.sending_date,
        recipients=info.nb_contacts,
        parts=info.nb_sms,
        sender=info.tpoa,
    )
