"""The runner's own tables beside the journal's: what is placed, the limits of each account, and who works.

They hold nothing that decides what may be sent: that is the journal's alone. The rule of versions: a release that adds
to the tables raises ``VERSION``, and changes them so that older workers go on; only if they cannot does it raise
``LEAST`` as well. A worker that finds newer tables goes on while their ``least`` is no higher than its own version, and
refuses otherwise; one that finds older tables brings them up to its own.
"""

from __future__ import annotations

from typing import Any

from allmysms_async.errors import WorkerOutdated

__all__ = ["LEAST", "VERSION", "check", "ensure"]

VERSION = 2
"""Of these tables."""

LEAST = 1
"""The oldest version that can work on these tables."""

_LOCK = 6_214_018_032_029  # names the lock under which these tables are created or changed, nothing else
# What version 2 adds: until when a seat may be in use, and what went wrong over all machines. Workers of version 1 go
# on: while such a one works, the limit in flight holds for it by the lock alone, as it did then.
_SECOND = """
create table if not exists runner_seat (
    line text not null,
    number integer not null,
    holder text not null,
    until timestamptz not null,
    primary key (line, number)
);
create table if not exists runner_failure (
    campaign integer primary key,
    since timestamptz not null,
    requests bigint not null,
    rows bigint not null,
    lost bigint not null
);
"""
_CREATE = (
    """
create table if not exists allmysms_runner (version integer not null, least integer not null);
create table if not exists runner_campaign (
    campaign integer primary key,
    line text not null,
    status text not null default 'open',
    reason text,
    by_operator boolean not null default false,
    priority integer not null default 0,
    options text not null default '{}',
    changed_at timestamptz not null default now()
);
create index if not exists runner_campaign_line on runner_campaign (line, status);
create table if not exists runner_line (
    line text primary key,
    max_in_flight integer,
    rate double precision,
    tat timestamptz not null default '-infinity'
);
create table if not exists runner_request (
    id bigint generated always as identity primary key,
    line text not null,
    ended_at timestamptz not null
);
create index if not exists runner_request_line on runner_request (line, ended_at);
create table if not exists runner_worker (
    name text primary key,
    line text not null,
    concurrency integer not null,
    seen_at timestamptz not null default clock_timestamp()
);
"""
    + _SECOND
)
_CHANGES: dict[int, str] = {2: _SECOND}
"""What brings the tables from one version to the next, by the next."""


async def ensure(connection: Any, label: str) -> None:
    """Create the tables, bring older ones up to this version, or check that newer ones can be worked on.

    Args:
        connection: Of the driver.
        label: Names the database to people.

    Raises:
        WorkerOutdated: They are of a version that this release cannot work on.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_CREATE)
        row = await connection.fetchrow("select version, least from allmysms_runner")
        if row is None:
            await connection.execute("insert into allmysms_runner values ($1, $2)", VERSION, LEAST)
            return
        _judge(row["version"], row["least"], label)
        for version in range(row["version"] + 1, VERSION + 1):
            await connection.execute(_CHANGES[version])
            await connection.execute("update allmysms_runner set version = $1, least = $2", version, LEAST)


async def check(connection: Any, label: str) -> None:
    """Check that the tables can still be worked on: a newer release may have changed them meanwhile.

    Raises:
        WorkerOutdated: They cannot.
    """
    row = await connection.fetchrow("select version, least from allmysms_runner")
    if row is not None:
        _judge(row["version"], row["least"], label)


def _judge(version: int, least: int, label: str) -> None:
    """Refuse tables that this version cannot work on."""
    if version > VERSION and least > VERSION:
        msg = (
            f"The runner's tables in {label} have version {version}, which needs a worker of version {least} or later; "
            f"this one is of version {VERSION}. It sends nothing more."
        )
        raise WorkerOutdated(msg, remedy="Update this worker; the others go on meanwhile.")
