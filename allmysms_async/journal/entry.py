"""A campaign's entry in the journal: made once, compared whenever it is continued; and what of it was read before."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from allmysms_async.errors import CampaignChanged, InvalidSchedule
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.packing import unpack_numbers
from allmysms_async.journal.row import changed_options, insert_into, options_of
from allmysms_async.journal.transition import PAGE
from allmysms_async.model import Campaign

__all__ = ["Entry", "enter", "read_numbers"]

_c, _k, _r = schema.chunk.c, schema.campaign.c, schema.refused_row.c


class Entry(NamedTuple):
    """What a run needs to know of it: its number, its run, the ordinal of its next chunk."""

    id: int
    run_id: str
    next_seq: int


async def enter(database: Database, campaign: Campaign, backend: str, account: str, now: float) -> Entry:
    """Find a campaign in the journal, or enter it.

    Raises:
        CampaignChanged: The journal holds another one under this name.
        InvalidSchedule: It would begin now, and its date has passed.
    """
    message = campaign.message
    values = {
        "name": campaign.name,
        "text": message.text,
        "options": options_of(message),
        "backend": backend,
        "account": account,
        "run_id": secrets.token_hex(16),
        "created_at": now,
        "source_complete": False,
        "next_seq": 1,
    }

    async def work(connection: AsyncConnection) -> Any:
        insert = insert_into(connection, schema.campaign).on_conflict_do_nothing(index_elements=["name"])
        await connection.execute(insert, values)
        entry = (await connection.execute(sa.select(schema.campaign).where(_k.name == campaign.name))).one()
        begins = entry.run_id == values["run_id"]
        if begins and message.send_at is not None and message.send_at.timestamp() <= now:
            msg = f"send_at, {message.send_at.isoformat()}, is in the past; nothing was sent."
            raise InvalidSchedule(msg)
        return entry

    row = await database.write(work)
    words = {
        "text": "text",
        "backend": "protocol",
        "account": "account",
    }
    changed = [word for column, word in words.items() if getattr(row, column) != values[column]]
    changed += changed_options(row.options, options_of(message))
    if changed:
        msg = (
            f"The journal holds a campaign of this name with another {' and another '.join(changed)}; nothing was sent."
        )
        remedy = "Give the campaign another name to begin a new one, or continue it as it was."
        raise CampaignChanged(msg, remedy=remedy)
    return Entry(row.id, row.run_id, row.next_seq)


async def read_numbers(database: Database, campaign: int) -> AsyncIterator[tuple[array[int], array[int]]]:
    """Yield the numbers that were planned and the rows accounted for, those of some chunks at a time."""
    after = 0
    while True:
        async with database.reading() as connection:
            found = await connection.execute(
                sa.select(_c.seq, _c.numbers)
                .where(_c.campaign == campaign, _c.seq > after)
                .order_by(_c.seq)
                .limit(PAGE)
            )
            page = found.all()
        if not page:
            break
        after = page[-1].seq
        for _, packed in page:
            yield unpack_numbers(packed)
    async with database.reading() as connection:
        refused = await connection.execute(sa.select(_r.row_no).where(_r.campaign == campaign))
        yield array("Q"), array("Q", refused.scalars().all())
