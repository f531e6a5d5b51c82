"""Sub-accounts: creating, changing, listing, giving them credits, deleting.

Source: HTTPS API v9, §21 to §25, annexes 5 and 6.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from allmysms_async.errors import AllMySmsError, InvalidRequest
from allmysms_async.model import Secret
from allmysms_async.protocols.operation import Method, Resource
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.naming import Naming, pascal
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Raw, Result, Wire
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

_MIN_PASSWORD = 6


class CreateSubAccountResult(Result, frozen=True, kw_only=True):
    """Answer to ``CreateSubAccount``.

    Attributes:
        status: 1.
        text: The status in words.
    """

    status: str | None = None
    text: Annotated[str | None, Wire(("text", "statusText"))] = None


class UpdateSubAccountResult(CreateSubAccountResult, frozen=True, kw_only=True):
    """Answer to ``UpdateSubAccount``, as that to ``CreateSubAccount``."""


class DeleteSubAccountResult(Result, frozen=True, kw_only=True):
    """Answer to ``DeleteSubAccount``.

    Attributes:
        status: 1.
        status_text: The status in words.
    """

    status: str | None = None
    status_text: str | None = None


class SubAccountInfo(Shown, frozen=True, kw_only=True):
    """One sub-account.

    Attributes:
        login: Its login.
        last_name: Of its owner.
        first_name: Of its owner.
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
        total: How many there are; None where there is none.
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


def _check_password(password: Secret | None) -> None:
    """Refuse a password that would be shown, or that the gateway would refuse."""
    if password is None:
        return
    if not isinstance(password, Secret):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        msg = "Give the password as Secret(...), so that it is shown nowhere; nothing was sent."
        raise InvalidRequest(msg)
    if len(password.reveal()) < _MIN_PASSWORD:
        msg = f"The password must have {_MIN_PASSWORD} characters or more; nothing was sent."
        raise InvalidRequest(msg)


class _Details(Shown, frozen=True, kw_only=True):
    """The variables that §21 and §22 have in common and do not require."""

    society: str | None = None
    mobile: str | None = None
    phone: str | None = None
    website: str | None = None
    address: str | None = None
    zip: str | None = None
    city: str | None = None
    country: str | None = None
    bill_first_name: str | None = None
    bill_last_name: str | None = None
    bill_society: str | None = None
    bill_address: str | None = None
    bill_zip: str | None = None
    bill_city: str | None = None
    bill_country: str | None = None
    bill_email: str | None = None
    bill_mobile: str | None = None
    bill_phone: str | None = None
    active: bool | None = None


class CreateSubAccount(_Details, Operation[CreateSubAccountResult], frozen=True, kw_only=True):
    """Create a sub-account, in one attempt that is never repeated by itself.

    Source: HTTPS API v9, §21, annexes 5 and 6.

    Args:
        first_name: Of its owner.
        last_name: Of its owner.
        email: Its owner's address.
        login: Its login.
        password: Its password, 6 characters or more.
        society: Its owner's company.
        mobile: Its owner's mobile number.
        phone: Its owner's other number.
        website: Its owner's site.
        address: Street.
        zip: Postal code.
        city: City.
        country: Country.
        bill_first_name: For invoices, as the others that begin so.
        bill_last_name: For invoices.
        bill_society: For invoices.
        bill_address: For invoices.
        bill_zip: For invoices.
        bill_city: For invoices.
        bill_country: For invoices.
        bill_email: For invoices.
        bill_mobile: For invoices.
        bill_phone: For invoices.
        send_email_to_customer: Send its owner a summary by e-mail.
        send_email_to_master_account: Send the main account a summary by e-mail.
        post_paid: Bill it afterwards; only if the main account is billed so.
        profile: What it may do; agreed upon with the provider.
        active: Whether it may be used, yes by default.
        webhook_dlr: Address that is called with its delivery reports.
        webhook_mo: Address that is called with the answers to its texts.

    Raises:
        InvalidRequest: The password is too short, or not a ``Secret``.
        GatewayError: The gateway refused; no sub-account was created.
        OutcomeUnknown: It may have been created.
    """

    first_name: str
    last_name: str
    email: str
    login: str
    password: Secret
    send_email_to_customer: bool | None = None
    send_email_to_master_account: bool | None = None
    post_paid: bool | None = None
    profile: str | None = None
    webhook_dlr: str | None = None
    webhook_mo: str | None = None

    route = routes.CREATE_SUB_ACCOUNT

    def __post_init__(self) -> None:
        """Refuse a password that cannot be right."""
        _check_password(self.password)


class UpdateSubAccount(_Details, Operation[UpdateSubAccountResult], frozen=True):
    """Change a sub-account; what is not given stays as it is.

    Only the main account may ask it: not in a sub-account's name (annex 14).

    Source: HTTPS API v9, §22, annex 6. §22 prints ``BILLCODE`` for the mobile number; ``BILLMOBILE`` is sent.

    Args:
        sub_account: Login of the sub-account.
        first_name: As in ``CreateSubAccount``, like all that follow, and whatever else that has but for the e-mails,
            ``post_paid``, ``profile`` and the webhooks.
        last_name: Of its owner.
        email: Its owner's address.
        login: Its new login.
        password: Its new password, 6 characters or more.

    Raises:
        InvalidRequest: The password is too short or not a ``Secret``, or a sub-account's name is used.
        GatewayError: The gateway refused; the sub-account is as it was.
    """

    sub_account: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    login: str | None = None
    password: Secret | None = None

    route = routes.UPDATE_SUB_ACCOUNT

    def __post_init__(self) -> None:
        """Refuse a password that cannot be right."""
        _check_password(self.password)


class GetSubAccounts(Operation[GetSubAccountsResult], frozen=True):
    """Fetch the sub-accounts; there being none is an empty result, though the gateway says it by status 0.

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
        InsufficientCredit: The account that would give has less.
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
