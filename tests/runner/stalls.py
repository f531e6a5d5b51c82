"""How long a process stands still: what a busy machine does to it."""

import asyncio
import time


class Stalls:
    """How long this process, or the machine, stood still at most while it is entered."""

    async def __aenter__(self) -> "Stalls":
        """Begin to look."""
        self.worst = 0.0
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Look no more."""
        self._looking.cancel()
        await asyncio.wait({self._looking})

    async def _look(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.002)
            self.worst = max(self.worst, time.monotonic() - before - 0.002)
