"""One call of a function, once the account behind it is known.

Source: Envoyer SMS Pro, "Authentification".
"""

import base64
import binascii
from dataclasses import dataclass

from allmysms_async.sandbox.exchange import Request
from allmysms_async.sandbox.form import Form
from allmysms_async.sandbox.state import World

from .answer import MISSING, Failed
from .ledger import Holder, Ledger

__all__ = ["Call", "authenticate"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a function sees of its request."""

    world: World
    ledger: Ledger
    login: str
    holder: Holder
    form: Form
    posted: bool

    def required(self, name: str) -> str:
        """Return a parameter.

        Raises:
            Failed: It is missing.
        """
        value = self.form.word(name)
        if not value:
            raise Failed(MISSING, f"{name.capitalize()} is missing")
        return value

    def switched_on(self, name: str) -> bool:
        """Say whether an option is on."""
        return self.form.word(name) == "1"


def authenticate(ledger: Ledger, request: Request, form: Form) -> tuple[str, Holder]:
    """Return the login and the account of a request: by HTTP Basic authentication, else by parameters.

    Raises:
        Failed: There is no such account.
    """
    kind, _, encoded = request.header(b"authorization").partition(" ")
    if kind.lower() == "basic":
        try:
            login, _, rest = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Failed(1) from None
        password, _, account_id = rest.partition(":")
        return ledger.authenticate(login, password, account_id)
    return ledger.authenticate(form.word("login"), form.text("password"), form.word("accountid"))
