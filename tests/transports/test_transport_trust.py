"""What every HTTP transport promises of certificates: who does not prove who they are is told nothing."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from allmysms_async.errors import CertificateRefused

LONG_AGO, JUST_NOW = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
AUTHORITY = trustme.CA()
FAULTS = {
    "expired": ("expired", lambda: AUTHORITY.issue_cert("localhost", not_before=LONG_AGO, not_after=JUST_NOW)),
    "not yet valid": (
        "not_yet_valid",
        lambda: AUTHORITY.issue_cert("localhost", not_before=datetime.now(UTC) + timedelta(days=2)),
    ),
    "another name": ("wrong_name", lambda: AUTHORITY.issue_cert("gateway.example")),
    "unknown authority": ("untrusted", lambda: trustme.CA().issue_cert("localhost")),
}


def shown(certificate: Any) -> ssl.SSLContext:
    """Return what a server with a certificate shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trust() -> ssl.SSLContext:
    """Return a client that trusts the authority."""
    return ssl.create_default_context(cadata=AUTHORITY.cert_pem.bytes().decode())


async def refused(transport: Any, server: Any) -> CertificateRefused:
    """Send, and return the refusal; assert that the server was told nothing and keeps no connection."""
    with pytest.raises(CertificateRefused) as caught:
        await transport.send(server.request())
    assert server.requests == []
    assert caught.value.host == "localhost"
    assert "the certificate of localhost was refused" in str(caught.value)
    assert "nothing was sent" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_certificate_is_refused_and_named(build: Any, secure: Any, fault: str, until: Any) -> None:
    """The error names whose certificate was refused and why; nothing was sent, and no connection is left."""
    reason, issue = FAULTS[fault]
    async with secure(shown(issue())) as server, build(ssl_context=trust()) as transport:
        assert (await refused(transport, server)).reason == reason
        await until(lambda: server.open == 0)


async def test_a_certificate_that_vouches_for_itself_is_refused(build: Any, tls_server: Any) -> None:
    """A self-signed certificate is refused, also by whoever trusts the usual authorities."""
    async with build() as transport:
        assert (await refused(transport, tls_server)).reason == "untrusted"


async def test_a_server_is_trusted_by_its_own_name_alone(build: Any, secure: Any) -> None:
    """A certificate for the name that was asked for is taken, over one connection."""
    async with secure(shown(AUTHORITY.issue_cert("localhost"))) as server, build(ssl_context=trust()) as transport:
        for _ in range(2):
            assert (await transport.send(server.request())).status == 200
    assert server.connections == 1


async def test_a_server_that_speaks_too_old_a_tls_is_told_nothing(
    build: Any, secure: Any, tmp_path: Path, recwarn: Any
) -> None:
    """TLS below 1.2 is refused."""
    context = shown(AUTHORITY.issue_cert("localhost"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    wanted = trust()
    wanted.minimum_version = ssl.TLSVersion.TLSv1_3
    async with secure(context) as server, build(ssl_context=wanted) as transport:
        with pytest.raises(Exception, match="nothing was sent"):
            await transport.send(server.request())
    assert server.requests == []
