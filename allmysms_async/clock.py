"""The one clock: whatever the client does at a time, after a time or until a time asks here, or the clock it is given.

How long a connection or a lock may take is measured where the waiting is done: by the event loop's own time.
"""

from __future__ import annotations

import asyncio
import functools
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

__all__ = ["PARIS", "SYSTEM", "Clock", "SystemClock"]

PARIS = ZoneInfo("Europe/Paris")
"""Whose time the providers write, and mean where a date has no zone."""


class Clock(Protocol):
    """Where the time comes from; tests and the sandbox bring their own."""

    def now(self) -> datetime:
        """Return the present moment, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    if TYPE_CHECKING:

        def now(self) -> datetime:
            """Return the present moment, aware."""
            ...

        def monotonic(self) -> float:
            """Return seconds that never go back."""
            ...

    else:  # Python's own, without a call between: a send asks for the time twice
        now = staticmethod(functools.partial(datetime.now, UTC))
        monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


SYSTEM = SystemClock()
"""For what concerns this machine alone, whatever clock a service is given: names of files, progress on a screen."""
