"""The durable record of what comes back: stored before it is answered, handled at least once, in order per number."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice

import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.border import bordered
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError
from allmysms_async.inbox import EventKind, Received
from allmysms_async.journal import event_write as write
from allmysms_async.journal.event_lane import FileHand, Hand, ServerHand
from allmysms_async.journal.event_record import EventRecord
from allmysms_async.journal.event_row import grouped, key_of, opt_out_row, stored
from allmysms_async.journal.event_take import kept_of, taking
from allmysms_async.model.event import Event, Kept
from allmysms_async.model.record import OptOut

__all__ = ["EventJournal"]

_PAGE = 1000
_MANY = 100
_SOON = 1e-6
_LATER = 3600.0

_log = logging.getLogger("allmysms_async")


@bordered
class EventJournal(EventRecord):
    """A journal that events are stored in, and handed out from to whoever handles them.

    Several processes may store in one journal at once. Of a file one of them handles a kind at a time, of a server each
    handles other numbers; when one ends, however it ends, others go on with what it had not marked as done.

    Args:
        where: A path, or a ``postgresql://`` URL; campaigns may be in the same journal.
        clock: Where the time comes from; the machine's own by default.
        create: Whether a journal that is not there is created.
        kind: What is handed out: ``report``, ``reply`` or ``unknown`` alone; all by default.

    Raises:
        InvalidRequest: The URL is of a kind that is not supported, or its driver is missing.
    """

    def __init__(
        self,
        where: str | os.PathLike[str],
        clock: Clock | None = None,
        *,
        create: bool = True,
        kind: EventKind | None = None,
    ) -> None:
        super().__init__(where, clock, create=create)
        path = self._database.path
        self._hand: Hand | None = None if self._database.is_file else ServerHand(self._database, taking(kind))
        if path is not None:
            self._hand = FileHand(self._database, path, self._clock, kind)
        self._handles_all = kind is None
        # What is being marked at present, and is not handed out meanwhile.
        self._marking = Counter[str]()
        self._new = 0

    async def open(self) -> None:
        """Open it.

        Raises:
            JournalError: It is not there, is something else, is read-only, or cannot be used.
        """
        if self._hand is None:
            msg = f"The journal {self._database.label} is read-only: nothing that comes back can be stored there."
            raise JournalError(msg)
        await super().open()

    async def aclose(self) -> None:
        """Close it, and let others handle what was not marked; of a lost one what it held is saved beside it."""
        try:
            if self._database.lost is not None:
                await self._save()
        finally:
            await self._database.close()
            if self._hand is not None:
                await self._hand.release()

    async def store(self, events: Sequence[Event]) -> int:
        """Store events with what follows from them for texts and opt-outs; return how many are new.

        They are durable when it returns. An event that was stored before is passed over. Many at once cost less: one
        transaction for each call, or for several that are under way at once.

        Args:
            events: The events, the first that came first.

        Raises:
            JournalError: The journal failed: none of them is stored, or at worst nobody can tell.
        """
        return (await self._received(events, None)).new

    async def receive(self, events: Sequence[Event], unheard: Callable[[Event], bool]) -> Received:
        """Store events as ``store`` does, and those that nobody is to be told of as handled.

        Args:
            events: The events, the first that came first.
            unheard: Tells, in the journal's thread, of which event nobody is to be told. Such a one is marked as
                handled in the same transaction if this process handles the file at that moment. Otherwise, and on a
                server, it is handed out as any other.

        Raises:
            JournalError: The journal failed: none of them is stored, or at worst nobody can tell.
        """
        return await self._received(events, unheard if self._handles_all else None)

    async def _received(self, events: Sequence[Event], unheard: Callable[[Event], bool] | None) -> Received:
        """Store events."""
        if not events:
            return Received(0, 0)
        now, hand = self._now(), self._hand
        if isinstance(hand, FileHand):  # which has a thread of its own

            def written(connection: sa.Connection) -> tuple[int, int]:
                over = [unheard(each) for each in events] if unheard is not None and hand.is_here() else ()
                return write.store(connection, grouped(events, now), now, over)

            found = await self._written(written)
        else:
            several = len(events) > _MANY
            group = await asyncio.to_thread(grouped, events, now) if several else grouped(events, now)
            found = await self._written(lambda connection: write.store(connection, group, now))
        self._new += found[0]
        return Received(*found)

    async def take(self, most: int, busy: Collection[str] = ()) -> Sequence[Kept]:
        """Return events that are to be handled now, and that no other process gets while this one handles them.

        Of each number that is the oldest one that was not marked as done, unless it was put off until later.

        Args:
            most: How many at most.
            busy: Numbers that are being handled; none of theirs is returned. What names nobody is in it by ``?`` and
                its identity in hexadecimal figures.

        Raises:
            JournalError: The journal failed, or its locks cannot be relied on.
        """
        if most < 1 or self._hand is None:
            return []
        names = {stored(number) for number in busy} | self._marking.keys()
        if not self._there and not await self._asked(lambda _: True, nothing=False):
            return []
        found: list[Kept] = []
        for row in await self._hand.take(most, names, self._now()):
            try:
                found.append(kept_of(row, self._database.label))
            except JournalError as error:  # damaged, or another version's: the others need not wait for it
                _log.error(
                    "%s It is looked at again in an hour.",
                    error,
                    extra=logs.fields("event_unreadable", error=error, id=row[0]),
                )
                await self._written(partial(write.put_off, number=row[0], at=self._now() + _LATER))
        return found

    def holds(self, kept: Kept) -> bool:
        """Tell whether handling an event that was taken may begin: no other process can have got it meanwhile.

        On a server it no longer may once the session is lost in which this process had locked the event's lane; what
        is being handled by then may be handled by another process at the same time.
        """
        return self._hand is not None and self._hand.holds(key_of(kept.event))

    async def done(self, kept: Sequence[Kept]) -> None:
        """Mark events as handled; they are not handed out again.

        Raises:
            JournalError: The journal failed: they are handed out once more, or at worst nobody can tell.
        """
        if not kept:
            return
        ids, now = [each.id for each in kept], self._now()
        await self._mark(kept, lambda connection: write.finish(connection, ids, now))

    async def retry(self, kept: Kept, at: datetime) -> None:
        """Put an event off, and with it all that came after it from the same number.

        Args:
            kept: The event.
            at: Until when, aware.

        Raises:
            JournalError: The journal failed: it is handed out at once.
        """
        due = max(at.timestamp(), _SOON)
        await self._mark((kept,), lambda connection: write.put_off(connection, kept.id, due))

    async def add_opt_outs(self, opt_outs: Iterable[OptOut] | AsyncIterable[OptOut]) -> int:
        """Keep opt-outs that come from elsewhere; return how many were given.

        One without a date holds from now on; one that ended before its number's latest STOP changes nothing.

        Args:
            opt_outs: The opt-outs, some of which are kept at a time.

        Raises:
            JournalError: The journal failed; those before may have been kept.
        """
        count = 0
        page: list[OptOut] = []

        async def keep() -> None:
            now = self._now()
            rows = [opt_out_row(each, now) for each in page]
            await self._written(lambda connection: write.keep_opt_outs(connection, rows))
            page.clear()

        if isinstance(opt_outs, AsyncIterable):
            async for each in opt_outs:
                page.append(each)
                count += 1
                if len(page) == _PAGE:
                    await keep()
        else:
            given = iter(opt_outs)
            while some := list(islice(given, _PAGE)):
                page.extend(some)
                count += len(some)
                await keep()
        if page:
            await keep()
        return count

    async def end_opt_outs(self, phones: Iterable[str], at: datetime | None = None) -> None:
        """Let numbers be texted again until their next STOP; one that has no opt-out stays as it is.

        Args:
            phones: Canonical numbers.
            at: Since when, aware; from now on without it.

        Raises:
            JournalError: The journal failed; some of them may be done.
        """
        since = self._now() if at is None else at.timestamp()
        given = iter(phones)
        while some := list(islice(given, _PAGE)):
            ends = [(since, stored(phone)) for phone in some]
            await self._written(partial(write.end_opt_outs, ends=ends))

    async def _mark(self, kept: Sequence[Kept], work: Callable[[sa.Connection], None]) -> None:
        """Mark events; meanwhile nothing of their numbers is handed out."""
        names = [key_of(each.event) for each in kept]
        self._marking.update(names)

        async def marked() -> None:
            try:
                await self._written(work)
            finally:
                self._marking.subtract(names)
                self._marking += Counter[str]()  # without those that are at 0

        await asyncio.shield(asyncio.ensure_future(marked()))

    async def _save(self) -> None:
        """Keep what a journal held whose files were removed or replaced under this process."""
        stored_here = self._new

        def is_whole(copy: sqlite3.Connection) -> bool:
            [count] = copy.execute("SELECT count(*) FROM event").fetchone()
            return bool(count >= stored_here)

        label = self._database.label
        with suppress(JournalError):
            saved = await self._database.save(is_whole)
            if saved is not None:
                _log.error(
                    "the journal %s was lost; all that it held is saved as %s",
                    *(label, saved.name),
                    extra=logs.fields("journal_saved", file=saved.name),
                )
                return
            left, _ = await self._database.give_up(f"The journal {label} was lost, and what it held was not saved.")
            _log.error(
                "the journal %s was lost, and nothing of it could be saved (%s)",
                *(label, left),
                extra=logs.fields("journal_lost"),
            )

    def _now(self) -> float:
        """Return Unix time."""
        return self._clock.now().timestamp()
