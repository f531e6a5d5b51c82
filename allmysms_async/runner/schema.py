"""The runner's own tables beside the journal's: what is placed, the limits of each account, and who works.

They hold nothing that decides what may be sent: that is the journal's alone. The rule of versions: a release that adds
to the tables raises ``VERSION``, and changes them so that older workers go on; only if they cannot does it raise
``LEAST`` as well. A worker that finds newer tables goes on while their ``least`` is no higher than its own version, and
refuses otherwise; one that finds older tables brings them up to its own. A journal of a newer version is refused, too.
Each worker looks whenever it says that it lives.
"""

from __future__ import annotations

from typing import Any

from allmysms_async.errors import WorkerOutdated
from allmysms_async.journal.schema import VERSION as JOURNAL_VERSION

__all__ = ["LEAST", "VERSION", "VERSIONS", "ensure", "judge"]

VERSION = 2
"""Of these tables."""

LEAST = 2
"""The oldest version that can work on these tables."""

VERSIONS = (
    "(select version from allmysms_runner limit 1) as version, (select least from allmysms_runner limit 1) as least,"
    " (select version from allmysms_journal limit 1) as journal"
)
"""The columns of a question that ``judge`` is to be given."""

_LOCK = 6_214_018_032_029  # names the lock under which these tables are created or changed, nothing else
# What version 2 adds: until when a seat may be in use, the slots of each second, and what went wrong over all machines.
# Workers of version 1 do not go on: they would count requests a second apart.
_SECOND = """
create table if not exists runner_seat (
    line text not null,
    number integer not null,
    holder text not null,
    until timestamptz not null,
    primary key (line, number)
);
create table if not exists runner_slot (
    line text not null,
    number integer not null,
    holder text not null,
    free_at timestamptz not null,
    primary key (line, number)
);
create table if not exists runner_failure (
    campaign integer primary key,
    since timestamptz not null,
    requests bigint not null,
    rows bigint not null,
    lost bigint not null
);
alter table runner_line add column if not exists hour_limit integer;
alter table runner_campaign add column if not exists by_operator boolean not null default false;
"""
# Earlier tables have a column `tat` in runner_line that nobody uses: it stays, as dropping it takes a lock and a right.
_CREATE = (
    """
create table if not exists allmysms_runner (version integer not null, least integer not null);
create table if not exists runner_campaign (
    campaign integer primary key,
    line text not null,
    status text not null default 'open',
    reason text,
    priority integer not null default 0,
    options text not null default '{}',
    changed_at timestamptz not null default now()
);
alter table runner_campaign add column if not exists by_operator boolean not null default false;
create index if not exists runner_campaign_line on runner_campaign (line, status);
create table if not exists runner_line (
    line text primary key,
    max_in_flight integer,
    rate double precision
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
        WorkerOutdated: They, or the journal, are of a version that this release cannot work on.
    """
    if await connection.fetchval("select to_regclass('allmysms_runner') is not null"):
        row = await connection.fetchrow(f"select {VERSIONS}")
        judge(label, **row)
        if row["version"] is not None and row["version"] >= VERSION:
            return  # as ever: creating what is there would wait for whoever changes it, and takes a right of its own
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_CREATE)
        row = await connection.fetchrow(f"select {VERSIONS}")
        if row["version"] is None:
            await connection.execute("insert into allmysms_runner values ($1, $2)", VERSION, LEAST)
            return
        judge(label, **row)
        for version in range(row["version"] + 1, VERSION + 1):
            await connection.execute(_CHANGES[version])
            await connection.execute("update allmysms_runner set version = $1, least = $2", version, LEAST)


def judge(label: str, version: int | None, least: int | None, journal: int | None) -> None:
    """Refuse to work on what a newer release changed, also in mid-campaign.

    Args:
        label: Names the database to people.
        version: Of the runner's tables; None if there is none.
        least: The oldest version that can work on them.
        journal: Version of the journal.

    Raises:
        WorkerOutdated: This release cannot work on them.
    """
    if version is not None and least is not None and version > VERSION and least > VERSION:
        what, wanted, mine = f"The runner's tables in {label} have version {version}", least, VERSION
    elif journal is not None and journal > JOURNAL_VERSION:
        what, wanted, mine = f"The journal {label} has version {journal}", journal, JOURNAL_VERSION
    else:
        return
    msg = (
        f"{what}, which needs a worker of version {wanted} or later; this one is of version {mine}. It sends nothing "
        "more."
    )
    raise WorkerOutdated(msg, remedy="Update this worker; the others go on meanwhile.")
