"""How long an attempt of ``send`` may take."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async import (
    EnvoyerSmsProBackend,
    InvalidRequest,
    Mail2SmsBackend,
    MmsBackend,
    NotSent,
    RestBackend,
    RetryPolicy,
    SmsService,
    SoapBackend,
)

from .conftest import SandboxClock

NUMBER = "0612345678"
BACKENDS: dict[str, Callable[..., Any]] = {
    "rest": lambda **options: RestBackend("demo", "k", **options),
    "soap": lambda **options: SoapBackend("demo", "k", **options),
    "mms": lambda **options: MmsBackend("demo", "k", **options),
    "envoyersmspro": lambda **options: EnvoyerSmsProBackend("timeouts", "k", default_sender="MAGASIN", **options),
    "mail2sms": lambda **options: Mail2SmsBackend("demo", "k", mail_from="a@example.com", **options),
}


class Unreachable:
    """A transport to a server that is not there, which notes how long it might have tried."""

    def __init__(self) -> None:
        """Begin without a note."""
        self.timeouts: list[float] = []

    async def send(self, request: Any) -> Any:
        """Note the time-out, and fail."""
        self.timeouts.append(request.timeout)
        raise NotSent("No connection; nothing was sent.")

    async def aclose(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("open_backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize(("asked", "expected"), [(None, 90_000), (20_000, 20_000)])
async def test_each_attempt_has_the_timeout_of_its_call(
    open_backend: Callable[..., Any], asked: float | None, expected: float, clock: SandboxClock
) -> None:
    """Over every protocol ``timeout`` bounds each attempt alike, and without one the backend's own does."""
    transport = Unreachable()
    backend = open_backend(transport=transport, timeout=90_000)
    sms = SmsService(backend, send_policy=RetryPolicy(attempts=3), clock=clock, rng=random.Random(1))
    with pytest.raises(NotSent):
        await sms.send("Bonjour", NUMBER, timeout=asked)
    assert len(transport.timeouts) == 3
    # What it takes to build the request is part of them, where another thread builds it.
    assert all(expected - 10_000 < timeout <= expected for timeout in transport.timeouts)


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, "5", True])
async def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    """Seconds that nobody can wait are refused before anything is tried."""
    transport = Unreachable()
    with pytest.raises(InvalidRequest, match="timeout must be seconds"):
        await SmsService(RestBackend("demo", "k", transport=transport)).send("Bonjour", NUMBER, timeout=timeout)
    assert transport.timeouts == []
