"""What went wrong between this machine and the other side, by how sure it is that nothing was sent."""

from __future__ import annotations

from allmysms_async.errors.base import AllMySmsError

__all__ = [
    "CannotPass",
    "CertificateRefused",
    "ConnectionLost",
    "FaultRefused",
    "HttpRefused",
    "MailDeferred",
    "NotSent",
    "OutcomeUnknown",
    "ProtocolError",
    "RateLimited",
    "RequestLimitReached",
    "RequestTimeout",
    "ServerFailure",
    "ServiceClosed",
    "TransportError",
]


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
