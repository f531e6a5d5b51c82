"""Wire results -> neutral vocabulary, and back. Pure.

Source: HTTPS API v9, §7.2, §12, §14, §18, §21, §23, annex 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

import msgspec

from allmysms_async import plausible
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
    TextPrice,
    UnknownEvent,
)
from allmysms_async.numbers import read_gateway_number
from allmysms_async.protocols.rest import status
from allmysms_async.protocols.rest.account import GetInfoResult, GetPricesResult
from allmysms_async.protocols.rest.blacklist import BlacklistEntry
from allmysms_async.protocols.rest.campaigns import CampaignInfo
from allmysms_async.protocols.rest.contacts import PopulateListResult
from allmysms_async.protocols.rest.replies import GetPullsResult, Mo
from allmysms_async.protocols.rest.reports import Ack, GetAckBySmsIdResult
from allmysms_async.protocols.rest.scalar import Unreadable
from allmysms_async.protocols.rest.sms import SendMany, SimulateCampaign
from allmysms_async.protocols.rest.sub_accounts import CreateSubAccount, SubAccountInfo
from allmysms_async.protocols.rest.wire import elements, read

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


def prices(result: GetPricesResult) -> tuple[TextPrice, ...]:
    """Return the prices of texts in the neutral vocabulary, those that can be right."""
    found: list[TextPrice] = []
    for entry in result.countries:
        part, prefix = plausible.cost(entry.sms, 1), entry.prefix or ""
        if part is not None and prefix.isascii() and prefix.isdecimal():
            found.append(TextPrice(country=entry.iso_code or "", prefix=prefix, part=part))
    return tuple(found)


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


def handed_out(result: GetPullsResult, reference: str | None = None) -> tuple[Reply | UnknownEvent, ...]:
    """Return every answer that was handed out; one of another form than the manual's as what it came as.

    The gateway hands out each once: whatever is no answer with a number and a text is kept all the same.
    """
    entries = elements(result.raw, "mos", "mo")
    if len(entries) != len(result.mos):  # some could not be read at all
        return tuple(_read(entry, reference) for entry in entries)
    return tuple(
        _read(entry, reference) if _lacks(mo) else reply(mo, reference)
        for mo, entry in zip(result.mos, entries, strict=True)
    )


def as_reply(event: Reply | UnknownEvent, campaign_id: str | None = None) -> Reply:
    """Return an answer; of one of another form, without a number, what it came as is its text."""
    if isinstance(event, Reply):
        return event
    return Reply(phone="", text=_written(event.raw), campaign_id=campaign_id, raw=event.raw)


def _read(entry: object, reference: str | None) -> Reply | UnknownEvent:
    """Return an answer, or what it came as."""
    is_object = isinstance(entry, Mapping)
    fields = cast("Mapping[str, object]", entry) if is_object else {"mo": entry}
    try:
        mo = read(Mo, fields) if is_object else Mo()
    except Unreadable:
        mo = Mo()
    # An empty text is written as none, and as nothing at all in XML.
    is_empty = "message" in fields and fields["message"] in (None, "", {})
    if not _lacks(mo) or (is_empty and not _lacks(mo, text=False)):
        return reply(mo, reference)
    raw = {str(name): value if isinstance(value, str) else _written(value) for name, value in fields.items()}
    return UnknownEvent(raw=raw, reason="an answer of another form than the manual's")


def _lacks(mo: Mo, *, text: bool = True) -> bool:
    """Tell whether an answer lacks a number, or a text."""
    return not any(map(str.isdigit, mo.phone_number or "")) or (text and not mo.message)


def _written(value: object) -> str:
    """Return any part of an answer as a text; what is hidden in it stays so."""
    return msgspec.json.encode(value, enc_hook=str).decode()


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
