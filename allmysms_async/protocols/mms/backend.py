"""The MMS module as a backend: neutral model <-> flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from allmysms_async import plausible
from allmysms_async.backend import SendLimits, SendRequest, identity
from allmysms_async.border import bordered
from allmysms_async.hooks import Hook
from allmysms_async.model import Accepted, Account, MmsKind, MmsMessage, SendReceipt, SmsMessage
from allmysms_async.protocols.address import address
from allmysms_async.protocols.connection import Connection, HttpBackend, secret
from allmysms_async.protocols.mms import status
from allmysms_async.protocols.mms.answer import Answer, read_account, read_send, results
from allmysms_async.protocols.mms.codec import SEND, Credentials, check_media, encode_account, encode_send, told
from allmysms_async.protocols.refusal import refuse_lacking

if TYPE_CHECKING:
    from allmysms_async.backend import Replay
    from allmysms_async.exchange import HttpRequest, HttpResponse
    from allmysms_async.transports import HttpTransport

__all__ = ["MmsBackend"]

_MAX_CAPTION = 100


@bordered
class MmsBackend(HttpBackend):
    """The AllMySMS gateway's MMS module, by form POST.

    Reaches mobiles of metropolitan France only. A plain ``SmsMessage`` is sent as an MMS with a text alone, which may
    have 1000 characters; it has no sender. Text is UTF-8; the gateway would write ``E`` for ``€``, so that is refused.

    Args:
        login: The account's login (``clientcode``).
        password: The account's password (``passcode``), not its API key; it travels in the body alone.
        base_url: The server's root. The manual prints plain http; https is used, and plain http is taken for a
            loopback address only, unless allowed.
        transport: What carries the requests; by default one over h11, closed with the backend. One that is given
            stays the caller's to close.
        timeout: Seconds for one attempt, connection included.
        max_response_bytes: Largest answer that is read.
        allow_plain_http: Whether the password may travel in clear to another host; it warns.
        hooks: Called with a note of each request and of its end, redacted (see ``allmysms_async.hooks``).

    Raises:
        InvalidRequest: A credential or the address cannot be right.

    Source: MMS module.
    """

    name = "mms"
    limits = SendLimits(
        schedules=True,
        recipients=200,
        max_recipients=200,
        max_gsm_units=1000,
        max_ucs2_units=1000,
        personalises=False,
        idempotent=False,
        metropolitan_only=True,
        refused_characters="€",
    )

    def __init__(
        self,
        login: str,
        password: str,
        *,
        base_url: str = "https://api.msinnovations.com",
        transport: HttpTransport | None = None,
        timeout: float = 60.0,
        max_response_bytes: int = 4 * 1024 * 1024,
        allow_plain_http: bool = False,
        hooks: Iterable[Hook] = (),
    ) -> None:
        self._credentials = Credentials(login=secret("login", login), password=secret("password", password))
        self._connection = Connection(
            address("base_url", base_url, allow_plain_http=allow_plain_http),
            transport=transport,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
            hooks=hooks,
        )

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return identity(self.name, self._connection.address, self._credentials.login.reveal())

    # -- sending ------------------------------------------------------------------------------------------------------

    def limits_of(self, message: SmsMessage | MmsMessage) -> SendLimits:
        """Return what one request can hold: a text of 1000 characters alone, of 100 beside media.

        Source: MMS module, §1.2.
        """
        if not isinstance(message, MmsMessage) or message.kind is MmsKind.TEXT:
            return self.limits
        return msgspec.structs.replace(self.limits, max_gsm_units=_MAX_CAPTION, max_ucs2_units=_MAX_CAPTION)

    def check(self, message: SmsMessage) -> None:
        """Refuse what an MMS has no field for.

        Raises:
            UnsupportedFeature: A sender, a reference, short links, the urgent channel or replies are asked for.
        """
        lacking = {
            "a sender": message.sender,
            "a reference": message.reference,
            "short links": message.track_links,
            "the urgent channel": message.priority,
            "replies": message.wants_replies,
        }
        refuse_lacking("An MMS has no field for", lacking)

    def check_mms(self, message: MmsMessage) -> None:
        """Refuse media and durations that the gateway would refuse.

        Raises:
            InvalidRequest: Saying what is wrong.
        """
        check_media(message)

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send one MMS to some recipients, in one attempt.

        Source: MMS module, §1, §2.
        """
        wire = encode_send(
            request,
            self._credentials,
            base_url=self._connection.address,
            timeout=self._connection.seconds(request.timeout),
            max_response_bytes=self._connection.max_response_bytes,
        )
        answer = await self._exchange(wire, read_send, lambda: told(request), "never")
        found = results(answer, tuple(request.recipients))
        campaign_id, odd = plausible.identifier(answer.campaign_id), list(plausible.odd_in(answer.raw))
        if answer.campaign_id and campaign_id is None:
            odd.append("CampaignID")
        return SendReceipt(
            campaign_id=campaign_id,
            results=found,
            # An MMS is one, whatever its length.
            parts=sum(isinstance(result, Accepted) for result in found),
            credits_left=answer.credits,
            scheduled=answer.code == status.SCHEDULED,
            raw=answer.raw,
            warning=plausible.told(SEND, odd),
        )

    # -- asking -------------------------------------------------------------------------------------------------------

    async def account(self) -> Account:
        """Fetch the account's state and credits.

        Source: MMS module, §3.
        """
        return await self.account_of(self._credentials.login.reveal())

    async def account_of(self, login: str) -> Account:
        """Fetch the state and credits of an account that this login may see.

        Args:
            login: Of the account to check.

        Raises:
            AuthenticationFailed: No such account, or the backend's own login is wrong.
            NotPermitted: This login may not see it, or it is not active.

        Source: MMS module, §3.
        """
        wire = encode_account(
            self._credentials,
            secret("login", login).reveal(),
            base_url=self._connection.address,
            timeout=self._connection.timeout,
            max_response_bytes=self._connection.max_response_bytes,
        )
        answer = await self._exchange(wire, read_account, lambda: {"info": login}, "safe")
        return Account(status=answer.text, credits=answer.credits)

    async def _exchange(
        self,
        wire: HttpRequest,
        read: Callable[[HttpResponse, str], Answer],
        fields: Callable[[], Mapping[str, object]],
        replay: Replay,
    ) -> Answer:
        """Make a request in one attempt; hooks are told of it and of some fields."""
        connection = self._connection

        async def reading(response: HttpResponse) -> Answer:
            return read(response, wire.name)

        note = connection.note(wire, fields()) if connection.hooks else None
        return await connection.exchange(wire, reading, note=note, replay=replay)
