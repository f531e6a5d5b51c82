"""The sandbox's clock, and dates as they are written on the wire: wall time in Paris.

Source: HTTPS API v9, §7.2 (DATE).
"""

import re
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

__all__ = ["DEFAULT_START", "PARIS", "Clock", "parse_wall", "wall"]

PARIS = ZoneInfo("Europe/Paris")
DEFAULT_START = datetime(2027, 3, 2, 10, 0, 0, tzinfo=PARIS)
"""A Tuesday morning, when commercial texts may be sent."""

_WALL = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)


class Clock:
    """A clock that starts at a fixed moment, runs with real time and can be moved forward."""

    def __init__(self, start: datetime = DEFAULT_START, *, tick: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            start: The first moment; a naive one is taken as Paris wall time.
            tick: Seconds that run by themselves; `lambda: 0.0` freezes the clock but for `advance`.
        """
        self._start = (start if start.tzinfo else start.replace(tzinfo=PARIS)).timestamp()
        self._tick = tick
        self._origin = tick()
        self._advanced = 0.0

    def now(self) -> float:
        """Return the moment, in seconds since the epoch."""
        return self._start + self._tick() - self._origin + self._advanced

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._advanced += seconds

    def reset(self) -> None:
        """Go back to the first moment."""
        self._origin = self._tick()
        self._advanced = 0.0


def wall(moment: float) -> str:
    """Write a moment as `YYYY-MM-DD HH:MM:SS` in Paris."""
    return datetime.fromtimestamp(moment, PARIS).strftime("%Y-%m-%d %H:%M:%S")


def parse_wall(text: str) -> float | None:
    """Read `YYYY-MM-DD HH:MM:SS` in Paris, or return None where it is not exactly that."""
    if not _WALL.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=PARIS).timestamp()
    except (ValueError, OverflowError):
        return None
