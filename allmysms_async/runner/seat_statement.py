"""The statements on the seats' rows and locks.

Their values: the account and the holder; then the seats' numbers, the key of their locks, and for how many seconds a
row is written. ``TAKE`` has the key first, how many seats there are and which are not to be taken, and then the same.
"""

from __future__ import annotations

__all__ = ["CLEAR_ALL", "GIVE", "KEEP", "LEAVE", "TAKE"]

# Taken one after the other until one is free, and never one that this worker has: locks of a session add up. What rests
# is looked at again once it is locked, in the row itself: a seat may have been left behind in between.
TAKE = """
with free as materialized (
    select n from generate_series(0, $2::int - 1) as n where case
        when n = any($3::int[]) then false
        when exists (select from runner_seat where line = $4 and number = n and holder <> $5
            and until > clock_timestamp()) then false
        else pg_try_advisory_lock($1::int, n) end limit 1),
had as (
    insert into runner_seat as s (line, number, holder, until)
    select $4, n, $5, clock_timestamp() + make_interval(secs => $6::float8) from free
    on conflict (line, number) do update set holder = excluded.holder, until = excluded.until
        where s.holder = excluded.holder or s.until <= clock_timestamp() returning number)
select n, exists (select from had) as had from free
"""
KEEP = (
    "update runner_seat set until = clock_timestamp() + make_interval(secs => $4::float8)"
    " where line = $1 and holder = $2 and number = any($3::int[]) returning number"
)
_CLEAR = (
    "update runner_seat set until = '-infinity' where line = $1 and holder = $2 and number = $3 and until > '-infinity'"
)
CLEAR_ALL = _CLEAR.replace("number = $3", "number = any($3::int[])")
GIVE = f"with cleared as ({_CLEAR}) select pg_advisory_unlock($4::int, $3::int)"
LEAVE = (
    "with left_behind as (update runner_seat set holder = '' where line = $1 and holder = $2 and number = $3)"
    " select pg_advisory_unlock($4::int, $3::int)"
)
