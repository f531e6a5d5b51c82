"""Every error of the library, sorted by how sure it is that nothing was sent.

.. code-block:: text

    AllMySmsError
    ├── InvalidRequest (ValueError)      refused here, before anything was sent
    │   ├── InvalidNumber                .reason: empty, malformed, land_line, outside_france
    │   ├── InvalidText                  .reason: malformed, needs_unicode, placeholders, missing_param, text_too_long
    │   ├── InvalidSender
    │   ├── InvalidSchedule
    │   ├── InvalidSource                a file that cannot be read; .line where there is one
    │   │   └── SourceIncomplete         the rest of a source cannot be read any more: not all of its people were read
    │   ├── EmptyCampaign                no row at all
    │   ├── CampaignTooLong              the request limit would stretch it past max_duration; .seconds
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
    │   └── JournalLost                  it was removed or replaced under a run; .saved: a copy of all it held
    ├── LimitReached                     a stop condition of the campaign: cost, parts or failures
    └── CampaignStopped                  .reason (one of the above), .result (what is known)

No error holds a body, a key, a password or a text, and none shows a whole phone number; all of them pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

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
    "OutcomeUnknown",
    "ProtocolError",
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
]


def _restore(kind: type[AllMySmsError], args: tuple[object, ...], state: dict[str, Any]) -> AllMySmsError:
    """Rebuild a pickled error without calling its constructor."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class _Kept:
    """Numbers that go with an error, out of sight of whoever walks through its attributes."""

    __slots__ = ("tell",)

    def __init__(self, numbers: tuple[str, ...]) -> None:
        self.tell: Callable[[], tuple[str, ...]] = lambda: numbers

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{len(self.tell())} numbers>"

    def __eq__(self, other: object) -> bool:
        """Compare by the numbers."""
        return isinstance(other, _Kept) and other.tell() == self.tell()

    def __hash__(self) -> int:
        """Hash by the numbers."""
        return hash(self.tell())

    def __reduce__(self) -> tuple[type[_Kept], tuple[tuple[str, ...]]]:
        """Pickle with the numbers: whoever gets the error may ask for them."""
        return _Kept, (self.tell(),)


class AllMySmsError(Exception):
    """Base of every error of this library.

    Args:
        message: What happened, in one sentence.
        request: Name of the operation, such as ``sendSms``.
        code: The other side's own code (a gateway status or an HTTP status), as text.
        remedy: What to do about it, where that is known.
    """

    def __init__(
        self, message: str, *, request: str | None = None, code: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.request = request
        self.code = code
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the sentence, followed by the remedy where there is one."""
        message = super().__str__()
        return f"{message} {self.remedy}" if self.remedy else message

    def __reduce__(
        self,
    ) -> tuple[
        Callable[[type[AllMySmsError], tuple[object, ...], dict[str, Any]], AllMySmsError],
        tuple[type[AllMySmsError], tuple[object, ...], dict[str, Any]],
    ]:
        """Pickle by state, since the constructors take keywords."""
        return (_restore, (type(self), self.args, dict(self.__dict__)))


# -- refused before anything was sent -------------------------------------------------------------------------------


class InvalidRequest(AllMySmsError, ValueError):
    """Refused here, before anything was sent."""


class InvalidNumber(InvalidRequest):
    """Not a mobile number that a message can be sent to.

    Args:
        message: What is wrong with it; the number itself is masked.
        reason: ``empty``, ``malformed``, ``land_line``, or ``outside_france`` where a protocol reaches nothing else.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidText(InvalidRequest):
    """A text that cannot be sent as it is.

    Args:
        message: What is wrong with it, without the text.
        reason: ``malformed``, ``needs_unicode``, ``placeholders``, ``missing_param`` or ``text_too_long``.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidSender(InvalidRequest):
    """The sender does not follow the gateway's rules."""


class InvalidSchedule(InvalidRequest):
    """The sending date is naive or in the past."""


class InvalidSource(InvalidRequest):
    """A file of recipients that cannot be read.

    Args:
        message: What is wrong, naming the line where there is one.
        line: Line of the file, counted from 1, or None.
        remedy: What to do, in a sentence.
    """

    def __init__(self, message: str, *, line: int | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.line = line


class SourceIncomplete(InvalidSource):
    """The rest of a source cannot be read any more: people in it were not read, and not texted.

    A generator that was closed, cancelled or failed before its end, an asynchronous one of an event loop that is over,
    or a source that now ends before rows it gave earlier. What was read of it is sent, or told as ever.
    """


class EmptyCampaign(InvalidRequest):
    """The source of recipients held no row."""


class CampaignTooLong(InvalidRequest):
    """The gateway's request limit would stretch the campaign past the longest duration allowed; nothing was sent.

    Args:
        message: How many requests it takes, and how long.
        seconds: How long it would take at least.
    """

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class CampaignChanged(InvalidRequest):
    """A campaign was begun with another text, sender, option, protocol or setting of the backend; nothing was sent."""


class UnsupportedFeature(InvalidRequest):
    """The backend cannot do what was asked; nothing was sent.

    Args:
        message: What was asked, and of which backend.
        backends: Names of the backends that can.
    """

    def __init__(self, message: str, *, backends: tuple[str, ...] = ()) -> None:
        remedy = f"Backends that can: {', '.join(backends)}." if backends else None
        super().__init__(message, remedy=remedy)
        self.backends = backends


# -- the request did not get through, or its answer did not ---------------------------------------------------------


class TransportError(AllMySmsError):
    """The request did not get through, or its answer did not come back."""


class NotSent(TransportError):
    """The request was surely not written: sending it again is safe."""


class MailDeferred(NotSent):
    """The mail server put the mail off with a 4xx answer, whose code this carries: it was not taken."""


class CannotPass(NotSent):
    """The request was surely not written, and no later one will be before something is changed: waiting does not help.

    An address that cannot be one, a proxy that refuses the login, a mail server without encryption.
    """


class CertificateRefused(CannotPass):
    """The server did not prove with its certificate that it is the one that was asked for; it was told nothing.

    Args:
        message: Whose certificate was refused, and why.
        host: The name that was asked for.
        reason: ``expired``, ``not_yet_valid``, ``untrusted`` (no known authority vouches for it), ``wrong_name`` or
            ``invalid``.
        request: Name of the operation.
        code: OpenSSL's own code.
        remedy: What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str = "",
        reason: str = "invalid",
        request: str | None = None,
        code: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, request=request, code=code, remedy=remedy)
        self.host = host
        self.reason = reason


class ServiceClosed(CannotPass):
    """The service, or the transport that it sends over, is closed."""


class OutcomeUnknown(TransportError):
    """The request may have been taken; what became of it is not known.

    ``idempotency_key`` is the key that was sent with it, if any: the same call with the same key within 23 hours
    returns the first request's answer instead of sending twice.
    """

    idempotency_key: str | None = None


class RequestTimeout(OutcomeUnknown):
    """No answer came in time, after the request was (or may have been) written."""


class ConnectionLost(OutcomeUnknown):
    """The connection broke after the request was (or may have been) written."""


class ServerFailure(OutcomeUnknown):
    """The server answered HTTP 408 or 5xx: it may or may not have taken the request."""


class ProtocolError(OutcomeUnknown):
    """The answer is not what the protocol says: cut, garbled, too large, or another format."""


# -- the other side answered, and said no ---------------------------------------------------------------------------


class HttpRefused(AllMySmsError):
    """An HTTP status of 3xx (never followed) or 4xx: the request was not taken."""


class RateLimited(HttpRefused):
    """HTTP 429, or what a protocol has for it: too many requests; this one was not taken.

    Args:
        message: What happened.
        request: Name of the operation.
        code: The HTTP status.
        retry_after: Seconds the server asks to wait, or None if it does not say.
    """

    def __init__(
        self, message: str, *, request: str | None = None, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, request=request, code=code)
        self.retry_after = retry_after


class RequestLimitReached(RateLimited):
    """No request may be sent to the gateway for a while; this one was not taken.

    Args:
        message: What happened.
        request: Name of the operation.
        code: The HTTP status, or None if the request did not leave.
        retry_after: Seconds until the next request may be sent.
        told: Whether the server refused a request; else it was held back here, before the server would have refused.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        told: bool = False,
    ) -> None:
        super().__init__(message, request=request, code=code, retry_after=retry_after)
        self.told = told


class FaultRefused(AllMySmsError):
    """The server found the request itself at fault (a SOAP Fault ``Client``) before it did anything with it."""


class GatewayError(AllMySmsError):
    """The gateway answered with a status other than success; ``code`` is its own code."""


class AuthenticationFailed(GatewayError):
    """No account has this login and key."""


class NotPermitted(GatewayError):
    """The account may not do this."""


class InsufficientCredit(GatewayError):
    """Not enough credit for this request; none of it was sent.

    Args:
        message: What happened.
        request: Name of the operation.
        code: The gateway's own code.
        remedy: What to do about it.
        needed: Credits the request needs, where the answer says so.
        available: Credits the account has, where the answer says so.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str | None = None,
        code: str | None = None,
        remedy: str | None = None,
        needed: Decimal | None = None,
        available: Decimal | None = None,
    ) -> None:
        super().__init__(message, request=request, code=code, remedy=remedy)
        self.needed = needed
        self.available = available


class FlowRefused(GatewayError):
    """The gateway found the request empty, invalid or incomplete; none of it was sent."""


class TextRefused(GatewayError):
    """The gateway found the text, or one recipient's expanded text, too long; none of it was sent."""


class NoValidNumber(GatewayError):
    """The gateway found no valid number in the request; none of it was sent."""

    _kept: _Kept | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The refused numbers, where the gateway names them; nothing that shows the error shows them."""
        return () if self._kept is None else self._kept.tell()

    @numbers.setter
    def numbers(self, numbers: tuple[str, ...]) -> None:
        self._kept = _Kept(numbers)


class NumbersRefused(GatewayError):
    """The gateway refused some numbers, and with them the whole request; none of it was sent.

    ``positions`` are those of the refused in the request's recipients, counted from 0; empty if the gateway's answer
    names none that was in the request.
    """

    positions: tuple[int, ...] = ()


class SenderRefused(GatewayError):
    """The gateway refused the sender; none of it was sent."""


class ScheduleRefused(GatewayError):
    """The gateway refused the sending date; none of it was sent."""


class MediaRefused(GatewayError):
    """The gateway refused the picture, video or sound, or could not fetch it; none of it was sent."""


class MailRefused(GatewayError):
    """The mail server refused the mail for good, with a 5xx answer whose code this carries; it was not taken."""


class DuplicateRequest(GatewayError):
    """The gateway refused the request because it accepted an identical one less than ten seconds before."""


class StillProcessing(GatewayError):
    """The gateway is still handling the first request with this idempotency key."""


class CampaignNotFound(GatewayError):
    """The gateway does not know this campaign."""


class CampaignPending(GatewayError):
    """The campaign was not sent yet, so there is nothing to report."""


class NoReplies(GatewayError):
    """The campaign was sent without asking for replies, so there are none."""


class CampaignNotCancellable(GatewayError):
    """The campaign was sent already, was cancelled already, or was never scheduled."""


class ListStopped(AllMySmsError):
    """A change to a contact list stopped before its end; what was done and what was not is told exactly.

    Args:
        message: What stopped it.
        reason: The error that stopped it.
        done: The ``ListChange`` of the requests that the gateway answered.
        rows_done: Rows, from the beginning, that the gateway answered for.
        rows_unknown: Rows after those that were in the request that stopped it, and may have been taken; 0 if they
            surely were not. Every later row was not sent.
    """

    def __init__(self, message: str, *, reason: BaseException, done: object, rows_done: int, rows_unknown: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.done = done
        self.rows_done = rows_done
        self.rows_unknown = rows_unknown


class JournalError(AllMySmsError):
    """The journal cannot be read or written.

    Sending stops before anything leaves that is not recorded; what was in flight is recorded as such, and is replayed
    or reported ``unknown`` when the campaign is continued.
    """


class JournalLost(JournalError):
    """The journal was removed, replaced, cut short or put back from an older copy while a campaign ran on it.

    From then on nothing more is sent. What the open connection still held is saved, where that can be done.

    Args:
        message: What happened to it.
        remedy: What to do about it.
        saved: Name of the file with all that it held, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str | None = None,
        code: str | None = None,
        remedy: str | None = None,
        saved: str | None = None,
    ) -> None:
        super().__init__(message, request=request, code=code, remedy=remedy)
        self.saved = saved


class LimitReached(AllMySmsError):
    """A stop condition of the campaign was met: ``max_cost``, ``max_parts`` or ``max_failure_rate``.

    What was not sent waits; run the campaign again with another limit to continue.
    """


class CampaignStopped(AllMySmsError):
    """A campaign stopped before its end; what was not sent is kept and can be continued.

    Running the same ``Campaign`` object again continues it: nobody is texted twice.

    Args:
        message: What stopped it.
        reason: The error that stopped it.
        result: The ``CampaignResult`` so far.
    """

    def __init__(self, message: str, *, reason: BaseException, result: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.result = result
