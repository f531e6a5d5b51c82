"""What a sub-account is created with, and what of it can be changed.

Source: HTTPS API v9, §21 and §22, annexes 5 and 6.
"""

from __future__ import annotations

from typing import Annotated

from allmysms_async.errors import InvalidRequest
from allmysms_async.model import Secret
from allmysms_async.protocols.rest import routes
from allmysms_async.protocols.rest.operation import Operation
from allmysms_async.protocols.rest.wire import Result, Wire
from allmysms_async.redaction import Shown

__all__ = ["CreateSubAccount", "CreateSubAccountResult", "UpdateSubAccount", "UpdateSubAccountResult"]

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
    """Answer to ``UpdateSubAccount``, with the fields of the answer to ``CreateSubAccount``."""


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
    """The variables that both §21 and §22 have, and that neither requires."""

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
        first_name: Its owner's first name.
        last_name: Its owner's last name.
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
        profile: What it may do, as agreed upon with the provider.
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
        first_name: Its owner's first name. The fields that are not listed here are those of ``CreateSubAccount``,
            without the e-mails, ``post_paid``, ``profile`` and the webhooks.
        last_name: Its owner's last name.
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
