"""What is placed, and how far: the statements on the runner's tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

import msgspec
import sqlalchemy as sa

from allmysms_async.backend import Sends
from allmysms_async.batch.state import ChunkState
from allmysms_async.errors import InvalidRequest
from allmysms_async.journal import schema
from allmysms_async.journal.transition import AGAIN, AHEAD
from allmysms_async.options import SendOptions
from allmysms_async.runner import schema as tables
from allmysms_async.runner.control import TELL, Control
from allmysms_async.text import escaped

__all__ = [
    "Beat",
    "Placed",
    "Status",
    "beat",
    "change",
    "enter",
    "finish",
    "has_placed",
    "leave",
    "limit",
    "line_of",
    "look",
    "placed",
    "placed_as",
    "reopen",
    "wake_up",
]

Status: TypeAlias = Literal["open", "paused", "stopped", "done"]
"""``open`` is sent, ``paused`` and ``stopped`` wait for an operator, ``done`` has nothing left to send."""

_STORED = ("chunk_size", "max_cost", "max_parts", "max_failure_rate", "max_duration", "lease")
_SEEN_SECONDS = 10.0
"""A worker that was not heard of for longer is not counted."""

_MOST = 1000
_k = schema.campaign.c
_PENDING, _IN_FLIGHT, _UNKNOWN = ChunkState.PENDING.value, ChunkState.IN_FLIGHT.value, ChunkState.UNKNOWN.value


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that is placed.

    Attributes:
        campaign: Its number in the journal.
        name: Its name.
        line: The account that sends it.
        status: Where it stands.
        reason: Why it was stopped, or None.
        priority: Those with a higher one are sent first.
        options: How it is sent.
        waiting: Its chunks that wait or are being sent, a thousand at most.
    """

    campaign: int
    name: str
    line: str
    status: Status
    reason: str | None
    priority: int
    options: SendOptions
    waiting: int


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker learns each time that it says that it lives.

    Attributes:
        workers: Workers of the account that live.
        concurrency: Requests that they could have in flight together.
        max_in_flight: Requests in flight at most, None for any number.
        rate: Requests a second at most, None for any number.
    """

    workers: int
    concurrency: int
    max_in_flight: int | None
    rate: float | None


def line_of(backend: Sends) -> str:
    """Return what names a backend's protocol and account, and shows nothing of the account."""
    return f"{backend.name}-{hashlib.sha256(backend.identity.encode()).hexdigest()[:12]}"


def _packed(options: Mapping[str, Any]) -> str:
    kept = {name: options[name] for name in _STORED if options.get(name) is not None}
    return msgspec.json.encode(kept).decode()  # a Decimal becomes a text


def _unpacked(text: str) -> SendOptions:
    options: dict[str, Any] = msgspec.json.decode(text.encode())
    known = {name: value for name, value in options.items() if name in _STORED}  # a newer release may know more
    if "max_cost" in known:
        known["max_cost"] = Decimal(known["max_cost"])
    return cast("SendOptions", known)


_SELECT = f"""
select r.campaign, k.name, r.line, r.status, r.reason, r.priority, r.options,
    (select count(*) from (select 1 from chunk c where c.campaign = r.campaign and c.state = '{_PENDING}'
        limit {_MOST}) p)
    + (select count(*) from (select 1 from chunk c where c.campaign = r.campaign and c.state = '{_IN_FLIGHT}'
        limit {_MOST}) f) as waiting
from runner_campaign r join campaign k on k.id = r.campaign
"""  # noqa: S608  # constants alone


_LOOK = sa.text(
    "select r.status, r.reason, (select count(*) from runner_worker w where w.line = r.line"
    " and w.seen_at > clock_timestamp() - make_interval(secs => :seconds)) as workers"
    " from runner_campaign r join campaign k on k.id = r.campaign where k.name = :name"
)


# A reader that had no lock to prove that it lives is gone once its time is over, by whichever clock.
_FINISH = f"""
update runner_campaign set status = 'done', changed_at = now()
where campaign = $1 and status = 'open'
    and not exists (select from chunk where campaign = $1 and state in ($2, $3))
    and not exists (select from chunk where campaign = $1 and state = $4 and owner is not null)
    and exists (select from campaign where id = $1
        and (reader is null or reader_until + {AHEAD} < extract(epoch from clock_timestamp())))
returning campaign
"""  # noqa: S608  # a constant alone


_BEAT = f"""
with mine as (insert into runner_worker (name, line, concurrency) values ($1, $2, $3)
    on conflict (name) do update set seen_at = clock_timestamp(), concurrency = $3)
select count(*) + 1 as workers, coalesce(sum(concurrency), 0) + $3 as concurrency,
    (select max_in_flight from runner_line where line = $2) as max_in_flight,
    (select rate from runner_line where line = $2) as rate, {tables.VERSIONS}
from runner_worker where line = $2 and name <> $1 and seen_at > clock_timestamp() - make_interval(secs => $4)
"""  # noqa: S608  # a constant alone


def _placed(row: Any) -> Placed:
    values: dict[str, Any] = dict(row)
    values["options"] = _unpacked(row["options"])
    return Placed(**values)


async def placed(control: Control, line: str) -> list[Placed]:
    """Return the campaigns of an account that are open or paused."""
    which = " where r.line = $1 and r.status in ('open', 'paused') order by r.campaign"
    return [_placed(row) for row in await control.fetch(_SELECT + which, line)]


async def placed_as(control: Control, name: str | None) -> Placed | None:
    """Return the campaign of a name, or the journal's only one without it; None if none is placed under it.

    Raises:
        InvalidRequest: There are several in the journal, and no name.
    """
    if name is not None:
        rows = await control.fetch(_SELECT + " where k.name = $1", escaped(name))
        return _placed(rows[0]) if rows else None
    rows = await control.fetch(_SELECT + " limit 2")
    if rows and len(await control.fetch("select from campaign limit 2")) > 1:
        msg = "The journal holds several campaigns; name one."
        raise InvalidRequest(msg)
    return _placed(rows[0]) if rows else None


def has_placed(connection: sa.Connection) -> bool:
    """Tell whether any campaign was ever placed in a journal for workers."""
    return connection.dialect.name == "postgresql" and sa.inspect(connection).has_table("runner_campaign")


def look(connection: sa.Connection, name: str) -> tuple[Status, str | None, int] | None:
    """Return where a campaign that is placed stands, why, and how many workers of its account live; else None.

    Args:
        connection: On the journal, in a transaction.
        name: The campaign.
    """
    if not has_placed(connection):
        return None
    row = connection.execute(_LOOK, {"name": escaped(name), "seconds": _SEEN_SECONDS}).one_or_none()
    return None if row is None else (row.status, row.reason, row.workers)


async def enter(control: Control, campaign: int, line: str, priority: int, options: Mapping[str, Any]) -> Status:
    """Place a campaign, and return where it stands: open, unless an operator paused or stopped it.

    One that a worker stopped goes on: whoever places it again may have raised the limit that it met.
    """
    rows = await control.fetch(
        "insert into runner_campaign as r (campaign, line, priority, options) values ($1, $2, $3, $4)"
        " on conflict (campaign) do update set status = case when r.by_operator then r.status else 'open' end,"
        " reason = case when r.by_operator then r.reason end,"
        " priority = excluded.priority, options = excluded.options, changed_at = now() returning status",
        *(campaign, line, priority, _packed(options)),
    )
    await control.tell()
    return cast("Status", rows[0]["status"])


async def wake_up(control: Control, campaign: int) -> None:
    """Open a campaign again that workers took for done before its source had been read to the end."""
    await control.fetch(
        "update runner_campaign set status = 'open', changed_at = now() where campaign = $1 and status = 'done'"
        " and exists (select from chunk where campaign = $1 and state = $2)",
        *(campaign, _PENDING),
    )
    await control.tell()


async def change(
    control: Control, campaign: int, status: Status, reason: str | None = None, *, by_operator: bool = False
) -> bool:
    """Change where a campaign stands, and tell every worker; return whether that changed anything.

    What is done is only opened again, and what was stopped is not paused. What was changed ``by_operator`` only
    another operator's word opens again.
    """
    before = {"open": ["paused", "stopped", "done"], "stopped": ["open", "paused"]}.get(status, ["open"])
    rows = await control.fetch(
        "update runner_campaign set status = $2, reason = $3, by_operator = $4, changed_at = now()"
        " where campaign = $1 and status = any($5::text[]) returning campaign",
        *(campaign, status, reason, by_operator, before),
    )
    await control.tell()
    return bool(rows)


async def reopen(control: Control, placed: Placed, options: SendOptions) -> None:
    """Open a campaign again, perhaps with other limits; what failed is tried again."""

    def work(connection: sa.Connection) -> None:
        # Statements that change many chunks take the campaign's row first, so that no two wait for each other.
        connection.execute(sa.select(_k.id).where(_k.id == placed.campaign).with_for_update())
        connection.execute(AGAIN, {"p_campaign": placed.campaign})

    await control.database.write(work)
    await control.fetch(
        "update runner_campaign set status = 'open', reason = null, by_operator = false, options = $2,"
        " changed_at = now() where campaign = $1",
        *(placed.campaign, _packed({**placed.options, **options})),
    )
    await control.tell()


async def finish(control: Control, campaign: int) -> bool:
    """Note that nothing is left to send of a campaign, if that is so; return whether it was noted.

    It is not as long as somebody reads its source, sends, or asks what became of a request: they may die.
    """
    async with control.transaction() as fetch:
        # Whoever opens it again at this moment is waited for, and then all is looked at as it is.
        await fetch("select from runner_campaign where campaign = $1 for update", campaign)
        if rows := await fetch(_FINISH, campaign, _PENDING, _IN_FLIGHT, _UNKNOWN):
            await fetch(TELL)  # workers that end once nothing is open do so now
    return bool(rows)


async def beat(control: Control, worker: str, line: str, concurrency: int) -> Beat:
    """Say that a worker lives; return what it is to know.

    Raises:
        WorkerOutdated: A newer release has changed what it works on.
        JournalError: The database failed.
    """
    rows = await control.fetch(_BEAT, worker, line, concurrency, _SEEN_SECONDS)
    said: dict[str, Any] = dict(rows[0])
    tables.judge(control.database.label, *(said.pop(name) for name in ("version", "least", "journal")))
    return Beat(**said)


async def leave(control: Control, worker: str) -> None:
    """Count a worker no more, nor any that was not heard of for an hour."""
    await control.fetch(
        "delete from runner_worker where name = $1 or seen_at < clock_timestamp() - interval '1 hour'", worker
    )


async def limit(control: Control, line: str, max_in_flight: int | None, rate: float | None) -> None:
    """Set the limits of an account for every worker; None leaves one as it is, 0 lifts it."""
    await control.fetch(
        "insert into runner_line as l (line, max_in_flight, rate) values ($1, nullif($2, 0), nullif($3, 0))"
        " on conflict (line) do update set"
        " max_in_flight = case when $2::int is null then l.max_in_flight else nullif($2, 0) end,"
        " rate = case when $3::float8 is null then l.rate else nullif($3, 0) end",
        *(line, max_in_flight, rate),
    )
    await control.tell()
