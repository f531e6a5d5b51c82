"""The only code that opens connections. A transport makes one attempt and never repeats one."""

from __future__ import annotations

from typing import Protocol

from allmysms_async.exchange import HttpRequest, HttpResponse

__all__ = ["HttpTransport"]


class HttpTransport(Protocol):
    """Carries one HTTP request and brings back its answer, whatever its status."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt; no redirect is followed.

        Raises:
            NotSent: The request was surely not written.
            OutcomeUnknown: It may have been: the answer did not come, not in time, or larger than allowed.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections this transport opened."""
        ...
