"""Lists in which everything is wrong that can be, and backends that take everybody within each protocol's limits."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from allmysms_async import (
    EnvoyerSmsProBackend,
    Mail2SmsBackend,
    MmsBackend,
    Recipient,
    RestBackend,
    SendReceipt,
    SmsMessage,
    SoapBackend,
)
from allmysms_async.backend import SendLimits, SendRequest
from allmysms_async.model import AllAccepted, Estimate, RefusedRow, TextPrice
from allmysms_async.model.vocabulary import Reason

_HERE = "http://127.0.0.1:9"
LIMITS: dict[str, SendLimits] = {
    backend.name: backend.limits
    for backend in (
        RestBackend("demo", "k", base_url=_HERE),
        SoapBackend("demo", "k", endpoint=f"{_HERE}/soap"),
        Mail2SmsBackend("demo", "k", mail_from="a@example.com", hostname="127.0.0.1", port=9, security="plain"),
        MmsBackend("demo", "k", base_url=_HERE),
        EnvoyerSmsProBackend("demo", "k", default_sender="MAGASIN", base_url=_HERE),
    )
}
NAMES = (
    "Marie",
    "Zoé",
    "François",
    "L’Aigle",
    "Œuvre",
    "{}",
    "a\nb",
    "Ana 😀",
    "x" * 130,
    "#param_2#",
    "Ev\u202eil",
    "",
)


class Taking:
    """Takes everybody; how many parts that is, the library is to say."""

    name = "taking"
    identity = "taking"

    def __init__(self, limits: SendLimits = RestBackend.limits) -> None:
        """Take what fits the limits."""
        self.limits = limits
        self.sent: list[str] = []

    def check(self, message: SmsMessage) -> None:
        """Take any."""

    async def send(self, request: SendRequest) -> SendReceipt:
        """Take everybody."""
        self.sent += request.phones
        return SendReceipt(campaign_id="1", results=AllAccepted(request.phones))

    async def aclose(self) -> None:
        """Do nothing."""


class Pricing(Taking):
    """Has prices as well, and an opinion of its own about each request."""

    def __init__(self, estimate: Callable[[SendRequest], Estimate] | None = None) -> None:
        """Estimate by a function."""
        super().__init__()
        self.listed = 0
        self.estimate = estimate
        self.problem: Exception | None = None

    async def prices(self) -> tuple[TextPrice, ...]:
        """Return a list of a few countries."""
        self.listed += 1
        if self.problem is not None:
            raise self.problem
        return tuple(
            TextPrice(country=country, prefix=prefix, part=Decimal(price))
            for country, prefix, price in (
                ("FR", "33", "0.045"),
                ("BE", "32", "0.06"),
                ("US", "1", "0.02"),
                ("CA", "1", "0.03"),
                ("DO", "1809", "0.1"),
            )
        )

    async def simulate(self, request: SendRequest) -> Estimate:
        """Say what a request would cost."""
        assert self.estimate is not None
        return self.estimate(request)


def ugly_list(count: int, seed: int = 1) -> list[Any]:
    """Return rows of every kind: repeated, malformed, foreign, without values, with values of every alphabet."""
    chance = random.Random(seed)
    rows: list[Any] = []
    for number in range(count):
        phone = f"06{10_000_000 + number:08d}"
        line = number + 2
        name, code = (chance.choice(NAMES) if number % 3 == 0 else "Luc"), f"C{number % 50}"
        match chance.randrange(24):
            case 0:
                phone = f"06 {10_000_000 + number // 2:08d}"
            case 1:
                phone = chance.choice(["", "06 12", "abc", "0144556677", "١٢٣", "x" * 90])
            case 2:
                phone = chance.choice(["+32470", "+1415555", "0692", "0690", "+1809555"]) + f"{number:06d}"[:6]
            case 3:
                rows.append(RefusedRow("0612345678", (), line, reason=Reason.WRONG_WIDTH))
                continue
            case 4:
                rows.append(Recipient(phone, (name,), line))
                continue
            case 5:
                rows.append(Recipient(phone, (name, chance.choice(["y" * 1500, "\x07", "cafe\u0301"])), line))
                continue
            case 6:
                rows.append(Recipient(phone, (chance.choice([7, None, 1.5]), code), line))
                continue
            case _:
                pass
        rows.append(Recipient(phone, (name, code), line))
    return rows


@pytest.fixture(scope="session")
def ugly() -> Sequence[Any]:
    """Two thousand such rows."""
    return ugly_list(2000)
