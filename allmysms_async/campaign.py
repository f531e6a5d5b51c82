"""A campaign as the service begins and continues it: its options, and what the process remembers of it."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from decimal import Decimal
from typing import TypedDict, cast

from allmysms_async import argument
from allmysms_async.backend import Sends, added_to
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.policy import Clock
from allmysms_async.batch.record import Sink
from allmysms_async.errors import CampaignChanged, InvalidRequest
from allmysms_async.loop import BriefLock
from allmysms_async.model import Campaign

__all__ = ["Begun", "RunOptions", "SendOptions", "journal_sink", "stored_campaign"]


class SendOptions(TypedDict, total=False):
    """How a campaign is sent; each has a default.

    Attributes:
        chunk_size: Recipients in a request at most; the protocol's default otherwise.
        concurrency: Requests in flight at most; the service's otherwise.
        max_cost: Euros without tax that the campaign may cost, on protocols that report it.
        max_parts: Text parts that it may take.
        max_failure_rate: Share of this run's recipients that may end as failed or unknown, or be refused with their
            whole request, but for their numbers; from 0 to 1.
        max_duration: Seconds that a protocol's request limit may stretch the campaign to; None for any.
        lease: With a journal, seconds after which another process takes over what this one had in flight when it died;
            120 by default. It is renewed as long as the process lives, and looked up before each attempt at a request.
            An attempt that outlives it all the same (a process that was suspended) is asked about by another process
            with the same key, or is unknown without one: safe, and a nuisance with a lease shorter than an attempt.
    """

    chunk_size: int | None
    concurrency: int | None
    max_cost: Decimal | None
    max_parts: int | None
    max_failure_rate: float | None
    max_duration: float | None
    lease: float | None


class RunOptions(SendOptions, total=False):
    """How a campaign is sent, and where that is recorded.

    Attributes:
        journal: A path (SQLite) or a ``postgresql://`` URL, so that the campaign survives the process: a call with the
            same name continues it, whichever object or process makes it, and a source that is read again adds nothing
            twice. Without one it is remembered as long as the process lives.
    """

    journal: str | os.PathLike[str] | None


def check_options(options: SendOptions) -> None:
    """Refuse options that there are none of, and seconds that are none.

    Raises:
        InvalidRequest: Naming the option.
    """
    known = RunOptions.__annotations__.keys() | SendOptions.__annotations__.keys()
    for name in options:
        if name not in known:
            msg = f"There is no option {name!r}: there are {', '.join(sorted(known))}; nothing was sent."
            raise InvalidRequest(msg)
    for name, value in (("max_duration", options.get("max_duration")), ("lease", options.get("lease"))):
        if value is not None:
            argument.seconds(name, value)


def checked_journal(journal: object) -> str | None:
    """Return where a journal is, refusing what is neither a path nor a URL.

    Raises:
        InvalidRequest: It is neither.
    """
    if journal is None:
        return None
    if isinstance(journal, str) and "://" in journal:
        return journal
    argument.path("The journal", journal)
    return os.fspath(cast("str", journal))


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


def journal_sink(
    journal: str | os.PathLike[str], campaign: Campaign, backend: Sends, clock: Clock, lease: float | None
) -> Sink:
    """Return a campaign's record in a journal, whose libraries are imported now; nothing is opened yet.

    Raises:
        InvalidRequest: A library is missing, or the journal is neither a path nor a URL that can be used.
    """
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


async def stored_campaign(journal: str | os.PathLike[str], name: str | None) -> Campaign:
    """Return a campaign as its journal holds it, without a source.

    Raises:
        InvalidRequest: There is no such campaign, or several and no name.
        JournalError: The journal cannot be used.
    """
    from allmysms_async.journal import Journal

    async with Journal(journal) as opened:
        stored = await opened.campaign(name)
    return Campaign(stored.name, stored.message, ())
