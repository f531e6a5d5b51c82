"""Sub-accounts: creating, changing, listing, giving them credits, deleting.

Source: HTTPS API v9, §21 to §25, annexes 5 and 6.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from allmysms_async.errors import AllMySmsError, InvalidRequest
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.naming import Naming, pascal
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.sub_account_details import (
    CreateSubAccount,
    CreateSubAccountResult,
    UpdateSubAccount,
    UpdateSubAccountResult,
)
from allmysms_async.protocols.rest.wire import Done, Raw, Result, Wire
from allmysms_async.redaction import Shown

__all__ = [
    "CreateSubAccount",
    "CreateSubAccountResult",
    "DeleteSubAccount",
    "DeleteSubAccountResult",
    "GetSubAccounts",
    "GetSubAccountsResult",
    "ManageSubAccountCredits",
    "ManageSubAccountCreditsResult",
    "SubAccountCredits",
    "SubAccountInfo",
    "SubAccounts",
    "UpdateSubAccount",
    "UpdateSubAccountResult",
]


class DeleteSubAccountResult(Done, frozen=True, kw_only=True):
    """Answer to ``DeleteSubAccount``."""


class SubAccountInfo(Shown, frozen=True, kw_only=True):
    """One sub-account.

    Attributes:
        login: Its login.
        last_name: Its owner's last name.
        first_name: Its owner's first name.
        client_type: ``company`` or ``individual``.
        company: Its owner's company.
        phone: Its owner's land line.
        mobile: Its owner's mobile number.
        fax: Its owner's fax.
        email: Its owner's address.
        web_site: Its owner's site.
        address: Street.
        zip: Postal code.
        city: City.
        country: Country.
        creation_date: When it was created.
        last_visit: When its owner last came to the customer area.
        last_activity: When it last used the API or the customer area.
        bill_last_name: For invoices, as the others that begin so.
        bill_first_name: For invoices.
        bill_company: For invoices.
        bill_phone: For invoices.
        bill_mobile: For invoices.
        bill_email: For invoices.
        bill_address: For invoices.
        bill_zip: For invoices.
        bill_city: For invoices.
        bill_country: For invoices.
        credits: Credits left.
        balance: Euros left.
    """

    wire_name: ClassVar[Naming] = staticmethod(pascal)

    login: Annotated[str | None, Wire(("Login", "login"))] = None
    last_name: str | None = None
    first_name: str | None = None
    client_type: str | None = None
    company: str | None = None
    phone: str | None = None
    mobile: str | None = None
    fax: str | None = None
    email: str | None = None
    web_site: str | None = None
    address: str | None = None
    zip: str | None = None
    city: str | None = None
    country: str | None = None
    creation_date: datetime | None = None
    last_visit: datetime | None = None
    last_activity: datetime | None = None
    bill_last_name: str | None = None
    bill_first_name: str | None = None
    bill_company: str | None = None
    bill_phone: str | None = None
    bill_mobile: str | None = None
    bill_email: str | None = None
    bill_address: str | None = None
    bill_zip: str | None = None
    bill_city: str | None = None
    bill_country: str | None = None
    credits: Decimal | None = None
    balance: Decimal | None = None

    def __repr__(self) -> str:
        """Show the login and the credits, and nothing of the people behind it."""
        return f"<SubAccountInfo {self.login} credits={self.credits}>"


class GetSubAccountsResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetSubAccounts``.

    Attributes:
        total: How many there are, or None if there is none.
        sub_accounts: The sub-accounts.
    """

    total: int | None = None
    sub_accounts: Annotated[tuple[SubAccountInfo, ...], Wire(("subAccounts",), item="subAccount")] = ()


class SubAccountCredits(Shown, frozen=True, kw_only=True):
    """What a sub-account has.

    Attributes:
        login: Its login.
        credits: Credits.
        balance: Euros.
    """

    wire_name: ClassVar[Naming] = staticmethod(pascal)

    login: str | None = None
    credits: Decimal | None = None
    balance: Decimal | None = None


class ManageSubAccountCreditsResult(Result, frozen=True, kw_only=True):
    """Answer to ``ManageSubAccountCredits``.

    Attributes:
        status: ``OK``, or None.
        sub_account: What the sub-account has now.
    """

    status: str | None = None
    sub_account: SubAccountCredits | None = None


class GetSubAccounts(Operation[GetSubAccountsResult], frozen=True):
    """Fetch the sub-accounts; if there is none the result is empty, although the gateway answers status 0.

    Source: HTTPS API v9, §23.

    Raises:
        GatewayError: The gateway answered with an error.
    """

    route = routes.GET_SUB_ACCOUNTS

    @classmethod
    def refused(cls, answer: Raw) -> AllMySmsError | None:
        """Return the error that an answer stands for, or None for success."""
        if str(answer.get("status")) == "0" and _none_found(str(answer.get("statusText", ""))[:200]):
            return None
        return super().refused(answer)


_none_found = re.compile(r"\bno sub-?accounts?\b", re.IGNORECASE).search


class ManageSubAccountCredits(Operation[ManageSubAccountCreditsResult], frozen=True):
    """Give credits to a sub-account, or take them back, in one attempt that is never repeated by itself.

    Source: HTTPS API v9, §24.

    Args:
        sub_account: Login of the sub-account.
        credits: Credits to give; below 0 to take back.

    Raises:
        InvalidRequest: ``credits`` is no finite figure; nothing was sent.
        NotPermitted: It is not a sub-account of this account, or is billed by subscription.
        InsufficientCredit: The account that gives has fewer credits.
        OutcomeUnknown: They may have been moved.
    """

    sub_account: str
    credits: int | Decimal

    route = routes.MANAGE_SUB_ACCOUNT_CREDITS

    def __post_init__(self) -> None:
        """Refuse what is no figure."""
        if not Decimal(self.credits).is_finite():
            msg = "manageSubAccountCredits: credits must be a finite figure; nothing was sent."
            raise InvalidRequest(msg)

    @classmethod
    def confirmed(cls, code: str, answer: Raw) -> bool:
        """Return whether credits were moved: ``OK``, or the sub-account without any status."""
        return code in cls.route.answers.successes or (not code and bool(answer.get("subAccount")))


class DeleteSubAccount(Operation[DeleteSubAccountResult], frozen=True):
    """Delete a sub-account.

    Source: HTTPS API v9, §25.

    Args:
        login_to_delete: Its login.

    Raises:
        GatewayError: The gateway refused; the sub-account is as it was.
    """

    login_to_delete: str

    route = routes.DELETE_SUB_ACCOUNT


class SubAccounts(Resource):
    """Sub-accounts."""

    create_sub_account = Method(CreateSubAccount)
    update_sub_account = Method(UpdateSubAccount)
    get_sub_accounts = Method(GetSubAccounts)
    manage_sub_account_credits = Method(ManageSubAccountCredits)
    delete_sub_account = Method(DeleteSubAccount)
