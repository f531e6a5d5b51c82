"""Every error of the library, sorted by how sure it is that nothing was sent.

.. code-block:: text

    AllMySmsError
    ├── InvalidRequest (ValueError)      refused here, before anything was sent
    │   ├── InvalidNumber                .reason: empty, malformed, ambiguous, land_line, outside_france
    │   ├── InvalidText                  .reason: malformed, needs_unicode, placeholders, missing_param, text_too_long,
    │   │                                missing_stop
    │   ├── InvalidSender
    │   ├── InvalidSchedule
    │   ├── InvalidSource                a file that cannot be read; .line where there is one
    │   │   └── SourceIncomplete         the rest of a source cannot be read any more: not all of its people were read
    │   ├── EmptyCampaign                no row at all
    │   ├── CampaignTooLong              the request limit would stretch it past max_duration; .seconds
    │   ├── QuietHoursError              a marketing text in somebody's quiet hours; .next_legal
    │   ├── CampaignChanged              the journal holds another campaign of this name
    │   └── UnsupportedFeature           this backend cannot do it; names those that can
    ├── TransportError
    │   ├── NotSent                      surely not written: sending again is safe
    │   │   ├── MailDeferred             the mail server put it off (4xx)
    │   │   └── CannotPass               no later attempt would be either, before something is changed
    │   │       ├── CertificateRefused   .host, .reason: expired, not_yet_valid, untrusted, wrong_name, invalid
    │   │       └── ServiceClosed        the service, or its transport, is closed
    │   └── OutcomeUnknown               may have been taken; .idempotency_key where there is one
    │       ├── RequestTimeout
    │       ├── ConnectionLost
    │       ├── ServerFailure            HTTP 408 or 5xx
    │       └── ProtocolError            an answer that is not what the protocol says
    ├── HttpRefused                      another HTTP status than 2xx: surely not taken
    │   └── RateLimited                  .retry_after in seconds
    │       └── RequestLimitReached      no request is allowed for a while; .told: the server said so
    ├── FaultRefused                     a SOAP Fault of the sender's: surely not taken
    ├── GatewayError                     the gateway answered, with a code
    │   ├── AuthenticationFailed
    │   ├── NotPermitted
    │   ├── InsufficientCredit           .needed, .available
    │   ├── FlowRefused                  the request as a whole is not acceptable
    │   ├── TextRefused                  the text is too long for the gateway
    │   ├── NoValidNumber                .numbers: the refused ones, as they are matched on; never shown
    │   ├── NumbersRefused               some numbers, and so the whole request; .positions: which
    │   │   └── OptedOut                 left out here, before anything was sent; .reason
    │   ├── SenderRefused                the sender
    │   ├── ScheduleRefused              the date
    │   ├── MediaRefused                 the picture, video or sound
    │   ├── MailRefused                  the mail server refused the mail for good (5xx)
    │   ├── DuplicateRequest             an identical request was just accepted
    │   ├── StillProcessing              the first request with this key is still being handled
    │   ├── CampaignNotFound
    │   ├── CampaignPending              there are no reports before it is sent
    │   ├── NoReplies                    it was sent without asking for replies
    │   └── CampaignNotCancellable
    ├── ListStopped                      .reason (one of the above), .done, .rows_done, .rows_unknown
    ├── JournalError                     the journal cannot be read or written; nothing unrecorded was sent
    │   ├── WorkerOutdated               a newer release works on it, and this one cannot beside it
    │   └── JournalLost                  it was removed or replaced under a run; .saved: a copy of all it held
    ├── LimitReached                     a stop condition of the campaign: cost, parts or failures
    └── CampaignStopped                  .reason (one of the above), .result (what is known)

No error holds a body, a key, a password or a text, and none shows a whole phone number; all of them pickle.
"""

from __future__ import annotations

from allmysms_async.errors.base import (
    AllMySmsError,
)
from allmysms_async.errors.campaign import (
    CampaignStopped,
    JournalError,
    JournalLost,
    LimitReached,
    ListStopped,
    WorkerOutdated,
)
from allmysms_async.errors.gateway import (
    AuthenticationFailed,
    CampaignNotCancellable,
    CampaignNotFound,
    CampaignPending,
    DuplicateRequest,
    FlowRefused,
    GatewayError,
    InsufficientCredit,
    MailRefused,
    MediaRefused,
    NoReplies,
    NotPermitted,
    NoValidNumber,
    NumbersRefused,
    OptedOut,
    ScheduleRefused,
    SenderRefused,
    StillProcessing,
    TextRefused,
)
from allmysms_async.errors.invalid import (
    CampaignChanged,
    CampaignTooLong,
    EmptyCampaign,
    InvalidNumber,
    InvalidRequest,
    InvalidSchedule,
    InvalidSender,
    InvalidSource,
    InvalidText,
    QuietHoursError,
    SourceIncomplete,
    UnsupportedFeature,
)
from allmysms_async.errors.transport import (
    CannotPass,
    CertificateRefused,
    ConnectionLost,
    FaultRefused,
    HttpRefused,
    MailDeferred,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    RequestLimitReached,
    RequestTimeout,
    ServerFailure,
    ServiceClosed,
    TransportError,
)

__all__ = [
    "AllMySmsError",
    "AuthenticationFailed",
    "CampaignChanged",
    "CampaignNotCancellable",
    "CampaignNotFound",
    "CampaignPending",
    "CampaignStopped",
    "CampaignTooLong",
    "CannotPass",
    "CertificateRefused",
    "ConnectionLost",
    "DuplicateRequest",
    "EmptyCampaign",
    "FaultRefused",
    "FlowRefused",
    "GatewayError",
    "HttpRefused",
    "InsufficientCredit",
    "InvalidNumber",
    "InvalidRequest",
    "InvalidSchedule",
    "InvalidSender",
    "InvalidSource",
    "InvalidText",
    "JournalError",
    "JournalLost",
    "LimitReached",
    "ListStopped",
    "MailDeferred",
    "MailRefused",
    "MediaRefused",
    "NoReplies",
    "NoValidNumber",
    "NotPermitted",
    "NotSent",
    "NumbersRefused",
    "OptedOut",
    "OutcomeUnknown",
    "ProtocolError",
    "QuietHoursError",
    "RateLimited",
    "RequestLimitReached",
    "RequestTimeout",
    "ScheduleRefused",
    "SenderRefused",
    "ServerFailure",
    "ServiceClosed",
    "SourceIncomplete",
    "StillProcessing",
    "TextRefused",
    "TransportError",
    "UnsupportedFeature",
    "WorkerOutdated",
]
