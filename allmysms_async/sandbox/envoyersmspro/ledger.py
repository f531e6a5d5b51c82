"""The accounts of each login, and what the provider keeps of messages and answers.

A login's first account is the account of the sandbox's common state; those created here join that state, so that one
look at it shows them all. One SMS is worth what a French one costs there.

Source: Envoyer SMS Pro, "Authentification", "Fonction liste des comptes".
"""

import hmac
from dataclasses import dataclass, field

from allmysms_async.sandbox.state import Account, Campaign, World, wall
from allmysms_async.sandbox.state.account import FRENCH_CREDITS

from .answer import BAD_PARAMETER, Failed
from .window import RequestCount

__all__ = ["Holder", "Ledger", "Message", "Response"]

_FIRST_LIMIT, _LATER_LIMIT = 15_000, 100
_WINDOW_SECONDS = 3600.0


@dataclass(slots=True)
class Holder:
    """One account of a login."""

    number: int
    name: str
    account: Account
    limit: int
    count: RequestCount

    @property
    def sms(self) -> int:
        """SMS left."""
        return int(self.account.credits // FRENCH_CREDITS)

    def add(self, sms: int) -> None:
        """Add SMS, or take them away."""
        self.account.credits += sms * FRENCH_CREDITS


@dataclass(frozen=True, slots=True)
class Response:
    """What somebody answered."""

    phone: str
    at: str
    text: str


@dataclass(slots=True)
class Message:
    """What is kept of a message beside its campaign."""

    campaign: Campaign
    stopped: tuple[str, ...]
    takes_responses: bool
    responses: list[Response] = field(default_factory=list[Response])


class Ledger:
    """Everything this provider knows and the common state does not."""

    def __init__(self, world: World) -> None:
        """Start on a state."""
        self._world = world
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._holders: dict[str, dict[int, Holder]] = {}
        self.messages: dict[str, Message] = {}
        self.account_number = 1

    def holders(self, login: str) -> dict[int, Holder]:
        """Return the accounts of a login, by number."""
        held = self._holders.get(login)
        if held is None:
            account = self._world.accounts[login]
            first = Holder(1, account.society, account, _FIRST_LIMIT, RequestCount(_WINDOW_SECONDS))
            held = self._holders[login] = {1: first}
        return held

    def authenticate(self, login: str, password: str, account_id: str) -> tuple[str, Holder]:
        """Return the login and the account that a request is for.

        Raises:
            Failed: There is no such login, password and account.
        """
        account = self._world.accounts.get(login)
        if account is None or not hmac.compare_digest(account.pass_code.encode(), password.encode()):
            raise Failed(1)
        held = self.holders(login)
        if not account_id:
            return login, next(iter(held.values()))
        holder = held.get(int(account_id)) if account_id.isascii() and account_id.isdigit() else None
        if holder is None:
            raise Failed(1)
        return login, holder

    def create(self, login: str, name: str) -> Holder:
        """Create an account under a login, without SMS."""
        self.account_number += 1
        number = self.account_number
        own = f"{login}:{number}"
        main = self._world.accounts[login]
        account = Account(own, "", "", 0, main.first_name, main.last_name, name, main.email, master=login)
        self._world.accounts[own] = account
        holder = Holder(number, name, account, _LATER_LIMIT, RequestCount(_WINDOW_SECONDS))
        self.holders(login)[number] = holder
        return holder

    def delete(self, login: str, number: str) -> None:
        """Delete an account; its SMS are lost.

        Raises:
            Failed: The login has no such account.
        """
        holder = self.holder(login, number, "Deleteaccountid")
        del self.holders(login)[holder.number]
        self._world.accounts.pop(holder.account.login, None)

    def holder(self, login: str, number: str, parameter: str) -> Holder:
        """Return an account that a parameter names.

        Raises:
            Failed: The login has no such account.
        """
        holder = self.holders(login).get(int(number)) if number.isascii() and number.isdigit() else None
        if holder is None:
            raise Failed(BAD_PARAMETER, f"{parameter} does not exist")
        return holder

    def respond(self, message_id: str, phone: str, text: str) -> None:
        """Let somebody answer a message."""
        at = wall(self._world.clock.now())
        self.messages[message_id].responses.append(Response(phone, at, text))
