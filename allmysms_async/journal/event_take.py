"""Which events are to be handled next, in the words of the database that is asked.

Of each number that is the oldest one that was not handled yet, unless it was put off until later. Half of those that
are handed out are new and half were put off before, as far as there are both: neither keeps the other waiting.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from allmysms_async.inbox import EventKind
from allmysms_async.journal.event_row import event_of
from allmysms_async.journal.event_schema import LOCKS
from allmysms_async.model.event import Kept

__all__ = ["Taking", "kept_of", "taking"]

_NEW, _PUT_OFF = "e.retry_at = 0", "e.retry_at > 0 and e.retry_at <= "
_TURN = "row_number() over (order by retry_at, id) as turn"
_FREE = "e.phone not in (select value from json_each(?1))"


class Taking(NamedTuple):
    """The questions of who handles events.

    Attributes:
        from_file: Of a file: numbers that are not wanted as a JSON array, how many, and Unix time.
        from_lanes: Of a server: lanes, numbers that are not wanted, how many of a lane at most, Unix time, and how
            many.
        lanes_taken: Of those lanes that have something due, as many as are free are locked: lanes, Unix time, how many.
        locking: Of some lanes those that are free are locked: lanes.
        unlocking: Lanes are free again: lanes.
    """

    from_file: str
    from_lanes: str
    lanes_taken: str
    locking: str
    unlocking: str


def taking(kind: EventKind | None) -> Taking:
    """Return the questions of who handles events of one kind, or of all."""
    of_kind, before = (f" and {name}.kind = '{kind}'" if kind is not None else "" for name in ("e", "p"))
    first = (
        f"e.handled_at is null{of_kind} and not exists"
        f" (select 1 from event p where p.phone = e.phone and p.handled_at is null and p.id < e.id{before})"
    )
    from_file = (
        "select e.id, e.kind, e.phone, e.attempts, e.body from ("
        f" select id, {_TURN} from (select id, retry_at from event e where {_NEW} and {_FREE} and {first}"
        " order by e.id limit ?2)"
        f" union all select id, {_TURN} from (select id, retry_at from event e where {_PUT_OFF} ?3 and {_FREE} and"
        f" {first} order by e.retry_at, e.id limit ?2)"
        " order by turn limit ?2"
        ") as chosen join event e on e.id = chosen.id order by e.id"
    )
    of_lane = f"from event e where e.lane = l.lane and {first} and e.phone <> all ($2::text[])"
    from_lanes = (
        "select e.id, e.kind, e.phone, e.attempts, e.body, e.lane from ("
        " select id, row_number() over (partition by put_off order by retry_at, id) as turn from"
        " unnest($1::smallint[]) as l (lane) cross join lateral ("
        f" (select e.id, e.retry_at, false as put_off {of_lane} and {_NEW} order by e.id limit $3)"
        f" union all (select e.id, e.retry_at, true {of_lane} and {_PUT_OFF} $4 order by e.retry_at, e.id limit $3)"
        ") as due order by turn limit $5"
        ") as chosen join event e on e.id = chosen.id order by e.id"
    )
    locked, unlocked = _locks(kind)
    lanes_taken = (
        "select l from unnest($1::int[]) as t (l) where case when"
        # Not "exists", which might be answered for all lanes at once, by reading whatever waits.
        f" (select true from event e where e.lane = l and e.handled_at is null{of_kind} and e.retry_at <= $2 limit 1)"
        f" then {locked} else false end limit $3"
    )
    return Taking(
        from_file,
        from_lanes,
        lanes_taken,
        f"select l from unnest($1::int[]) as t (l) where {locked}",
        f"select {unlocked} from unnest($1::int[]) as t (l)",
    )


def _locks(kind: EventKind | None) -> tuple[str, str]:
    """Return what locks a lane, and what unlocks it.

    Who handles all has it alone. Who handles a kind shares it, and has alone what the kind has beside it.
    """
    if kind is None:
        return f"pg_try_advisory_lock({LOCKS}, l)", f"pg_advisory_unlock({LOCKS}, l)"
    own = LOCKS + 1 + get_args(EventKind).index(kind)
    # Where another one handles the kind the share is given back, which is true.
    locked = (
        f"case when pg_try_advisory_lock_shared({LOCKS}, l) then case when pg_try_advisory_lock({own}, l) then true"
        f" else not pg_advisory_unlock_shared({LOCKS}, l) end else false end"
    )
    return locked, f"pg_advisory_unlock({own}, l), pg_advisory_unlock_shared({LOCKS}, l)"


def kept_of(row: Any, label: str) -> Kept:
    """Return an event that is to be handled.

    Raises:
        JournalError: It cannot be read.
    """
    return Kept(id=row[0], event=event_of(row[1], row[4], row[0], label), attempts=row[3])
