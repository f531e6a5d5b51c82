"""What dead processes held of a journal's campaigns is let go of at once: whoever is proven dead will not come back.

The proof lasts while the leases end: what the dead process kept locked is locked here until that is committed. So of
two rescuers one finds nothing left to do, and a process that lost its lock and is alive has it again only afterwards,
when it looks its leases up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.liveness import Place, here, is_gone, may_be_told
from allmysms_async.journal.lock import FileLock
from allmysms_async.journal.session import keys_of
from allmysms_async.journal.transition import LOST, move

__all__ = ["let_go", "place_of", "rescue", "sweep"]

_GONE = "gone"
_h, _c, _k = schema.holder.c, schema.chunk.c, schema.campaign.c
_dead: sa.BindParameter[Any] = sa.bindparam("p_dead")
_everywhere = _c.campaign.in_(sa.select(_k.id))
_LOSE = (
    move(ChunkEvent.LOSE, since=ChunkState.IN_FLIGHT)
    .where(_everywhere, _c.owner == _dead)
    .values(owner=None, lease_until=None, unknown=_c.n, problem=sa.bindparam("p_problem"))
)
_FREE = (
    sa.update(schema.chunk)
    .where(_everywhere, _c.state == ChunkState.UNKNOWN.value, _c.owner == _dead)
    .values(owner=None, lease_until=None),
    sa.update(schema.campaign).where(_k.reader == _dead).values(reader=None, reader_until=None),
)
_LOCKS = sa.text(
    "select classid::int, objid::int from pg_locks where locktype = 'advisory' and objsubid = 2 and granted"
    " and database = (select oid from pg_database where datname = current_database())"
)
_TRY = sa.text("select pg_try_advisory_xact_lock(cast(:first as int), cast(:second as int))")


def place_of(row: Any) -> Place:
    """Return where a holder runs, or ran."""
    return Place(
        machine=row.machine or "", boot=row.boot, pid=row.pid or 0, started=row.started, pid_space=row.pid_space
    )


async def rescue(database: Database, owner: str | None) -> int:
    """End the leases of every process that is proven dead; return how many chunks and sources were let go of.

    Args:
        database: The journal.
        owner: Who asks, or None if that holds nothing.
    """
    others = sa.select(schema.holder).where(_h.lock_name.is_not(None), _h.lock_name != _GONE)
    if owner is not None:
        others = others.where(_h.owner != owner)
    path = database.path

    def work(connection: sa.Connection) -> list[Any]:
        rows = list(connection.execute(others))
        if rows and path is None:
            held = {(first, second) for first, second in connection.execute(_LOCKS)}
            rows = [row for row in rows if keys_of(row.owner) not in held]
        return rows

    rows = await database.read(work)
    if not rows:
        return 0
    if path is not None:
        return await _by_files(database, path, rows)
    return await _by_sessions(database, rows)


async def sweep(database: Database) -> None:
    """Remove the files of processes that died before they had entered themselves among the holders.

    Args:
        database: The journal.
    """
    path = database.path
    if path is None:
        return
    locks = await asyncio.to_thread(FileLock.left, path)
    if not locks:
        return
    entered = set(locks)
    try:
        # Asked once they are locked: whoever had entered itself by then is found, and nobody can any more.
        entered = set(await database.read(lambda connection: connection.execute(sa.select(_h.owner)).scalars().all()))
    finally:
        for owner, lock in locks.items():
            await asyncio.to_thread(lock.abandon if owner in entered else lock.release)


async def _by_files(database: Database, path: str, rows: Sequence[Any]) -> int:
    """Let go of what those held whose files are free, and who do not run any more."""
    dead = await asyncio.to_thread(_proven, path, rows)
    if not dead:
        return 0
    try:

        def work(connection: sa.Connection) -> int:
            changed = 0
            for owner in dead:
                changed += let_go(connection, owner, LOST)
                connection.execute(sa.delete(schema.holder).where(_h.owner == owner))
            return changed

        changed = await database.write(work)
    except BaseException:
        for lock in dead.values():
            lock.abandon()
        raise
    await asyncio.to_thread(_remove, dead)
    return changed


def _proven(path: str, rows: Sequence[Any]) -> dict[str, FileLock]:
    """Return the locks of those who are dead, taken here."""
    mine, dead = here(), dict[str, FileLock]()
    for row in rows:
        place = place_of(row)
        if not may_be_told(place, mine):
            continue
        lock = FileLock.found(path, row.owner, row.lock_name)
        if lock is not None and is_gone(place, mine):
            dead[row.owner] = lock
        elif lock is not None:
            lock.abandon()
    return dead


def _remove(locks: dict[str, FileLock]) -> None:
    """Remove what dead processes left."""
    for lock in locks.values():
        lock.release()


async def _by_sessions(database: Database, rows: Sequence[Any]) -> int:
    """Let go of what those held whose sessions ended, and who are not seen to run on this machine."""
    mine = here()
    candidates = [row.owner for row in rows if not may_be_told(place_of(row), mine) or is_gone(place_of(row), mine)]
    if not candidates:
        return 0

    def work(connection: sa.Connection) -> int:
        _take_turn(connection)
        changed = 0
        for owner in candidates:
            # Whoever changes its row at this moment lives.
            found = sa.select(_h.lock_name).where(_h.owner == owner).with_for_update(skip_locked=True)
            name = connection.execute(found).scalar_one_or_none()
            if name is None or name == _GONE:
                continue
            first, second = keys_of(owner)
            if not connection.execute(_TRY, {"first": first, "second": second}).scalar_one():
                continue
            changed += let_go(connection, owner, LOST)
            # The row stays: only its session is proven to have ended, and to a process that lives the lack of its row
            # means that the journal was replaced.
            connection.execute(sa.update(schema.holder).where(_h.owner == owner).values(lock_name=_GONE))
        return changed

    return await database.write(work)


def let_go(connection: sa.Connection, owner: str, problem: str) -> int:
    """Let go of what a process held that is dead, or ends; return how much that was.

    Args:
        connection: In a transaction.
        owner: The process.
        problem: Why nobody knows what became of its requests.
    """
    _take_turn(connection)
    lost = connection.execute(_LOSE, {"p_dead": owner, "p_problem": problem}).rowcount
    return lost + sum(connection.execute(statement, {"p_dead": owner}).rowcount for statement in _FREE)


def _take_turn(connection: sa.Connection) -> None:
    """Take the campaigns' rows, as all statements that change many chunks do first: so no two wait for each other."""
    connection.execute(sa.select(_k.id).order_by(_k.id).with_for_update())
