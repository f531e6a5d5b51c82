"""A mail server that means harm, and what sends to it."""

import asyncio
import logging
import random
import re
import ssl
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme

from allmysms_async import AllMySmsError, Mail2SmsBackend, OutcomeUnknown, RetryPolicy, SmsService
from allmysms_async.transports.smtp import SmtpTransport

KEY, PASSWORD, PHONE, TEXT = "SECRETKEY", "s3cretpass", "33612345678", "code 4821"
# The code by itself: the log of the event loop holds ports and addresses in memory, which may have the same figures.
SECRET = re.compile(rf"{KEY}|{PASSWORD}|{PHONE}|(?<![0-9a-fx.])4821(?!\d)")
USUAL = {
    "GREETING": b"220 localhost ESMTP\r\n",
    "EHLO": b"250-localhost\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 STARTTLS\r\n",
    "STARTTLS": b"220 go ahead\r\n",
    "EHLO2": b"250-localhost\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
    "AUTH": b"235 welcome\r\n",
    "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n",
    "DATA": b"354 go ahead\r\n",
    "DOT": b"250 OK queued as 1\r\n",
    "RSET": b"250 OK\r\n",
    "QUIT": b"221 bye\r\n",
}


class Talk:
    """One connection, as the server has it.

    Attributes:
        encrypted: Whether TLS was agreed on.
        clear: What came before that.
        written: Bytes that were said.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: "Leap") -> None:
        """Talk over a socket that was accepted."""
        self.reader, self.writer, self.clock = reader, writer, clock
        self.encrypted = False
        self.clear = bytearray()
        self.written = 0

    async def line(self) -> bytes:
        """Read one line."""
        line = await self.reader.readuntil(b"\n")
        if not self.encrypted:
            self.clear += line
        return line

    async def say(self, said: bytes) -> None:
        """Say something, as it is."""
        self.written += len(said)
        self.writer.write(said)
        await self.writer.drain()

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        before = self.writer.transport
        try:
            await self.writer.start_tls(context)
        except AttributeError:
            # The other side left at once; a writer of Python 3.11 is without a transport then, and cannot be deleted.
            self.writer._transport = before
            raise ConnectionResetError from None
        self.encrypted = True

    async def hush(self) -> None:
        """Say nothing for hours, until the other side has left."""
        left = asyncio.create_task(self.reader.read())
        try:
            while not left.done():
                self.clock.forward()
                await asyncio.sleep(0)
        finally:
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)

    async def hang_up(self) -> None:
        """Leave without a word."""
        raise ConnectionResetError

    async def leave(self, said: bytes) -> None:
        """Say something and hang up in good order."""
        await self.say(said)
        self.writer.close()

    async def drip(self, piece: bytes) -> None:
        """Say a little, again and again, and never come to an end; hours pass."""
        for _ in range(20):
            await self.say(piece)
            await asyncio.sleep(0)
        while True:
            self.clock.forward()
            await self.say(piece)
            await asyncio.sleep(0)

    async def flood(self, piece: bytes) -> None:
        """Say as much as the other side takes."""
        while True:
            await self.say(piece)


class Leap:
    """The event loop's clock, that a server may set forward: what waits longer than that is over at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take over the running loop's clock."""
        self._ahead = 0.0
        loop = asyncio.get_running_loop()
        true = loop.time
        monkeypatch.setattr(loop, "time", lambda: true() + self._ahead)

    def forward(self, seconds: float = 1.0) -> None:
        """Let time have passed; a little at a time, so that it ends with whoever waits."""
        self._ahead += seconds


class Hostile:
    """A mail server that says in each phase what a test wants, byte for byte, once; then the usual.

    Attributes:
        script: For each phase what to say or do, in order.
        bodies: Mails that came to their final dot.
        commands: Phases that were reached by a command, in order.
        talks: Every connection so far.
    """

    def __init__(self, context: ssl.SSLContext, clock: Leap) -> None:
        """Be a usual server until a test says otherwise."""
        self.script: dict[str, list[Any]] = {}
        self.bodies: list[bytes] = []
        self.commands: list[str] = []
        self.talks: list[Talk] = []
        self.port = 0
        self.clock = clock
        self._context = context

    async def _act(self, phase: str, talk: Talk) -> bool:
        """Do what is due in a phase; tell whether that was the usual answer."""
        waiting = self.script.get(phase)
        act = waiting.pop(0) if waiting else USUAL[phase]
        if isinstance(act, bytes):
            await talk.say(act)
        else:
            await act(talk)
        first = act if isinstance(act, bytes) else USUAL[phase]
        return first.startswith(USUAL[phase][:3])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side leaves."""
        talk = Talk(reader, writer, self.clock)
        self.talks.append(talk)
        try:
            await self._act("GREETING", talk)
            while True:
                phase = (await talk.line())[:10].split()[0].decode().upper()
                if phase == "EHLO" and talk.encrypted:
                    phase = "EHLO2"
                self.commands.append(phase)
                usual = await self._act(phase, talk)
                if phase == "STARTTLS" and usual:
                    await talk.encrypt(self._context)
                if phase == "DATA" and usual:
                    self.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
                    await self._act("DOT", talk)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()


class Hurried:
    """A clock whose waits take no time."""

    def __init__(self) -> None:
        """Start at a fixed moment."""
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.fromtimestamp(1_800_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time have passed."""
        self.seconds += seconds
        await asyncio.sleep(0)


class Sender:
    """What sends to the server: a backend with a login, over one connection at a time.

    Attributes:
        transport: Its transport.
        backend: The backend over it.
    """

    def __init__(self, transport: SmtpTransport, request_of: Any) -> None:
        """Send over a transport."""
        self.transport = transport
        self.backend = Mail2SmsBackend("demo", KEY, mail_from="shop@example.com", transport=transport)
        self._request = request_of(TEXT, PHONE)

    async def send(self) -> Any:
        """Make one attempt."""
        return await self.backend.send(self._request)

    async def fail(self) -> AllMySmsError:
        """Make one attempt that fails, with an error that shows nothing of the mail."""
        with pytest.raises(AllMySmsError) as caught:
            await self.send()
        shown = "".join(traceback.format_exception(caught.value, limit=1000)) + repr(vars(caught.value))
        assert not SECRET.search(shown)
        assert ("may have been taken" in str(caught.value)) == isinstance(caught.value, OutcomeUnknown)
        return caught.value

    async def through_the_service(self) -> AllMySmsError | None:
        """Send by a service that repeats what may be repeated; return what it ended with."""
        policy = RetryPolicy(attempts=4, deadline=1e9)
        sms = SmsService(self.backend, policy=policy, send_policy=policy, clock=Hurried(), rng=random.Random(1))
        try:
            await sms.send(TEXT, PHONE)
        except AllMySmsError as error:
            return error
        return None


@pytest.fixture
async def hostile(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hostile]:
    """A running server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    one = Hostile(context, Leap(monkeypatch))
    listener = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = listener.sockets[0].getsockname()[1]
    yield one
    listener.close()
    for talk in one.talks:
        talk.writer.transport.abort()
    await listener.wait_closed()


@pytest.fixture
def sender(hostile: Hostile, line: Callable[..., SmtpTransport], request_of: Any) -> Callable[..., Sender]:
    """Make senders to the server."""

    def make(**options: Any) -> Sender:
        options = {"username": "shop", "password": PASSWORD, "max_connections": 1} | options
        return Sender(line(hostile.port, **options), request_of)

    return make


@pytest.fixture(autouse=True)
async def logs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Nothing of a mail is in any log, every library's at DEBUG, the event loop's own included."""
    caplog.set_level(logging.DEBUG)
    # In debug mode each future remembers where it was made: one frame of it, else that costs more than the tests.
    monkeypatch.setattr(sys, "tracebacklimit", 1, raising=False)
    asyncio.get_running_loop().set_debug(True)
    logging.getLogger("asyncio").setLevel(logging.DEBUG)
    yield
    logging.getLogger("asyncio").setLevel(logging.NOTSET)
    # Before the end of a fixture, pytest has put what was logged till then aside.
    records = [record for phase in ("setup", "call", "teardown") for record in caplog.get_records(phase)]
    logged = "".join(f"{record.getMessage()}{record.args!r}{record.exc_text}\n" for record in records)
    assert "asyncio" in {record.name for record in records}
    assert not SECRET.search(logged)


@pytest.fixture
def ends(hostile: Hostile, sender: Callable[..., Sender]) -> Callable[[str, Any], Awaitable[AllMySmsError]]:
    """Let a mail fail in a phase, and see that the next one goes over another connection, whole and once."""

    async def end(phase: str, act: Any) -> AllMySmsError:
        hostile.script = {phase: [act]}
        one = sender()
        error = await one.fail()
        bodies = len(hostile.bodies)
        assert bodies == (phase == "DOT")
        await one.send()
        assert len(hostile.talks) == 2
        assert len(hostile.bodies) == bodies + 1
        return error

    return end
