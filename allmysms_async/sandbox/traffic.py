"""What came in, by whatever port."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Traffic"]


@dataclass(slots=True)
class Traffic:
    """What came in."""

    requests: Counter[str] = field(default_factory=Counter[str])
    in_flight: int = 0
    max_in_flight: int = 0

    def reset(self) -> None:
        """Start counting over; what is in flight still is."""
        self.requests.clear()
        self.max_in_flight = self.in_flight
