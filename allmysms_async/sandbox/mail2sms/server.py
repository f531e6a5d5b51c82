"""The mail server: STARTTLS and AUTH are offered, neither is asked for, and it can misbehave at every step."""

import asyncio
import logging
import socket
import ssl
from functools import cached_property
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from allmysms_async.sandbox.exchange import Traffic
from allmysms_async.sandbox.fault import Fault, FaultBook
from allmysms_async.sandbox.listener import HOST
from allmysms_async.sandbox.state import World

from .gateway import ADDRESS, MailGateway

if TYPE_CHECKING:
    import trustme

__all__ = ["Certificate", "MailServer"]

# aiosmtpd logs every line that it reads: keys, numbers and texts. Nothing of theirs may be in a log.
logging.getLogger("mail.log").setLevel(logging.WARNING)

_TAKEN = "250 2.0.0 OK: the mail is queued"
_LINES = {
    "truncated": b"25",
    "truncated_json": b"25",
    "empty": b"\r\n",
    "html": b"<!DOCTYPE html>\r\n",
}
_GARBAGE = b"\xff\xfe\x00\xc3\x28 noise\r\n"


class Certificate:
    """An authority of the sandbox's own, and a certificate for loopback; made when first asked for."""

    @cached_property
    def _authority(self) -> "trustme.CA":
        """The authority; its library takes a good part of a second to import on a slow machine."""
        import trustme

        return trustme.CA()

    @property
    def pem(self) -> str:
        """What a client has to trust."""
        return self._authority.cert_pem.bytes().decode("ascii")

    @cached_property
    def context(self) -> ssl.SSLContext:
        """What the server shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with self._authority.issue_cert("localhost", HOST).private_key_and_cert_chain_pem.tempfile() as path:
            context.load_cert_chain(path)
        return context


class MailServer:
    """Listens for mail in the caller's event loop."""

    def __init__(
        self,
        bound: socket.socket,
        world: World,
        gateway: MailGateway,
        faults: FaultBook,
        traffic: Traffic,
        certificate: Certificate,
    ) -> None:
        """Prepare; nothing is accepted before `start`."""
        self._socket = bound
        self._world = world
        self._gateway = gateway
        self._faults = faults
        self._traffic = traffic
        self._certificate = certificate
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Start to accept connections."""
        self._server = await asyncio.get_running_loop().create_server(self._connection, sock=self._socket)

    async def stop(self) -> None:
        """Stop: whoever still waits for an answer is cut off."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        tasks = [task for connection in list(self._connections) if (task := connection.cut()) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        # What was aborted is told so in the loop's next rounds.
        for _ in range(3):
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def _connection(self) -> asyncio.Protocol:
        return _Connection(self, self._connections, self._certificate.context)

    # -- what the protocol asks for, by name --------------------------------------------------------------------------

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: object
    ) -> AuthResult:
        """Check a login: an account's own, with its password."""
        if not isinstance(auth_data, LoginPassword):
            return AuthResult(success=False)
        account = self._world.account(auth_data.login.decode("utf-8", "replace"))
        good = account is not None and account.pass_code.encode() == auth_data.password
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(
        self, server: "_Connection", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        refusal = await self._step(server, "MAIL")
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return refusal or "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: "_Connection", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the gateway's address, and no other."""
        refusal = await self._step(server, "RCPT")
        if refusal is None and address.lower() != ADDRESS:
            refusal = "550 5.1.1 There is nobody of this name here"
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 2.1.5 OK"

    async def handle_DATA(self, server: "_Connection", session: Session, envelope: Envelope) -> str:
        """Take the mail, and hand it to the gateway."""
        content = envelope.original_content or b""
        mail_from = (envelope.mail_from or "").strip("<>")
        traffic = self._traffic
        traffic.requests["mail2sms.mail"] += 1
        traffic.in_flight += 1
        traffic.max_in_flight = max(traffic.max_in_flight, traffic.in_flight)
        try:
            wait, fault = self._faults.strike("/smtp/DATA")
            await asyncio.sleep(wait)
            kind = fault.kind if fault is not None else ""
            if fault is not None and kind in {"reset_before", "hang_before", "http_NNN"}:
                return await _refuse(server, fault)
            if fault is not None and kind == "status_NNN":
                self._gateway.complain(mail_from, fault.code)
                return _TAKEN
            self._gateway.receive(mail_from, content)
            return _TAKEN if fault is None else await _answer_badly(server, fault)
        finally:
            traffic.in_flight -= 1

    async def _step(self, server: "_Connection", command: str) -> str | None:
        """Let a fault strike a step before the mail itself, if one names it."""
        wait, fault = self._faults.strike(f"/smtp/{command}", named=True)
        await asyncio.sleep(wait)
        return None if fault is None else await _refuse(server, fault)


class _Session(Session):
    """What is known of a client; the base class logs a warning of itself whenever somebody logs in."""

    _who: object = None

    @property
    def login_data(self) -> object:
        """Who logged in."""
        return self._who

    @login_data.setter
    def login_data(self, value: object) -> None:
        """Note who logged in."""
        self._who = value


class _Connection(SMTP):
    """One client."""

    line_length_limit = 1000
    """With its ending; aiosmtpd's own limit lets a line of 999 characters through. Source: RFC 5321, §4.5.3.1.6."""

    def __init__(self, mail_server: MailServer, connections: "set[_Connection]", context: ssl.SSLContext) -> None:
        """Serve for a mail server."""
        self._connections = connections
        super().__init__(
            mail_server,
            hostname="localhost",
            ident="allmysms sandbox",
            tls_context=context,
            authenticator=mail_server.authenticate,
            loop=asyncio.get_running_loop(),
        )
        connections.add(self)

    def _create_session(self) -> Session:
        return _Session(self.loop)

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the client is gone."""
        self._connections.discard(self)
        super().connection_lost(error)

    def cut(self) -> "asyncio.Task[None] | None":
        """Drop the connection; return the task that served it."""
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        return self._handler_coroutine

    async def say_and_leave(self, line: bytes) -> None:
        """Write a last line, close, and do nothing until the client is gone."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(line)
            self.transport.close()
        await self.hang()

    async def hang(self) -> None:
        """Do nothing until the client leaves; the connection's end cancels this."""
        await asyncio.Event().wait()


async def _refuse(server: _Connection, fault: Fault) -> str:
    """Let a fault strike before anything has happened."""
    if fault.kind.startswith("hang"):
        await server.hang()
    if fault.kind not in {"http_NNN", "http_NNN_after"}:
        server.cut()
        await server.hang()
    return await _coded(server, fault.code)


async def _answer_badly(server: _Connection, fault: Fault) -> str:
    """Let a fault strike the answer to a mail that was carried out."""
    if fault.kind == "hang_after":
        await server.hang()
    if fault.kind == "http_NNN_after":
        return await _coded(server, fault.code)
    if fault.kind == "reset_after":
        server.cut()
        await server.hang()
    await server.say_and_leave(_LINES.get(fault.kind, _GARBAGE))
    return _TAKEN


async def _coded(server: _Connection, code: int) -> str:
    """Return an answer with a code; after 421 the server leaves."""
    line = f"{code} This is what was asked for"
    if code == 421:
        await server.say_and_leave(line.encode() + b"\r\n")
    return line
