"""Envoyer SMS Pro as a backend: neutral model <-> operations, and the limit of requests per hour."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from allmysms_async import argument, plausible
from allmysms_async.backend import SendLimits, SendRequest, identity
from allmysms_async.border import bordered
from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.errors import (
    AllMySmsError,
    CampaignPending,
    InvalidRequest,
    InvalidText,
    NoReplies,
    NotSent,
    ProtocolError,
    RequestLimitReached,
    UnsupportedFeature,
)
from allmysms_async.hooks import warn_of_figures
from allmysms_async.model import (
    Accepted,
    Account,
    DeliveryReport,
    MmsMessage,
    NewSubAccount,
    Reply,
    Secret,
    SendReceipt,
    SmsMessage,
    SubAccount,
)
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.connection import Connection, HttpBackend, address, secret
from allmysms_async.protocols.envoyersmspro.account import CreateAccount, GetAccountStatus, GetAllAccounts
from allmysms_async.protocols.envoyersmspro.api import EnvoyerSmsProApi
from allmysms_async.protocols.envoyersmspro.codec import Credentials, decode, encode
from allmysms_async.protocols.envoyersmspro.message import (
    LONG_UNITS,
    MAX_RECIPIENTS,
    SINGLE_UNITS,
    STOP_UNITS,
    CancelMessage,
    GetMessageStats,
    SendMessage,
    SendMessageResult,
    check_sender,
    check_tag,
)
from allmysms_async.protocols.envoyersmspro.operation import Operation, identifier
from allmysms_async.protocols.envoyersmspro.response import PAGE, GetResponses
from allmysms_async.protocols.envoyersmspro.status import DELIVERY
from allmysms_async.protocols.envoyersmspro.stop import ActivateStop, CheckStop, DeactivateStop
from allmysms_async.text import forces_unicode, measure

if TYPE_CHECKING:
    from allmysms_async.protocols.envoyersmspro.window import RequestWindow
    from allmysms_async.transports import HttpTransport

__all__ = ["EnvoyerSmsProBackend"]

R = TypeVar("R")

_LATE_SECONDS = 5.0
"""How much longer than its time-out a request can take: the transport waits for its turn first."""


def _credentials(login: str, password: str, account_id: str | None, *, basic: bool) -> Credentials:
    """Return credentials that are fit to travel."""
    proof = {name: secret(name, value) for name, value in {"login": login, "password": password}.items()}
    for name, value in proof.items():
        if basic and ":" in value.reveal():
            msg = f'{name} holds ":", which separates the parts of HTTP Basic authentication; say basic_auth=False.'
            raise InvalidRequest(msg)
    if account_id is not None:
        identifier("account_id", account_id)
    named = None if account_id is None else Secret(account_id)
    return Credentials(**proof, account_id=named, basic=basic)


@bordered
class EnvoyerSmsProBackend(HttpBackend):
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
            says that commercial campaigns must.
        tag: A label for the provider's monthly statistics, up to 20 letters and digits.
        request_limit: Requests in 60 minutes at most, for this process; what ``account/status`` states counts if it is
            less. None is 100 until that states another number, which is asked when the limit would be reached, and
            remembered for a day.
        limit_path: A SQLite file, on a local disk, that keeps count beyond the process; None counts in memory, or where
            another backend of the account in this process counts.
        base_url: The server's root; plain http is taken for a loopback address only, unless allowed.
        transport: What carries the requests; by default one over httpx, closed with the backend. One that is given
            stays the caller's to close.
        timeout: Seconds for one attempt, connection included.
        max_response_bytes: Largest answer that is read.
        allow_plain_http: Whether the password may travel in clear to another host; it warns.
        clock: Where the time of day comes from; the machine's own by default.

    Raises:
        InvalidRequest: A credential, the sender, the tag, the limit or the address cannot be right.

    Source: Envoyer SMS Pro, "Pré-requis".
    """

    name = "envoyersmspro"

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
    ) -> None:
        self._credentials = _credentials(login, password, account_id, basic=basic_auth)
        self._connection = Connection(
            address("base_url", base_url, allow_plain_http=allow_plain_http, path="/api"),
            transport=transport,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
        )
        self._default_sender = check_sender(default_sender) if default_sender is not None else None
        self._stop_sms = stop_sms
        self._tag = check_tag(tag) if tag is not None else None
        self.limits = SendLimits(
            recipients=MAX_RECIPIENTS,
            max_recipients=MAX_RECIPIENTS,
            max_gsm_units=(LONG_UNITS if long_messages else SINGLE_UNITS) - (STOP_UNITS if stop_sms else 0),
            max_ucs2_units=0,
            personalises=False,
            idempotent=False,
        )
        self._window, self._clock = _pace(self.identity, limit_path, request_limit, clock)
        self.api = EnvoyerSmsProApi(self.perform)

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        credentials = self._credentials
        account = credentials.account_id.reveal() if credentials.account_id else ""
        return identity(self.name, self._connection.address, credentials.login.reveal(), account)

    # -- one attempt --------------------------------------------------------------------------------------------------

    async def perform(self, operation: Operation[R], *, timeout: float | None = None) -> R:
        """Make one attempt at an operation, if the request limit allows it.

        Args:
            operation: What is asked.
            timeout: Seconds for this attempt; the backend's own by default.

        Raises:
            RequestLimitReached: Not sent, or not taken; ``retry_after`` says when the next request may be sent.
            NotSent: Surely not sent.
            OutcomeUnknown: It may have been taken.
            HttpRefused: Surely not taken.
            GatewayError: The provider refused; its class says why.
        """
        asks = isinstance(operation, GetAccountStatus)
        # A limit that nobody stated is asked with the last place that is left, before anything has to wait.
        if not asks and not self._window.known(self._clock.now()) and self._window.free(self._clock.now()) <= 1:
            await self._learn_limit()
        seconds = self._connection.seconds(timeout)
        request = encode(
            operation,
            self._credentials,
            base_url=self._connection.address,
            timeout=seconds,
            max_response_bytes=self._connection.max_response_bytes,
        )
        keep = 0 if asks or self._window.known(self._clock.now()) else 1
        turn = self._window.take(self._clock.now(), seconds + _LATE_SECONDS, keep=keep)
        if turn.wait:
            msg = f"{operation.path}: {self._window.limit} requests in 60 minutes are allowed; this one was not sent."
            raise RequestLimitReached(msg, request=operation.path, retry_after=turn.wait)
        try:
            response = await self._connection.send(request)
        except NotSent:
            turn.give_back()
            raise
        except BaseException:
            turn.end(self._clock.now())
            raise
        turn.end(self._clock.now())
        try:
            result = decode(operation, response)
        except RequestLimitReached as error:
            error.retry_after = self._window.close(self._clock.now(), error.retry_after)
            raise
        if operation.replay == "safe":
            warn_of_figures(operation.path, getattr(result, "raw", {}))
        if isinstance(operation, GetAccountStatus):
            self._window.state(getattr(result, "api_request_limit", None), self._clock.now())
        return result

    # -- the request limit --------------------------------------------------------------------------------------------

    def turn_in(self) -> float:
        """Return the seconds until the next request may be sent, 0 if it may be now."""
        return self._window.turn_in(self._clock.now())

    async def least_seconds(self, requests: int) -> float:
        """Return how long so many requests take at least because of the limit; asks for it if they would not fit."""
        if requests and not self._window.known(self._clock.now()) and self._window.free(self._clock.now()) <= requests:
            await self._learn_limit()
        return self._window.least_seconds(requests, self._clock.now())

    async def _learn_limit(self) -> None:
        """Ask what the limit is; without an answer the default stays."""
        try:
            await self.perform(GetAccountStatus())
        except RequestLimitReached:
            return  # another request is just asking, or the server's window is full
        except AllMySmsError:
            self._window.state(None, self._clock.now())

    # -- sending ------------------------------------------------------------------------------------------------------

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
        for feature, asked in lacking.items():
            if asked:
                msg = f"The backend {self.name} has no {feature}; nothing was sent."
                raise UnsupportedFeature(msg, backends=("rest",))
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
        units = measure(request.text, request.coding).units + (STOP_UNITS if self._stop_sms else 0)
        operation = SendMessage(
            request.text,
            tuple(recipient.phone for recipient in request.recipients),
            check_sender(message.sender or self._default_sender),
            send_at=message.send_at,
            long_message_allowed=units > SINGLE_UNITS,
            stop_sms=self._stop_sms,
            tag=self._tag,
            wants_replies=message.wants_replies,
        )
        result = await self.perform(operation, timeout=request.timeout)
        each = 1 if units <= SINGLE_UNITS else -(-units // 153)
        return _receipt(result, request, each * len(request.recipients))

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Source: Envoyer SMS Pro, "Fonction annulation d'envoi de message programmé".
        """
        await self.perform(CancelMessage(campaign_id))

    # -- asking -------------------------------------------------------------------------------------------------------

    async def delivery_reports(self, campaign_id: str) -> tuple[DeliveryReport, ...]:
        """Fetch the reports of one send; none while it waits for its date.

        Source: Envoyer SMS Pro, "Fonction statistiques des messages".
        """
        try:
            stats = await self.perform(GetMessageStats(campaign_id))
        except CampaignPending:
            return ()
        reports: list[DeliveryReport] = []
        for entry in stats.recipients:
            status = DELIVERY.get(entry.status_id)
            if status is None:
                msg = "A delivery report has a status that the manual does not list."
                raise ProtocolError(msg, request=GetMessageStats.path)
            phone = read_gateway_number(entry.mobile_number)
            report = DeliveryReport(phone=phone, status=status, code=entry.status_id, received_at=entry.delivered_date)
            reports.append(report)
        return tuple(reports)

    async def delivery_report(self, sms_id: str) -> DeliveryReport:
        """Refuse: texts have no identifiers of their own here.

        Raises:
            UnsupportedFeature: Always.
        """
        msg = f"The backend {self.name} gives texts no identifiers ({len(sms_id)} characters were given); "
        msg += "ask with delivery_reports(campaign_id)."
        raise UnsupportedFeature(msg, backends=("rest",))

    async def replies(self, campaign_id: str | None = None) -> AsyncIterator[Reply]:
        """Iterate over the answers to one send, 50 at a time, each page fetched when it is needed.

        A send without ``wants_replies`` has none.

        Raises:
            InvalidRequest: No campaign id: this provider knows answers by message alone.

        Source: Envoyer SMS Pro, "Fonction consultation des réponses".
        """
        if campaign_id is None:
            msg = "This provider knows replies by message alone: give the campaign id; nothing was sent."
            raise InvalidRequest(msg)
        offset = 0
        while True:
            try:
                page = await self.perform(GetResponses(campaign_id, offset))
            except NoReplies:
                return
            for response in page.responses:
                yield Reply(
                    phone=read_gateway_number(response.mobile_number),
                    text=response.content,
                    received_at=response.date,
                    campaign_id=campaign_id,
                )
            offset += len(page.responses)
            # Where it is not said how many there are, a page that is not full is the last.
            told = "number_of_response" not in plausible.odd_in(page.raw)
            if not page.responses or (offset >= page.number_of_responses if told else len(page.responses) < PAGE):
                return

    async def account(self) -> Account:
        """Fetch how many SMS are left.

        Source: Envoyer SMS Pro, "Fonction SMS restant".
        """
        status = await self.perform(GetAccountStatus())
        left = status.sms_remaining
        return Account(status="success", credits=None if left is None else Decimal(left), texts=left, country="FR")

    async def opted_out(self, phone: str) -> bool:
        """Tell whether a number opted out.

        Source: Envoyer SMS Pro, "Fonction consultation STOP SMS".
        """
        return (await self.perform(CheckStop(phone))).active

    async def add_opt_out(self, phone: str) -> None:
        """Bar a number from being texted.

        Source: Envoyer SMS Pro, "Fonction activation STOP SMS".
        """
        await self.perform(ActivateStop(phone))

    async def remove_opt_out(self, phone: str) -> None:
        """Let a number be texted again.

        Source: Envoyer SMS Pro, "Fonction désactivation STOP SMS".
        """
        await self.perform(DeactivateStop(phone))

    async def create_sub_account(self, account: NewSubAccount) -> str:
        """Create an account under the login, from its name alone; return its identifier.

        Raises:
            InvalidRequest: It has no name.

        Source: Envoyer SMS Pro, "Fonction création de compte".
        """
        if account != NewSubAccount(name=account.name):
            msg = f"The backend {self.name} knows no more of an account than its name; nothing was sent."
            raise UnsupportedFeature(msg)
        return (await self.perform(CreateAccount(account.name or ""))).account_id

    async def sub_accounts(self) -> AsyncIterator[SubAccount]:
        """Iterate over the accounts under the login.

        Source: Envoyer SMS Pro, "Fonction liste des comptes".
        """
        for entry in (await self.perform(GetAllAccounts())).accounts:
            left = entry.sms_remaining
            credits_left = None if left is None else Decimal(left)
            yield SubAccount(account_id=entry.account_id, name=entry.account_name, credits=credits_left)


def _pace(account: str, path: str | Path | None, limit: int | None, clock: Clock | None) -> tuple[RequestWindow, Clock]:
    """Return the account's window of requests, imported only when one is needed, and its clock."""
    from allmysms_async.protocols.envoyersmspro.window import window_of

    if limit is not None:
        argument.count("request_limit", limit)
    if clock is not None:
        argument.able("clock", clock, ("now",), "a clock")
    window = window_of(account, None if path is None else argument.path("limit_path", path))
    if limit is not None:
        window.wish(limit)
    return window, clock or SYSTEM


def _receipt(result: SendMessageResult, request: SendRequest, parts: int) -> SendReceipt:
    """Return what an answer says: success accepts everybody, whatever its count; a count that differs is told."""
    sent, left = result.sms_sent, result.sms_remaining
    people = len(request.recipients)
    campaign_id, odd = plausible.identifier(result.message_id), list(plausible.odd_in(result.raw))
    if campaign_id is None:
        odd.append("message_id")
    if sent is not None and plausible.parts(sent, people) is None:
        sent = None
        odd.append("sms_sent")
    warning = plausible.told("message/send", odd)
    # The manual does not say whether it counts people or SMS: either is right.
    if sent not in {None, people, parts}:
        differs = f"message/send: the provider counts {sent} SMS sent to {people} recipients, {parts} were expected."
        warning = f"{differs} {warning}" if warning else differs
    return SendReceipt(
        campaign_id=campaign_id,
        results=tuple(Accepted(recipient.phone) for recipient in request.recipients),
        parts=parts,
        credits_used=None if sent is None else Decimal(sent),
        credits_left=None if left is None else Decimal(left),
        scheduled=request.message.send_at is not None,
        raw=result.raw,
        warning=warning,
    )
