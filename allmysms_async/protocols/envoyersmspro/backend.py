"""Envoyer SMS Pro as a backend: opening it, and sending through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from allmysms_async.backend import SendLimits, SendRequest
from allmysms_async.border import bordered
from allmysms_async.errors import InvalidText
from allmysms_async.hooks import Hook
from allmysms_async.model import MmsMessage, SendReceipt, SmsMessage
from allmysms_async.protocols.address import address
from allmysms_async.protocols.connection import Connection
from allmysms_async.protocols.envoyersmspro.inquiry import EnvoyerSmsProInquiry
from allmysms_async.protocols.envoyersmspro.line import Line, credentials
from allmysms_async.protocols.envoyersmspro.message import (
    LONG_PARTS,
    LONG_UNITS,
    MAX_RECIPIENTS,
    SINGLE_UNITS,
    STOP_TEXT,
    CancelMessage,
    SendMessage,
    check_sender,
    check_tag,
)
from allmysms_async.protocols.envoyersmspro.receipt import receipt
from allmysms_async.protocols.refusal import refuse_lacking
from allmysms_async.text import forces_unicode, measure

if TYPE_CHECKING:
    from allmysms_async.clock import Clock
    from allmysms_async.transports import HttpTransport

__all__ = ["EnvoyerSmsProBackend"]


@bordered
class EnvoyerSmsProBackend(EnvoyerSmsProInquiry):
    """Envoyer SMS Pro over its REST API.

    It has no idempotency keys: a request without an answer is never repeated. It takes 100 requests in 60 minutes, or
    what the account states: those beyond are held back here and raise ``RequestLimitReached``; a campaign waits.

    Args:
        login: The account's login, a mobile number.
        password: Its password.
        account_id: Which of several accounts under the login; None is the first. Name the first always or never: its
            requests are counted apart under its number and under none.
        default_sender: Sender of messages that name none; the provider requires one.
        basic_auth: Whether login and password travel as HTTP Basic authentication (default), or as form fields.
        long_messages: Whether texts of 161 to 459 characters are sent, as two or three SMS; else they are refused.
        stop_sms: Append a newline and "STOP SMS au 36111" to every text; it takes 19 of its characters. The manual
            says that commercial campaigns must: without it a marketing text has to say ``add_stop=True``.
        tag: A label for the provider's monthly statistics, up to 20 letters and digits.
        request_limit: Requests in 60 minutes at most, for this process; what ``account/status`` states counts if it is
            less. None is 100 until that states another number, which is asked when the limit would be reached, and
            remembered for a day.
        limit_path: A SQLite file, on a local disk, that keeps count beyond the process; None counts in memory, or where
            another backend of the account in this process counts.
        base_url: The server's root; plain http is taken for a loopback address only, unless allowed.
        transport: What carries the requests; by default one over h11, closed with the backend. One that is given
            stays the caller's to close.
        timeout: Seconds for one attempt, connection included.
        max_response_bytes: Largest answer that is read.
        allow_plain_http: Whether the password may travel in clear to another host; it warns.
        hooks: Called with a note of each request and of its end, redacted (see ``allmysms_async.hooks``).
        clock: Where the time of day comes from; the machine's own by default.

    Raises:
        InvalidRequest: A credential, the sender, the tag, the limit or the address cannot be right.

    Source: Envoyer SMS Pro, "Pré-requis".
    """

    def __init__(
        self,
        login: str,
        password: str,
        *,
        account_id: str | None = None,
        default_sender: str | None = None,
        basic_auth: bool = True,
        long_messages: bool = True,
        stop_sms: bool = False,
        tag: str | None = None,
        request_limit: int | None = None,
        limit_path: str | Path | None = None,
        base_url: str = "https://www.envoyersmspro.com",
        transport: HttpTransport | None = None,
        timeout: float = 60.0,
        max_response_bytes: int = 2 * 1024 * 1024,
        allow_plain_http: bool = False,
        clock: Clock | None = None,
        hooks: Iterable[Hook] = (),
    ) -> None:
        self._default_sender = check_sender(default_sender) if default_sender is not None else None
        self._tag = check_tag(tag) if tag is not None else None
        connection = Connection(
            address("base_url", base_url, allow_plain_http=allow_plain_http, path="/api"),
            transport=transport,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
            hooks=hooks,
        )
        asking = credentials(login, password, account_id, basic=basic_auth)
        line = Line(connection, asking, limit=request_limit, limit_path=limit_path, clock=clock)
        super().__init__(line)
        self._stop_sms = stop_sms
        self.limits = SendLimits(
            schedules=True,
            recipients=MAX_RECIPIENTS,
            max_recipients=MAX_RECIPIENTS,
            max_gsm_units=LONG_UNITS if long_messages else SINGLE_UNITS,
            max_ucs2_units=0,
            max_parts=LONG_PARTS if long_messages else 1,
            personalises=False,
            idempotent=False,
            appended=STOP_TEXT if stop_sms else "",
        )

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return self._line.identity

    # -- the request limit --------------------------------------------------------------------------------------------

    @property
    def request_limit(self) -> int:
        """Requests in 60 minutes: the least of what the server states, or its default, and what the caller wishes."""
        return self._line.limit

    def turn_in(self) -> float:
        """Return the seconds until the next request may be sent, 0 if it may be now."""
        return self._line.turn_in()

    async def least_seconds(self, requests: int) -> float:
        """Return how long so many requests take at least because of the limit; asks for it if they would not fit."""
        return await self._line.least_seconds(requests)

    # -- sending ------------------------------------------------------------------------------------------------------

    def limits_of(self, message: SmsMessage | MmsMessage) -> SendLimits:
        """Return what one request can hold; where the provider appends its STOP, that counts in the text's length."""
        if not isinstance(message, SmsMessage) or self._stop_sms or not self._adds_stop(message):
            return self.limits
        return msgspec.structs.replace(self.limits, appended=STOP_TEXT)

    def appends_stop(self, message: SmsMessage) -> bool:
        """Tell whether people receive the provider's STOP with a message, appended or in the text itself.

        Source: Envoyer SMS Pro, "Détails sur le STOP SMS".
        """
        return self._adds_stop(message) or message.text.endswith(STOP_TEXT)

    def _adds_stop(self, message: SmsMessage) -> bool:
        """Tell whether the provider is asked to append its STOP to a message."""
        return self._stop_sms or bool(message.add_stop and not message.text.endswith(STOP_TEXT))

    def check(self, message: SmsMessage) -> None:
        """Refuse what this provider cannot send as it is asked.

        Raises:
            InvalidSender: There is no sender, or it is not 3 to 11 letters, digits or spaces with one letter at least.
            InvalidText: The text holds characters outside GSM-7; they are named.
            UnsupportedFeature: Short links, the urgent channel, a reference, Unicode.

        Source: Envoyer SMS Pro, "Fonction nouveau message".
        """
        check_sender(message.sender or self._default_sender)
        lacking = {
            "short links": message.track_links,
            "channel for urgent messages": message.priority,
            "reference that comes back with reports": message.reference is not None,
            "Unicode texts": message.encoding == "unicode",
        }
        refuse_lacking(f"The backend {self.name} has no", lacking)
        foreign = forces_unicode(message.text)
        if foreign:
            named = ", ".join(f"U+{ord(character):04X}" for character in foreign[:5])
            msg = f"This provider has no Unicode texts, and GSM-7 lacks {named}; nothing was sent."
            raise InvalidText(msg, reason="needs_unicode")

    def added_to(self, message: SmsMessage | MmsMessage) -> Mapping[str, str | bool | None]:
        """Return what goes with each text: a sender where the message names none, STOP, the tag."""
        named = isinstance(message, SmsMessage) and message.sender
        sender = None if named else self._default_sender
        return {"default_sender": sender, "stop_sms": self._stop_sms, "tag": self._tag}

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send one text to some recipients in one attempt; success accepts them all.

        Source: Envoyer SMS Pro, "Fonction nouveau message".
        """
        message = request.message
        adds_stop = self._adds_stop(message)
        parts = measure(request.text + (STOP_TEXT if adds_stop else ""), request.coding).parts
        operation = SendMessage(
            request.text,
            request.phones,
            check_sender(message.sender or self._default_sender),
            send_at=message.send_at,
            long_message_allowed=parts > 1,
            stop_sms=adds_stop,
            tag=self._tag,
            wants_replies=message.wants_replies,
        )
        result = await self._line.perform(operation, timeout=request.timeout)
        return receipt(result, request, parts * len(request.recipients))

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Source: Envoyer SMS Pro, "Fonction annulation d'envoi de message programmé".
        """
        await self._line.perform(CancelMessage(campaign_id))
