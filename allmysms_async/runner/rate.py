"""Requests a second over all machines: one row says when the next may leave, and workers take some at once.

A permit is for its moment, and lapses a little later. So however workers come, stall or die, no second has more
requests than the limit, and what lapses is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque

from allmysms_async.clock import Clock
from allmysms_async.runner.control import Control

__all__ = ["SLACK_SECONDS", "Rate"]

SLACK_SECONDS = 0.05
"""How long after its moment a permit may be used. The moments are as much wider apart."""

_BATCH_SECONDS = 0.1
"""For so long permits are taken at once."""

_TAKE = (
    "update runner_line set tat = greatest(tat, clock_timestamp()) + make_interval(secs => $2::int * $3::float8)"
    " where line = $1 returning extract(epoch from tat - clock_timestamp())::float8 as ends"
)


class Rate:
    """The permits of this worker.

    Args:
        control: Where they are taken.
        line: The account whose requests are counted.
        clock: Where the time comes from.

    Attributes:
        limit: Requests a second over all machines; None for any number.
    """

    def __init__(self, control: Control, line: str, clock: Clock) -> None:
        self.limit: float | None = None
        self._control = control
        self._line = line
        self._clock = clock
        self._moments: deque[float] = deque()
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def permit(self, stopping: asyncio.Event | None = None) -> bool:
        """Wait for leave to send one request, at once; False if asked to stop first.

        Raises:
            JournalError: The database failed.
        """
        while self.limit is not None:
            self._waiting += 1
            try:
                moment = await self._next()
            finally:
                self._waiting -= 1
            if moment is None:
                continue
            while (left := moment - self._clock.monotonic()) > 0:
                if stopping is not None and stopping.is_set():
                    return False
                await self._clock.sleep(min(left, 0.5))
            if stopping is not None and stopping.is_set():
                return False
            if self._clock.monotonic() - moment <= SLACK_SECONDS:
                return True
        return True

    async def _next(self) -> float | None:
        """Return the moment of the next permit; None if there is no limit any more."""
        async with self._turn:
            now = self._clock.monotonic()
            while self._moments and self._moments[0] < now - SLACK_SECONDS:
                self._moments.popleft()
            if not self._moments:
                limit = self.limit
                if limit is None:
                    return None
                # Over a window of a second and the slack there are no more moments than the limit.
                apart = (1.0 + SLACK_SECONDS) / limit
                count = max(1, min(self._waiting, int(_BATCH_SECONDS / apart)))
                rows = await self._control.fetch(_TAKE, self._line, count, apart)
                if not rows:
                    return None
                first = self._clock.monotonic() + rows[0]["ends"] - count * apart
                self._moments.extend(first + index * apart for index in range(count))
            return self._moments.popleft()
