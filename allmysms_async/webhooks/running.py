"""A receiver in operation: what takes events in, where they wait, and what hands them over."""

from __future__ import annotations

import logging
from functools import partial
from typing import Self

from allmysms_async import logs
from allmysms_async.clock import Clock
from allmysms_async.inbox import EventStore, Source
from allmysms_async.webhooks.door import Admit
from allmysms_async.webhooks.hand import Handing
from allmysms_async.webhooks.handler import Handlers
from allmysms_async.webhooks.intake import Intake
from allmysms_async.webhooks.memory import Memory
from allmysms_async.webhooks.stats import Counters

__all__ = ["Running"]

_log = logging.getLogger("allmysms_async")

_POLL_SECONDS = 2.0


class Running:
    """What stands behind the door of a receiver from its start to its end.

    Attributes:
        admit: Takes an event in.
        store: The journal, open; None where events wait in memory.
    """

    def __init__(self, handing: Handing, place: Intake | Memory, store: EventStore | None) -> None:
        self.store = store
        self._handing = handing
        self._place = place
        self.admit: Admit = place.admit if isinstance(place, Intake) else partial(place.admit, wake=handing.wake)

    @classmethod
    def with_store(
        cls, store: EventStore, handlers: Handlers, clock: Clock, counters: Counters, queue: int, workers: int
    ) -> Self:
        """Begin with a journal, which is closed at the end."""
        handing = _handing(store, handlers, clock, counters, workers, _POLL_SECONDS)
        return cls(handing, Intake(store, queue, handlers.is_unheard, handing.note_stored), store)

    @classmethod
    def in_memory(cls, handlers: Handlers, clock: Clock, counters: Counters, queue: int, workers: int) -> Self:
        """Begin with events in memory, which nobody else can leave there."""
        memory = Memory(queue, clock)
        return cls(_handing(memory, handlers, clock, counters, workers, None), memory, None)

    def wake(self) -> None:
        """Say that something came."""
        self._handing.wake()

    async def end(self, grace: float) -> None:
        """Wait for what is being stored and handled, and end; no more is taken in.

        Args:
            grace: Seconds that handlers may take.
        """
        place, left = self._place, 0
        try:
            if isinstance(place, Intake):
                await place.aclose()
            await self._handing.stop(grace, empty=None if isinstance(place, Intake) else place.is_empty)
        finally:
            if self.store is not None:
                await self.store.aclose()
            if isinstance(place, Memory):
                left = await place.waiting()
            if left:
                _log.error(
                    "Webhooks: %d events were answered OK and are lost, since the receiver ended before they were"
                    " handled; a journal keeps them.",
                    left,
                    extra=logs.fields("events_lost", count=left),
                )


def _handing(
    source: Source, handlers: Handlers, clock: Clock, counters: Counters, workers: int, poll: float | None
) -> Handing:
    return Handing(source, handlers.deliver, clock, counters, workers=workers, poll=poll)
