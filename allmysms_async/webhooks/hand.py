"""Handing events over: in order for each number, several numbers at once, and again after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from allmysms_async import logs, telemetry
from allmysms_async.clock import Clock
from allmysms_async.inbox import Source, lane
from allmysms_async.model import Event
from allmysms_async.model.event import Kept
from allmysms_async.webhooks.stats import Counters

__all__ = ["Handing", "pause_before"]

_log = logging.getLogger("allmysms_async")

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
_DOUBLINGS = 12
_SOURCE_PAUSE = 1.0
_AHEAD = 8
_BETWEEN_LOOKS = 0.03
_TURN = 8


def pause_before(attempt: int) -> float:
    """Return the seconds before an event is tried again: twice as many each time, 5 minutes at most.

    Args:
        attempt: Which attempt comes, from 2 on.
    """
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(_DOUBLINGS, attempt - 2)))


def _is_ended(error: BaseException) -> bool:
    """Tell whether this task is to end, and not only something that it waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


class Handing:
    """Takes events from where they wait, and hands them over.

    Args:
        source: Where they wait.
        deliver: Runs the handlers of an event, and raises what they raise.
        clock: What says when an event is tried again.
        counters: What is counted.
        workers: How many events are handled at once.
        poll: Seconds after which the source is looked at although nobody said that something came: another process
            may have left something there. None where nobody else can.
    """

    def __init__(
        self,
        source: Source,
        deliver: Callable[[Event], Awaitable[None]],
        clock: Clock,
        counters: Counters,
        *,
        workers: int,
        poll: float | None,
    ) -> None:
        self._source = source
        self._deliver = deliver
        self._clock = clock
        self._counters = counters
        self._poll = poll
        self._ahead = workers * _AHEAD
        self._busy: set[str] = set()
        self._ids: set[int] = set()
        self._taken: asyncio.Queue[Kept] = asyncio.Queue()
        self._handled: list[Kept] = []
        self._failed: deque[tuple[Kept, datetime]] = deque()
        self._later: list[datetime] = []
        self._wake = asyncio.Event()
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._moving = loop.create_task(self._move(), name="allmysms events: taking")
        self._workers = [loop.create_task(self._work(), name="allmysms events: handling") for _ in range(workers)]

    def wake(self) -> None:
        """Say that something came."""
        self._wake.set()

    def note_stored(self, handled: int, waiting: int) -> None:
        """Say that events were stored.

        Args:
            handled: How many are handled by that, since no handler is for them.
            waiting: How many are to be handled.
        """
        self._counters.handled += handled
        if waiting:
            self._wake.set()

    async def stop(self, grace: float, *, empty: Callable[[], bool] | None = None) -> None:
        """End: what is being handled is waited for.

        Args:
            grace: Seconds that it may take; then handlers are cancelled, and their events not handled.
            empty: Waited for too, where what is left would be lost: whether nothing is left.
        """
        self._stopping = empty is None
        if self._stopping:
            while not self._taken.empty():  # taken, and not begun: left where it is
                self._forget(self._taken.get_nowait())
        self._wake.set()
        try:
            async with asyncio.timeout(grace):
                while self._busy or not (empty is None or empty()):
                    await self._settled()
        except TimeoutError:
            pass
        finally:
            tasks = [*self._workers, self._moving]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            with contextlib.suppress(Exception):  # told already, and handled again by whoever opens it next
                if self._handled:
                    await self._source.done(self._handled)

    async def _settled(self) -> None:
        """Wait until something may have changed."""
        await asyncio.wait({self._moving}, timeout=0.01)
        if self._moving.done():
            raise TimeoutError

    async def _move(self) -> None:
        """Take, and note what became of what was taken."""
        while True:
            self._wake.clear()
            try:
                moved = await self._note()
                room = 0 if self._stopping else self._ahead - len(self._ids)
                if room > 0:
                    moved += self._begin(await self._source.take(room, self._busy))
            except (Exception, asyncio.CancelledError) as error:
                if _is_ended(error):
                    raise
                self._counters.source_failures += 1
                _log.error(  # a traceback may hold what is not to be logged
                    "Webhooks: the journal of events fails, and is tried again (%s).",
                    type(error).__name__,
                    extra=logs.fields("events_failing", error=error),
                )
                await self._clock.sleep(_SOURCE_PAUSE)
                continue
            if not moved:
                await self._pause()
            elif self._poll is not None and not self._stopping:
                # Each look is a transaction: what comes meanwhile is in the next one.
                await asyncio.sleep(_BETWEEN_LOOKS)

    def _begin(self, taken: Sequence[Kept]) -> int:
        """Have events handled that are not being handled already."""
        begun = 0
        for kept in taken:
            if kept.id not in self._ids:
                self._ids.add(kept.id)
                self._busy.add(lane(kept.event))
                self._taken.put_nowait(kept)
                begun += 1
        return begun

    async def _note(self) -> int:
        """Note what was handled, and what failed."""
        noted = 0
        if self._handled:
            handled, self._handled = self._handled, []
            try:
                await self._source.done(handled)
            except BaseException:
                self._handled = handled + self._handled  # handled it is: only the note is missing
                raise
            noted += len(handled)
            for kept in handled:
                self._forget(kept)
        while self._failed:
            kept, at = self._failed[0]
            await self._source.retry(kept, at)
            self._failed.popleft()
            heapq.heappush(self._later, at)
            self._forget(kept)
            noted += 1
        return noted

    def _forget(self, kept: Kept) -> None:
        self._ids.discard(kept.id)
        self._busy.discard(lane(kept.event))

    async def _pause(self) -> None:
        """Wait until something comes, is handled, or is to be tried again."""
        now = self._clock.now()
        due = False
        while self._later and self._later[0] <= now:
            heapq.heappop(self._later)
            due = True
        if due:  # it may have come to be so after the last look
            return
        waits = [] if self._poll is None else [self._poll]
        if self._later:
            waits.append((self._later[0] - now).total_seconds())
        if not waits:
            await self._wake.wait()
            return
        woken = asyncio.ensure_future(self._wake.wait())
        slept = asyncio.ensure_future(self._clock.sleep(min(waits)))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()

    async def _work(self) -> None:
        """Handle events, one after another."""
        turn = 0
        while True:
            kept = await self._taken.get()
            if not self._source.holds(kept):  # whoever has it now handles it; if it is nobody, it is taken again
                self._forget(kept)
                self._wake.set()
                continue
            try:
                if kept.cause is None:
                    await self._deliver(kept.event)
                else:
                    await telemetry.because_of(kept.cause, self._deliver(kept.event))
            except (Exception, asyncio.CancelledError) as error:
                if _is_ended(error):
                    raise
                self._fail(kept, error)
            else:
                self._counters.handled += 1
                self._handled.append(kept)
            self._wake.set()
            turn = turn % _TURN + 1
            if turn == _TURN:
                await asyncio.sleep(0)  # handlers that never wait leave requests their turn

    def _fail(self, kept: Kept, error: BaseException) -> None:
        """Have an event tried again, and say which error of which place it was: its words may hold a text."""
        self._counters.failed += 1
        attempt = kept.attempts + 1
        pause = pause_before(attempt + 1)
        last = traceback.extract_tb(error.__traceback__)[-1:]
        place = f"{last[0].filename}, line {last[0].lineno}" if last else "an unknown place"
        _log.error(
            "Webhooks: a handler failed on an event (%s at %s), attempt %d; the next one comes in %.0f s.",
            *(type(error).__name__, place, attempt, pause),
            extra=logs.fields("handler_failed", error=error, place=place, attempt=attempt, seconds=pause),
        )
        self._failed.append((kept, self._clock.now() + timedelta(seconds=pause)))
