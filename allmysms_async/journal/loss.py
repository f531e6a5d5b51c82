"""What a run does at its end about a journal that was lost under it: what it knows is kept, and nobody begins anew."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import sqlalchemy as sa

from allmysms_async.errors import JournalError, JournalLost
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.model import Totals

__all__ = ["Known", "concluded"]

_SUMS = (
    "SELECT coalesce(sum(n), 0), coalesce(sum(accepted), 0), coalesce(sum(accepted + rejected + failed + unknown), 0) "
    "FROM chunk WHERE campaign = ?"
)
_REFUSED = "SELECT count(*) FROM refused_row WHERE campaign = ?"


class Known(NamedTuple):
    """What a process knows of its campaign, and a copy of the journal must have at least.

    Attributes:
        campaign: The campaign's number.
        rows: Rows of the source that were planned or refused.
        accepted: Those that the gateway accepted.
        ended: Those that ended in some way.
        unrecorded: Requests whose end could not be recorded.
    """

    campaign: int
    rows: int
    accepted: int
    ended: int
    unrecorded: int

    @classmethod
    def of(cls, campaign: int, sums: Totals, unrecorded: int) -> Known:
        """Return what the sums of a campaign say."""
        return cls(campaign, sums.rows, sums.accepted, sums.rows - sums.pending, unrecorded)

    def is_within(self, copy: sqlite3.Connection) -> bool:
        """Tell whether a copy holds all of it."""
        rows, accepted, ended = copy.execute(_SUMS, (self.campaign,)).fetchone()
        [refused] = copy.execute(_REFUSED, (self.campaign,)).fetchone()
        return bool(rows + refused >= self.rows and accepted >= self.accepted and ended + refused >= self.ended)


async def concluded(database: Database, lost: JournalLost, known: Known, now: float) -> JournalLost:
    """Keep what can be kept of a lost journal, and keep the next run from beginning anew; return the error to raise.

    Args:
        database: The journal.
        lost: What happened to it.
        known: What it must have held.
        now: Unix time.
    """
    said = lost.args[0]
    if known.unrecorded:
        said += f" What became of {known.unrecorded} requests that had been sent could not be recorded."
    if database.path is None:
        return await _on_a_server(database, said, now)
    saved = await database.save(known.is_within)
    if saved is not None:
        return JournalLost(
            f"{said} All that it held is saved as {saved}.",
            remedy=(
                f"Move that file to {database.path}, in place of whatever is there now, then run the same command "
                "again: it continues, and texts nobody twice."
            ),
            saved=saved,
        )
    said += " Nothing of what it held could be saved."
    left = await database.leave_note(f"{said} At least {known.accepted} recipients had been texted.")
    remedy = f"Put the latest copy that there is at {database.path}; whoever was texted since it was made is not in it"
    return JournalLost(said, remedy=f"{remedy}. {left} keeps others from texting them again." if left else f"{remedy}.")


async def _on_a_server(database: Database, said: str, now: float) -> JournalLost:
    """Mark a database that has another journal now, or an older one."""

    def work(connection: sa.Connection) -> None:
        schema.ensure(connection, database.label, create=True)
        connection.execute(schema.loss.insert().values(lost_at=now))

    try:
        await database.write(work)
    except JournalError:
        remedy = "Restore the latest copy of the database first: a new journal would text everybody again."
        return JournalLost(said, remedy=remedy)
    remedy = "Restore the latest copy of the database. What is there now is marked, and no campaign runs on it."
    return JournalLost(said, remedy=remedy)
