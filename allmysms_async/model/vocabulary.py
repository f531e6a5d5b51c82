"""The words that every protocol shares, and secrets."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Literal, NoReturn, TypeAlias

__all__ = [
    "DeliveryStatus",
    "Encoding",
    "OutcomeState",
    "Purpose",
    "Reason",
    "Secret",
]

Purpose: TypeAlias = Literal["marketing", "transactional", "otp"]
"""Why a text is sent: French law treats them differently."""

Encoding: TypeAlias = Literal["auto", "gsm7", "unicode"]
"""``auto`` takes GSM-7 where the expanded text allows it; ``gsm7`` refuses what it cannot hold, naming it."""


class Reason(enum.StrEnum):
    """Why a recipient was not accepted; one vocabulary for all protocols."""

    EMPTY = "empty"
    MALFORMED = "malformed"
    AMBIGUOUS = "ambiguous"
    LAND_LINE = "land_line"
    OUTSIDE_FRANCE = "outside_france"
    WRONG_WIDTH = "wrong_width"
    DUPLICATE = "duplicate"
    """The source held the number before."""
    DUPLICATE_AT_GATEWAY = "duplicate_at_gateway"
    """The gateway refused the whole request because it took an identical one just before; whose, nobody can tell."""
    MISSING_PARAM = "missing_param"
    INVALID_PARAM = "invalid_param"
    """A parameter is no text, and no number that could be written as one; or it holds what no text can hold."""
    TEXT_TOO_LONG = "text_too_long"
    NEEDS_UNICODE = "needs_unicode"
    OPTED_OUT = "opted_out"
    UNASSIGNED = "unassigned"
    MANUAL_BLACKLIST = "manual_blacklist"
    INVALID_AT_GATEWAY = "invalid_at_gateway"
    MISSING_STOP = "missing_stop"
    """In France, and the marketing text has a sender and does not say how to opt out."""
    QUIET_HOURS = "quiet_hours"
    GATEWAY_REFUSED = "gateway_refused"
    NOT_CONFIRMED = "not_confirmed"


class DeliveryStatus(enum.StrEnum):
    """What a delivery report says; one vocabulary for all protocols."""

    PENDING = "pending"
    HANDED_TO_OPERATOR = "handed_to_operator"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    UNKNOWN_NUMBER = "unknown_number"
    UNKNOWN = "unknown"
    """A status that the manual does not list; ``DeliveryReport.code`` is it."""
    OPTED_OUT = "opted_out"


class OutcomeState(enum.StrEnum):
    """Where a row of a campaign stands."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    """Being sent now: counted as pending, and may have been sent."""


class Secret:
    """A text that is never shown: a key or a password.

    Args:
        value: The text.
    """

    __slots__ = ("_tell",)

    def __init__(self, value: str) -> None:
        # Not an attribute: whoever walks through an object's attributes would find the text there.
        self._tell: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._tell()

    def __repr__(self) -> str:
        """Show that there is one, and nothing of it."""
        return "<Secret>"

    def __eq__(self, other: object) -> bool:
        """Compare by text."""
        return isinstance(other, Secret) and other.reveal() == self.reveal()

    def __hash__(self) -> int:
        """Hash by text."""
        return hash(self.reveal())

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the text would be in the open."""
        msg = "A Secret cannot be pickled."
        raise TypeError(msg)
