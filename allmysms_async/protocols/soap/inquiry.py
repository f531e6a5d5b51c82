"""The way to the gateway over SOAP, and what it can be asked beside sending, in the neutral vocabulary.

Building and reading an envelope takes 60 us a recipient, and zeep's first import 0.2 s and more: both happen in a
thread, so that the event loop goes on.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, TypeVar

from allmysms_async.backend import identity
from allmysms_async.border import bordered
from allmysms_async.errors import InvalidRequest, ProtocolError, UnsupportedFeature
from allmysms_async.hooks import Asked
from allmysms_async.model import Account, DeliveryReport, DeliveryStatus, NewSubAccount, OptOut, Reply
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.connection import Connection, HttpBackend
from allmysms_async.protocols.soap import status
from allmysms_async.protocols.soap.account import CreateSubAccount, GetInfo, GetStop
from allmysms_async.protocols.soap.codec import Credentials, decode, encode
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.reports import GetAcks, GetPull
from allmysms_async.protocols.soap.wire import Result
from allmysms_async.transports.thread import Worker, within

if TYPE_CHECKING:
    from allmysms_async.exchange import HttpRequest, HttpResponse
    from allmysms_async.protocols.soap.envelope import EnvelopeBuilder

__all__ = ["SoapInquiry"]

R = TypeVar("R", bound=Result)


@bordered
class SoapInquiry(HttpBackend):
    """Asks the gateway.

    Args:
        credentials: Who asks.
        connection: The way to it.
        wsdl: Path of a WSDL to build requests by; the one of this package by default.
    """

    name = "soap"

    def __init__(self, credentials: Credentials, connection: Connection, wsdl: pathlib.Path | None) -> None:
        self._credentials = credentials
        self._connection = connection
        self._wsdl = wsdl
        self._worker = Worker("allmysms soap")
        # One for each process: the thread of the parent may have been using it when this one was forked off.
        self._builders: dict[int, EnvelopeBuilder] = {}

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
