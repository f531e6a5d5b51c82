"""One call of a v9 method, once the account behind it is known.

Source: HTTPS API v9, §5 and annex 14.
"""

from dataclasses import dataclass

from allmysms_async.sandbox.exchange import Request
from allmysms_async.sandbox.form import Form
from allmysms_async.sandbox.state import Account, Reason, Refused, World

__all__ = ["SUB_ACCOUNT_HEADER", "Call", "authenticate", "own_sub_account"]

SUB_ACCOUNT_HEADER = b"allmysms-subaccount"


@dataclass(frozen=True, slots=True)
class Call:
    """What a method sees of its request; `as_sub_account` says whether its header names a sub-account."""

    world: World
    account: Account
    form: Form
    xml: bool
    as_sub_account: bool = False


def authenticate(world: World, request: Request, form: Form, *, about_sub_account: bool = False) -> Account:
    """Return the account that a request acts for: the one that logs in, or a sub-account of it.

    Args:
        world: Where the accounts are.
        request: The request.
        form: Its fields.
        about_sub_account: Whether the parameter `subAccount` names what the method is about, not who asks it.

    Raises:
        Refused: The login and key do not match, the sub-account is not the login's, or the account is not active.
    """
    account = world.account(form.word("login"))
    if account is None or not account.opens_with(form.word("apiKey")):
        raise Refused(Reason.NO_ACCOUNT)
    login = request.header(SUB_ACCOUNT_HEADER) or ("" if about_sub_account else form.word("subAccount"))
    if login and login != account.login:
        account = own_sub_account(world, account, login)
    if account is None or not account.active:
        raise Refused(Reason.NO_ACCOUNT)
    account.last_activity = world.clock.now()
    return account


def own_sub_account(world: World, account: Account, login: str) -> Account | None:
    """Return a sub-account of an account, if it is one."""
    found = world.account(login)
    return found if found is not None and found.master == account.login else None
