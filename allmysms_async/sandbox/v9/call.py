"""One call of a v9 method, once the account behind it is known.

Source: HTTPS API v9, §5 and annex 14.
"""

from dataclasses import dataclass

from allmysms_async.sandbox.exchange import Request
from allmysms_async.sandbox.form import Form
from allmysms_async.sandbox.state import Account, Reason, Refused, World

__all__ = ["Call", "authenticate"]

_SUB_ACCOUNT_HEADER = b"allmysms-subaccount"


@dataclass(frozen=True, slots=True)
class Call:
    """What a method sees of its request."""

    world: World
    account: Account
    form: Form
    xml: bool


def authenticate(world: World, request: Request, form: Form) -> Account:
    """Return the account that a request acts for: the one that logs in, or a sub-account of it.

    Raises:
        Refused: The login and key do not match, or the sub-account is not the login's.
    """
    account = world.account(form.word("login"))
    if account is None or not account.opens_with(form.word("apiKey")):
        raise Refused(Reason.NO_ACCOUNT)
    login = request.header(_SUB_ACCOUNT_HEADER) or form.word("subAccount")
    if not login or login == account.login:
        return account
    sub_account = world.account(login)
    if sub_account is None or sub_account.master != account.login:
        raise Refused(Reason.NO_ACCOUNT)
    return sub_account
