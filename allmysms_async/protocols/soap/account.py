"""The account, its opt-outs, its sub-accounts, and cancelling.

Source: SOAP API, B (Info, Stop, SubAccount), C (getInfo, deleteCampaign, getStop, subAccount), annexes 3 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from allmysms_async.errors import InvalidRequest, ProtocolError
from allmysms_async.model import NewSubAccount
from allmysms_async.protocols.refusal import refusal
from allmysms_async.protocols.soap import routes, status
from allmysms_async.protocols.soap.operation import Operation
from allmysms_async.protocols.soap.wire import Fields, Result, amount, checked, date, items, kept, text, without_secrets
from allmysms_async.redaction import Discreet

__all__ = [
    "CreateSubAccount",
    "CreateSubAccountResult",
    "DeleteCampaign",
    "DeleteCampaignResult",
    "GetInfo",
    "GetInfoResult",
    "GetStop",
    "GetStopResult",
    "Stop",
]


class GetInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetInfo``.

    Attributes:
        status: The account's state, a number of annex 3 or words.
        credits: Credits left.
    """

    status: str
    credits: Decimal | None = None


class DeleteCampaignResult(Result, frozen=True, kw_only=True):
    """Answer to ``DeleteCampaign``.

    Attributes:
        status: ``OK``.
    """

    status: str


class Stop(Discreet, frozen=True, kw_only=True):
    """One number that opted out.

    Attributes:
        phone_number: The number, as ``33…``.
        comment: What was written, such as ``stop``.
        reception_date: When.
    """

    phone_number: str
    comment: str | None = None
    reception_date: datetime | None = None

    def __repr__(self) -> str:
        """Show that there is one, and nothing of it."""
        return "<Stop>"


class GetStopResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetStop``.

    Attributes:
        stops: The numbers.
    """

    stops: tuple[Stop, ...] = ()


class CreateSubAccountResult(Result, frozen=True, kw_only=True):
    """Answer to ``CreateSubAccount``.

    Attributes:
        text: The gateway's words.
    """

    text: str | None = None


class GetInfo(Operation[GetInfoResult], frozen=True):
    """Fetch the account's state and credits.

    Source: SOAP API, C (getInfo), annex 3.

    Raises:
        AuthenticationFailed: No account has this login and password.
        NotPermitted: This login may not ask, or the account is not active.
    """

    route = routes.GET_INFO

    @classmethod
    def read(cls, answer: Fields) -> GetInfoResult:
        """Return what an answer says; its status is a number in the table and words in the sample."""
        state = (text(answer, "status") or "").strip()
        if state.lower() not in status.ACCOUNT_ACTIVE:
            raise refusal(status.ACCOUNT, state.lower(), cls.name) or status.unlisted(state, cls.name)
        return GetInfoResult(status=state, credits=amount(answer, "credits"), raw=kept(answer, "credits"))


class DeleteCampaign(Operation[DeleteCampaignResult], frozen=True):
    """Cancel a scheduled send.

    Source: SOAP API, C (deleteCampaign), annex 4.

    Args:
        camp_id: As returned by the send.

    Raises:
        CampaignNotFound: The gateway does not know it.
        CampaignNotCancellable: It was sent or cancelled already, or was never scheduled.
    """

    camp_id: str

    route = routes.DELETE_CAMPAIGN

    def arguments(self) -> Mapping[str, str]:
        """Return its arguments by their wire names."""
        return {"campId": checked("The campaign id", self.camp_id)}

    @classmethod
    def read(cls, answer: Fields) -> DeleteCampaignResult:
        """Return what an answer says: ``OK``, whatever type it is given."""
        code = (text(answer, "status") or "").strip().upper()
        if code != "OK":
            raise refusal(status.CANCEL, code, cls.name) or status.unlisted(code, cls.name)
        return DeleteCampaignResult(status=code, raw=without_secrets(answer))


class GetStop(Operation[GetStopResult], frozen=True):
    """Fetch the numbers that opted out.

    Source: SOAP API, C (getStop). Its answer has no status of its own; where there is one it is read as section B's.

    Raises:
        NotPermitted: The gateway refuses access.
    """

    route = routes.GET_STOP

    @classmethod
    def read(cls, answer: Fields) -> GetStopResult:
        """Return what an answer says."""
        code = (text(answer, "status") or "").strip()
        if code and code not in status.LIST_SUCCESS:
            raise refusal(status.LIST, code, cls.name) or status.unlisted(code, cls.name)
        if not code and "answer" not in answer:
            msg = f"{cls.name}: the answer holds no list."
            raise ProtocolError(msg, request=cls.name)
        stops = tuple(
            Stop(
                phone_number=text(entry, "phoneNumber") or "",
                comment=text(entry, "comment"),
                reception_date=date(entry, "receptionDate"),
            )
            for entry in items(answer, "answer")
        )
        dated = ((entry, "receptionDate") for entry in items(answer, "answer"))
        return GetStopResult(stops=stops, raw=kept(answer, dated=dated))


# Wire name, the account's field, whether it is required. Source: SOAP API, B (SubAccount).
_FIELDS = (
    ("firstName", "first_name", True),
    ("lastName", "last_name", True),
    ("society", "company", True),
    ("mobile", "mobile", True),
    ("email", "email", True),
    ("login", "login", True),
    ("password", "password", True),
    ("phone", "phone", False),
    ("website", "website", False),
    ("address", "address", False),
    ("zip", "zip_code", False),
    ("city", "city", False),
    ("country", "country", False),
    ("sendEmailToCustomer", "notify_owner", False),
    ("sendEmailToMasterAccount", "notify_master", False),
    ("postPaid", "post_paid", False),
)


class CreateSubAccount(Operation[CreateSubAccountResult], frozen=True):
    """Create a sub-account.

    Source: SOAP API, B (SubAccount), C (subAccount), annex 5.

    Args:
        account: Its first and last name, company, mobile, email, login and password are required.

    Raises:
        InvalidRequest: Something required is missing.
        FlowRefused: The gateway refused a field, or the login exists.
    """

    account: NewSubAccount

    route = routes.CREATE_SUB_ACCOUNT

    def arguments(self) -> Mapping[str, Any]:
        """Return its arguments by their wire names."""
        fields: dict[str, Any] = {}
        for wire_name, name, required in _FIELDS:
            value = getattr(self.account, name)
            if name == "password" and value is not None:
                value = value.reveal()
            if required and not value:
                msg = f"createSubAccount needs {name}; nothing was created."
                raise InvalidRequest(msg)
            if value is not None:
                fields[wire_name] = int(value) if isinstance(value, bool) else checked(name, value)
        return {"subAccount": fields}

    @classmethod
    def read(cls, answer: Fields) -> CreateSubAccountResult:
        """Return what an answer says; the table has the outcome as a figure and its detail in words."""
        code, words = (text(answer, "status") or "").strip(), (text(answer, "text") or "").strip()
        for key in (words.lower(), code.lower()):
            error = refusal(status.SUB_ACCOUNT, key, cls.name)
            if error is not None:
                raise error
        # The words come beside the figure, or in its place.
        if (code or words).lower() in status.SUB_ACCOUNT_SUCCESS:
            told = words or (code if code != "1" else None)
            return CreateSubAccountResult(text=told, raw=without_secrets(answer))
        raise status.unlisted(code, cls.name)
