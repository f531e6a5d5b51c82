"""A campaign as the service begins and continues it: what the process remembers of it, and its record in a journal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import os
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from allmysms_async.backend import Sends, added_to
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.record import Sink
from allmysms_async.batch.run import CampaignRun
from allmysms_async.clock import Clock
from allmysms_async.errors import CampaignChanged, InvalidRequest
from allmysms_async.loop import BriefLock, running_loop
from allmysms_async.model import Campaign

if TYPE_CHECKING:
    from allmysms_async.journal import JournalSink

__all__ = ["Begun", "Work", "import_journal", "journal_sink", "stored_campaign"]


class Begun:
    """What the process knows of a campaign that was begun.

    Args:
        backend: What it was begun with; not kept.
        journal: Where it is recorded; None is this process's memory.
        campaign: The campaign; not kept, so that it can be forgotten.
    """

    def __init__(self, backend: Sends, journal: str | None, campaign: Campaign) -> None:
        self.identity = backend.identity
        self.added = dict(added_to(backend, campaign.message))
        self.journal = journal
        self.sink = MemorySink()
        self.intake = Intake(campaign.recipients)
        self.service: Callable[[], object] = lambda: None

    @classmethod
    def of(cls, campaign: Campaign, backend: Sends, journal: str | os.PathLike[str] | None) -> Begun:
        """Return what is known of a campaign, which begins now if nothing is.

        Raises:
            CampaignChanged: It was begun with other settings of the backend, which people would notice.
            InvalidRequest: It was begun elsewhere.
        """
        place = None if journal is None else os.fspath(journal)
        with _begun_lock:
            begun = _begun.get(campaign)
            if begun is None:
                begun = _begun[campaign] = cls(backend, place, campaign)
        if begun.identity != backend.identity:
            msg = "This campaign was begun with another account or protocol, which alone knows what was sent of it."
            raise InvalidRequest(msg, remedy="Continue it there, or make a new Campaign of those not texted yet.")
        added = added_to(backend, campaign.message)
        changed = sorted(name for name in added if added[name] != begun.added.get(name))
        if changed:
            msg = f"This campaign was begun with another {', '.join(changed)} of the backend; nothing was sent."
            raise CampaignChanged(msg, remedy="Continue it as it was, or make a new Campaign of those not texted yet.")
        if begun.journal != place:
            msg = (
                "This campaign was begun with another journal, or without one, and only that knows what was sent of it."
            )
            raise InvalidRequest(msg, remedy="Continue it there, or make a new Campaign of those not texted yet.")
        return begun


# For all services of the process: a campaign that is continued by another one must text nobody again.
_begun: weakref.WeakKeyDictionary[Campaign, Begun] = weakref.WeakKeyDictionary()
_begun_lock = BriefLock()


class Work:
    """What one service has begun, so that it can be stopped with it.

    Args:
        service: The service.
    """

    def __init__(self, service: object) -> None:
        self._service = weakref.ref(service)
        self._runs: weakref.WeakSet[CampaignRun] = weakref.WeakSet()
        self._begun: weakref.WeakSet[Begun] = weakref.WeakSet()
        self._lock = BriefLock()

    def add(self, run: CampaignRun, begun: Begun | None = None) -> CampaignRun:
        """Note a run, and what the process knows of its campaign, which is this service's from now on."""
        if begun is not None:
            begun.service = self._service
        with self._lock:
            self._runs.add(run)
            if begun is not None:
                self._begun.add(begun)
        return run

    async def aclose(self) -> None:
        """Stop the runs, and close the sources of the campaigns that no other service took over."""
        with self._lock:
            runs, campaigns = list(self._runs), list(self._begun)
        await asyncio.gather(*(run.aclose() for run in runs))
        for begun in campaigns:
            if begun.service() is self._service():
                await begun.intake.aclose()


_SMALL = 200_000
"""Blocks of memory in a process of which the garbage collector looks at every object within some 15 ms."""


async def import_journal(where: str | os.PathLike[str]) -> None:
    """Import a journal's libraries in a thread: that takes up to half a second, in which the event loop goes on.

    So many objects come with them that the garbage collector would look at all that there are, at its end, and nothing
    else runs meanwhile. In a small process it does so before, when they are half as many, and not again for long;
    in a larger one, of which they are a small part, it may not do so at all, and is left alone.

    A library that is missing is for ``journal_sink`` to tell.

    Args:
        where: A path, or a URL, which takes more of them.
    """
    missing = _missing_modules(os.fspath(where))
    if missing and "sqlalchemy" not in sys.modules and gc.isenabled() and sys.getallocatedblocks() <= _SMALL:
        await asyncio.to_thread(gc.collect)
    for name in missing:
        with contextlib.suppress(ImportError):
            await asyncio.to_thread(importlib.import_module, name)


def _missing_modules(where: str) -> list[str]:
    """Return the modules that a journal takes and that are not imported yet."""
    names = ["allmysms_async.journal"]
    if "://" in where and not where.startswith("sqlite"):
        names.append("allmysms_async.journal.postgresql")
        if importlib.util.find_spec("asyncpg") is not None:  # if not, opening the journal says so
            names.append("asyncpg")
    return [name for name in names if name not in sys.modules]


def journal_sink(
    journal: str | os.PathLike[str], campaign: Campaign, backend: Sends, clock: Clock, lease: float | None
) -> Sink:
    """Return a campaign's record in a journal; nothing is opened yet.

    Where an event loop runs that would be held by the import of the journal's libraries, they are imported, and the
    address of the journal is read, when the record is opened.

    Raises:
        InvalidRequest: A library is missing, or the journal is neither a path nor a URL that can be used.
    """

    def make() -> JournalSink:
        from allmysms_async.journal import open_sink

        return open_sink(
            journal,
            backend=backend.name,
            account=backend.identity,
            clock=clock,
            keyed=backend.limits.idempotent,
            added=added_to(backend, campaign.message),
            lease=lease,
        )

    return cast("Sink", _LateSink(journal, make)) if _imports_later(os.fspath(journal)) else make()


def _imports_later(journal: str) -> bool:
    """Tell whether the journal's libraries are to be imported beside the event loop, and nothing will refuse them.

    What is plainly no journal is refused at once, however long that takes.

    Raises:
        InvalidRequest: It is a URL that cannot be used.
    """
    missing = _missing_modules(journal)
    if running_loop() is None or not missing:
        return False
    if "allmysms_async.journal" not in missing:
        from allmysms_async.journal.address import address_of

        address_of(journal)
    if "://" not in journal and (not journal.strip() or journal.startswith(("file:", ":memory:"))):
        return False
    return all(importlib.util.find_spec(library) is not None for library in ("sqlalchemy", "greenlet"))


class _LateSink:
    """A journal's ``Sink`` that is made when it is opened; until then it is one that nothing was recorded in.

    Args:
        where: Where the journal is.
        make: Makes it, with its libraries imported.
    """

    def __init__(self, where: str | os.PathLike[str], make: Callable[[], JournalSink]) -> None:
        self._where = where
        self._make = make
        self._tell: Callable[[Exception], None] | None = None
        before = MemorySink()
        before.run_id = ""
        self._sink: MemorySink | JournalSink = before

    def __getattr__(self, name: str) -> Any:
        """Return what the one that there is has."""
        return getattr(self._sink, name)

    def on_loss(self, tell: Callable[[Exception], None]) -> None:
        """Name who is told if the record is lost while nothing is claimed."""
        self._tell = tell

    async def open(self, campaign: Campaign) -> None:
        """Import, and open; what was asked for before goes on being filled.

        Raises:
            InvalidRequest: The journal's URL cannot be used.
            CampaignChanged, JournalError: As a journal's.
        """
        await import_journal(self._where)
        sink, before = self._make(), self._sink
        sink.seen, sink.accounted, sink.refused = before.seen, before.accounted, before.refused
        if self._tell is not None:
            sink.on_loss(self._tell)
        self._sink = sink
        await sink.open(campaign)


async def stored_campaign(journal: str | os.PathLike[str], name: str | None) -> Campaign:
    """Return a campaign as its journal holds it, without a source.

    Raises:
        InvalidRequest: There is no such campaign, or several and no name.
        JournalError: The journal cannot be used.
    """
    from allmysms_async.journal import Journal

    async with Journal(journal) as opened:
        stored = await opened.campaign(name)
    return Campaign(stored.name, stored.message, (), stored.exclude_opt_outs, stored.quiet_hours)
