"""Accounts: several may be under one login, each with its own SMS.

Source: Envoyer SMS Pro, "Fonction SMS restant", "liste des comptes", "création", "suppression", "transfert".
"""

from __future__ import annotations

from allmysms_async.errors import InvalidRequest
from allmysms_async.protocols.envoyersmspro import routes
from allmysms_async.protocols.envoyersmspro.answer import Node
from allmysms_async.protocols.envoyersmspro.operation import Operation, Result, identifier
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.redaction import Shown

__all__ = [
    "AccountEntry",
    "Accounts",
    "AccountsResult",
    "CreateAccount",
    "CreateAccountResult",
    "DeleteAccount",
    "GetAccountStatus",
    "GetAccountStatusResult",
    "GetAllAccounts",
    "TransferSms",
    "TransferSmsResult",
]

_MAX_NAME = 50


class GetAccountStatusResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetAccountStatus``.

    Attributes:
        sms_remaining: SMS left.
        api_request_limit: Requests allowed in 60 minutes.
    """

    sms_remaining: int | None = None
    api_request_limit: int | None = None


class GetAccountStatus(Operation[GetAccountStatusResult], frozen=True):
    """Fetch how many SMS are left, and how many requests are allowed in 60 minutes.

    Source: Envoyer SMS Pro, "Fonction SMS restant".
    """

    route = routes.GET_ACCOUNT_STATUS

    @classmethod
    def read(cls, answer: Node) -> GetAccountStatusResult:
        """Return what a successful answer says."""
        account = answer.one("account")
        return GetAccountStatusResult(
            sms_remaining=account.count("sms_remaining", "sms_remaing"),
            api_request_limit=account.count("api_request_limit", kind="requests an hour"),
            raw=answer.kept(),
        )


class AccountEntry(Shown, frozen=True, kw_only=True):
    """One account.

    Attributes:
        account_id: Its identifier, to authenticate with.
        account_name: Its name.
        sms_remaining: SMS left on it.
        api_request_limit: Requests allowed in 60 minutes, where the answer says so.
    """

    account_id: str
    account_name: str | None = None
    sms_remaining: int | None = None
    api_request_limit: int | None = None


def _entry(node: Node) -> AccountEntry:
    return AccountEntry(
        account_id=node.one("account_id").text,
        account_name=node.word("account_name"),
        sms_remaining=node.count("sms_remaining", "sms_remaing"),
        api_request_limit=node.count("api_request_limit", kind="requests an hour"),
    )


class AccountsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetAllAccounts`` and ``DeleteAccount``.

    Attributes:
        accounts: Every account under the login.
    """

    accounts: tuple[AccountEntry, ...]


def _accounts(answer: Node) -> AccountsResult:
    entries = answer.one("accounts").every("account")
    return AccountsResult(accounts=tuple(_entry(entry) for entry in entries), raw=answer.kept())


class GetAllAccounts(Operation[AccountsResult], frozen=True):
    """Fetch every account under the login.

    Source: Envoyer SMS Pro, "Fonction liste des comptes".
    """

    route = routes.GET_ALL_ACCOUNTS

    @classmethod
    def read(cls, answer: Node) -> AccountsResult:
        """Return what a successful answer says."""
        return _accounts(answer)


class CreateAccountResult(Result, frozen=True, kw_only=True):
    """Answer to ``CreateAccount``.

    Attributes:
        account_id: Identifier of the new account, to authenticate with.
    """

    account_id: str


class CreateAccount(Operation[CreateAccountResult], frozen=True):
    """Create an account under the login. Never repeated by itself: a second one would be created.

    Source: Envoyer SMS Pro, "Fonction création de compte".

    Args:
        account_name: 1 to 50 characters.
    """

    account_name: str

    route = routes.CREATE_ACCOUNT

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        name = self.account_name
        if not name.strip() or not name.isprintable() or len(name) > _MAX_NAME:
            msg = f"The name of an account must be 1 to {_MAX_NAME} printable characters; nothing was sent."
            raise InvalidRequest(msg)
        return {"accountname": name}

    @classmethod
    def read(cls, answer: Node) -> CreateAccountResult:
        """Return what a successful answer says."""
        return CreateAccountResult(account_id=answer.one("account").one("account_id").text, raw=answer.kept())


class DeleteAccount(Operation[AccountsResult], frozen=True):
    """Delete an account; the SMS left on it are lost, so transfer them first.

    Source: Envoyer SMS Pro, "Fonction suppression de compte".

    Args:
        account_id: The account to delete.
    """

    account_id: str

    route = routes.DELETE_ACCOUNT

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        return {"deleteaccountid": identifier("account_id", self.account_id)}

    @classmethod
    def read(cls, answer: Node) -> AccountsResult:
        """Return what a successful answer says."""
        return _accounts(answer)


class TransferSmsResult(Result, frozen=True, kw_only=True):
    """Answer to ``TransferSms``.

    Attributes:
        debit_account: The account that gave.
        credit_account: The account that received.
    """

    debit_account: AccountEntry
    credit_account: AccountEntry


class TransferSms(Operation[TransferSmsResult], frozen=True):
    """Move SMS from one account to another. Never repeated by itself: they would be moved twice.

    Source: Envoyer SMS Pro, "Fonction transfert de SMS".

    Args:
        debit_account_id: The account that gives.
        credit_account_id: The account that receives.
        sms: How many, from 1.

    Raises:
        InsufficientCredit: The account that gives has not so many.
    """

    debit_account_id: str
    credit_account_id: str
    sms: int

    route = routes.TRANSFER_SMS

    def fields(self) -> dict[str, str]:
        """Return its parameters under their wire names."""
        if self.sms < 1:
            msg = f"sms is {self.sms}, it must be at least 1; nothing was sent."
            raise InvalidRequest(msg)
        return {
            "debitaccountid": identifier("debit_account_id", self.debit_account_id),
            "creditaccountid": identifier("credit_account_id", self.credit_account_id),
            "sms": str(self.sms),
        }

    @classmethod
    def read(cls, answer: Node) -> TransferSmsResult:
        """Return what a successful answer says."""
        accounts = answer.one("accounts")
        return TransferSmsResult(
            debit_account=_entry(accounts.one("debitaccount")),
            credit_account=_entry(accounts.one("creditaccount")),
            raw=answer.kept(),
        )


class Accounts(Resource):
    """Accounts."""

    status = Method(GetAccountStatus)
    list = Method(GetAllAccounts)
    create = Method(CreateAccount)
    delete = Method(DeleteAccount)
    transfer = Method(TransferSms)
