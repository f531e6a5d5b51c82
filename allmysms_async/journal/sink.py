"""The journal as the engine writes it: every transition is one compare-and-set, committed before what follows it.

A claim is a lease. Its owner renews it; once it has run out another process takes the chunk over: with a key it is
asked about again, without one it is unknown, because it may have been sent.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk, idempotency_key
from allmysms_async.batch.policy import REPLAY_SECONDS, Clock
from allmysms_async.batch.record import Claim, Settlement, Spent, Stranded
from allmysms_async.batch.seen import Refusals
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.errors import JournalError, JournalLost, LimitReached
from allmysms_async.journal import lead, schema
from allmysms_async.journal.claim import renew, split, take
from allmysms_async.journal.database import Database
from allmysms_async.journal.entry import enter, held_elsewhere, read_numbers
from allmysms_async.journal.guard import Guard
from allmysms_async.journal.holder import Holder
from allmysms_async.journal.ledger import Ledger, seen_here
from allmysms_async.journal.loss import Known
from allmysms_async.journal.rescue import rescue, sweep
from allmysms_async.journal.row import ended, left_chunk, planned, stranded_of
from allmysms_async.journal.transition import (
    AGAIN,
    EXPIRE,
    FORGET,
    LEFT,
    RELEASE,
    RENEW,
    SETTLE,
    STRANDED,
    UNRECORDED,
)
from allmysms_async.model import Campaign, CampaignResult, Outcome, SmsMessage, Totals, Waiting, as_sms

__all__ = ["LEASE_SECONDS", "JournalSink"]

LEASE_SECONDS = 120.0
"""How long a claim lasts unless it is renewed; no shorter than an attempt at a request."""

READER_SECONDS = 15.0
"""How long it takes until another process may read the source in place of one that died; each chunk is added only by
the one that reads, so this may be short."""

_POLL_SECONDS = 0.5

_c, _k = schema.chunk.c, schema.campaign.c
_log = logging.getLogger("allmysms_async")


class _Hold(msgspec.Struct):
    """A claim of this process.

    Attributes:
        until: Unix time at which it runs out.
        rows: Recipients in the chunk.
        asked: Whether the chunk was unknown and is asked about, None if nothing is known of it here.
        standing: That of this process when the journal last had the claim.
    """

    until: float
    rows: int
    asked: bool | None
    standing: int


_NOT_HELD = _Hold(0.0, 0, None, -1)


class JournalSink:
    """A ``Sink`` in a database.

    Args:
        database: The journal.
        backend: Name of the protocol that sends.
        account: Tells the accounts of a protocol apart.
        clock: Where the time comes from; all processes on a journal must agree on it within seconds.
        keyed: Whether the protocol has idempotency keys.
        added: Settings of the backend that change what people receive, by their names.
        lease: Seconds that a claim lasts unless it is renewed.
        reader_lease: The same for reading the source.
    """

    def __init__(
        self,
        database: Database,
        *,
        backend: str,
        account: str,
        clock: Clock,
        keyed: bool,
        added: Mapping[str, str | bool | None] | None = None,
        lease: float = LEASE_SECONDS,
        reader_lease: float = READER_SECONDS,
    ) -> None:
        self._database = database
        self._backend = backend
        self._account = account
        self._clock = clock
        self._keyed = keyed
        self._added = added or {}
        self._lease = lease
        self._reader_lease = min(reader_lease, lease)
        self._owner = secrets.token_hex(8)
        self._holder = Holder(database, self._owner)
        self.run_id = ""
        self.continues = False
        self.waiting_for: Waiting | None = None
        self.seen = BitMap64()
        self.accounted = BitMap64()
        self.refused: Refusals = array("Q")
        self.next_seq = 1
        self._campaign = 0
        self._message = SmsMessage("")
        self._ledger = Ledger(database, self._owner)
        self._held: dict[int, _Hold] = {}
        self._leads = self._read_all = self._resumed = self._over = False
        self._heart: asyncio.Task[None] | None = None
        self._guard = Guard(database, self._owner)

    # -- opening and closing ------------------------------------------------------------------------------------------

    async def open(self, campaign: Campaign) -> None:
        """Find the campaign in the journal, or enter it.

        Raises:
            CampaignChanged: The journal holds another one under this name.
            JournalError: The journal cannot be used.
        """
        await self._database.open(create=True)
        await self._holder.open(self._now())
        await self._database.follow(self._owner)
        self._message = as_sms(campaign.message)
        entry = await enter(self._database, campaign, self._backend, self._account, self._now(), self._added)
        self._campaign, self.run_id, self.next_seq, begins = entry
        self.continues = not begins
        self._ledger.campaign = self._campaign
        await self._ledger.refresh()
        self._heart = asyncio.create_task(self._beat(), name="journal leases")

    def on_loss(self, tell: Callable[[Exception], None]) -> None:
        """Have it told when the journal is lost while nothing is claimed."""
        self._guard.tell = tell

    async def close(self) -> None:
        """Give the source up to others, and close the journal.

        Raises:
            JournalLost: It is no longer the one that was opened; what it held is saved if that can be done.
        """
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.wait({self._heart})
        try:
            # Lost while it was opened: whatever other processes sent is in what is open here.
            if self._campaign or self._database.lost is not None:
                await self._guard.end((self._give_up_source, self._holder.close), self._known)
                await self._ledger.refresh()
                self._held.clear()  # what was still held is given up, and among the sums
        finally:
            self._over = True
            try:
                await self._holder.close()
            finally:
                await self._database.close()

    async def _give_up_source(self) -> None:
        """Let others read the source."""
        if self._leads:
            await self._execute(
                sa.update(schema.campaign)
                .where(_k.id == self._campaign, _k.reader == self._owner)
                .values(reader=None, reader_until=None)
            )

    def _known(self) -> Known:
        """Return what the journal must hold."""
        return Known.of(self._campaign, self._ledger.sums.totals(), self._unrecorded)

    async def _beat(self) -> None:
        """Renew what is held, again and again; if that fails, the next attempt of each finds out for itself."""
        while True:
            await asyncio.sleep(min(self._lease, self._reader_lease) / 3)
            standing = self._holder.standing
            try:
                until, renewed = await self._database.write(self._renew_all, watched=True)
                for seq in renewed:
                    if seq in self._held:
                        self._held[seq].until, self._held[seq].standing = until, standing
            except JournalLost as lost:
                self._guard.tell(lost)
                return
            except JournalError as error:
                _log.warning("leases were not renewed: %s", error)
            except Exception:  # also after a defect the next time may go well
                _log.exception("leases were not renewed.")

    def _renew_all(self, connection: sa.Connection) -> tuple[float, Sequence[int]]:
        """Renew every lease of this process; return until when, and of which chunks."""
        now = self._now()
        self._guard.compare(connection)
        until, reader_until = now + self._lease, now + self._reader_lease if self._leads else None
        values = {"p_campaign": self._campaign, "p_owner": self._owner, "p_now": now, "p_until": until}
        return until, renew(connection, values, reader_until, any_held=bool(self._held))

    # -- reading the source -------------------------------------------------------------------------------------------

    async def lead(self) -> bool:
        """Become the one that reads the source."""
        now = self._now()
        statement = sa.update(schema.campaign).where(
            _k.id == self._campaign,
            sa.or_(_k.reader.is_(None), _k.reader_until < now, _k.reader_until > now + 2 * _k.reader_lease),
        )
        until = now + self._reader_lease
        lease: dict[str, Any] = {"reader_until": until, "reader_lease": self._reader_lease}
        changed = await self._execute(statement.values(reader=self._owner, source_complete=False, **lease))
        self._leads = changed == 1
        if self._leads:
            self._ledger.sums.complete = False
        return self._leads

    async def recover(self) -> AsyncIterator[int]:
        """Read what was planned and refused back, some chunks at a time."""
        count = 0
        async for numbers, rows, refused in read_numbers(self._database, self._campaign):
            self.seen.update(numbers)
            self.accounted.update(rows)
            self.refused.extend(refused)
            count += len(numbers)
            yield count

    def _lead(self) -> dict[str, Any]:
        """Return what names this process as the one that reads the source, in a statement."""
        until = self._now() + self._reader_lease
        return {"p_campaign": self._campaign, "p_owner": self._owner, "p_until": until}

    async def add(self, chunk: Chunk) -> Chunk:
        """Record a new chunk as pending."""
        packed = planned(chunk)

        def work(connection: sa.Connection) -> int:
            return lead.add(connection, self._lead(), packed)

        def count(seq: int) -> None:
            self._ledger.add(seq, chunk)

        seq = await self._ledger.write(work, count, apart=True)
        self.next_seq = max(self.next_seq, seq + 1)
        return msgspec.structs.replace(chunk, seq=seq)

    async def refuse(self, outcomes: Sequence[Outcome]) -> None:
        """Record rows that are not sent to."""
        rows = [
            {
                "campaign": self._campaign,
                "row_no": outcome.row,
                "line": outcome.line,
                "phone": outcome.phone,
                "reason": outcome.reason.value if outcome.reason else "",
            }
            for outcome in outcomes
        ]

        def work(connection: sa.Connection) -> None:
            lead.fence(connection, self._lead(), 0)
            connection.execute(schema.refused_row.insert(), rows)

        await self._ledger.write(work, lambda _: self._ledger.sums.count(outcomes))

    async def finish_source(self) -> None:
        """Record that the source was read to its end."""
        changed = await self._execute(
            sa.update(schema.campaign)
            .where(_k.id == self._campaign, _k.reader == self._owner)
            .values(source_complete=True, reader=None, reader_until=None)
        )
        self._leads = False
        self._ledger.sums.complete = self._read_all = changed == 1

    # -- sending ------------------------------------------------------------------------------------------------------

    async def claim(self, chunk: Chunk, now: float, afford: Callable[[Spent], None] | None = None) -> Claim | None:
        """Record that a chunk is about to be sent, or asked about."""
        until, standing = now + self._lease, self._holder.standing
        values: dict[str, Any] = {"p_campaign": self._campaign, "p_seq": chunk.seq, "p_owner": self._owner}
        values |= {"p_now": now, "p_until": until, "p_lease": self._lease}
        key_of = self._key if self._keyed else None
        claim = await self._guard.claim(
            lambda connection: take(connection, chunk, values, key_of, afford), values, apart=afford is None
        )
        if isinstance(claim, LimitReached):
            await self._ledger.refresh()
            raise claim
        if claim is None:
            return None
        if (lost := self._database.lost) is not None:  # as the claim was committed: nothing of it was sent
            if not claim.unanswered:
                await self.release(claim.chunk, new_key=False)
            raise lost
        self._held[chunk.seq] = _Hold(until, len(chunk.rows), claim.unanswered, standing)
        if not self._ledger.counts(chunk.seq):
            await self._ledger.refresh()  # another process added it since the sums were read
        return claim

    async def hold(self, claim: Claim) -> bool:
        """Tell whether a claim still stands, and for long enough; renew it where it might not."""
        await self._holder.assure()
        seq, now = claim.chunk.seq, self._now()
        await self._guard.check(seq)
        # One that ends later than a lease can was taken before the clock was set back: others take it for over.
        known = self._held.get(seq, _NOT_HELD)
        if known.standing == self._holder.standing and self._lease / 2 < known.until - now <= self._lease:
            return True
        until, standing = now + self._lease, self._holder.standing
        values = self._values(claim.chunk) | {"p_until": until}
        held = await self._execute(RENEW, values) == 1
        if held:
            self._held[seq] = _Hold(until, len(claim.chunk.rows), claim.unanswered, standing)
        else:
            self._held.pop(seq, None)
            _log.warning("chunk %d was taken over by another process; it is not sent by this one.", seq)
        return held

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended; a late word on one that another process has ended already changes nothing."""
        sums = Sums()
        sums.add(settlement)
        values = self._values(chunk) | ended(settlement, sums)
        event = settlement.event
        silent = event is ChunkEvent.LOSE and settlement.campaign_id is None
        statements = SETTLE[event, event is not ChunkEvent.FAIL and not silent]

        def work(connection: sa.Connection) -> tuple[bool, ChunkState | None]:
            for since, statement in statements:
                if connection.execute(statement, values).rowcount == 1:
                    return True, since
            return False, None

        was_asked = self._held.get(chunk.seq, _NOT_HELD).asked
        expected = (True, None if was_asked is None else ChunkState.UNKNOWN if was_asked else ChunkState.IN_FLIGHT)

        def count(ended: tuple[bool, ChunkState | None]) -> None:
            if was_asked is not None and ended == expected:
                self._ledger.sums.end(chunk, sums, was_unknown=was_asked, silent=silent)

        ended_here = await self._ledger.write(work, count, apart=True)
        self._held.pop(chunk.seq, None)
        if not ended_here[0]:
            _log.warning("chunk %d is in other hands or over; what came here changes nothing.", chunk.seq)
        if was_asked is None or ended_here != expected:
            await self._ledger.refresh()

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a claimed chunk was surely not sent and waits."""
        await self._execute(RELEASE, self._values(chunk) | {"p_more": int(new_key)})
        self._held.pop(chunk.seq, None)

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> list[Chunk]:
        """Record that a claimed chunk was surely not sent and is replaced by pending pieces of it."""
        packed = [planned(piece) for piece in pieces]
        values = {"p_campaign": self._campaign, "p_seq": chunk.seq, "p_owner": self._owner}
        first = await self._database.write(lambda connection: split(connection, values, packed))
        self._held.pop(chunk.seq, None)
        await self._ledger.refresh()
        if first is None:
            return []
        self.next_seq = max(self.next_seq, first + len(pieces))
        return [msgspec.structs.replace(piece, seq=first + index) for index, piece in enumerate(pieces)]

    # -- what is left -------------------------------------------------------------------------------------------------

    async def resume(self, *, replayable_since: float | None, after: int = 0) -> list[Chunk]:
        """Return what is left to do; the first call also takes failed chunks up again."""
        now = self._now()
        values = {"p_campaign": self._campaign, "p_now": now, "p_after": after}

        def work(connection: sa.Connection) -> int:
            connection.execute(sa.select(_k.id).where(_k.id == self._campaign).with_for_update())
            changed = connection.execute(EXPIRE, values).rowcount
            connection.execute(FORGET, values)
            if not self._resumed:
                changed += connection.execute(AGAIN, values).rowcount
            return changed

        if after == 0:
            if not self._resumed:
                await sweep(self._database)
            changed = await rescue(self._database, self._owner)
            changed += await self._database.write(work)
            self._resumed = True
            if changed:
                await self._ledger.refresh()
        # Without keys nothing is ever recent enough.
        values["p_since"] = float("inf") if replayable_since is None else replayable_since
        return [left_chunk(row) for row in await self._rows(LEFT, values)]

    async def stranded(self, *, after: int = 0) -> list[Stranded]:
        """Return unknown chunks whose key tells nothing more."""
        now = self._now()
        values = {"p_campaign": self._campaign, "p_owner": self._owner, "p_now": now, "p_after": after}
        values["p_since"] = now - REPLAY_SECONDS if self._keyed else float("inf")
        return [stranded_of(row) for row in await self._rows(STRANDED, values)]

    async def _rows(self, statement: sa.Executable, values: dict[str, Any]) -> Sequence[Any]:
        """Return what a question finds."""
        return await self._database.read(lambda connection: connection.execute(statement, values).all())

    async def elsewhere(self) -> float | None:
        """Return when to look again at what other processes hold, or None if they hold nothing."""
        now = self._now()
        others = await held_elsewhere(self._database, self._campaign, self._owner, now)
        self.waiting_for = others.waiting
        self._ledger.sums.complete = others.source_complete
        if others.reader is not None and now <= others.reader_until <= now + 2 * others.reader_lease:
            return _POLL_SECONDS
        return None if others.lease is None else min(_POLL_SECONDS, max(0.01, others.lease - now + 0.01))

    # -- sums ---------------------------------------------------------------------------------------------------------

    @property
    def exposed(self) -> int:
        """Text parts in flight elsewhere, unknown without an answer, or once sent again by an operator's word."""
        return self._ledger.sums.exposed

    @property
    def unpriced(self) -> int:
        """Text parts of which nobody reported the cost: found in the gateway's lists, or marked as sent."""
        return self._ledger.sums.unpriced

    def totals(self) -> Totals:
        """Return how the rows read so far ended."""
        return seen_here(self._ledger.sums.totals(), self._unended(), read_all=self._read_all, over=self._over)

    def result(self, name: str) -> CampaignResult:
        """Return what became of the campaign so far."""
        sums = self._ledger.sums.result(name, self.run_id)
        result = seen_here(sums, self._unended(), read_all=self._read_all, over=self._over)
        lost = self._unrecorded if self._over else 0
        problems = {**result.problems, UNRECORDED: lost} if lost else result.problems
        return msgspec.structs.replace(result, problems=problems)

    def _unended(self) -> int:
        """Return the rows that are claimed here."""
        return sum(hold.rows for hold in self._held.values() if hold.asked is False)

    @property
    def _unrecorded(self) -> int:
        """Requests whose end is recorded nowhere."""
        return sum(hold.asked is False for hold in self._held.values())

    # -- small things -------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        """Return Unix time."""
        return self._clock.now().timestamp()

    def _key(self, chunk: Chunk) -> str:
        """Return the key of a chunk's request, unless another was recorded."""
        return idempotency_key(self.run_id, chunk, self._message)

    def _values(self, chunk: Chunk) -> dict[str, Any]:
        """Return what names a chunk that is claimed here, in a statement."""
        return {
            "p_campaign": self._campaign,
            "p_seq": chunk.seq,
            "p_owner": self._owner,
            "p_generation": chunk.generation,
            "p_claims": chunk.claims,
        }

    async def _execute(self, statement: sa.Update, values: dict[str, Any] | None = None) -> int:
        """Commit one statement; return how many rows it changed."""

        def work(connection: sa.Connection) -> int:
            return int(connection.execute(statement, values).rowcount)

        return await self._database.write(work, apart=True)
