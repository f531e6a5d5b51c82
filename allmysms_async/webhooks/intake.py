"""Events on their way into the journal: all that came while one group was written are the next group.

While many come, that group is waited for for a moment. One that comes alone is written at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from allmysms_async import logs
from allmysms_async.inbox import EventStore
from allmysms_async.model import Event
from allmysms_async.webhooks.room import Room, places

__all__ = ["STORED_SECONDS", "Intake"]

_log = logging.getLogger("allmysms_async")

STORED_SECONDS = 4.0
"""Seconds that a request waits for its event to be durable; the gateway gives up after 5."""

_MOST_TOGETHER = 2000
_GATHERING_SECONDS = 0.01
"""How long the next group is waited for, while many come: whoever was just answered has the next one at once."""


@dataclass(slots=True)
class _Waiting:
    """An event that is not durable yet, and whoever waits for it."""

    event: Event
    places: int
    until: float
    stored: asyncio.Future[int | None]


class Intake:
    """Writes events in groups, one after another, in the event loop that it is made in.

    Args:
        store: Where to.
        most: Places for events that are not written yet.
        unheard: Tells of which event nobody is to be told.
        stored: Called after a group that held something new: with how many are handled by that, and how many wait.
    """

    def __init__(
        self, store: EventStore, most: int, unheard: Callable[[Event], bool], stored: Callable[[int, int], None]
    ) -> None:
        self._store = store
        self._unheard = unheard
        self._stored = stored
        self._loop = asyncio.get_running_loop()
        self._room = Room(most)
        self._next: list[_Waiting] = []
        self._now: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._enough = 0
        self._gathered: asyncio.Future[None] | None = None

    async def admit(self, event: Event, size: int) -> int | None:
        """Make an event durable.

        Returns:
            How many are new: 0 if it was held before. None if it is not known to be durable in time: the store failed,
            or took too long, or too many wait already.
        """
        wanted = places(size)
        if not self._room.enter_at_once(wanted) and not await self._room.enter(wanted):
            return None
        loop = self._loop
        stored: asyncio.Future[int | None] = loop.create_future()
        until = loop.time() + STORED_SECONDS
        self._next.append(_Waiting(event, wanted, until, stored))
        if self._writing is None:
            self._writing = loop.create_task(self._write(), name="allmysms events: storing")
        elif self._gathered is not None and len(self._next) >= self._enough:
            _end(self._gathered)
        if self._alarm is None:
            self._alarm = loop.call_at(until, self._expire)
        return await stored

    def _expire(self) -> None:
        """Let those go who have waited for too long; one alarm at a time is enough for all who wait."""
        loop = self._loop
        self._alarm = None
        for one in (*self._now, *self._next):
            if one.until > loop.time():
                self._alarm = loop.call_at(one.until, self._expire)
                return
            _settle(one.stored, None)

    async def aclose(self) -> None:
        """Write what waits."""
        while self._writing is not None:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._writing)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _write(self) -> None:
        """Write until nothing waits."""
        try:
            # Whoever comes in this turn of the event loop is in the first group already.
            await asyncio.sleep(0)
            while self._next:
                self._now, self._next = self._next[:_MOST_TOGETHER], self._next[_MOST_TOGETHER:]
                await self._write_group(self._now)
                if len(self._now) > 1:
                    await self._gather(len(self._now) + len(self._next))
        finally:
            self._writing = None
            self._now = []

    async def _gather(self, enough: int) -> None:
        """Wait until as many wait as before, or for a moment: a commit costs the same for one as for many."""
        loop = self._loop
        self._now = []
        self._enough, self._gathered = enough, loop.create_future()
        over = loop.call_later(_GATHERING_SECONDS, _end, self._gathered)
        try:
            await self._gathered
        finally:
            over.cancel()
            self._gathered = None

    async def _write_group(self, group: list[_Waiting]) -> None:
        """Write a group; it is durable, or refused, as a whole."""
        try:
            new, handled = await self._store.receive([one.event for one in group], self._unheard)
        except Exception as error:  # the gateway sends again what was not answered OK
            _log.error(  # a traceback may hold what is not to be logged
                "Webhooks: %d events could not be stored, and were answered 503 (%s).",
                len(group),
                type(error).__name__,
                extra=logs.fields("events_not_stored", error=error, count=len(group)),
            )
            for one in group:
                _settle(one.stored, None)
        else:
            if new:
                self._stored(handled, new - handled)
            for one in group:
                # Which of them are new is not told, only how many: that is enough to count.
                _settle(one.stored, 1 if new > 0 else 0)
                new -= 1
        finally:
            self._room.leave(sum(one.places for one in group))


def _end(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _settle(stored: asyncio.Future[int | None], new: int | None) -> None:
    if not stored.done():
        stored.set_result(new)
