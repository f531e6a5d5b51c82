"""What the other side's own answer says."""

from __future__ import annotations

from decimal import Decimal

from allmysms_async.errors.base import AllMySmsError, Kept

__all__ = [
    "AuthenticationFailed",
    "CampaignNotCancellable",
    "CampaignNotFound",
    "CampaignPending",
    "DuplicateRequest",
    "FlowRefused",
    "GatewayError",
    "InsufficientCredit",
    "MailRefused",
    "MediaRefused",
    "NoReplies",
    "NoValidNumber",
    "NotPermitted",
    "NumbersRefused",
    "OptedOut",
    "ScheduleRefused",
    "SenderRefused",
    "StillProcessing",
    "TextRefused",
]


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

    _kept: Kept | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The refused numbers, where the gateway names them; nothing that shows the error shows them."""
        return () if self._kept is None else self._kept.tell()

    @numbers.setter
    def numbers(self, numbers: tuple[str, ...]) -> None:
        self._kept = Kept(numbers)


class NumbersRefused(GatewayError):
    """The gateway refused some numbers, and with them the whole request; none of it was sent.

    ``positions`` are those of the refused in the request's recipients, counted from 0; empty if the gateway's answer
    names none that was in the request.
    """

    positions: tuple[int, ...] = ()


class OptedOut(NumbersRefused):
    """Recipients of a campaign's request opted out before it was sent; none of it was sent, and the others go anew.

    ``reason`` is why they are left out: ``opted_out``, ``unassigned`` or ``manual_blacklist``.
    """

    reason = "opted_out"


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
