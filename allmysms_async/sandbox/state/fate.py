"""What becomes of a delivered message: decided by the number alone, so that runs can be compared.

Source: HTTPS API v9, §9 and annex 3.
"""

import zlib
from dataclasses import dataclass

__all__ = ["HANDED_OVER", "UNASSIGNED_ENDING", "Ack", "ack_delay", "fate"]

HANDED_OVER = "3"
"""The status of a message that the operator has, and has not reported on."""

UNASSIGNED_ENDING = "0005"
"""Numbers that end so are unassigned: their first report puts them on the opt-out list."""

_BY_ENDING = {"0002": "2", "0004": "4", UNASSIGNED_ENDING: "5"}


@dataclass(frozen=True, slots=True)
class Ack:
    """What the operator says of one message at a given moment."""

    phone: str
    status: str
    at: float

    @property
    def pending(self) -> bool:
        """Say whether the operator has yet to report."""
        return self.status == HANDED_OVER


def fate(phone: str) -> str:
    """Return the final status of any message to this number."""
    return _BY_ENDING.get(phone[-4:], "1")


def ack_delay(phone: str) -> int:
    """Return how many seconds after delivery the operator reports: 2 to 30, fixed per number."""
    return 2 + zlib.crc32(phone.encode()) % 29
