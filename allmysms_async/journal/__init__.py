"""The durable record of campaigns: SQLite or PostgreSQL, behind the extra ``journal``.

``sms.run(campaign, journal="soldes.db")`` writes one; ``Journal`` looks into it and takes operators' decisions. What
comes back is in the same one: ``EventJournal`` keeps it until it is handled, ``EventRecord`` looks into it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidRequest

try:
    from allmysms_async.journal.database import Database
    from allmysms_async.journal.event_journal import EventJournal
    from allmysms_async.journal.event_record import DeliveryState, EventRecord
    from allmysms_async.journal.journal import ChunkView, Journal, JournalCampaign
    from allmysms_async.journal.lease import LEASE_SECONDS
    from allmysms_async.journal.sink import JournalSink
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"sqlalchemy", "greenlet"}:
        raise
    msg = f'A journal needs {missing.name}: run pip install "allmysms_async[journal]"; nothing was sent.'
    raise InvalidRequest(msg) from missing

__all__ = [
    "ChunkView",
    "DeliveryState",
    "EventJournal",
    "EventRecord",
    "Journal",
    "JournalCampaign",
    "JournalSink",
    "open_sink",
]


def open_sink(
    where: str | os.PathLike[str],
    *,
    backend: str,
    account: str,
    clock: Clock,
    keyed: bool,
    added: Mapping[str, str | bool | None] | None = None,
    lease: float | None = None,
    shared: bool = False,
) -> JournalSink:
    """Return a campaign's record in a journal; nothing is opened yet.

    Args:
        where: A path, or a ``postgresql://`` URL.
        backend: Name of the protocol that sends.
        account: Tells the accounts of a protocol apart.
        clock: Where the time comes from.
        keyed: Whether the protocol has idempotency keys.
        added: Settings of the backend that change what people receive, by their names.
        lease: Seconds that a claim lasts unless it is renewed; two minutes by default.
        shared: Whether this is one of many that send what another process plans.

    Raises:
        InvalidRequest: The lease is not over 0, the URL is of a kind that is not supported, or a driver is missing.
    """
    if lease is not None and not lease > 0:
        msg = f"lease is {lease}, it must be over 0 seconds; nothing was sent."
        raise InvalidRequest(msg)
    return JournalSink(
        Database(where),
        backend=backend,
        account=account,
        clock=clock,
        keyed=keyed,
        added=added,
        lease=LEASE_SECONDS if lease is None else lease,
        shared=shared,
    )
