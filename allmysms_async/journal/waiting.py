"""What other processes hold of a campaign, in words for whoever waits for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from allmysms_async.batch.state import ChunkState
from allmysms_async.journal import schema
from allmysms_async.journal.direct import rows
from allmysms_async.journal.liveness import Place, here, may_be_told
from allmysms_async.journal.rescue import place_of
from allmysms_async.journal.transition import bind, gone
from allmysms_async.model import Waiting

__all__ = ["described", "held_by_others"]

_c, _k, _h = schema.chunk.c, schema.campaign.c, schema.holder.c


_others = sa.select(_c.owner, sa.func.count(), sa.func.max(_c.lease_until)).where(
    _c.campaign == bind("campaign"),
    _c.state == ChunkState.IN_FLIGHT.value,
    _c.owner.is_not(None),
    sa.not_(gone(bind("now", sa.Float))),
)
_OTHERS = {
    False: _others.group_by(_c.owner).order_by(_c.owner),
    True: _others.where(_c.owner != bind("owner")).group_by(_c.owner).order_by(_c.owner),
}
"""By whether somebody who holds something asks."""
_SOURCE = sa.select(_k.reader, _k.reader_until).where(_k.id == bind("campaign"), _k.reader.is_not(None))


def held_by_others(
    connection: sa.Connection, campaign: int, owner: str | None, now: float, *, reading: bool
) -> Waiting | None:
    """Return what others hold, or None if that is nothing.

    Args:
        connection: In a transaction.
        campaign: The campaign's number in the journal.
        owner: Who asks, or None if that holds nothing.
        now: Unix time.
        reading: Whether the one that reads the source counts as well.
    """
    values = {"p_campaign": campaign, "p_owner": owner, "p_now": now}
    requests, until = 0, dict[str, float]()
    for holder, count, last in rows(connection, _OTHERS[owner is not None], values):
        requests += count
        until[holder] = last
    if reading:
        for reader, last in rows(connection, _SOURCE, values):
            if reader != owner and last >= now:
                until[reader] = max(until.get(reader, 0.0), last)
    if not until:
        return None
    words = [described(connection, each) for each in sorted(until)]
    return Waiting(
        requests=requests, holders=tuple(words), until=datetime.fromtimestamp(round(max(until.values())), UTC)
    )


def described(connection: sa.Connection, owner: str) -> str:
    """Return a holder in words that people can look for it by."""
    row: Any = (connection.execute(sa.select(schema.holder).where(_h.owner == owner))).one_or_none()
    return "a process that left no trace" if row is None else _words(place_of(row), here())


def _words(place: Place, mine: Place) -> str:
    """Return a process in words, as seen from here."""
    if not may_be_told(place, mine):
        return f"process {place.pid} on another machine ({place.host})"
    if place.boot != mine.boot:
        return f"process {place.pid} on this machine before it was started anew"
    if place.pid_space != mine.pid_space:
        return f"process {place.pid} in another container on this machine ({place.host})"
    return f"process {place.pid} on this machine"
