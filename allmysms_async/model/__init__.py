"""The neutral vocabulary: what is sent, to whom, and what became of it, whatever the protocol."""

from __future__ import annotations

from allmysms_async.model.answer import (
    Accepted,
    Account,
    CampaignSummary,
    DeliveryReport,
    Estimate,
    FoundSend,
    RecipientResult,
    Rejected,
    SendReceipt,
    Unconfirmed,
)
from allmysms_async.model.campaign import (
    CampaignResult,
    Outcome,
    Progress,
    Totals,
    Waiting,
)
from allmysms_async.model.check import check_campaign, check_message
from allmysms_async.model.columns import AcceptedRows, AllAccepted, Blocks, Columns, People, joined
from allmysms_async.model.message import (
    Campaign,
    MmsKind,
    MmsMessage,
    Recipient,
    RefusedRow,
    SmsMessage,
    as_sms,
    coding_of,
)
from allmysms_async.model.record import (
    Contact,
    ListChange,
    NewSubAccount,
    OptOut,
    Reply,
    SubAccount,
)
from allmysms_async.model.vocabulary import (
    DeliveryStatus,
    Encoding,
    OutcomeState,
    Purpose,
    Reason,
    Secret,
)

__all__ = [
    "Accepted",
    "AcceptedRows",
    "Account",
    "AllAccepted",
    "Blocks",
    "Campaign",
    "CampaignResult",
    "CampaignSummary",
    "Columns",
    "Contact",
    "DeliveryReport",
    "DeliveryStatus",
    "Encoding",
    "Estimate",
    "FoundSend",
    "ListChange",
    "MmsKind",
    "MmsMessage",
    "NewSubAccount",
    "OptOut",
    "Outcome",
    "OutcomeState",
    "People",
    "Progress",
    "Purpose",
    "Reason",
    "Recipient",
    "RecipientResult",
    "RefusedRow",
    "Rejected",
    "Reply",
    "Secret",
    "SendReceipt",
    "SmsMessage",
    "SubAccount",
    "Totals",
    "Unconfirmed",
    "Waiting",
    "as_sms",
    "check_campaign",
    "check_message",
    "coding_of",
    "joined",
]
