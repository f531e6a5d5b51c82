"""The journal as the engine writes it: every transition is one compare-and-set, committed before what follows it.

A claim is a lease. Its owner renews it; once it has run out another process takes the chunk over: with a key it is
asked about again, without one it is unknown, because it may have been sent.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.batch.chunk import Chunk, idempotency_key
from allmysms_async.batch.record import Claim, Settlement, Spent
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.errors import LimitReached
from allmysms_async.journal import lead, schema
from allmysms_async.journal.claim import split, take
from allmysms_async.journal.direct import changed
from allmysms_async.journal.entry import enter, read_numbers
from allmysms_async.journal.left import ASKABLE, LEFT
from allmysms_async.journal.loss import Known
from allmysms_async.journal.rescue import rescue, sweep
from allmysms_async.journal.row import ended, left_chunk, planned
from allmysms_async.journal.standing import Standing
from allmysms_async.journal.transition import AGAIN, EXPIRE, FORGET, RELEASE, SETTLE
from allmysms_async.model import Campaign, Outcome, as_sms

__all__ = ["JournalSink"]

_k = schema.campaign.c
_log = logging.getLogger("allmysms_async")


class JournalSink(Standing):
    """A ``Sink`` in a database; it is made as ``Standing`` is."""

    at_once = False

    # -- opening and closing ------------------------------------------------------------------------------------------

    async def open(self, campaign: Campaign) -> None:
        """Find the campaign in the journal, or enter it.

        Raises:
            CampaignChanged: The journal holds another one under this name.
            JournalError: The journal cannot be used.
        """
        await self._database.open(create=True)
        await self._leases.holder.open(self._leases.now())
        await self._database.follow(self._leases.owner)
        self._message = as_sms(campaign.message)
        now = self._leases.now()
        entry = await enter(self._database, campaign, self._backend, self._account, now, self._added)
        self._campaign, self.run_id, self.next_seq, begins = entry
        self.continues = not begins
        self._ledger.campaign = self._leases.campaign = self._campaign
        await self._ledger.refresh()
        self._leases.begin()
        if not self._leases.holder.pooled:
            self._database.listen(self._campaign)

    def on_loss(self, tell: Callable[[Exception], None]) -> None:
        """Name who is told when the journal is lost while nothing is claimed."""
        self._leases.guard.tell = tell

    async def close(self) -> None:
        """Give the source up to others, and close the journal.

        Raises:
            JournalLost: It is no longer the one that was opened; what it held is saved if that can be done.
        """
        leases = self._leases
        await leases.end()
        try:
            # Lost while it was opened: whatever other processes sent is in what is open here.
            if self._campaign or self._database.lost is not None:
                await leases.guard.end((leases.give_up_source, leases.holder.close), self._known)
                await self._ledger.refresh()
                leases.drop_all()  # what was still held is given up, and among the sums
        finally:
            self._over = True
            try:
                await leases.holder.close()
                self._database.ring()
            finally:
                await self._database.close()

    # -- reading the source -------------------------------------------------------------------------------------------

    async def lead(self) -> bool:
        """Become the one that reads the source."""
        leads = await self._leases.lead()
        if leads:
            self._ledger.sums.complete = False
        return leads

    async def begin(self, now: float) -> float:
        """Note that a campaign begins of which nothing was read yet; return when it was begun."""
        return await self._database.write(lambda connection: lead.begin(connection, self._campaign, now))

    async def recover(self) -> AsyncIterator[int]:
        """Read what was planned and refused back, some chunks at a time."""
        count = 0
        async for numbers, rows, refused in read_numbers(self._database, self._campaign):
            self.seen.update(numbers)
            self.accounted.update(rows)
            self.refused.extend(refused)
            count += len(numbers)
            yield count

    async def add(self, chunk: Chunk) -> Chunk:
        """Record a new chunk as pending."""
        packed = planned(chunk)

        def work(connection: sa.Connection) -> int:
            return lead.add(connection, self._leases.reader(), packed)

        def count(seq: int) -> None:
            self._ledger.add(seq, chunk)

        seq = await self._ledger.write(work, count, apart=True)
        self._database.ring()
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
            lead.fence(connection, self._leases.reader(), 0)
            connection.execute(schema.refused_row.insert(), rows)

        await self._ledger.write(work, lambda _: self._ledger.sums.count(outcomes))

    async def finish_source(self) -> None:
        """Record that the source was read to its end."""
        self._ledger.sums.complete = self._read_all = await self._leases.finish_source()
        self._database.ring()

    # -- sending ------------------------------------------------------------------------------------------------------

    async def claim(self, chunk: Chunk, now: float, afford: Callable[[Spent], None] | None = None) -> Claim | None:
        """Record that a chunk is about to be sent, or asked about."""
        term = self._leases.term(now)
        values: dict[str, Any] = {"p_campaign": self._campaign, "p_seq": chunk.seq, "p_owner": self._leases.owner}
        values |= {"p_now": now, "p_until": term[0], "p_lease": self._leases.seconds}
        key_of = self._key if self._keyed else None
        claim = await self._leases.guard.claim(
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
        self._leases.note(claim, term)
        if not self._ledger.counts(chunk.seq):
            await self._ledger.refresh()  # another process added it since the sums were read
        return claim

    async def hold(self, claim: Claim) -> bool:
        """Tell whether a claim still stands, and for long enough; renew it where it might not."""
        return await self._leases.hold(claim)

    async def settle(self, chunk: Chunk, settlement: Settlement) -> None:
        """Record how a chunk ended; if another process has ended it already, a late word changes nothing."""
        sums = Sums()
        sums.add(settlement)
        values = self._leases.values(chunk) | ended(settlement, sums)
        event = settlement.event
        silent = event is ChunkEvent.LOSE and settlement.campaign_id is None
        statements = SETTLE[event, event is not ChunkEvent.FAIL and not silent]

        def work(connection: sa.Connection) -> tuple[bool, ChunkState | None]:
            for since, statement in statements:
                if changed(connection, statement, values) == 1:
                    return True, since
            return False, None

        was_asked = self._leases.asks(chunk)
        expected = (True, None if was_asked is None else ChunkState.UNKNOWN if was_asked else ChunkState.IN_FLIGHT)

        def count(ended: tuple[bool, ChunkState | None]) -> None:
            if was_asked is not None and ended == expected:
                self._ledger.sums.end(chunk, sums, was_unknown=was_asked, silent=silent)

        ended_here = await self._ledger.write(work, count, apart=True)
        self._leases.drop(chunk)
        if not self._leases.any_held:  # others may be waiting for the last of it
            self._database.ring()
        if not ended_here[0]:
            _log.warning(
                "chunk %d is in other hands or over; what came here changes nothing.",
                chunk.seq,
                extra=logs.fields("chunk_elsewhere", chunk=chunk.seq),
            )
        if was_asked is None or ended_here != expected:
            await self._ledger.refresh()

    async def release(self, chunk: Chunk, *, new_key: bool) -> None:
        """Record that a claimed chunk was surely not sent and waits."""
        await self._database.execute(RELEASE, self._leases.values(chunk) | {"p_more": int(new_key)})
        self._leases.drop(chunk)
        self._database.ring()

    async def split(self, chunk: Chunk, pieces: Sequence[Chunk]) -> list[Chunk]:
        """Record that a claimed chunk was surely not sent and is replaced by pending pieces of it."""
        packed = [planned(piece) for piece in pieces]
        values = {"p_campaign": self._campaign, "p_seq": chunk.seq, "p_owner": self._leases.owner}
        first = await self._database.write(lambda connection: split(connection, values, packed))
        self._leases.drop(chunk)
        self._database.ring()
        await self._ledger.refresh()
        if first is None:
            return []
        self.next_seq = max(self.next_seq, first + len(pieces))
        return [msgspec.structs.replace(piece, seq=first + index) for index, piece in enumerate(pieces)]

    # -- what is left -------------------------------------------------------------------------------------------------

    async def resume(self, *, replayable_since: float | None, after: int = 0, waiting: bool = True) -> list[Chunk]:
        """Return what is left to do; the first call also takes failed chunks up again."""
        now = self._leases.now()
        values = {"p_campaign": self._campaign, "p_now": now, "p_after": after}

        def work(connection: sa.Connection) -> int:
            connection.execute(sa.select(_k.id).where(_k.id == self._campaign).with_for_update())
            changed = connection.execute(EXPIRE, values).rowcount
            connection.execute(FORGET, values)
            if not (self._shared or self._resumed):
                changed += connection.execute(AGAIN, values).rowcount
            return changed

        if after == 0:
            if not self._resumed:
                await sweep(self._database)
            changed = await rescue(self._database, self._leases.owner)
            changed += await self._database.write(work)
            self._resumed = True
            if changed:
                self._leases.look_up()
                await self._ledger.refresh()
        # Without keys nothing is ever recent enough.
        values["p_since"] = float("inf") if replayable_since is None else replayable_since
        waiting &= not self._shared
        return [left_chunk(row) for row in await self._rows(LEFT if waiting else ASKABLE, values)]

    def _known(self) -> Known:
        return Known.of(self._campaign, self._ledger.sums.totals(), self._unrecorded)

    def _key(self, chunk: Chunk) -> str:
        """Return the key of a chunk's request, unless another was recorded."""
        return idempotency_key(self.run_id, chunk, self._message)
