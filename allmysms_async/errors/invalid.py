"""What is refused here, before anything was sent."""

from __future__ import annotations

from datetime import datetime

from allmysms_async.errors.base import AllMySmsError

__all__ = [
    "CampaignChanged",
    "CampaignTooLong",
    "EmptyCampaign",
    "InvalidNumber",
    "InvalidRequest",
    "InvalidSchedule",
    "InvalidSender",
    "InvalidSource",
    "InvalidText",
    "QuietHoursError",
    "SourceIncomplete",
    "UnsupportedFeature",
]


class InvalidRequest(AllMySmsError, ValueError):
    """Refused here, before anything was sent."""


class InvalidNumber(InvalidRequest):
    """Not a mobile number that a message can be sent to.

    Args:
        message: What is wrong with it; the number itself is masked.
        reason: ``empty``, ``malformed``, ``ambiguous``, ``land_line``, or ``outside_france`` where a protocol reaches
            nothing else.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidText(InvalidRequest):
    """A text that cannot be sent as it is.

    Args:
        message: What is wrong with it, without the text.
        reason: ``malformed``, ``needs_unicode``, ``placeholders``, ``missing_param``, ``text_too_long``, or
            ``missing_stop``: a marketing text that does not say how to opt out.
        remedy: What to do, in a sentence.
    """

    def __init__(self, message: str, *, reason: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


class InvalidSender(InvalidRequest):
    """The sender does not follow the gateway's rules, or those of the operators where they are to be kept."""


class InvalidSchedule(InvalidRequest):
    """The sending date is naive, past, over a year ahead, or an hour that clocks skip or show twice."""


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


class QuietHoursError(InvalidRequest):
    """A marketing text would reach people in their quiet hours; nothing was sent.

    Args:
        message: Where, and when they end.
        next_legal: The first moment at which it may be sent, aware; None if there is none for all of them at once.
    """

    def __init__(self, message: str, *, next_legal: datetime | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.next_legal = next_legal


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
