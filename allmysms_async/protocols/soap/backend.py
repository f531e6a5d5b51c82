"""The SOAP API as a backend: neutral model <-> operations.

Building and reading an envelope takes 60 us a recipient, and zeep's first import 0.2 s and more: both happen in a
thread, so that the event loop goes on.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import argument
from allmysms_async.backend import SendLimits, SendRequest, identity
from allmysms_async.border import bordered
from allmysms_async.errors import InvalidRequest, InvalidSender, ProtocolError, UnsupportedFeature
from allmysms_async.hooks import Asked, Hook
from allmysms_async.model import (
    Account,
    DeliveryReport,
    DeliveryStatus,
    MmsMessage,
    NewSubAccount,
    OptOut,
    Reply,
    SendReceipt,
    SmsMessage,
)
from allmysms_async.numbers import name_shown, read_gateway_number
from allmysms_async.protocols.connection import Connection, HttpBackend, address, secret
from allmysms_async.protocols.refusal import place_of_wrong, refuse_lacking
from allmysms_async.protocols.soap import status
from allmysms_async.protocols.soap.account import CreateSubAccount, DeleteCampaign, GetInfo, GetStop
from allmysms_async.protocols.soap.codec import Credentials, decode, encode
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.receipt import receipt
from allmysms_async.protocols.soap.reports import GetAcks, GetPull
from allmysms_async.protocols.soap.sms import SendSms
from allmysms_async.protocols.soap.wire import Result
from allmysms_async.transports.thread import Worker, within

if TYPE_CHECKING:
    from allmysms_async.exchange import HttpRequest, HttpResponse
    from allmysms_async.protocols.soap.envelope import EnvelopeBuilder
    from allmysms_async.transports import HttpTransport

__all__ = ["SoapBackend"]

R = TypeVar("R", bound=Result)

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}")


@bordered
class SoapBackend(HttpBackend):
    """The AllMySMS gateway over its SOAP API.

    It has no idempotency keys, so that a send without an answer is unknown and is never repeated; and no Unicode, so
    that a text outside GSM-7 is refused.

    Args:
        login: The account's login.
        passcode: The account's password; it travels in the envelope alone.
        endpoint: Where requests go. The manual's own address is plain http; https is the default here, and whether the
            provider serves it is for the account's owner to find out.
        wsdl: Path of a WSDL to build requests by, with arrays as sequences of ``item``; the one of this package by
            default. Nothing is ever fetched.
        lowcost: Send by the cheaper route: 160 characters at most, where the usual one takes 640.
        mail_notif: Have a confirmation of each send mailed to the account's owner.
        transport: What carries the requests; by default one over h11, closed with the backend. One that is given
            stays the caller's to close.
        timeout: Seconds for one attempt, connection included.
        max_response_bytes: Largest answer that is read.
        allow_plain_http: Whether the password may travel in clear to another host; it warns.
        hooks: Called with a note of each request and of its end, redacted (see ``allmysms_async.hooks``).

    Raises:
        InvalidRequest: A credential or the address cannot be right.

    Source: SOAP API, A to C.
    """

    name = "soap"

    def __init__(
        self,
        login: str,
        passcode: str,
        *,
        endpoint: str = "https://api.msinnovations.com/soap/server.php",
        wsdl: str | pathlib.Path | None = None,
        lowcost: bool = False,
        mail_notif: bool = False,
        transport: HttpTransport | None = None,
        timeout: float = 60.0,
        max_response_bytes: int = 64 * 1024 * 1024,
        allow_plain_http: bool = False,
        hooks: Iterable[Hook] = (),
    ) -> None:
        self._credentials = Credentials(login=secret("login", login), passcode=secret("passcode", passcode))
        self._connection = Connection(
            address("endpoint", endpoint, allow_plain_http=allow_plain_http, path=None),
            transport=transport,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
            hooks=hooks,
        )
        self._wsdl = None if wsdl is None else argument.path("wsdl", wsdl)
        self._lowcost = lowcost
        self._mail_notif = mail_notif
        self._worker = Worker("allmysms soap")
        # One for each process: the thread of the parent may have been using it when this one was forked off.
        self._builders: dict[int, EnvelopeBuilder] = {}
        self.limits = SendLimits(
            schedules=True,
            recipients=200,
            max_recipients=2000,
            max_gsm_units=160 if lowcost else 640,
            max_ucs2_units=0,
            personalises=True,
            idempotent=False,
        )

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return identity(self.name, self._connection.address, self._credentials.login.reveal())

    async def aclose(self) -> None:
        """Close the connections, unless the transport is the caller's own, and end the thread."""
        self._worker.close()
        await super().aclose()

    async def perform(self, operation: Operation[R], *, timeout: float | None = None) -> R:
        """Make one attempt at an operation.

        Args:
            operation: What is asked.
            timeout: Seconds for this attempt; the backend's own by default.

        Raises:
            InvalidRequest: Something in it cannot travel; nothing was sent.
            NotSent: Surely not sent, also because the thread was busy until the time was over.
            OutcomeUnknown: It may have been taken.
            HttpRefused: Surely not taken.
            FaultRefused: Surely not taken.
            GatewayError: The gateway refused; its class says why.
        """
        seconds = self._connection.seconds(timeout)

        def write(left: float) -> tuple[HttpRequest, Asked | None]:
            request = self._encode(operation, left)
            hooks = self._connection.hooks
            return request, self._connection.note(request, operation.arguments()) if hooks else None

        async def read(response: HttpResponse) -> R:
            return await self._worker.run(decode, type(operation), response)

        request, note = await within(self._worker, write, seconds, operation.name)
        return await self._connection.exchange(request, read, note=note, replay=operation.replay)

    def _encode(self, operation: Operation[R], timeout: float) -> HttpRequest:
        """Return the request for an operation; in the thread, which alone uses the builder."""
        builder = self._builders.get(os.getpid())
        if builder is None:
            from allmysms_async.protocols.soap.envelope import EnvelopeBuilder

            builder = self._builders[os.getpid()] = EnvelopeBuilder(self._wsdl)
        return encode(
            operation,
            self._credentials,
            builder,
            endpoint=self._connection.address,
            timeout=timeout,
            max_response_bytes=self._connection.max_response_bytes,
        )

    # -- sending ------------------------------------------------------------------------------------------------------

    def check(self, message: SmsMessage) -> None:
        """Refuse what this protocol cannot send as it is asked.

        Raises:
            InvalidSender: Not a letter first, then letters without accents and digits, 3 to 11 characters.
            UnsupportedFeature: Tracked links or the channel for urgent messages.

        Source: SOAP API, B (MessageData).
        """
        if message.sender is not None and not _SENDER.fullmatch(message.sender):
            msg = (
                f"The sender {name_shown(message.sender)!r} is not 3 to 11 letters without accents or digits, starting "
                f"with a letter and without a space{place_of_wrong(message.sender, blank=False)}; nothing was sent."
            )
            raise InvalidSender(msg)
        lacking = {"tracked links": message.track_links, "a channel for urgent messages": message.priority}
        refuse_lacking("The backend soap has no", lacking)

    def added_to(self, message: SmsMessage | MmsMessage) -> Mapping[str, str | bool | None]:
        """Return the route by which every text goes, whatever the message."""
        del message
        return {"lowcost": self._lowcost}

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send one text to some recipients in one attempt, by ``sendSms``.

        Source: SOAP API, C (sendSMS), annex 1.
        """
        message = request.message
        operation = SendSms(
            message=request.text,
            recipients=request.recipients,
            dynamic=request.params,
            lowcost=self._lowcost,
            campaign_name=request.campaign_name,
            cli_msg_id=message.reference,
            date=message.send_at,
            tpoa=message.sender,
            mail_notif=self._mail_notif or None,
        )
        result = await self.perform(operation, timeout=request.timeout)
        return receipt(result, request.recipients, request.parts, scheduled=message.send_at is not None)

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Source: SOAP API, C (deleteCampaign) and annex 4.
        """
        await self.perform(DeleteCampaign(campaign_id))

    # -- asking -------------------------------------------------------------------------------------------------------

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the reports of one send; none yet is an empty tuple.

        Source: SOAP API, C (getAck), annex 2.
        """
        result = await self.perform(GetAcks(campaign_id))
        reports: list[DeliveryReport] = []
        for ack in result.acks:
            state = status.DELIVERY.get(ack.status, DeliveryStatus.UNKNOWN if ack.status else DeliveryStatus.PENDING)
            reports.append(
                DeliveryReport(
                    phone=read_gateway_number(ack.phone_number),
                    status=state,
                    code=ack.status,
                    comment=ack.comment or None,
                    received_at=ack.reception_date,
                    campaign_id=campaign_id,
                )
            )
        return tuple(reports)

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Refuse: this protocol knows the reports of a whole send only.

        Raises:
            UnsupportedFeature: Always; ask ``delivery_reports`` for the send's.
        """
        msg = "The backend soap has no report of a single text; ask for those of its send. Nothing was sent."
        raise UnsupportedFeature(msg, backends=("rest",))

    async def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over the replies to one send.

        Raises:
            InvalidRequest: No campaign id was given.

        Source: SOAP API, C (getPull).
        """
        if not campaign_id:
            msg = "The SOAP API gives the replies to one send: name its campaign id; nothing was sent."
            raise InvalidRequest(msg)
        result = await self.perform(GetPull(campaign_id))
        for pull in result.pulls:
            yield Reply(
                phone=read_gateway_number(pull.phone_number),
                text=pull.message,
                received_at=pull.reception_date,
                reply_id=pull.id,
                campaign_id=pull.campaign_id or campaign_id,
                reference=result.cli_msg_id or None,
            )

    async def account(self) -> Account:
        """Fetch the account's state and credits.

        Source: SOAP API, C (getInfo), annex 3.
        """
        info = await self.perform(GetInfo())
        return Account(status=info.status, credits=info.credits)

    async def opt_outs(self) -> AsyncIterator[OptOut]:
        """Iterate over the numbers that opted out.

        Source: SOAP API, C (getStop).
        """
        for stop in (await self.perform(GetStop())).stops:
            yield OptOut(phone=read_gateway_number(stop.phone_number), since=stop.reception_date)

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create a sub-account; return its login, which names it in later calls.

        Raises:
            InvalidRequest: First or last name, company, mobile, email, login or password is missing.

        Source: SOAP API, C (subAccount), annex 5.
        """
        await self.perform(CreateSubAccount(account))
        if account.login is None:  # the operation has refused that
            msg = "createSubAccount: the sub-account has no login."
            raise ProtocolError(msg, request="createSubAccount")
        return account.login
