"""What other processes plan, give back, or hold no longer: offered as soon as it waits in the record."""

from __future__ import annotations

from allmysms_async.batch.desk import Desk, pause
from allmysms_async.batch.record import Sink
from allmysms_async.clock import Clock
from allmysms_async.loop import surely
from allmysms_async.model import Waiting

__all__ = ["AGAIN_SECONDS", "Spare"]

AGAIN_SECONDS = 0.05
"""Until what could not be claimed, and nobody holds any more, is offered anew."""

# For so long only what waits is looked at while there is any: what others hold changes slowly.
_ALL_SECONDS = 0.5


class Spare:
    """Takes what waits in the record of one run, whoever put it there.

    Args:
        sink: The record.
        clock: Where the time comes from.
        desk: What the run does for it.

    Attributes:
        waiting_for: What other processes hold, while that is all that is left to wait for.
    """

    def __init__(self, sink: Sink, clock: Clock, desk: Desk) -> None:
        self.waiting_for: Waiting | None = None
        self._sink = sink
        self._clock = clock
        self._desk = desk
        self._queue = desk.queue

    def wait_for(self, waiting: Waiting | None) -> None:
        """Note what is waited for, and tell it if it is another than before."""
        if waiting != self.waiting_for:
            self.waiting_for = waiting
            self._desk.tell(())

    async def take_for(self, seconds: float) -> None:
        """Offer what other processes plan or give back, as soon as they do; return when all has to be looked at.

        Args:
            seconds: After which that is in any case: nobody is sure to be told.
        """
        until, stopping, found = self._clock.monotonic() + seconds, self._desk.stopping, 0
        while (left := until - self._clock.monotonic()) > 0 and not stopping.is_set():
            if not found:
                await pause(self._clock, stopping, left, self._sink.stirred())
            found = await self._take()
            if not found and self._queue.idle and await surely(self._sink.elsewhere()) is None:
                return

    async def take_all(self) -> int:
        """Offer what waits until none does, or it is time to look at all; return how many chunks that were."""
        until = self._clock.monotonic() + _ALL_SECONDS
        found = some = await self._take()
        while some and self._clock.monotonic() < until:
            found += (some := await self._take())
        return found

    async def is_left(self) -> bool:
        """Offer some of what waits in the record though it was dealt with here; tell whether the run has to go on.

        Others may have given it back, however often it was tried here in vain.
        """
        waits = await surely(self._sink.spare(self._queue.space, self._queue.held))
        if not waits:  # another process may have claimed it just now, and give it back
            return await surely(self._sink.elsewhere()) is not None
        await pause(self._clock, self._desk.stopping, AGAIN_SECONDS)
        if not self._desk.stopping.is_set():
            self._queue.offer_again(waits)
            self._queue.wake()
        return True

    async def _take(self) -> int:
        """Offer some of what waits as soon as there is room for it; return how many chunks that is."""
        await self._queue.room()
        if self._desk.stopping.is_set():
            return 0
        found = self._queue.offer(await surely(self._sink.spare(self._queue.space, self._queue.known)))
        if found:
            self.wait_for(None)
            self._queue.wake()
        return found
