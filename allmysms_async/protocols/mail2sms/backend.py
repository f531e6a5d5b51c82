"""Mail2SMS as a backend: neutral model <-> mails."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, NoReturn

import msgspec

from allmysms_async import argument, telemetry
from allmysms_async.backend import SendLimits, SendRequest, identity
from allmysms_async.border import bordered
from allmysms_async.clock import PARIS, SYSTEM, Clock
from allmysms_async.errors import InvalidRequest
from allmysms_async.hooks import Answered, Asked, Hook, noted, numbered, redacted
from allmysms_async.model import AllAccepted, MmsMessage, Secret, SendReceipt, SmsMessage, as_sms
from allmysms_async.protocols.mail2sms.codec import (
    Credentials,
    Stamp,
    checked_address,
    checked_credential,
    checked_sender,
    encode,
    room,
)
from allmysms_async.protocols.refusal import refuse_lacking
from allmysms_async.text import MAX_PARTS

if TYPE_CHECKING:
    from allmysms_async.exchange import MailEnvelope, MailReceipt
    from allmysms_async.transports import MailTransport
    from allmysms_async.transports.smtp import Security

__all__ = ["Mail2SmsBackend"]

_LONGEST_NUMBER = 15
_MAX_WORDS = 500


@bordered
class Mail2SmsBackend:
    """The AllMySMS gateway by e-mail, handed to a mail server of yours.

    The gateway answers only on error, by a mail to ``mail_from``: silence is success. So "accepted" here says that
    the mail server took the mail, and nothing more; a wrong key, a lack of credits or a refused number is told later,
    in that mailbox (``parse_error_reply`` reads it), and does not stop a campaign. There are no identifiers, no
    reports, no costs, no Unicode, and nothing that would make a repeated mail safe.

    Args:
        login: The account's login.
        api_key: The account's API key (customer area, API section); it travels in the subject, in clear for every mail
            server on the way.
        mail_from: The address that mails come from and errors go to: a mailbox that somebody reads.
        hostname: Your mail server.
        port: Its port; by default the one that goes with ``security``.
        security: ``starttls`` (default, required), ``tls`` or ``plain``; see ``SmtpTransport``.
        username: To log in to the mail server with, or None.
        password: Goes with it.
        rcpt_to: The gateway's address.
        transport: What hands the mails over, in place of a mail server's name: an ``SmtpTransport`` with options of its
            own. It stays the caller's to close.
        timeout: Seconds for one mail.
        clock: Where the mails' ``Date`` comes from; the machine's own by default.
        hooks: Called with a note of each mail and of its end, redacted (see ``allmysms_async.hooks``).

    Raises:
        InvalidRequest: A credential, an address or the server cannot be right.

    Source: Mail2SMS.
    """

    name = "mail2sms"
    limits = SendLimits(
        schedules=True,
        # Never what splits a list: no subject holds so many, and its length is what counts.
        recipients=120,
        max_recipients=120,
        max_gsm_units=1224,
        max_ucs2_units=0,
        max_parts=MAX_PARTS,
        personalises=False,
        idempotent=False,
    )

    def __init__(
        self,
        login: str,
        api_key: str,
        *,
        mail_from: str,
        hostname: str | None = None,
        port: int | None = None,
        security: Security = "starttls",
        username: str | None = None,
        password: str | None = None,
        rcpt_to: str = "mail2sms@allmysms.com",
        transport: MailTransport | None = None,
        timeout: float = 120.0,
        clock: Clock | None = None,
        hooks: Iterable[Hook] = (),
    ) -> None:
        self._credentials = Credentials(
            login=Secret(checked_credential("login", login)), api_key=Secret(checked_credential("api_key", api_key))
        )
        self._mail_from = checked_address("mail_from", mail_from)
        self._rcpt_to = checked_address("rcpt_to", rcpt_to)
        self._timeout = argument.seconds("timeout", timeout)
        if clock is not None:
            argument.able("clock", clock, ("now",), "a clock")
        self._clock = clock or SYSTEM
        self._hooks: tuple[Hook, ...] = argument.several("hooks", hooks, callable, "functions")
        if transport is not None:
            argument.able("transport", transport, ("send", "aclose"), "a MailTransport")
        self._owns_transport = transport is None
        if (transport is None) == (hostname is None):
            msg = "Give the mail server's hostname, or a transport."
            raise InvalidRequest(msg)
        if transport is None:
            from allmysms_async.transports.smtp import SmtpTransport

            transport = SmtpTransport(hostname or "", port, security=security, username=username, password=password)
        self._transport = transport
        self._room_of(SmsMessage(""))

    @property
    def identity(self) -> str:
        """Tells accounts apart, without showing anything of them."""
        return identity(self.name, self._rcpt_to, self._credentials.login.reveal())

    def __repr__(self) -> str:
        """Show where it sends to, and neither login nor key."""
        return f"<Mail2SmsBackend {self._rcpt_to}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the key and open connections."""
        msg = "A Mail2SmsBackend holds credentials and connections and cannot be pickled."
        raise TypeError(msg)

    @property
    def timeout(self) -> float:
        """Seconds for one mail, unless a request says otherwise."""
        return self._timeout

    async def aclose(self) -> None:
        """Close the connections, unless the transport is the caller's own."""
        if self._owns_transport:
            await self._transport.aclose()

    def limits_of(self, message: SmsMessage | MmsMessage) -> SendLimits:
        """Return what one mail can hold: the longer sender and date are, the fewer numbers fit the subject."""
        return msgspec.structs.replace(self.limits, max_numbers_length=self._room_of(as_sms(message)))

    def _room_of(self, message: SmsMessage) -> int:
        """Return how many characters the numbers of one mail may take."""
        left = room(self._credentials, message)
        if left < _LONGEST_NUMBER:
            msg = "login, api_key and sender leave no room in the subject for a number; nothing was sent."
            raise InvalidRequest(msg)
        return left

    def check(self, message: SmsMessage) -> None:
        """Refuse what a mail cannot say.

        Raises:
            InvalidSender: Not a letter first, then letters without accents, digits and spaces, 3 to 11 characters.
            UnsupportedFeature: A reference, short links, the urgent channel or replies are asked for.

        Source: Mail2SMS, §2.1.
        """
        checked_sender(message.sender)
        lacking = {
            "a reference": message.reference,
            "short links": message.track_links,
            "the urgent channel": message.priority,
            "replies": message.wants_replies,
        }
        refuse_lacking("Mail2SMS has no field for", lacking)

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send one text to some recipients by one mail, in one attempt; silence is success.

        Source: Mail2SMS, §2.1, §2.2.
        """
        domain = self._mail_from.partition("@")[2]
        stamp = Stamp(date=self._clock.now(), message_id=f"{secrets.token_hex(16)}@{domain}")
        envelope = encode(
            request,
            self._credentials,
            stamp,
            mail_from=self._mail_from,
            rcpt_to=self._rcpt_to,
            timeout=self._timeout if request.timeout is None else request.timeout,
        )
        if not self._hooks:
            answer = await self._handed_over(envelope)
        else:
            note = self._note(request, envelope)
            work, answered = functools.partial(self._handed_over, envelope), functools.partial(_answered, note)
            answer = await noted(self._hooks, note, work, answered)
        return SendReceipt(
            campaign_id=None,
            results=AllAccepted(request.phones),
            parts=request.parts,
            scheduled=request.message.send_at is not None,
            raw={"code": answer.code, "text": self._said(answer.text), "message_id": stamp.message_id},
        )

    def _handed_over(self, envelope: MailEnvelope) -> Awaitable[MailReceipt]:
        """Hand a mail over to the server, observed if somebody does."""
        sending: Awaitable[MailReceipt] = self._transport.send(envelope)
        observer = telemetry.observer
        if observer is None:
            return sending
        host, port = getattr(self._transport, "hostname", ""), getattr(self._transport, "port", 0)
        return observer.mailing(envelope.name, host, port, sending)

    def _note(self, request: SendRequest, envelope: MailEnvelope) -> Asked:
        """Return the note of a mail, for hooks; what it says is told, in place of its subject and body."""
        message = request.message
        date = message.send_at and message.send_at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")
        said = {"numbers": list(request.phones), "from": message.sender or "", "date": date or "", "text": request.text}
        return Asked(
            number=numbered(),
            name=envelope.name,
            url=f"mailto:{self._rcpt_to}",
            fields=redacted(said),
            sub_account=False,
            timeout=envelope.timeout,
            body_bytes=len(envelope.message),
        )

    def _said(self, words: str) -> str:
        """Return a mail server's words in one line that can be kept: some repeat the subject, which holds the key."""
        line = " ".join(words.split())
        if not line.isprintable():
            line = "".join(filter(str.isprintable, line))
        return line.replace(self._credentials.api_key.reveal(), "…")[:_MAX_WORDS]


def _answered(note: Asked, answer: MailReceipt, seconds: float) -> Answered:
    """Return the note of a mail server's answer, for hooks; some repeat the subject, so that its words are hidden."""
    return Answered(
        number=note.number,
        name=note.name,
        seconds=seconds,
        http_status=None,
        fields=redacted({"code": answer.code, "text": answer.text}),
        body_bytes=len(answer.text.encode(errors="replace")),
    )
