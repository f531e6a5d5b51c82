"""A sandbox with a clock that only moves when told, and a plain HTTP client for it."""

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from allmysms_async.sandbox import Clock, Sandbox

from .called import Called, called

AUTH = {"login": "demo", "apiKey": "demo-key"}

# The sandbox speaks without TLS; httpx would read the machine's authorities for each client all the same, which costs
# more than most tests do.
_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain_client(base_url: str = "") -> httpx.AsyncClient:
    """Return a client of HTTP without TLS."""
    return httpx.AsyncClient(base_url=base_url, timeout=250, verify=_TRUST)


class Gateway:
    """Talks to the sandbox in plain HTTP."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Use a client."""
        self.http = http

    async def raw(self, method: str = "", *, headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
        """Post fields to a method, with the demo account's login unless the fields have another."""
        data = AUTH | {name: str(value) for name, value in fields.items()}
        return await self.http.post(f"/http/9.0/{method}", data=data, headers=headers)

    async def call(self, method: str = "", *, headers: dict[str, str] | None = None, **fields: object) -> Any:
        """Post fields to a method, and return its JSON answer."""
        response = await self.raw(method, headers=headers, **fields)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("application/json")
        return response.json()

    async def flow(self, text: str, *rows: str | dict[str, str], method: str = "sendSms", **data: object) -> Any:
        """Post a JSON flow."""
        sms = [{"MOBILEPHONE": row} if isinstance(row, str) else row for row in rows]
        return await self.call(method, smsData=json.dumps({"DATA": {"MESSAGE": text, **data, "SMS": sms}}))


class Hand:
    """Moves the clock, as time would.

    Attributes:
        passed: Seconds since the clock was made.
    """

    passed = 0.0


@pytest.fixture
def clock() -> Hand:
    """What moves the sandbox's clock without its being told."""
    return Hand()


@pytest.fixture
async def sandbox(clock: Hand) -> AsyncIterator[Sandbox]:
    """A running sandbox whose clock stands still."""
    async with Sandbox(clock=Clock(tick=lambda: clock.passed)) as running:
        yield running


@pytest.fixture
async def address() -> AsyncIterator[Called]:
    """An address that answers OK."""
    async with called() as listening:
        yield listening


@pytest.fixture
async def hooked(gateway: "Gateway", address: Called) -> Called:
    """The address, configured for the reports and replies of the demo account."""
    for kind in ("dlr", "mo"):
        answer = await gateway.call("configureWebhook", type=kind, url=address.url)
        assert answer == {"status": "1", "statusText": "webhook successfully configured"}
    address.connections = 0
    return address


@pytest.fixture
async def gateway(sandbox: Sandbox) -> AsyncIterator[Gateway]:
    """A client of the sandbox."""
    async with plain_client(sandbox.http_url) as http:
        yield Gateway(http)


@pytest.fixture
async def answering(gateway: Gateway, hooked: Called) -> Called:
    """The address, called for replies alone, and a text that 33612345678 can reply to."""
    await gateway.call("deleteWebhook", type="dlr")
    await gateway.flow("Bonjour", "33612345678")
    return hooked
