"""What a run does at its end about a journal that was lost under it: what it knows is kept, and nobody begins anew."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from allmysms_async.errors import JournalLost
from allmysms_async.journal.database import Database
from allmysms_async.journal.rival import Worth
from allmysms_async.journal.salvage import Saved
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


async def concluded(database: Database, lost: JournalLost, known: Known) -> JournalLost:
    """Keep what can be kept of a lost journal, and keep the next run from beginning anew; return the error to raise.

    Args:
        database: The journal.
        lost: What happened to it.
        known: What it must have held.
    """
    said = lost.args[0]
    if known.unrecorded:
        said += f" What became of {known.unrecorded} requests that had been sent could not be recorded."
    if database.path is None:
        return await _on_a_server(database, said)
    saved = await database.save(known.is_within)
    if saved is not None:
        return _kept(said, saved)
    said += " Nothing of what it held could be saved."
    left, rest = await database.give_up(f"{said} At least {known.accepted} recipients had been texted.")
    if rest is not None:
        said += f" What had not been moved into its file yet is {rest}."
    remedy = (
        f"If the campaign was continued at {database.path} since, leave that journal there; if not, put the latest "
        "copy that there is there: whoever was texted since it was made is not in it."
    )
    if left is not None:
        remedy += f" {left} keeps others from texting them again; remove it once that is done."
    return JournalLost(said, remedy=remedy)


def _kept(said: str, saved: Saved) -> JournalLost:
    """Return the error that says what to do with a copy."""
    place = saved.place
    if saved.worth is Worth.SAVED:
        return JournalLost(
            f"{said} All that it held is saved as {saved.name}.",
            remedy=(
                f"Move that file to {place}, in place of whatever is there now, then run the same command "
                "again: it continues, and texts nobody twice."
            ),
            saved=saved.name,
        )
    if saved.worth is Worth.SPARE:
        return JournalLost(
            f"{said} What is at {place} now holds all that it held: the campaign was continued there.",
            remedy=(
                f"Leave {place} as it is, and run the same command again to continue it. {saved.name} is a copy of "
                "what this run held; do not move it there: those who were texted since would be texted again."
            ),
        )
    return JournalLost(
        f"{said} All that it held is kept as {saved.name}, but what is at {place} now has requests that are not in it, "
        "or cannot be read.",
        remedy=(
            "Move neither over the other: people would be texted twice. Look into both (allmysms journal), take "
            "everybody who was texted out of the recipients, and begin a campaign of another name with another journal."
        ),
    )


async def _on_a_server(database: Database, said: str) -> JournalLost:
    """Return the error of a database that has another journal now, or an older one, and is marked."""
    if not await database.mark():
        remedy = "Restore the latest copy of the database first: a new journal would text everybody again."
        return JournalLost(said, remedy=remedy)
    remedy = "Restore the latest copy of the database. What is there now is marked, and no campaign runs on it."
    return JournalLost(said, remedy=remedy)
