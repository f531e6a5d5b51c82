"""The only code that opens connections. A transport makes one attempt and never repeats one."""

from __future__ import annotations

from typing import Protocol

from allmysms_async.exchange import HttpRequest, HttpResponse, MailEnvelope, MailReceipt

__all__ = ["HttpRequest", "HttpResponse", "HttpTransport", "MailEnvelope", "MailReceipt", "MailTransport"]


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
