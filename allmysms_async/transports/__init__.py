"""The only code that opens connections. A transport makes one attempt and never repeats one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

from allmysms_async.exchange import HttpRequest, HttpResponse, MailEnvelope, MailReceipt

if TYPE_CHECKING:
    from allmysms_async.transports.aiohttp import AiohttpTransport
    from allmysms_async.transports.h11 import H11Transport
    from allmysms_async.transports.httpx import HttpxTransport
    from allmysms_async.transports.smtp import SmtpTransport

__all__ = [
    "AiohttpTransport",
    "H11Transport",
    "HttpRequest",
    "HttpResponse",
    "HttpTransport",
    "HttpxTransport",
    "MailEnvelope",
    "MailReceipt",
    "MailTransport",
    "SmtpTransport",
    "default_transport",
]

_WHERE = {"AiohttpTransport": "aiohttp", "H11Transport": "h11", "HttpxTransport": "httpx", "SmtpTransport": "smtp"}


def __getattr__(name: str) -> Any:
    """Import a transport, and the library beneath it, when it is first asked for."""
    if name not in _WHERE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)


def default_transport() -> HttpTransport:
    """Return the transport of whoever names none; what is beneath it is imported only now."""
    from allmysms_async.transports.h11 import H11Transport

    return H11Transport()


class HttpTransport(Protocol):
    """Carries one HTTP request and brings back its answer, whatever its status; from any event loop."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt; no redirect is followed.

        Raises:
            NotSent: The request was surely not written; ``CannotPass`` where no later one would be either.
            OutcomeUnknown: It may have been: the answer did not come, not in time, or larger than allowed.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections this transport opened, in whatever event loop."""
        ...


class MailTransport(Protocol):
    """Hands one mail to a mail server, from any event loop."""

    async def send(self, envelope: MailEnvelope) -> MailReceipt:
        """Make one attempt.

        Raises:
            NotSent: The mail was surely not handed over; ``MailDeferred`` where the server put it off, ``CannotPass``
                where no later one would pass either.
            OutcomeUnknown: It may have been: the server's word on it did not come.
            MailRefused: The server refused it for good.
            AuthenticationFailed: The server refused the login.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections this transport opened, in whatever event loop."""
        ...
