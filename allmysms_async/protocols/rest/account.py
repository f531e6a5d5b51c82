"""The account.

Source: HTTPS API v9, §17.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, NoReturn

from allmysms_async.model import Secret
from allmysms_async.protocols.rest.operation import Method, Operation, Resource
from allmysms_async.protocols.rest.wire import Result

__all__ = ["AccountApi", "GetInfo", "GetInfoResult"]


class GetInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetInfo``.

    Attributes:
        status: The account's state in words.
        credits: Credits left.
        nb_sms: One-part texts that can be sent to the reference country.
        reference_country_iso: Reference country, two letters.
        api_key: The account's API key; a secret, shown nowhere.
        last_name: Of the account's owner.
        first_name: Of the account's owner.
        society: The owner's company.
        email: The owner's address.
        balance: Euros left.
        alerting: 0 no access to the channel for urgent messages, 1 may use it, 2 uses it by default.
    """

    status: str | None = None
    credits: Decimal | None = None
    nb_sms: int | None = None
    reference_country_iso: str | None = None
    api_key: Secret | None = None
    last_name: str | None = None
    first_name: str | None = None
    society: str | None = None
    email: str | None = None
    balance: Decimal | None = None
    alerting: int | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: it holds the key."""
        msg = "The answer to getInfo holds the account's API key and cannot be pickled."
        raise TypeError(msg)


class GetInfo(Operation[GetInfoResult], frozen=True):
    """Fetch the account's state and credits.

    Source: HTTPS API v9, §17.

    Args:
        sub_account: Login of the sub-account to ask about.

    Raises:
        AuthenticationFailed: No account has this login and key.
    """

    sub_account: str | None = None

    path: ClassVar[str] = "getInfo/"
    name: ClassVar[str] = "getInfo"


class AccountApi(Resource):
    """The account."""

    get_info = Method(GetInfo)
