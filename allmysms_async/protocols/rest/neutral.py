"""Wire results -> neutral vocabulary, and back. Pure.

Source: HTTPS API v9, §7.2, §12, §14, §18, §21, §23, annex 3.
"""

from __future__ import annotations

from typing import TypeVar

from allmysms_async.backend import SendRequest
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import (
    Account,
    CampaignSummary,
    DeliveryReport,
    DeliveryStatus,
    ListChange,
    NewSubAccount,
    OptOut,
    Reason,
    Reply,
    SubAccount,
)
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.rest import status
from allmysms_async.protocols.rest.account import GetInfoResult
from allmysms_async.protocols.rest.blacklist import BlacklistEntry
from allmysms_async.protocols.rest.campaigns import CampaignInfo
from allmysms_async.protocols.rest.contacts import PopulateListResult
from allmysms_async.protocols.rest.replies import Mo
from allmysms_async.protocols.rest.reports import Ack, GetAckBySmsIdResult
from allmysms_async.protocols.rest.sms import SendMany, SimulateCampaign
from allmysms_async.protocols.rest.sub_accounts import CreateSubAccount, SubAccountInfo

F = TypeVar("F", SendMany, SimulateCampaign)

# Source: HTTPS API v9, §18.2.
_OPT_OUTS = {
    "stop": Reason.OPTED_OUT,
    "refused": Reason.UNASSIGNED,
    "manual unsubscribe": Reason.MANUAL_BLACKLIST,
}


def flow(kind: type[F], request: SendRequest, *, verbose: bool | None = None, key: str | None = None) -> F:
    """Return the operation that sends, or simulates, what a neutral request asks for.

    Args:
        kind: Which of the two.
        request: The neutral request.
        verbose: Whether the answer is to say of each number left out why.
        key: Makes the operation unique for 24 hours.
    """
    message = request.message
    return kind(
        message=request.text,
        recipients=request.recipients,
        dynamic=request.params,
        campaign_name=request.campaign_name,
        date=message.send_at,
        tpoa=message.sender,
        cli_msg_id=message.reference,
        tracking=message.track_links or None,
        coding=int(request.coding),
        alerting=message.priority or None,
        verbose=verbose,
        unique_identifier=key,
    )


def report(ack: Ack | GetAckBySmsIdResult, sms_id: str | None = None, campaign_id: str | None = None) -> DeliveryReport:
    """Return a report in the neutral vocabulary; one without a status is pending."""
    code = ack.status or ""
    return DeliveryReport(
        phone=read_gateway_number(ack.phone_number or ""),
        status=status.DELIVERY.get(code, DeliveryStatus.UNKNOWN if code else DeliveryStatus.PENDING),
        code=code,
        comment=ack.comment or None,
        received_at=ack.reception_date,
        sms_id=sms_id,
        campaign_id=campaign_id,
    )


def summary(info: CampaignInfo) -> CampaignSummary:
    """Return a send in the neutral vocabulary."""
    return CampaignSummary(
        campaign_id=info.id or "",
        name=info.name,
        status=info.status,
        ordered_at=info.command_date,
        sent_at=info.sending_date,
        recipients=info.nb_contacts,
        parts=info.nb_sms,
        sender=info.tpoa,
    )


def account(info: GetInfoResult) -> Account:
    """Return the account in the neutral vocabulary."""
    return Account(
        status=info.status or "",
        credits=info.credits,
        texts=info.nb_sms,
        country=info.reference_country_iso,
        balance=info.balance,
        email=info.email,
        company=info.society,
        can_send_priority=None if info.alerting is None else info.alerting > 0,
    )


def reply(mo: Mo, reference: str | None = None) -> Reply:
    """Return an answer in the neutral vocabulary; it is kept whatever it lacks."""
    return Reply(
        phone=read_gateway_number(mo.phone_number or ""),
        text=mo.message or "",
        received_at=mo.reception_date,
        reply_id=mo.id or None,
        campaign_id=(mo.campaign_id or "").strip() or None,
        reference=reference or None,
    )


def opt_out(entry: BlacklistEntry) -> OptOut:
    """Return a number that is not texted any more; a comment that the manual does not list counts as an opt-out."""
    return OptOut(
        phone=read_gateway_number(entry.phone_number or ""),
        reason=_OPT_OUTS.get((entry.comment or "").strip().lower(), Reason.OPTED_OUT),
        since=entry.reception_date,
    )


def sub_account(info: SubAccountInfo) -> SubAccount:
    """Return a sub-account in the neutral vocabulary."""
    person = " ".join(name for name in (info.first_name, info.last_name) if name)
    return SubAccount(
        account_id=info.login or "",
        name=info.company or person or None,
        email=info.email or None,
        credits=info.credits,
    )


def creation(new: NewSubAccount) -> CreateSubAccount:
    """Return the operation that creates a sub-account.

    Raises:
        InvalidRequest: Something that §21 requires is missing, or there is a bare name, which this protocol lacks.
    """
    if new.name is not None:
        msg = "This protocol has no name for a sub-account; give first_name and last_name. Nothing was sent."
        raise InvalidRequest(msg)
    if not (new.first_name and new.last_name and new.email and new.login and new.password):
        needed = ("first_name", "last_name", "email", "login", "password")
        missing = ", ".join(name for name in needed if not getattr(new, name))
        msg = f"A sub-account needs {missing}; nothing was sent."
        raise InvalidRequest(msg)
    return CreateSubAccount(
        first_name=new.first_name,
        last_name=new.last_name,
        email=new.email,
        login=new.login,
        password=new.password,
        society=new.company,
        mobile=new.mobile,
        phone=new.phone,
        website=new.website,
        address=new.address,
        zip=new.zip_code,
        city=new.city,
        country=new.country,
        send_email_to_customer=new.notify_owner,
        send_email_to_master_account=new.notify_master,
        post_paid=new.post_paid,
    )


def list_change(result: PopulateListResult, rows: int) -> ListChange:
    """Return what a request did to a contact list."""
    return ListChange(
        rows=rows,
        done=result.success or 0,
        ignored=result.ignored or 0,
        duplicated=result.duplicated or 0,
        requests=1,
    )
