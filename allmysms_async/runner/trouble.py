"""How long a campaign is left to other workers after something went wrong with it here, and when nobody is to go on."""

from __future__ import annotations

import msgspec

__all__ = ["Trouble"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_FIRST_OUTAGE, _LONGEST_OUTAGE = 10.0, 300.0
_OUTAGES = 6
"""So many outages in a row, as one worker sees them, without a request that any worker got through in between stop the
campaign for all."""


class Trouble(msgspec.Struct):
    """What went wrong with a campaign here since anything of it was taken that was sent from here.

    Attributes:
        until: Monotonic time until which it is left to other workers.
    """

    until: float = 0.0
    _seconds: float = _FIRST_PAUSE
    _outages: int = 0
    _alone: int = 0
    _taken: int = -1

    def pause(self, now: float, seconds: float | None = None) -> float:
        """Leave the campaign to others; return for how many seconds: ever longer where nothing else is said.

        Args:
            now: Monotonic time.
            seconds: For how long.
        """
        wait = self._seconds if seconds is None else seconds
        self.until = now + wait
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE)
        return wait

    def outage(self, taken: int) -> float | None:
        """Take in that the gateway could not be reached; return for how long to leave it to others, None to stop all.

        Args:
            taken: Requests of the campaign that the gateway took of all workers so far.
        """
        others, self._taken = -1 < self._taken < taken, taken
        self._outages += 1
        self._alone = 1 if others else self._alone + 1
        return None if self._alone >= _OUTAGES else min(_FIRST_OUTAGE * 2 ** (self._outages - 1), _LONGEST_OUTAGE)
