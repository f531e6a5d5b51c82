"""What cannot pass is not repeated: one attempt, an error that says what is wrong, and a campaign that waits."""

import asyncio
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from allmysms_async import (
    Campaign,
    CampaignStopped,
    CannotPass,
    CertificateRefused,
    EnvoyerSmsProBackend,
    InvalidRequest,
    Mail2SmsBackend,
    MmsBackend,
    NotSent,
    RestBackend,
    ServiceClosed,
    SmsMessage,
    SmsService,
    SoapBackend,
)
from allmysms_async.clock import SystemClock
from allmysms_async.transports.httpx import HttpxTransport
from allmysms_async.transports.smtp import SmtpTransport
from tests.cases import each

PEOPLE = [f"06100{number:05d}" for number in range(200)]
LONG_AGO, JUST_NOW = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)

Open = Callable[..., Any]

HTTP: dict[str, Open] = {
    "rest": lambda url, transport: RestBackend("demo", "demo-key", base_url=url, transport=transport),
    "soap": lambda url, transport: SoapBackend("demo", "demo-pass", endpoint=f"{url}/soap/", transport=transport),
    "mms": lambda url, transport: MmsBackend("demo", "demo-pass", base_url=url, transport=transport),
    "envoyersmspro": lambda url, transport: EnvoyerSmsProBackend(
        "demo", "demo-pass", default_sender="MAGASIN", base_url=url, transport=transport
    ),
}


class Impatient(SystemClock):
    """The machine's clock, on which nobody ever waits."""

    def __init__(self) -> None:
        """Begin without a wait."""
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Note that somebody would have waited."""
        self.waits.append(seconds)
        await asyncio.sleep(0)


class Listener:
    """A server in a thread that says some words, in clear or after a TLS handshake, and counts who came.

    Attributes:
        connections: How often somebody connected.
        heard: What was said to it, in clear and encrypted, for each connection.
        port: Where it listens.
    """

    def __init__(self, talk: Callable[["Listener", socket.socket], None]) -> None:
        """Listen."""
        self.connections = 0
        self.heard: list[bytes] = []
        self._talk = talk
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        """Serve one connection after the other."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self.heard.append(b"")
            with connection:
                connection.settimeout(20)
                try:
                    self._talk(self, connection)
                except OSError:
                    continue

    def hear(self, connection: socket.socket, end: bytes) -> None:
        """Read up to some bytes."""
        said = b""
        while not said.endswith(end):
            piece = connection.recv(4096)
            if not piece:
                raise ConnectionResetError
            said += piece
        self.heard[-1] += said

    def hear_request(self, connection: socket.socket) -> None:
        """Read an HTTP request to its end."""
        said = b""
        while b"\r\n\r\n" not in said or len(said) < _length(said):
            piece = connection.recv(4096)
            if not piece:
                raise ConnectionResetError
            said += piece
        self.heard[-1] += said

    def close(self) -> None:
        """Listen no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(30)


def _length(said: bytes) -> int:
    """Return the length of a request whose head was read."""
    head, _, _ = said.lower().partition(b"\r\n\r\n")
    _, named, length = head.partition(b"content-length:")
    return len(head) + 4 + (int(length.split(b"\r\n")[0]) if named else 0)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Open listeners; closed at the end."""
    opened: list[Listener] = []

    def begin(talk: Callable[[Listener, socket.socket], None]) -> Listener:
        opened.append(Listener(talk))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def _self_signed() -> tuple[bytes, bytes]:
    """Return a certificate of localhost that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem), key.private_bytes(pem, *plain)


class Faults:
    """Certificates with one fault each, and a client that trusts whoever issued most of them."""

    def __init__(self, folder: Path) -> None:
        """Found an authority."""
        self._folder = folder
        self._authority = trustme.CA()
        self.trust = ssl.create_default_context(cadata=self._authority.cert_pem.bytes().decode())

    def server(self, fault: str) -> ssl.SSLContext:
        """Return what a server with a faulty certificate shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if fault == "self-signed":
            certificate, key = _self_signed()
            (self._folder / "self.pem").write_bytes(certificate + key)
            context.load_cert_chain(self._folder / "self.pem")
            return context
        later = datetime.now(UTC) + timedelta(days=2)
        issued = {
            "expired": lambda: self._authority.issue_cert("localhost", not_before=LONG_AGO, not_after=JUST_NOW),
            "not yet valid": lambda: self._authority.issue_cert("localhost", not_before=later),
            "another name": lambda: self._authority.issue_cert("gateway.example"),
            "unknown authority": lambda: trustme.CA().issue_cert("localhost"),
        }[fault]()
        issued.configure_cert(context)
        return context


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """Certificates with a fault."""
    return Faults(tmp_path)


FAULTS = {
    "expired": ("expired", "it has expired"),
    "not yet valid": ("not_yet_valid", "it is not valid yet"),
    "another name": ("wrong_name", "it is for another name"),
    "unknown authority": ("untrusted", "no authority known here vouches for it"),
    "self-signed": ("untrusted", "it is self-signed"),
}


async def refusal(backend: Any, clock: Impatient, server: Listener | None = None) -> CannotPass:
    """Send a text and begin a campaign; assert that each was one attempt and lost nobody, and return the error.

    Args:
        backend: What sends.
        clock: Whose waits would be those between attempts.
        server: Whoever would be asked, and is then asked once for each.
    """
    service = SmsService(backend, clock=clock, rng=random.Random(1))
    with pytest.raises(CannotPass) as caught:
        await service.send("Bonjour", PEOPLE[0])
    assert server is None or server.connections == 1
    campaign = Campaign("contrat", SmsMessage("Bonjour", purpose="transactional"), PEOPLE)
    with pytest.raises(CampaignStopped) as stopped:
        await service.run(campaign, chunk_size=20, concurrency=1)
    result = stopped.value.result
    assert type(stopped.value.reason) is type(caught.value)
    assert result.rows == result.pending > 0
    assert server is None or server.connections == 2
    assert clock.waits == []
    assert "nothing was sent" in str(caught.value)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("wire", HTTP)
async def test_a_faulty_certificate_is_named_and_tried_once(listen: Any, faults: Faults, wire: str, fault: str) -> None:
    """Over HTTP, whose certificate is refused and why is told at once; the gateway is told nothing."""
    context = faults.server(fault)

    def talk(listener: Listener, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            listener.hear(encrypted, b"\r\n\r\n")

    server = listen(talk)
    async with HttpxTransport(ssl_context=faults.trust) as transport:
        error = await refusal(HTTP[wire](f"https://localhost:{server.port}", transport), Impatient(), server)
    assert isinstance(error, CertificateRefused)
    assert (error.host, error.reason) == ("localhost", FAULTS[fault][0])
    assert f"the certificate of localhost was refused: {FAULTS[fault][1]}; nothing was sent." in str(error)
    assert server.heard == [b"", b""]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_mail_servers_faulty_certificate_is_named_and_tried_once(
    listen: Any, faults: Faults, security: Any, fault: str
) -> None:
    """By mail, whose certificate is refused and why is told at once; no mail and no login is begun."""
    context = faults.server(fault)

    def talk(listener: Listener, connection: socket.socket) -> None:
        if security == "starttls":
            connection.sendall(b"220 localhost ESMTP\r\n")
            listener.hear(connection, b"\r\n")
            connection.sendall(b"250-localhost\r\n250 STARTTLS\r\n")
            listener.hear(connection, b"STARTTLS\r\n")
            connection.sendall(b"220 go ahead\r\n")
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.sendall(b"220 localhost ESMTP\r\n")
            listener.hear(encrypted, b"\r\n")

    server = listen(talk)
    async with SmtpTransport(
        "localhost", server.port, security=security, ssl_context=faults.trust, username="shop", password="s3cret"
    ) as transport:
        error = await refusal(mail(transport), Impatient(), server)
    assert isinstance(error, CertificateRefused)
    assert (error.host, error.reason) == ("localhost", FAULTS[fault][0])
    assert f"the certificate of localhost was refused: {FAULTS[fault][1]}; nothing was sent." in str(error)
    assert not any(b"AUTH" in said or b"MAIL" in said for said in server.heard)


def mail(transport: SmtpTransport) -> Mail2SmsBackend:
    """Return a backend over a mail transport."""
    return Mail2SmsBackend("demo", "demo-key", mail_from="shop@example.com", transport=transport)


async def test_a_mail_server_without_encryption_is_tried_once(listen: Any) -> None:
    """Where STARTTLS is missing nothing is sent, and nothing is tried again."""

    def talk(listener: Listener, connection: socket.socket) -> None:
        connection.sendall(b"220 localhost ESMTP\r\n")
        listener.hear(connection, b"\r\n")
        connection.sendall(b"250 localhost\r\n")
        listener.hear(connection, b"\r\n")

    server = listen(talk)
    async with SmtpTransport("localhost", server.port) as transport:
        error = await refusal(mail(transport), Impatient(), server)
    assert "offers no encryption (STARTTLS)" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("wire", HTTP)
async def test_a_proxy_that_refuses_the_login_is_asked_once(listen: Any, wire: str, scheme: str) -> None:
    """A proxy's 407 says nothing that time would change; the error names the proxy and never shows the password."""

    def talk(listener: Listener, connection: socket.socket) -> None:
        listener.hear_request(connection)
        head = b"HTTP/1.1 407 Proxy Authentication Required\r\n"
        connection.sendall(head + b"Connection: close\r\nContent-Length: 0\r\n\r\n")

    proxy = listen(talk)
    async with HttpxTransport(proxy=f"http://shop:s3cret@127.0.0.1:{proxy.port}") as transport:
        error = await refusal(HTTP[wire](f"{scheme}://localhost:9", transport), Impatient(), proxy)
    assert "the proxy refused the login, or asks for one (407)" in str(error)
    assert error.code == "407"
    assert "s3cret" not in f"{error!r} {error} {error.__cause__!r}"


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "gateway..example"])
@pytest.mark.parametrize("wire", HTTP)
async def test_a_host_that_cannot_be_one_is_not_tried_again(wire: str, host: str) -> None:
    """A name that nothing can ever look up is told at once."""
    async with HttpxTransport(ssl_context=ssl.create_default_context()) as transport:
        error = await refusal(HTTP[wire](f"https://{host}", transport), Impatient())
    assert "the address or a header cannot be written as HTTP" in str(error)


@each("host", ["", "mail server", "a" * 70, "mail..example", "mail\n.example"])
def test_a_mail_server_that_cannot_be_one_is_refused_at_once(host: str) -> None:
    """A mail server's name that nothing can ever look up is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match="must be the name or the address of a mail server"):
        SmtpTransport(host)


@each("address", ["", "proxy", "ftp://proxy.example:1", "http://", "http://shop:s3cret@[::1/"])
def test_a_proxy_that_cannot_be_one_is_refused_at_once(address: str) -> None:
    """An address that no proxy has is refused before anything is sent, and not shown: it may hold a password."""
    with pytest.raises(InvalidRequest, match="proxy's address cannot be one") as caught:
        HttpxTransport(proxy=address)
    assert "s3cret" not in str(caught.value)


async def test_a_name_that_is_not_known_now_is_tried_again() -> None:
    """A name that could be known in a moment, such as when a network comes up, is worth another attempt."""
    clock = Impatient()
    async with HttpxTransport(ssl_context=ssl.create_default_context()) as transport:
        service = SmsService(HTTP["rest"]("https://gateway.invalid", transport), clock=clock)
        with pytest.raises(NotSent) as caught:
            await service.send("Bonjour", PEOPLE[0])
    assert not isinstance(caught.value, CannotPass)
    assert clock.waits


async def test_a_closed_service_is_not_tried_again(bench: Any) -> None:
    """A send after the service was closed is refused at once, with nothing waited for, on every backend."""
    service = bench.service()
    await service.send(bench.message("Bonjour"), PEOPLE[0])
    await service.aclose()
    before = bench.sandbox.clock.now()

    with pytest.raises(ServiceClosed, match="is closed; nothing was sent"):
        await service.send(bench.message("Bonjour"), PEOPLE[1])
    with pytest.raises(CampaignStopped) as stopped:
        await service.run(bench.campaign("Bonjour", PEOPLE), chunk_size=20, concurrency=1)

    assert isinstance(stopped.value.reason, ServiceClosed)
    assert stopped.value.result.pending == stopped.value.result.rows > 0
    assert bench.sandbox.clock.now() == before
    assert set(bench.texts) == {"33610000000"}
