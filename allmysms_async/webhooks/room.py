"""How much may wait at once: a bound that requests wait at for a while."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["FULL_SECONDS", "Room", "places"]

FULL_SECONDS = 3.0
"""Seconds that a request waits for a place; the gateway takes none of over 5."""

_BYTES_A_PLACE = 1024


def places(size: int) -> int:
    """Return how many places an event takes: one, and one more for each 1,024 bytes that it came in."""
    return 1 + size // _BYTES_A_PLACE


class Room:
    """So many places, and those who wait for one, in their order.

    Args:
        most: How many places there are; what takes more than all of them is let in alone.

    Attributes:
        taken: How many are taken.
    """

    __slots__ = ("_most", "_waiting", "taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    def enter_at_once(self, wanted: int) -> bool:
        """Take places, if they are free and nobody else waits for some."""
        if self._waiting or not self._fits(wanted):
            return False
        self.taken += wanted
        return True

    async def enter(self, wanted: int) -> bool:
        """Take places, and wait for them for 3 seconds at most; tell whether they were to be had."""
        if self.enter_at_once(wanted):
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, wanted))
        try:
            async with asyncio.timeout(FULL_SECONDS):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # its turn came just when it went
                if isinstance(error, TimeoutError):
                    return True
                self.leave(wanted)
            self._call()
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def leave(self, taken: int) -> None:
        """Give places back."""
        self.taken -= taken
        self._call()

    def _fits(self, wanted: int) -> bool:
        return self.taken + wanted <= self._most or not self.taken

    def _call(self) -> None:
        """Let those in whose turn it is."""
        while self._waiting:
            turn, wanted = self._waiting[0]
            if turn.done():
                self._waiting.popleft()
            elif self._fits(wanted):
                self._waiting.popleft()
                self.taken += wanted
                turn.set_result(None)
            else:
                return
