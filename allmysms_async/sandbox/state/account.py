"""Accounts, sub-accounts and what a message costs them.

`details` holds the other variables of §21 under their printed names; `webhooks` has an address for `dlr` and `mo`.

Source: HTTPS API v9, §5, §17, §21 and annex 14.
"""

import hmac
from dataclasses import dataclass, field

from allmysms_async.sandbox.numbering import FRANCE

__all__ = ["CALL_CREDITS", "DEPOSIT_CREDITS", "FRENCH_CREDITS", "Account", "default_accounts", "euros", "price"]

FRENCH_CREDITS = 15
CALL_CREDITS = 30
DEPOSIT_CREDITS = 63
_FOREIGN_CREDITS = 20
_MILLI_EUROS_PER_CREDIT = 3


@dataclass(slots=True)
class Account:
    """One account and its credits."""

    login: str
    api_key: str = field(repr=False)
    pass_code: str = field(repr=False)
    credits: float
    first_name: str
    last_name: str
    society: str
    email: str
    master: str | None = None
    country: str = "FR"
    alerting: int = 1
    active: bool = True
    post_paid: bool = False
    details: dict[str, str] = field(default_factory=dict[str, str])
    created_at: float = 0.0
    last_activity: float = 0.0
    webhooks: dict[str, str] = field(default_factory=dict[str, str])

    def opens_with(self, api_key: str) -> bool:
        """Say whether this is the account's API key."""
        return hmac.compare_digest(self.api_key.encode(), api_key.encode())

    def lets_in(self, pass_code: str) -> bool:
        """Say whether this is the account's pass code."""
        return hmac.compare_digest(self.pass_code.encode(), pass_code.encode())


def default_accounts() -> dict[str, Account]:
    """Return the accounts a fresh sandbox has: `demo` and two sub-accounts of it."""
    accounts = (
        Account(
            "demo",
            "demo-key",
            "demo-pass",
            1_000_000_000,
            "Marc",
            "Dupont",
            "Exemple SARL",
            "demo@example.com",
            post_paid=True,
        ),
        Account(
            "demo-shop",
            "demo-shop-key",
            "demo-shop-pass",
            10_000_000,
            "Claire",
            "Martin",
            "Exemple Boutique",
            "shop@example.com",
            master="demo",
        ),
        Account(
            "demo-test",
            "demo-test-key",
            "demo-test-pass",
            1_500,
            "Paul",
            "Durand",
            "Exemple Essais",
            "test@example.com",
            master="demo",
            alerting=0,
        ),
    )
    return {account.login: account for account in accounts}


def price(phone: str) -> int:
    """Return the credits that one SMS part to a canonical number costs."""
    return FRENCH_CREDITS if phone.startswith(FRANCE) else _FOREIGN_CREDITS


def euros(credits: float, digits: int) -> float:
    """Return what credits are worth: 15 of them are 0.045 EUR."""
    return round(credits * _MILLI_EUROS_PER_CREDIT / 1000, digits)
