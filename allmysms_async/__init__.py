"""Asyncio client for the AllMySMS gateway: texts, campaigns, reports, behind one interface.

async with SmsService(RestBackend(login="demo", api_key="…")) as sms:
    receipt = await sms.send("Votre code est 4821", to="06 12 34 56 78")

What a program needs that sends is here. The rest has public modules of its own:

- ``errors``: every error there is, and the tree of them.
- ``model``: what is sent and what comes back.
- ``backend``: what a backend can be asked, one Protocol for each capability.
- ``hooks``: what a hook is told.
- ``protocols.rest``: the operations of the HTTPS API v9 and their results.
- ``transports``: what carries requests and mails.
- ``webhooks``: what the gateway pushes, received in FastAPI, aiohttp or any ASGI server.
- ``source``, ``text``, ``clock``, ``options``, ``journal``, ``sandbox``: reading lists, measuring texts, telling the
  time, the options of a run, reading a journal, the local stand-in for the gateway.
"""

from __future__ import annotations

from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.batch.run import CampaignRun
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    CampaignChanged,
    CampaignNotCancellable,
    CampaignNotFound,
    CampaignStopped,
    CampaignTooLong,
    CannotPass,
    CertificateRefused,
    EmptyCampaign,
    GatewayError,
    HttpRefused,
    InsufficientCredit,
    InvalidNumber,
    InvalidRequest,
    InvalidSource,
    InvalidText,
    JournalError,
    JournalLost,
    LimitReached,
    ListStopped,
    NotPermitted,
    NotSent,
    NoValidNumber,
    OutcomeUnknown,
    RateLimited,
    RequestLimitReached,
    ServiceClosed,
    SourceIncomplete,
    TransportError,
    UnsupportedFeature,
)
from allmysms_async.model import (
    Accepted,
    Campaign,
    CampaignResult,
    Contact,
    DeliveryReport,
    DeliveryStatus,
    ListChange,
    MmsMessage,
    NewSubAccount,
    Outcome,
    OutcomeState,
    Progress,
    Reason,
    Recipient,
    Rejected,
    Reply,
    Secret,
    SendReceipt,
    SmsMessage,
    Unconfirmed,
)
from allmysms_async.numbers import canonical_number
from allmysms_async.options import RunOptions
from allmysms_async.protocols.envoyersmspro import EnvoyerSmsProBackend
from allmysms_async.protocols.mail2sms import Mail2SmsBackend, parse_error_reply
from allmysms_async.protocols.mms import MmsBackend
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.protocols.soap import SoapBackend
from allmysms_async.service import SmsService
from allmysms_async.source import read_csv, read_xlsx
from allmysms_async.text import measure
from allmysms_async.transports import HttpTransport

__all__ = [
    "Accepted",
    "AllMySmsError",
    "AuthenticationFailed",
    "Campaign",
    "CampaignChanged",
    "CampaignNotCancellable",
    "CampaignNotFound",
    "CampaignResult",
    "CampaignRun",
    "CampaignStopped",
    "CampaignTooLong",
    "CannotPass",
    "CertificateRefused",
    "Contact",
    "DeliveryReport",
    "DeliveryStatus",
    "EmptyCampaign",
    "EnvoyerSmsProBackend",
    "GatewayError",
    "HttpRefused",
    "HttpTransport",
    "InsufficientCredit",
    "InvalidNumber",
    "InvalidRequest",
    "InvalidSource",
    "InvalidText",
    "JournalError",
    "JournalLost",
    "LimitReached",
    "ListChange",
    "ListStopped",
    "Mail2SmsBackend",
    "MmsBackend",
    "MmsMessage",
    "NewSubAccount",
    "NoValidNumber",
    "NotPermitted",
    "NotSent",
    "Outcome",
    "OutcomeState",
    "OutcomeUnknown",
    "Progress",
    "RateLimited",
    "Reason",
    "Recipient",
    "Rejected",
    "Reply",
    "RequestLimitReached",
    "RestBackend",
    "RetryPolicy",
    "RunOptions",
    "Secret",
    "SendReceipt",
    "ServiceClosed",
    "SmsMessage",
    "SmsService",
    "SoapBackend",
    "SourceIncomplete",
    "TransportError",
    "Unconfirmed",
    "UnsupportedFeature",
    "canonical_number",
    "measure",
    "parse_error_reply",
    "read_csv",
    "read_xlsx",
]
