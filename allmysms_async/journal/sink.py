"""The journal as the engine writes it: every transition is one compare-and-set, committed before what follows it.

A claim is a lease. Its owner renews it; once it has run out another process takes the chunk over: with a key it is
asked about again, without one it is unknown, because it may have been sent.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk, idempotency_key
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.record import Claim, Settlement, Spent, Stranded
from allmysms_async.batch.seen import Refusals
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.clock import Clock
from allmysms_async.errors import LimitReached
from allmysms_async.journal import lead, schema
from allmysms_async.journal.claim import split, take
from allmysms_async.journal.database import Database
from allmysms_async.journal.direct import changed
from allmysms_async.journal.entry import enter, held_elsewhere, read_numbers
from allmysms_async.journal.lease import LEASE_SECONDS, READER_SECONDS, Leases
from allmysms_async.journal.ledger import Ledger, seen_here
from allmysms_async.journal.loss import Known
from allmysms_async.journal.rescue import rescue, sweep
from allmysms_async.journal.row import ended, left_chunk, planned, stranded_of
from allmysms_async.journal.transition import (
    AGAIN,
    ASKABLE,
    EXPIRE,
    FORGET,
    LEFT,
    PAGE,
    RELEASE,
    SETTLE,
    SPARE,
    SPARE_CHUNKS,
    STILL,
    STRANDED,
    UNRECORDED,
)
from allmysms_async.model import Campaign, CampaignResult, Outcome, SmsMessage, Totals, Waiting, as_sms

__all__ = ["JournalSink"]

_POLL_SECONDS = 0.5
_BEYOND = 2**31  # no chunk has such an ordinal

_k = schema.campaign.c
_log = logging.getLogger("allmysms_async")


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

    at_once = False

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
        self._keyed = keyed
        self._added = added or {}
        self._leases = Leases(database, clock, lease, reader_lease)
        self.run_id = ""
        self.continues = False
        self.waiting_for: Waiting | None = None
        self.seen = BitMap64()
        self.accounted = BitMap64()
        self.refused: Refusals = array("Q")
        self.next_seq = 1
        self._campaign = 0
        self._message = SmsMessage("")
        self._ledger = Ledger(database, self._leases.owner)
        self._read_all = self._resumed = self._over = False

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

    def _known(self) -> Known:
        return Known.of(self._campaign, self._ledger.sums.totals(), self._unrecorded)

    # -- reading the source -------------------------------------------------------------------------------------------

    async def lead(self) -> bool:
        """Become the one that reads the source."""
        leads = await self._leases.lead()
        if leads:
            self._ledger.sums.complete = False
        return leads

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
            _log.warning("chunk %d is in other hands or over; what came here changes nothing.", chunk.seq)
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
            if not self._resumed:
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
        return [left_chunk(row) for row in await self._rows(LEFT if waiting else ASKABLE, values)]

    async def stranded(self, *, after: int = 0) -> list[Stranded]:
        """Return unknown chunks whose key tells nothing more."""
        now = self._leases.now()
        values = {"p_campaign": self._campaign, "p_owner": self._leases.owner, "p_now": now, "p_after": after}
        values["p_since"] = now - REPLAY_SECONDS if self._keyed else float("inf")
        return [stranded_of(row) for row in await self._rows(STRANDED, values)]

    async def _rows(self, statement: sa.Executable, values: dict[str, Any]) -> Sequence[Any]:
        return await self._database.read(lambda connection: connection.execute(statement, values).all())

    async def elsewhere(self) -> float | None:
        """Return when to look again at what other processes hold, or None if they hold nothing."""
        now = self._leases.now()
        others = await held_elsewhere(self._database, self._campaign, self._leases.owner, now)
        self.waiting_for = others.waiting
        self._ledger.sums.complete = others.source_complete
        if others.reader is not None and now <= others.reader_until <= now + 2 * others.reader_lease:
            return _POLL_SECONDS
        return None if others.lease is None else min(_POLL_SECONDS, max(0.01, others.lease - now + 0.01))

    async def stirred(self) -> None:
        """Wait until another process may have recorded something since this was waited for last."""
        await self._database.rung(self._leases.sleep)

    async def spare(self, most: int, known: BitMap64) -> list[Chunk]:
        """Return chunks that wait: the last ones, since whoever planned them sends the first ones next."""
        page = {"p_campaign": self._campaign, "p_before": _BEYOND, "p_limit": max(most, PAGE)}
        seqs: list[int] = []
        while len(seqs) < most:
            found = [row.seq for row in await self._rows(SPARE, page)]
            seqs += [seq for seq in found if seq not in known]
            if len(found) < page["p_limit"]:
                break
            page["p_before"] = found[-1]
        if not seqs:
            return []
        these = {"p_campaign": self._campaign, "p_seqs": seqs[:most]}
        return [left_chunk(row) for row in await self._rows(SPARE_CHUNKS, these)]

    async def still_waits(self, seqs: Sequence[int]) -> BitMap64:
        """Return those of some chunks that wait."""
        return BitMap64([row.seq for row in await self._rows(STILL, {"p_campaign": self._campaign, "p_seqs": seqs})])

    # -- sums ---------------------------------------------------------------------------------------------------------

    @property
    def exposed(self) -> int:
        """Text parts in flight elsewhere, unknown without an answer, or once sent again by an operator's word."""
        return self._ledger.sums.exposed

    @property
    def unpriced(self) -> int:
        """Text parts without a reported cost: found in the gateway's lists, or marked as sent."""
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
        """Return the rows that are sent from here."""
        return sum(self._leases.sending)

    @property
    def _unrecorded(self) -> int:
        """Requests whose end is recorded nowhere."""
        return len(self._leases.sending)

    def _key(self, chunk: Chunk) -> str:
        """Return the key of a chunk's request, unless another was recorded."""
        return idempotency_key(self.run_id, chunk, self._message)
