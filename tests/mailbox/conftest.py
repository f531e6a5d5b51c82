"""Mail servers for tests: a real one, and one that says what a test wants."""

from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
import trustme

from .dovecot import PROGRAM, Dovecot


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Whoever vouches for the tests' mail servers."""
    return trustme.CA()


@pytest.fixture(scope="session")
def _dovecot_server(authority: trustme.CA, reserve: Callable[[], int]) -> Iterator[Dovecot]:
    """Dovecot on loopback."""
    server = Dovecot(authority, reserve())
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def dovecot(request: pytest.FixtureRequest, machine_lacks: Callable[[str], NoReturn]) -> Dovecot:
    """A real mailbox on a real mail server."""
    if PROGRAM is None:
        machine_lacks("a real IMAP server (Debian: dovecot-imapd)")
    server: Dovecot = request.getfixturevalue("_dovecot_server")
    return server
