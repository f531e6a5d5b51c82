"""What is written about events, in the words of the database that it is written to: one statement for a whole group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain, compress
from operator import not_
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from allmysms_async.journal.event_row import Group, OptOutRow, merged
from allmysms_async.journal.event_schema import LANES, LOCKS

__all__ = ["end_opt_outs", "finish", "keep_opt_outs", "put_off", "store"]


class _FileRows(NamedTuple):
    """A statement that writes rows to a file, in parts.

    Attributes:
        start: What comes before the rows.
        shared: How many values all rows have in common; they come first.
        columns: How many each has of its own.
        more: What else stands in each row.
        end: What comes after the rows.
        most: How many rows, at most.
    """

    start: str
    shared: int
    columns: int
    more: str
    end: str
    most: int


# One process stores at a time, so that events are numbered in the order in which they are there to be read.
_ALONE = (
    # Also on a session that a pooler shares, which the settings of a new connection do not reach.
    f"select pg_advisory_xact_lock({LOCKS}, {LANES}), set_config('idle_in_transaction_session_timeout', '30000', true),"
    " set_config('enable_seqscan', 'off', true)"  # statistics of a table that has just filled say that it is empty
)

_EVENT = (
    "insert into event"
    " (kind, identity, phone, lane, campaign_id, sms_id, status, at, body, received_at, attempts, retry_at) "
)
# "or fail": without it SQLite keeps, beside the file, what each page held before the statement, to undo that alone;
# here whatever fails undoes the transaction.
_EVENT_IN_FILE = (
    "insert or fail into event (kind, identity, phone, lane, campaign_id, sms_id, status, at, body,"
    " received_at, handled_at, attempts, retry_at) "
)
_ONCE = " on conflict (identity) do nothing"
_STATE = "insert into delivery (campaign_id, text, phone, sms_id, status, rank, at, identity) "
_LATER_STATE = (
    " on conflict (campaign_id, text) do update set"
    " phone = excluded.phone, sms_id = excluded.sms_id, status = excluded.status, rank = excluded.rank,"
    " at = excluded.at, identity = excluded.identity"
    " where (excluded.rank, coalesce(excluded.at, -1e308), excluded.identity, coalesce(excluded.sms_id, ''))"
    " > (delivery.rank, coalesce(delivery.at, -1e308), delivery.identity, coalesce(delivery.sms_id, ''))"
)
_OPT_OUT = "insert into opt_out (phone, since, source, reason, ended_at) "
_LATER = (
    "(coalesce(excluded.since, -1e308), excluded.source, excluded.reason)"
    " > (coalesce(opt_out.since, -1e308), opt_out.source, opt_out.reason)"
)
_LATER_OPT_OUT = (
    " on conflict (phone) do update set"
    f" since = case when {_LATER} then excluded.since else opt_out.since end,"
    f" source = case when {_LATER} then excluded.source else opt_out.source end,"
    f" reason = case when {_LATER} then excluded.reason else opt_out.reason end,"
    " ended_at = case when opt_out.ended_at is null or excluded.ended_at > opt_out.ended_at"
    " then excluded.ended_at else opt_out.ended_at end"
)

# What people decide holds, also of an opt-out whose date is yet to come.
_END = "case when since >= {0} then since + 0.001 else {0} end"

_FILE = {
    "known": "select identity from event where identity = ?",
    "done": "update event set handled_at = ? where handled_at is null and id in (select value from json_each(?))",
    "try": "update event set attempts = attempts + 1 where id = ? and handled_at is null",
    "later": (
        "update event set retry_at = ? where handled_at is null and phone = (select phone from event where id = ?)"
    ),
    "end": f"update opt_out set ended_at = {_END.format('?1')} where phone = ?2",
}
_FILE_ROWS = {
    # Few statements, since the driver lets go of the interpreter, and waits for it, once for each. All of one were
    # stored, and maybe handled, at one moment.
    "event": _FileRows(f"{_EVENT_IN_FILE}values ", 2, 9, ", ?1, ?2, 0, 0", _ONCE, 32),
    # Few rows: what each page held before an update is kept in memory, up to 16 pages.
    "state": _FileRows(f"{_STATE}values ", 0, 8, "", _LATER_STATE, 8),
    "opt_out": _FileRows(f"{_OPT_OUT}values ", 0, 5, "", _LATER_OPT_OUT, 8),
}
_SERVER = {
    "event": (
        f"{_EVENT}select kind, identity, phone, lane, campaign_id, sms_id, status, at, body, $10::float8, 0, 0"
        " from unnest($1::text[], $2::bytea[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[],"
        " $8::float8[], $9::bytea[]) with ordinality"
        f" as t (kind, identity, phone, lane, campaign_id, sms_id, status, at, body, place) order by place{_ONCE}"
    ),
    "state": (
        f"{_STATE}select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[],"
        f" $7::float8[], $8::bytea[]){_LATER_STATE}"
    ),
    "opt_out": (
        f"{_OPT_OUT}select * from unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::float8[])"
        f"{_LATER_OPT_OUT}"
    ),
    "known": "select identity from event where identity = $1",
    "done": "update event set handled_at = $1 where handled_at is null and id = any($2::bigint[])",
    "try": "update event set attempts = attempts + 1 where id = $1 and handled_at is null",
    "later": (
        "update event set retry_at = $1 where handled_at is null and phone = (select phone from event where id = $2)"
    ),
    "end": f"update opt_out set ended_at = {_END.format('$1::float8')} where phone = $2",
}

_encode = msgspec.json.Encoder().encode


def store(connection: sa.Connection, group: Group, now: float, over: Sequence[bool] = ()) -> tuple[int, int]:
    """Store events with what they say of texts and opt-outs.

    Args:
        connection: In a transaction that writes.
        group: The events.
        now: Unix time.
        over: Of a file's, which of the events are marked as handled at once; none without it.

    Returns:
        How many were not there before, and how many of these are marked as handled.
    """
    if not _is_file(connection):
        connection.exec_driver_sql(_ALONE)
    said = {row[0]: row for row in group.opt_outs}
    for name, row in group.undated.items():
        if connection.exec_driver_sql(_words(connection)["known"], (name,)).first() is None:
            said[row[0]] = merged(said[row[0]], row) if row[0] in said else row
    handled = 0
    if _is_file(connection):
        if any(over):
            handled = _in_file(connection, "event", list(compress(group.events, over)), (now, now))
        left = list(compress(group.events, map(not_, over))) if over else group.events
        new = handled + _in_file(connection, "event", left, (now, None))
    else:
        columns = tuple(map(list, zip(*group.events, strict=True)))
        new = int(connection.exec_driver_sql(_SERVER["event"], (*columns, now)).rowcount)
    _each(connection, "state", group.states)
    _each(connection, "opt_out", [said[phone] for phone in sorted(said)])
    return new, handled


def finish(connection: sa.Connection, ids: Sequence[int], now: float) -> None:
    """Note that events were handled."""
    if _is_file(connection):
        connection.exec_driver_sql(_FILE["done"], (now, _encode(ids).decode()))
        return
    connection.exec_driver_sql("select set_config('enable_seqscan', 'off', true)")
    connection.exec_driver_sql(_SERVER["done"], (now, list(ids)))


def put_off(connection: sa.Connection, number: int, at: float) -> None:
    """Note that an event could not be handled, and when it and those behind it are due again.

    Args:
        connection: In a transaction that writes.
        number: Which event.
        at: Unix time.
    """
    if not _is_file(connection):
        connection.exec_driver_sql("select set_config('enable_seqscan', 'off', true)")
    words = _words(connection)
    connection.exec_driver_sql(words["try"], (number,))
    connection.exec_driver_sql(words["later"], (at, number))


def keep_opt_outs(connection: sa.Connection, rows: Sequence[OptOutRow]) -> None:
    """Note opt-outs, and what is known of their ends."""
    said: dict[str, OptOutRow] = {}
    for row in rows:
        said[row[0]] = merged(said[row[0]], row) if row[0] in said else row
    _each(connection, "opt_out", [said[phone] for phone in sorted(said)])


def end_opt_outs(connection: sa.Connection, ends: Sequence[tuple[float, str]]) -> None:
    """Note that numbers may be texted again, whatever was known of them.

    Args:
        connection: In a transaction that writes.
        ends: Unix time and number.
    """
    for end in sorted(ends, key=lambda each: each[1]):
        connection.exec_driver_sql(_words(connection)["end"], end)


def _each(connection: sa.Connection, name: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write rows; return how many were."""
    if not rows:
        return 0
    if _is_file(connection):
        return _in_file(connection, name, rows)
    columns = tuple(map(list, zip(*rows, strict=True)))
    return int(connection.exec_driver_sql(_SERVER[name], columns).rowcount)


def _in_file(
    connection: sa.Connection, name: str, rows: Sequence[tuple[Any, ...]], shared: tuple[Any, ...] = ()
) -> int:
    """Write rows by the driver's own means, several in a statement; return how many were."""
    raw: Any = connection.connection.dbapi_connection
    written, most = 0, _FILE_ROWS[name].most
    for at in range(0, len(rows), most):
        some = rows[at : at + most]
        values = (*shared, *chain.from_iterable(some))
        written += raw.execute(_rows_in_file(name, len(some)), values).rowcount
    return written


@cache
def _rows_in_file(name: str, count: int) -> str:
    """Return the statement that writes so many rows."""
    rows = _FILE_ROWS[name]
    firsts = range(1 + rows.shared, 1 + rows.shared + count * rows.columns, rows.columns)
    written = (", ".join(f"?{place}" for place in range(first, first + rows.columns)) for first in firsts)
    return f"{rows.start}{', '.join(f'({row}{rows.more})' for row in written)}{rows.end}"


def _is_file(connection: sa.Connection) -> bool:
    """Tell whether it is SQLite's."""
    return connection.dialect.name == "sqlite"


def _words(connection: sa.Connection) -> dict[str, str]:
    """Return the statements of a database."""
    return _FILE if _is_file(connection) else _SERVER
