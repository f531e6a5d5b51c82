"""Mail servers to send to: a scripted one that says word for word what a test asks for, and a real Exim."""

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import trustme

from allmysms_async.backend import SendRequest
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.text import Coding
from allmysms_async.transports.smtp import SmtpTransport

_EXIM = next((path for path in ("/usr/sbin/exim4", "/usr/sbin/exim") if os.path.exists(path)), None)
_NOBODY = 65534
_PATIENCE = 250.0
"""Seconds that a busy machine may take to start a mail server, or to deliver a mail."""
_STEPS = ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "QUIT")
_USUAL = {
    "GREETING": b"220 localhost ESMTP",
    "EHLO": b"250-localhost\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 STARTTLS",
    "STARTTLS": b"220 go ahead",
    "AUTH": b"235 welcome",
    "MAIL": b"250 OK",
    "RCPT": b"250 OK",
    "DATA": b"354 go ahead",
    "DOT": b"250 OK queued as 1",
    "RSET": b"250 OK",
    "QUIT": b"221 bye",
}

CLOSE = b"close"
"""A step at which the server hangs up."""
HANG = b"hang"
"""A step at which it says nothing more."""


class Postman:
    """A mail server that does at each step what a test says, once for each thing said, and then the usual.

    Attributes:
        says: What to answer at a step, in order; ``close`` hangs up, ``hang`` keeps silent.
        mails: Contents that came whole, whatever was answered to them.
        came: Set once there is one.
        taken: Those of them that were answered 250.
        commands: Every command, in order, without its arguments.
        lines: Every command, in order, with them.
        connections: Connections so far.
        silent: Set once it keeps silent.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        """Answer as usual until a test says otherwise."""
        self.says: dict[str, list[bytes]] = {}
        self.mails: list[bytes] = []
        self.taken: list[bytes] = []
        self.commands: list[str] = []
        self.lines: list[bytes] = []
        self.came = asyncio.Event()
        self.silent = asyncio.Event()
        self.connections = 0
        self.port = 0
        self._context = context
        self._writers: list[asyncio.StreamWriter] = []

    async def _say(self, step: str, writer: asyncio.StreamWriter) -> bytes:
        """Answer at a step, and return what was answered."""
        waiting = self.says.get(step)
        answer = waiting.pop(0) if waiting else _USUAL[step]
        if answer == HANG:
            self.silent.set()
            await asyncio.Event().wait()
        if answer == CLOSE:
            raise ConnectionResetError
        writer.write(answer + b"\r\n")
        await writer.drain()
        return answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side leaves."""
        self.connections += 1
        self._writers.append(writer)
        try:
            if (await self._say("GREETING", writer)).startswith((b"4", b"5")):
                return
            while line := await reader.readuntil(b"\r\n"):
                step = line[:10].split()[0].decode().upper()
                assert step in _STEPS
                self.commands.append(step)
                self.lines.append(line)
                answer = await self._say(step, writer)
                if step == "STARTTLS" and answer.startswith(b"220"):
                    await writer.start_tls(self._context)
                if step == "DATA" and answer.startswith(b"354"):
                    mail = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                    self.mails.append(mail)
                    self.came.set()
                    answer = await self._say("DOT", writer)
                    if answer.startswith(b"250"):
                        self.taken.append(mail)
                if step == "QUIT" or answer.startswith(b"421"):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def leave(self) -> None:
        """Hang up on everybody."""
        for writer in self._writers:
            writer.transport.abort()
        for _ in range(20):  # clients notice
            await asyncio.sleep(0)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Somebody who vouches for localhost."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    """A client's trust in the authority."""
    return ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())


@pytest.fixture
async def postman(authority: trustme.CA) -> AsyncIterator[Postman]:
    """A running scripted mail server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    one = Postman(context)
    listener = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = listener.sockets[0].getsockname()[1]
    yield one
    listener.close()
    await one.leave()
    await listener.wait_closed()


@pytest.fixture
async def line(trust: ssl.SSLContext) -> AsyncIterator[Callable[..., SmtpTransport]]:
    """Open transports to a port of this machine; closed at the end."""
    async with contextlib.AsyncExitStack() as stack:
        opened: list[SmtpTransport] = []

        def open_(port: int, **options: Any) -> SmtpTransport:
            options = {"ssl_context": trust, "local_hostname": "client.example.com", **options}
            opened.append(SmtpTransport("localhost", port, **options))
            return opened[-1]

        yield open_
        for transport in opened:
            await stack.enter_async_context(transport)


@pytest.fixture
def request_of() -> Callable[..., SendRequest]:
    """Make a request to send, of a text to numbers."""

    def make(text: str, *phones: str, **options: Any) -> SendRequest:
        timeout = options.pop("timeout", None)
        return SendRequest(
            message=SmsMessage(text, **options),
            text=text,
            coding=Coding.GSM7,
            recipients=[Recipient(phone) for phone in phones],
            parts=len(phones),
            timeout=timeout,
        )

    return make


class Exim:
    """A real mail server.

    Attributes:
        port: Where it takes mail, encrypted by STARTTLS.
        tls_port: Where it takes mail that is encrypted from the start.
    """

    def __init__(self, folder: Path, port: int, tls_port: int) -> None:
        """Look into its folder."""
        self._folder = folder
        self._inbox = folder / "inbox"
        self.port = port
        self.tls_port = tls_port

    @property
    def log(self) -> str:
        """What it wrote down."""
        return (self._folder / "log" / "mainlog").read_text()

    async def mails(self, count: int) -> list[bytes]:
        """Wait until so many mails were delivered, take them out, and return them by their order of writing."""
        deadline = time.monotonic() + _PATIENCE
        while len(files := [path for path in self._inbox.iterdir() if path.name.startswith("q")]) < count:
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.02)
        contents = [path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]
        for path in files:
            path.unlink()
        assert len(contents) == count, self.log
        return contents


@pytest.fixture(scope="session")
def _exim_server(authority: trustme.CA, reserve: Callable[[], int]) -> Iterator[Exim]:
    """Exim on loopback with TLS and AUTH, run by somebody without privileges, in a folder of its own."""
    assert _EXIM is not None
    uid, gid = (os.getuid(), os.getgid()) if os.getuid() else (_NOBODY, _NOBODY)
    # Not under the folder for temporary files that whoever runs the tests chose: other users may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="exim-", dir="/tmp"))  # fresh, and removed
    exim = Exim(folder, reserve(), reserve())
    for name in ("spool", "log", "inbox"):
        (folder / name).mkdir()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    (folder / "conf").write_text(_CONFIGURATION.format(folder=folder, exim=exim, uid=uid, gid=gid))
    if not os.getuid():
        for path in (folder, *folder.iterdir()):
            os.chown(path, uid, gid)
    changes: dict[str, Any] = {} if os.getuid() else {"user": uid, "group": gid, "extra_groups": [gid]}
    command = [_EXIM, "-C", str(folder / "conf"), "-bdf"]
    with (folder / "errors").open("wb") as errors:
        server = subprocess.Popen(command, cwd="/", stderr=errors, **changes)
    try:
        _wait_for(exim.port, server, folder)
        yield exim
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def exim(request: pytest.FixtureRequest, machine_lacks: Callable[[str], NoReturn]) -> Exim:
    """A real mail server, with an empty inbox."""
    if _EXIM is None:
        machine_lacks("a real mail server (Debian: exim4-daemon-light)")
    server: Exim = request.getfixturevalue("_exim_server")
    return server


def _wait_for(port: int, server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a server listens."""
    deadline = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError((folder / "errors").read_text())


_CONFIGURATION = """
primary_hostname = localhost
admin_groups = {gid}
exim_user = {uid}
exim_group = {gid}
deliver_drop_privilege = true
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path =
keep_environment =
host_lookup =
rfc1413_hosts =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {exim.port} : {exim.tls_port}
tls_on_connect_ports = {exim.tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
rcpt:
  accept authenticated = *
  deny

begin routers
everybody:
  driver = accept
  transport = inbox

begin transports
inbox:
  driver = appendfile
  directory = {folder}/inbox
  create_directory = false

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{shop}}}}{{eq{{$auth3}}{{s3cret}}}}}}}}
  server_set_id = $auth2
"""
