"""Asyncio client for the AllMySMS gateway: texts, campaigns, reports, behind one interface.

.. code-block:: python

    from allmysms_async import RestBackend, SmsService

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

A name is imported when it is first asked for, from the module that has it: ``from allmysms_async import SmsService`` at
the top of a program leaves nothing to be imported inside of a running event loop.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        QuietHoursError,
        RateLimited,
        RequestLimitReached,
        ServiceClosed,
        SourceIncomplete,
        TransportError,
        UnsupportedFeature,
        WorkerOutdated,
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
        QuietHours,
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
    "QuietHours",
    "QuietHoursError",
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
    "WorkerOutdated",
    "canonical_number",
    "measure",
    "parse_error_reply",
    "read_csv",
    "read_xlsx",
]

# What is not among these is an error or a neutral value.
_HOMES = {
    "CampaignRun": "batch.run",
    "EnvoyerSmsProBackend": "protocols.envoyersmspro",
    "HttpTransport": "transports",
    "Mail2SmsBackend": "protocols.mail2sms",
    "MmsBackend": "protocols.mms",
    "RestBackend": "protocols.rest",
    "RetryPolicy": "batch.policy",
    "RunOptions": "options",
    "SmsService": "service",
    "SoapBackend": "protocols.soap",
    "canonical_number": "numbers",
    "measure": "text",
    "parse_error_reply": "protocols.mail2sms",
    "read_csv": "source",
    "read_xlsx": "source",
}
_MODULES = frozenset(
    {
        *("backend", "clock", "errors", "hooks", "journal", "model", "options", "protocols", "sandbox", "source"),
        *("text", "transports", "webhooks"),
    }
)


if not TYPE_CHECKING:  # a type checker would take any name, with a slip in it, too

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in __all__:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        for home in [_HOMES[name]] if name in _HOMES else ["errors", "model"]:
            found: object = getattr(importlib.import_module(f"{__name__}.{home}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
        msg = f"{name} is in __all__, and no module has it"
        raise ImportError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
