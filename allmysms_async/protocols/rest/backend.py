"""The HTTPS API v9 as a backend: opening it, and sending through it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import plausible
from allmysms_async.backend import SendLimits, SendRequest
from allmysms_async.border import bordered
from allmysms_async.errors import InvalidSender
from allmysms_async.hooks import Hook
from allmysms_async.model import Estimate, FoundSend, SendReceipt, SmsMessage
from allmysms_async.numbers import name_shown
from allmysms_async.protocols.address import address
from allmysms_async.protocols.connection import Connection, HttpBackend, secret
from allmysms_async.protocols.rest import neutral
from allmysms_async.protocols.rest.campaigns import DeleteCampaign
from allmysms_async.protocols.rest.codec import Credentials, Format, Formats
from allmysms_async.protocols.rest.inquiry import RestInquiry
from allmysms_async.protocols.rest.line import Line
from allmysms_async.protocols.rest.one import SENT_OR_NOT
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.receipt import discarded, receipt
from allmysms_async.protocols.rest.reconcile import find_send
from allmysms_async.protocols.rest.sms import SendMany, SimulateCampaign
from allmysms_async.protocols.rest.wire import Result
from allmysms_async.text import MAX_PARTS

if TYPE_CHECKING:
    from allmysms_async.transports import HttpTransport
from allmysms_async.protocols.refusal import place_of_wrong

__all__ = ["RestBackend"]

R = TypeVar("R", bound=Result)

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{1,9}[A-Za-z0-9]")


@bordered
class RestBackend(RestInquiry, HttpBackend):
    """The AllMySMS gateway over its HTTPS API v9.

    Args:
        login: The account's login.
        api_key: The account's API key (customer area, API section); it travels in the body alone.
        base_url: The server's root; plain http is taken for a loopback address only, unless allowed.
        sub_account: Login of a sub-account to act for (annex 14), or None.
        transport: What carries the requests; by default one over h11, closed with the backend. One that is given
            stays the caller's to close.
        timeout: Seconds for one attempt, connection included.
        max_response_bytes: Largest answer that is read.
        allow_plain_http: Whether the key may travel in clear to another host; it warns.
        flow_format: In which format data flows travel, ``json`` or ``xml``.
        return_format: In which format answers are asked for; both are read as the same results.
        hooks: Called with a note of each request and of its end, redacted (see ``allmysms_async.hooks``).

    Attributes:
        api: Every operation of the API, by resource.

    Raises:
        InvalidRequest: A credential or the address cannot be right.

    Source: HTTPS API v9, §2, §3, §5.
    """

    name = "rest"
    limits = SendLimits(
        schedules=True,
        recipients=1000,
        max_recipients=2000,
        max_gsm_units=1224,
        max_ucs2_units=8 * 67,
        max_parts=MAX_PARTS,
        personalises=True,
        idempotent=True,
        reports_cost=True,
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
        flow_format: Format = "json",
        return_format: Format = "json",
        hooks: Iterable[Hook] = (),
    ) -> None:
        credentials = Credentials(
            login=secret("login", login, ascii_only=True),
            api_key=secret("api_key", api_key, ascii_only=True),
            sub_account=None if sub_account is None else secret("sub_account", sub_account, ascii_only=True),
        )
        connection = Connection(
            address("base_url", base_url, allow_plain_http=allow_plain_http, path="/http/9.0"),
            transport=transport,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
            hooks=hooks,
        )
        super().__init__(Line(connection, credentials, Formats(flow=flow_format, answer=return_format)))

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return self._line.identity

    def with_sub_account(self, login: str) -> RestBackend:
        """Return a view that acts for a sub-account, over the same connections; closing it closes nothing.

        Source: HTTPS API v9, annex 14.

        Args:
            login: The sub-account's login.

        Raises:
            InvalidRequest: The login cannot travel in a header.
        """
        view = object.__new__(type(self))
        RestInquiry.__init__(view, self._line.for_sub_account(login), self._kept)
        return view

    async def aclose(self) -> None:
        """Close the connections, unless the transport is the caller's own."""
        await self._line.aclose()

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
        return await self._line.call(operation, timeout=timeout, passing=passing)

    # -- sending ------------------------------------------------------------------------------------------------------

    def check(self, message: SmsMessage) -> None:
        """Refuse a sender that the gateway would not honour.

        Raises:
            InvalidSender: Not a letter first, then letters without accents, digits and spaces, 3 to 11 characters.

        Source: HTTPS API v9, §7.2.
        """
        if message.sender is not None and not _SENDER.fullmatch(message.sender):
            msg = (
                f"The sender {name_shown(message.sender)!r} is not 3 to 11 letters without accents, digits or spaces, "
                f"starting with a letter{place_of_wrong(message.sender)}; nothing was sent."
            )
            raise InvalidSender(msg)

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send one text to some recipients in one attempt, by ``sendSms`` with VERBOSE.

        Source: HTTPS API v9, §7, annex 2.
        """
        result = await self._line.one.send(request)
        if isinstance(result, SendReceipt):
            return result
        if result is None:
            operation = neutral.flow(SendMany, request, verbose=True, key=request.idempotency_key)
            result = await self.call(operation, timeout=request.timeout, passing=SENT_OR_NOT)
        return receipt(result, request.recipients, request.parts, request.idempotency_key)

    async def simulate(self, request: SendRequest) -> Estimate:
        """Ask what a send would cost, without sending.

        Source: HTTPS API v9, §8.
        """
        result = await self.call(neutral.flow(SimulateCampaign, request), timeout=request.timeout)
        people = len(request.recipients)
        parts = plausible.parts(result.nb_sms, people)
        recipients = result.nb_contacts if result.nb_contacts is not None and result.nb_contacts <= people else None
        return Estimate(
            recipients=people if recipients is None else recipients,
            parts=request.parts if parts is None else parts,
            credits=result.nb_credits,
            cost=plausible.cost(result.cost, request.parts),
            rejected=tuple(discarded(result.raw.get("discardedNumbersDetails"), result.invalid_numbers).values()),
        )

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Source: HTTPS API v9, §20 and annex 4.
        """
        await self.call(DeleteCampaign(campaign_id))

    async def find_send(
        self, campaign_name: str, moments: Sequence[datetime], *, campaign_id: str | None = None
    ) -> FoundSend | None:
        """Look a send up by its identifier, or by its name among those of a day before and after each moment.

        Source: HTTPS API v9, §11, §13.
        """
        return await find_send(self.call, campaign_name, moments, campaign_id)
