"""A campaign's entry in the journal: made once, compared whenever it is continued; and what of it was read before."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from allmysms_async.batch.seen import Refusals, refusal
from allmysms_async.batch.state import ChunkState
from allmysms_async.errors import CampaignChanged, InvalidSchedule
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.direct import rows
from allmysms_async.journal.left import PAGE
from allmysms_async.journal.packing import unpack_numbers
from allmysms_async.journal.row import (
    changed_options,
    insert_into,
    message_of,
    options_of,
    quiet_hours_in,
    with_quiet_hours,
)
from allmysms_async.journal.transition import bind
from allmysms_async.journal.waiting import held_by_others
from allmysms_async.model import Campaign, Reason, Waiting

__all__ = ["Elsewhere", "Entry", "enter", "held_elsewhere", "read_numbers"]

_REFUSED_PAGE = 5000
# What is compared as it stands, and what people call it.
_COMPARED = {"text": "text", "backend": "protocol", "account": "account"}
_c, _k, _r = schema.chunk.c, schema.campaign.c, schema.refused_row.c


class Entry(NamedTuple):
    """What a run needs to know of it: its number, its run, the ordinal of its next chunk, whether it is a new one."""

    id: int
    run_id: str
    next_seq: int
    begins: bool


class Elsewhere(NamedTuple):
    """What other processes hold of a campaign: when the first lease ends, who reads a source until when."""

    lease: float | None
    reader: str | None
    reader_until: float
    reader_lease: float
    source_complete: bool
    waiting: Waiting | None


async def enter(
    database: Database,
    campaign: Campaign,
    backend: str,
    account: str,
    now: float,
    added: Mapping[str, str | bool | None],
) -> Entry:
    """Find a campaign in the journal, or enter it.

    Args:
        database: The journal.
        campaign: The campaign.
        backend: Name of the protocol that sends.
        account: Tells the accounts of a protocol apart.
        now: Unix time.
        added: Settings of the backend that change what people receive.

    Raises:
        CampaignChanged: The journal holds another one under this name.
        InvalidSchedule: It would begin now, and its date has passed.
    """
    message = campaign.message
    options = options_of(message, added, campaign.exclude_opt_outs, campaign.quiet_hours)
    values = {
        "name": campaign.name,
        "text": message.text,
        "options": options,
        "backend": backend,
        "account": account,
        "run_id": secrets.token_hex(16),
        "created_at": now,
        "source_complete": False,
        "next_seq": 1,
    }

    def work(connection: sa.Connection) -> Any:
        insert = insert_into(connection, schema.campaign).on_conflict_do_nothing(index_elements=["name"])
        connection.execute(insert, values)
        entry = connection.execute(sa.select(schema.campaign).where(_k.name == campaign.name)).one()
        begins = entry.run_id == values["run_id"]
        if begins and message.send_at is not None and message.send_at.timestamp() <= now:
            msg = f"send_at, {message.send_at.isoformat()}, is in the past; nothing was sent."
            raise InvalidSchedule(msg)
        return entry

    row = await database.write(work)
    _check_same(row, values)
    await _note_quiet_hours(database, row, options, now)
    return Entry(row.id, row.run_id, row.next_seq, row.run_id == values["run_id"])


def _check_same(row: Any, given: Mapping[str, Any]) -> None:
    """Refuse a campaign that is another one than the journal holds under its name.

    Args:
        row: What the journal holds.
        given: The same columns of the campaign that is given.

    Raises:
        CampaignChanged: It is another one.
    """
    # Older ones hold the text as it was given; what is sent may be the same.
    kept = {"text": message_of(row.text, row.options).text, "backend": row.backend, "account": row.account}
    changed = [word for column, word in _COMPARED.items() if kept[column] != given[column]]
    changed += changed_options(row.options, given["options"])
    if changed:
        msg = (
            f"The journal holds a campaign of this name with another {' and another '.join(changed)}; nothing was sent."
        )
        remedy = "Give the campaign another name to begin a new one, or continue it as it was."
        raise CampaignChanged(msg, remedy=remedy)


async def _note_quiet_hours(database: Database, row: Any, given: str, now: float) -> None:
    """Record what is to be done about quiet hours from now on, and that they are ignored as a decision of its own."""
    before, after = quiet_hours_in(row.options), quiet_hours_in(given)
    ignores = after is not None and after.policy == "ignore"
    if after is None or (before == after and not (ignores and row.next_seq == 1)):
        return
    options = with_quiet_hours(row.options, given)

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.update(schema.campaign).where(_k.id == row.id).values(options=options))
        if ignores:
            decided = {"campaign": row.id, "seq": 0, "decided_at": now, "decided": "ignore_quiet_hours"}
            connection.execute(schema.decision.insert().values(decided))

    await database.write(work)


_LEASES = sa.select(sa.func.min(_c.lease_until)).where(
    _c.campaign == bind("campaign"),
    _c.state == ChunkState.IN_FLIGHT.value,
    sa.or_(_c.owner.is_(None), _c.owner != bind("owner")),
)
_READING = sa.select(_k.reader, _k.reader_until, _k.reader_lease, _k.source_complete).where(_k.id == bind("campaign"))


async def held_elsewhere(database: Database, campaign: int, owner: str, now: float) -> Elsewhere:
    """Return what other processes than this one hold."""
    values = {"p_campaign": campaign, "p_owner": owner}

    def work(connection: sa.Connection) -> Elsewhere:
        waiting = held_by_others(connection, campaign, owner, now, reading=True)
        [(lease,)] = rows(connection, _LEASES, values)
        [(reader, until, seconds, complete)] = rows(connection, _READING, values)
        return Elsewhere(
            lease, None if reader == owner else reader, until or 0.0, seconds or 0.0, bool(complete), waiting
        )

    return await database.read(work)


async def read_numbers(database: Database, campaign: int) -> AsyncIterator[tuple[array[int], array[int], Refusals]]:
    """Yield the numbers that were planned, the rows accounted for and what was refused, some at a time."""
    after = 0
    while True:
        chunks = sa.select(_c.seq, _c.numbers).where(_c.campaign == campaign, _c.seq > after).order_by(_c.seq)
        page = await _page(database, chunks.limit(PAGE))
        if not page:
            break
        after = page[-1].seq
        for _, packed in page:
            yield *unpack_numbers(packed), array("Q")
    after = 0
    while True:
        columns = sa.select(_r.id, _r.row_no, _r.phone, _r.reason)
        refused = columns.where(_r.campaign == campaign, _r.id > after).order_by(_r.id)
        page = await _page(database, refused.limit(_REFUSED_PAGE))
        if not page:
            return
        after = page[-1].id
        numbers = array("Q", [each.row_no for each in page])
        yield array("Q"), numbers, array("Q", [refusal(each.phone, Reason(each.reason)) for each in page])


async def _page(database: Database, statement: sa.Executable) -> Sequence[Any]:
    """Return what a question finds."""
    return await database.read(lambda connection: connection.execute(statement).all())
