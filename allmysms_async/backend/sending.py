"""What a backend can be asked about sending: one small Protocol for each capability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from allmysms_async.backend.gateway import Backend
from allmysms_async.backend.request import SendLimits, SendRequest
from allmysms_async.model import Estimate, FoundSend, MmsMessage, SendReceipt, SmsMessage

__all__ = [
    "AddsToMessages",
    "AppendsStop",
    "Cancels",
    "LimitsByMessage",
    "Paces",
    "Reconciles",
    "Sends",
    "SendsMms",
    "Simulates",
    "added_to",
    "limits_by_message",
    "limits_of",
]


@runtime_checkable
class Sends(Backend, Protocol):
    """Can send texts."""

    @property
    def limits(self) -> SendLimits:
        """What one request can hold."""
        ...

    def check(self, message: SmsMessage) -> None:
        """Refuse, before any I/O, what this protocol cannot send as it is asked.

        Raises:
            InvalidSender: The sender does not follow the protocol's rules.
            UnsupportedFeature: The protocol lacks an option that the message asks for.
        """
        ...

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send in one attempt.

        Raises:
            NotSent: Surely not sent.
            OutcomeUnknown: May have been sent.
            HttpRefused: Surely not sent.
            GatewayError: The gateway refused it whole.
        """
        ...


@runtime_checkable
class LimitsByMessage(Protocol):
    """Has limits that depend on the message."""

    def limits_of(self, message: SmsMessage | MmsMessage) -> SendLimits:
        """Return what one request with this message can hold."""
        ...


def limits_by_message(backend: Sends) -> Callable[[SmsMessage | MmsMessage], SendLimits]:
    """Return what tells the limits of one request with a message: looked up once, it may be asked often."""
    return backend.limits_of if isinstance(backend, LimitsByMessage) else lambda _: backend.limits


def limits_of(backend: Sends, message: SmsMessage | MmsMessage) -> SendLimits:
    """Return what one request of a backend with this message can hold."""
    return limits_by_message(backend)(message)


@runtime_checkable
class AddsToMessages(Protocol):
    """Has settings of its own that change what people receive."""

    def added_to(self, message: SmsMessage | MmsMessage) -> Mapping[str, str | bool | None]:
        """Return those settings that a message does not override, by their names."""
        ...


def added_to(backend: Sends, message: SmsMessage | MmsMessage) -> Mapping[str, str | bool | None]:
    """Return the settings of a backend that change what people receive of a message; none by default."""
    return backend.added_to(message) if isinstance(backend, AddsToMessages) else {}


@runtime_checkable
class AppendsStop(Protocol):
    """Has a provider that appends words of its own by which people opt out."""

    def appends_stop(self, message: SmsMessage) -> bool:
        """Tell whether people receive them with a message."""
        ...


@runtime_checkable
class SendsMms(Sends, Protocol):
    """Can send MMS, by ``send`` with ``SendRequest.mms``."""

    def check_mms(self, message: MmsMessage) -> None:
        """Refuse, before any I/O, an MMS that cannot be sent as it is asked.

        Raises:
            InvalidRequest: Its media or its duration cannot be right.
        """
        ...


@runtime_checkable
class Paces(Backend, Protocol):
    """Keeps a limit of requests per time, so that a campaign may have to wait.

    A request beyond the limit is not sent: it raises ``RequestLimitReached``, and whoever asked waits.
    """

    def turn_in(self) -> float:
        """Return the seconds until the next request may be sent, 0 if it may be now."""
        ...

    async def least_seconds(self, requests: int) -> float:
        """Return how long so many requests take at least because of the limit, from now; 0 if they fit into it."""
        ...


@runtime_checkable
class Simulates(Backend, Protocol):
    """Can say what a send would cost."""

    async def simulate(self, request: SendRequest) -> Estimate:
        """Ask what a send would cost, without sending."""
        ...


@runtime_checkable
class Cancels(Backend, Protocol):
    """Can cancel a scheduled send."""

    async def cancel(self, campaign_id: str) -> None:
        """Cancel a scheduled send.

        Raises:
            CampaignNotFound: The gateway does not know it.
            CampaignNotCancellable: It was sent or cancelled already, or was never scheduled.
        """
        ...


@runtime_checkable
class Reconciles(Backend, Protocol):
    """Can say whether a send was taken that was never answered."""

    async def find_send(
        self, campaign_name: str, moments: Sequence[datetime], *, campaign_id: str | None = None
    ) -> FoundSend | None:
        """Look a send up by its name, or by the gateway's identifier where that is known.

        Args:
            campaign_name: As in ``SendRequest.campaign_name``, which no other send has.
            moments: When it may have been sent; it is looked for a day before and after each.
            campaign_id: The gateway's identifier; with it neither name nor moments matter.

        Returns:
            What the gateway knows of it, or None if it does not know it: that alone is no proof that it was not sent.
        """
        ...
