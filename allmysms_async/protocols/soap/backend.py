"""The SOAP API as a backend: neutral model <-> operations."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from allmysms_async import argument
from allmysms_async.backend import SendLimits, SendRequest
from allmysms_async.border import bordered
from allmysms_async.errors import InvalidSender
from allmysms_async.hooks import Hook
from allmysms_async.model import MmsMessage, SendReceipt, SmsMessage
from allmysms_async.numbers import name_shown
from allmysms_async.protocols.address import address
from allmysms_async.protocols.connection import Connection, secret
from allmysms_async.protocols.refusal import place_of_wrong, refuse_lacking
from allmysms_async.protocols.soap.account import DeleteCampaign
from allmysms_async.protocols.soap.codec import Credentials
from allmysms_async.protocols.soap.inquiry import SoapInquiry
from allmysms_async.protocols.soap.receipt import receipt
from allmysms_async.protocols.soap.sms import SendSms

if TYPE_CHECKING:
    from allmysms_async.transports import HttpTransport

__all__ = ["SoapBackend"]

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}")


@bordered
class SoapBackend(SoapInquiry):
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
        credentials = Credentials(login=secret("login", login), passcode=secret("passcode", passcode))
        connection = Connection(
            address("endpoint", endpoint, allow_plain_http=allow_plain_http, path=None),
            transport=transport,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
            hooks=hooks,
        )
        super().__init__(credentials, connection, None if wsdl is None else argument.path("wsdl", wsdl))
        self._lowcost = lowcost
        self._mail_notif = mail_notif
        self.limits = SendLimits(
            schedules=True,
            recipients=200,
            max_recipients=2000,
            max_gsm_units=160 if lowcost else 640,
            max_ucs2_units=0,
            personalises=True,
            idempotent=False,
        )

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
