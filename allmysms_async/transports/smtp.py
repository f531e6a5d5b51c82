"""Mail over aiosmtplib: a small pool of connections, encrypted and logged in before a mail is handed over."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Literal, TypeAlias

import aiosmtplib

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import AuthenticationFailed, CannotPass, InvalidRequest, NotSent, ServiceClosed
from allmysms_async.exchange import MailEnvelope, MailReceipt, departure
from allmysms_async.model import Secret
from allmysms_async.transports.peer import is_host
from allmysms_async.transports.room import Room, Rooms
from allmysms_async.transports.smtp_line import Line
from allmysms_async.transports.smtp_mail import Attempt, Step, check_addresses, quotes
from allmysms_async.transports.smtp_reply import words

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Security", "SmtpTransport"]

Security: TypeAlias = Literal["starttls", "tls", "plain"]
"""``starttls``: encrypt after connecting, or give up (port 587); ``tls``: from the start (port 465); ``plain``: in
clear (port 25), for a mail server on this very machine or network."""

_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "plain": 25}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Mail servers keep an idle connection for minutes (RFC 5321 asks for five), firewalls and short-tempered ones do not.
_IDLE_SECONDS = 60.0
# Each way to log in takes up to three answers, and four ways are tried.
_LOGIN_ANSWERS = 12


@bordered
class SmtpTransport:
    """A ``MailTransport`` over aiosmtplib, to be used from any event loop and process: each has its own connections.

    Args:
        hostname: The mail server; its certificate must be for this name.
        port: Its port; by default the one that goes with ``security``.
        security: ``starttls`` (default, required: without it nothing is sent), ``tls`` or ``plain``.
        username: To log in with, or None.
        password: Goes with it.
        max_connections: Connections at most in an event loop, and so mails in flight at most; more wait for their turn.
        max_mails: Mails over one connection at most: many servers hang up after some.
        connect_timeout: Seconds for each step before the mail itself: connecting, TLS, logging in.
        ssl_context: To trust other authorities than the system's usual ones.
        local_hostname: Name given in EHLO; the machine's own by default.

    Raises:
        InvalidRequest: A host that cannot be one, a password without encryption to another machine, or figures that
            make no sense.
    """

    def __init__(
        self,
        hostname: str,
        port: int | None = None,
        *,
        security: Security = "starttls",
        username: str | None = None,
        password: str | None = None,
        max_connections: int = 4,
        max_mails: int = 100,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
    ) -> None:
        argument.one_of("security", security, _PORTS)
        argument.count("max_connections", max_connections)
        argument.count("max_mails", max_mails)
        argument.seconds("connect_timeout", connect_timeout)
        if port is not None:
            argument.count("port", port, most=65_535)
        if not is_host(argument.text("hostname", hostname)):
            msg = "hostname must be the name or the address of a mail server, and nothing else; nothing was sent."
            raise InvalidRequest(msg)
        for name, value in {"username": username, "password": password, "local_hostname": local_hostname}.items():
            if value is not None and not (argument.text(name, value) and value.isprintable()):
                msg = f"{name} is empty or holds characters that no {name} has; nothing was sent."
                raise InvalidRequest(msg)
        argument.given("ssl_context", ssl_context, (ssl.SSLContext, type(None)), "an ssl.SSLContext")
        if (username is None) != (password is None):
            msg = "username and password go together."
            raise InvalidRequest(msg)
        if username is not None and security == "plain" and hostname not in _LOOPBACK:
            msg = "Without encryption the password would travel in clear; use security='starttls' or 'tls'."
            raise InvalidRequest(msg)
        self._hostname = hostname
        self._port = port or _PORTS[security]
        self._security: Security = security
        self._username = None if username is None else Secret(username)
        self._password = Secret(password or "")
        self._max_mails = max_mails
        self._connect_timeout = connect_timeout
        self._ssl_context = ssl_context
        self._local_hostname = local_hostname
        self._rooms: Rooms[Line] = Rooms(max_connections, Line.leave, lambda line: (line.socket(),))

    @property
    def hostname(self) -> str:
        """The mail server."""
        return self._hostname

    @property
    def port(self) -> int:
        """Its port."""
        return self._port

    def __repr__(self) -> str:
        """Show where it sends to, and not as whom."""
        return f"<SmtpTransport {self._hostname}:{self._port} {self._security}>"

    async def __aenter__(self) -> SmtpTransport:
        """Return the transport itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.aclose()

    async def send(self, envelope: MailEnvelope) -> MailReceipt:
        """Make one attempt, over a connection that is open already or a new one.

        Raises:
            NotSent: No connection, or it was lost before the mail itself was written.
            CannotPass: No encryption, a certificate that was refused (``CertificateRefused``), an address that cannot
                be written, or a transport that is closed (``ServiceClosed``).
            MailDeferred: The server answered 4xx, also after the mail: it did not take it.
            MailRefused: The server answered 5xx to the mail.
            AuthenticationFailed: The server refused the login, or asks for one.
            ConnectionLost: The connection was lost while or after the mail was written.
            RequestTimeout: No word on it within ``envelope.timeout``.
            ProtocolError: An answer that is no answer.
        """
        self._check_open(envelope)
        check_addresses(envelope)
        room = self._rooms.here()
        until = asyncio.get_running_loop().time() + envelope.timeout
        if room.turns.locked():
            try:
                async with asyncio.timeout_at(until):
                    await room.turns.acquire()
            except TimeoutError as error:
                msg = f"{envelope.name}: no connection became free within {envelope.timeout:g} s; nothing was sent."
                raise NotSent(msg, request=envelope.name) from error
        else:
            await room.turns.acquire()  # at once
        try:
            return await self._turn(envelope, until, room)
        finally:
            room.turns.release()

    def _check_open(self, envelope: MailEnvelope) -> None:
        """Refuse to send once the transport is closed."""
        if self._rooms.closed:
            msg = f"{envelope.name}: the transport is closed; nothing was sent."
            raise ServiceClosed(msg, request=envelope.name, remedy="Make another service, or transport, to send with.")

    async def _turn(self, envelope: MailEnvelope, until: float, room: Room[Line]) -> MailReceipt:
        """Make the attempt, now that it is this mail's turn."""
        self._check_open(envelope)  # again: it may have been closed while the mail waited
        line = idle = _awake(room)
        if line is None:
            line = Line(self._client())
        attempt = Attempt(envelope, self._hostname, line)
        try:
            if idle is None:
                async with asyncio.timeout_at(until):
                    await self._open(line, attempt, room)
            if (leave := departure.get()) is not None:
                attempt.step = Step.MAIL
                async with asyncio.timeout_at(until):
                    await leave()
            answer = await attempt.hand_over(until)
        except Exception as error:
            caught = error
        except BaseException:
            line.drop()
            raise
        else:
            line.mails += 1
            self._keep(line, room)
            return MailReceipt(code=int(answer[:3]), text=words(answer))
        # Raised outside of the handler: a server's words may quote the mail, so its answer is no cause and no context.
        failure = attempt.failure(caught)
        if attempt.answered(caught) and await line.reset():
            self._keep(line, room)
        else:
            line.drop()
        raise failure from (None if quotes(caught) else caught)

    # -- connections --------------------------------------------------------------------------------------------------

    def _client(self) -> aiosmtplib.SMTP:
        """Return a client that is not connected yet."""
        return aiosmtplib.SMTP(
            hostname=self._hostname,
            port=self._port,
            timeout=self._connect_timeout,
            local_hostname=self._local_hostname,
            use_tls=self._security == "tls",
            start_tls=False,  # done here, step by step: asked to do it, the library tells no refusal from another
            tls_context=self._ssl_context,
        )

    async def _open(self, line: Line, attempt: Attempt, room: Room[Line]) -> None:
        """Connect, encrypt and log in."""
        client = line.client
        attempt.step = Step.CONNECT
        if self._security != "plain":
            client.tls_context = self._ssl_context or await self._trust(room)
        await client.connect()
        line.listen()
        # The machine's own name may take a look-up of seconds: it is asked for once.
        self._local_hostname = client.local_hostname
        await line.ask(client.ehlo())
        if self._security == "starttls":
            if not client.supports_extension("starttls"):
                msg = f"{attempt.envelope.name}: the mail server offers no encryption (STARTTLS); nothing was sent."
                remedy = "Use its port for encrypted mail, or security='tls'."
                raise CannotPass(msg, request=attempt.envelope.name, remedy=remedy)
            await line.ask(client.starttls())
            line.listen()
            await line.ask(client.ehlo())
        if self._username is not None:
            attempt.step = Step.LOGIN
            if not client.supports_extension("auth"):
                msg = f"{attempt.envelope.name}: the mail server takes no login (AUTH); nothing was sent."
                raise AuthenticationFailed(msg, request=attempt.envelope.name)
            await line.ask(client.login(self._username.reveal(), self._password.reveal()), _LOGIN_ANSWERS)

    async def _trust(self, room: Room[Line]) -> ssl.SSLContext:
        """Return the authorities to trust, read once."""
        async with room.trusting:
            if self._ssl_context is None:
                # Reading every authority of the system takes 20 ms and more: not in the event loop.
                self._ssl_context = await asyncio.to_thread(ssl.create_default_context)
        return self._ssl_context

    def _keep(self, line: Line, room: Room[Line]) -> None:
        """Put a connection aside for the next mail."""
        if not self._rooms.keeps(room) or line.mails >= self._max_mails or not line.client.is_connected:
            line.drop()
        else:
            line.since = asyncio.get_running_loop().time()
            room.idle.append(line)

    async def aclose(self) -> None:
        """Say goodbye on idle connections now, in whatever event loop, and close those in use once their mail ends."""
        await self._rooms.aclose()


def _awake(room: Room[Line]) -> Line | None:
    """Return an idle connection that is still good, giving up those that are not."""
    now = asyncio.get_running_loop().time()
    while room.idle:
        line = room.idle.pop()
        if now - line.since < _IDLE_SECONDS and line.is_quiet():
            return line
        line.drop()
    return None
