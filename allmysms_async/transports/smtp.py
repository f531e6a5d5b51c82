"""Mail over aiosmtplib: a small pool of connections, each step of a mail driven by itself.

Which step a connection died in decides whether a mail may have been taken: up to RCPT nothing can have been, from DATA
on it may. The library's own ``sendmail`` does not tell, so ``mail``, ``rcpt`` and ``data`` are called one by one.
"""

from __future__ import annotations

import asyncio
import enum
import ssl
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import aiosmtplib

from allmysms_async import argument
from allmysms_async.border import bordered
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CannotPass,
    ConnectionLost,
    InvalidRequest,
    MailDeferred,
    MailRefused,
    NotSent,
    ProtocolError,
    RequestTimeout,
    ServiceClosed,
)
from allmysms_async.exchange import MailEnvelope, MailReceipt
from allmysms_async.model import Secret
from allmysms_async.transports.peer import certificate_refused, is_host
from allmysms_async.transports.room import Room, Rooms, SocketLike
from allmysms_async.transports.smtp_reply import ReplyGuard, Strayed

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
_QUIT_SECONDS = 2.0
# Each way to log in takes up to three answers, and four ways are tried.
_LOGIN_ANSWERS = 12
# "Authentication required", "mechanism too weak", "credentials invalid", "encryption required". Source: RFC 4954, §6.
_LOGIN_CODES = frozenset({530, 534, 535, 538})


class _Step(enum.Enum):
    """Where an attempt stands."""

    CONNECT = "connecting"
    LOGIN = "logging in"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


class _Line:
    """One connection."""

    __slots__ = ("client", "guard", "mails", "since")

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.guard: ReplyGuard | None = None
        self.mails = 0
        self.since = 0.0

    def listen(self) -> None:
        """Listen to the server from now on; again once TLS is between."""
        if self.client.transport is not None:
            transport = cast("asyncio.Transport", self.client.transport)
            self.guard = ReplyGuard(transport, cast("asyncio.Protocol", transport.get_protocol()))
            transport.set_protocol(self.guard)

    async def ask(self, command: Awaitable[aiosmtplib.SMTPResponse], answers: int = 1) -> aiosmtplib.SMTPResponse:
        """Run a command that may be answered so many times, and return the last answer.

        Raises:
            Strayed: It is not the one that came.
        """
        guard = self.guard
        if guard is None:
            return await command  # the connection is gone, as this will say
        guard.expect(answers)
        try:
            response = await command
        finally:
            guard.expect(0)
        if not guard.agrees(response.code):
            raise Strayed
        return response

    def strayed(self, error: Exception) -> bool:
        """Tell whether an error comes from answers that cannot be told apart."""
        if self.guard is None:
            return False
        wrong = isinstance(error, aiosmtplib.SMTPResponseException) and not self.guard.agrees(error.code)
        return wrong or self.guard.strayed or isinstance(error, Strayed)

    @property
    def invited(self) -> bool:
        """Whether the server asked for the mail itself, which may have been written then."""
        return self.guard is not None and self.guard.invited

    def drop(self) -> None:
        """Close it without a word."""
        transport = self.client.transport
        self.client.close()
        _abort(transport)

    def socket(self) -> SocketLike | None:
        """Return its socket, if it is connected."""
        transport = self.client.transport
        socket: SocketLike | None = None if transport is None else transport.get_extra_info("socket")
        return socket

    async def leave(self) -> None:
        """Say goodbye, and close it."""
        transport = self.client.transport
        try:
            await self.ask(self.client.quit(timeout=_QUIT_SECONDS))
        except (aiosmtplib.SMTPException, OSError, RuntimeError, Strayed):
            pass
        finally:
            self.drop()
            _abort(transport)  # which the client has let go of meanwhile


def _abort(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection at once: closing TLS in order would wait for the other side's farewell."""
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


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
        self._rooms: Rooms[_Line] = Rooms(max_connections, _Line.leave, lambda line: (line.socket(),))

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
            CannotPass: No encryption, a certificate that was refused (``CertificateRefused``), or a transport that is
                closed (``ServiceClosed``).
            MailDeferred: The server answered 4xx, also after the mail: it did not take it.
            MailRefused: The server answered 5xx to the mail.
            AuthenticationFailed: The server refused the login, or asks for one.
            ConnectionLost: The connection was lost while or after the mail was written.
            RequestTimeout: No word on it within ``envelope.timeout``.
            ProtocolError: An answer that is no answer.
        """
        self._check_open(envelope)
        room = self._rooms.here()
        until = asyncio.get_running_loop().time() + envelope.timeout
        try:
            async with asyncio.timeout_at(until):
                await room.turns.acquire()
        except TimeoutError as error:
            msg = f"{envelope.name}: no connection became free within {envelope.timeout:g} s; nothing was sent."
            raise NotSent(msg, request=envelope.name) from error
        try:
            return await self._turn(envelope, until, room)
        finally:
            room.turns.release()

    def _check_open(self, envelope: MailEnvelope) -> None:
        """Refuse to send once the transport is closed."""
        if self._rooms.closed:
            msg = f"{envelope.name}: the transport is closed; nothing was sent."
            raise ServiceClosed(msg, request=envelope.name, remedy="Make another service, or transport, to send with.")

    async def _turn(self, envelope: MailEnvelope, until: float, room: Room[_Line]) -> MailReceipt:
        """Make the attempt, now that it is this mail's turn."""
        self._check_open(envelope)  # again: it may have been closed while the mail waited
        line = _awake(room) or _Line(self._client())
        attempt = _Attempt(envelope, self._hostname, line)
        try:
            async with asyncio.timeout_at(until):
                if not line.client.is_connected:
                    await self._open(line, attempt, room)
                response = await attempt.hand_over()
        except Exception as error:
            caught = error
        except BaseException:
            line.drop()
            raise
        else:
            line.mails += 1
            self._keep(line, room)
            return MailReceipt(code=response.code, text=response.message)
        # Raised outside of the handler: a server's words may quote the mail, so its answer is no cause and no context.
        failure = attempt.failure(caught)
        if not (attempt.answered(caught) and await self._reset(line, room)):
            line.drop()
        raise failure from (None if _quotes(caught) else caught)

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

    async def _open(self, line: _Line, attempt: _Attempt, room: Room[_Line]) -> None:
        """Connect, encrypt and log in."""
        client = line.client
        attempt.step = _Step.CONNECT
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
            attempt.step = _Step.LOGIN
            if not client.supports_extension("auth"):
                msg = f"{attempt.envelope.name}: the mail server takes no login (AUTH); nothing was sent."
                raise AuthenticationFailed(msg, request=attempt.envelope.name)
            await line.ask(client.login(self._username.reveal(), self._password.reveal()), _LOGIN_ANSWERS)

    async def _trust(self, room: Room[_Line]) -> ssl.SSLContext:
        """Return whom to trust, read once."""
        async with room.trusting:
            if self._ssl_context is None:
                # Reading every authority of the system takes 20 ms and more: not in the event loop.
                self._ssl_context = await asyncio.to_thread(ssl.create_default_context)
        return self._ssl_context

    def _keep(self, line: _Line, room: Room[_Line]) -> None:
        """Put a connection aside for the next mail."""
        if not self._rooms.keeps(room) or line.mails >= self._max_mails or not line.client.is_connected:
            line.drop()
        else:
            line.since = asyncio.get_running_loop().time()
            room.idle.append(line)

    async def _reset(self, line: _Line, room: Room[_Line]) -> bool:
        """After a refusal: make a connection fit for the next mail, and tell whether it is."""
        try:
            await line.ask(line.client.rset(timeout=_QUIT_SECONDS))
        except (aiosmtplib.SMTPException, OSError, Strayed):
            return False
        except BaseException:
            line.drop()
            raise
        self._keep(line, room)
        return True

    async def aclose(self) -> None:
        """Say goodbye on idle connections now, in whatever event loop, and close those in use once their mail ends."""
        await self._rooms.aclose()


def _awake(room: Room[_Line]) -> _Line | None:
    """Return an idle connection that is still good, giving up the others."""
    now = asyncio.get_running_loop().time()
    while room.idle:
        line = room.idle.pop()
        if line.client.is_connected and now - line.since < _IDLE_SECONDS:
            return line
        line.drop()
    return None


class _Attempt:
    """One mail on its way: how far it got, and what an error there means."""

    def __init__(self, envelope: MailEnvelope, hostname: str, line: _Line) -> None:
        self.envelope = envelope
        self.hostname = hostname
        self.line = line
        self.step = _Step.MAIL

    async def hand_over(self) -> aiosmtplib.SMTPResponse:
        """Go through the steps of one mail on an open connection."""
        envelope, line, client = self.envelope, self.line, self.line.client
        message = envelope.message
        options: tuple[str, ...] = ()
        if envelope.message_7bit is not None:
            if client.supports_extension("8bitmime"):
                options = ("BODY=8BITMIME",)
            else:
                message = envelope.message_7bit
        self.step = _Step.MAIL
        await line.ask(client.mail(envelope.mail_from, options=options, timeout=None))
        self.step = _Step.RCPT
        await line.ask(client.rcpt(envelope.rcpt_to, timeout=None))
        self.step = _Step.DATA
        # Two answers: go ahead, and the word on the mail.
        return await line.ask(client.data(message, timeout=None), 2)

    def answered(self, error: Exception) -> bool:
        """Tell whether the server refused a mail and goes on listening."""
        if not isinstance(error, aiosmtplib.SMTPResponseException) or self.step in {_Step.CONNECT, _Step.LOGIN}:
            return False
        return 400 <= error.code < 600 and error.code != 421 and not self.line.strayed(error)

    def not_sent(self, what: str, *, code: str | None = None) -> NotSent:
        """Return the error of a mail that was surely not handed over."""
        name = self.envelope.name
        return NotSent(f"{name}: the mail server {what}; nothing was sent.", request=name, code=code)

    def failure(self, error: Exception) -> AllMySmsError:
        """Return the library's error for what went wrong in the present step."""
        name, in_data = self.envelope.name, self.step is _Step.DATA
        if isinstance(error, AllMySmsError):
            return error
        if self.line.strayed(error):
            if in_data and self.line.invited:
                msg = f"{name}: the mail server answered out of turn, or not clearly; the mail may have been taken."
                return ProtocolError(msg, request=name)
            return self.not_sent(f"answered out of turn, or not clearly ({self.step.value})")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self._refusal(error.code)
        if isinstance(error, TimeoutError):
            if in_data:
                msg = f"{name}: no word from the mail server in time; the mail may have been taken."
                return RequestTimeout(msg, request=name)
            return self.not_sent(f"did not answer in time ({self.step.value})")
        if self.step is _Step.CONNECT and (refused := certificate_refused(error, self.hostname, name)):
            return refused
        if self.step is _Step.LOGIN and type(error) is aiosmtplib.SMTPException:
            msg = f"{name}: the mail server knows no way to log in that is known here; nothing was sent."
            return AuthenticationFailed(msg, request=name)
        if in_data:
            what = f"the connection was lost ({type(error).__name__}); the mail may have been taken."
            return ConnectionLost(f"{name}: {what}", request=name)
        return self.not_sent(f"could not be reached, or hung up ({self.step.value}, {type(error).__name__})")

    def _refusal(self, code: int) -> AllMySmsError:
        """Return the library's error for an answer other than the one that was hoped for."""
        name, step = self.envelope.name, self.step
        where = "after the mail" if step is _Step.DATA else f"at {step.value}" if step.value.isupper() else step.value
        if 400 <= code < 500:
            msg = f"{name}: the mail server put it off ({code}, {where}); it was not taken."
            return MailDeferred(msg, request=name, code=str(code))
        if not 500 <= code < 600:
            if step is _Step.DATA and self.line.invited:
                msg = f"{name}: the mail server's answer is none ({code}); the mail may have been taken."
                return ProtocolError(msg, request=name, code=str(code))
            return self.not_sent(f"answered what is no answer ({code}, {where})", code=str(code))
        if step is _Step.LOGIN or code in _LOGIN_CODES:
            msg = f"{name}: the mail server refused the login, or asks for one ({code}); nothing was sent."
            return AuthenticationFailed(msg, request=name, code=str(code), remedy="Check username and password.")
        if step is _Step.CONNECT:
            # It refused to talk at all: nothing was said about any mail yet, so the mails can wait.
            return self.not_sent(f"refused the connection ({code})", code=str(code))
        msg = f"{name}: the mail server refused the mail ({code}, {where}); nothing was sent."
        return MailRefused(msg, request=name, code=str(code))


def _quotes(error: BaseException) -> bool:
    """Tell whether an error, or what led to it, holds a server's own words: they may repeat key and numbers."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, aiosmtplib.SMTPException):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
