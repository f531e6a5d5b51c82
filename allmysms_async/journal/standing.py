"""Where a campaign stands, as one process knows it: what its journal answers, and what only this process knows."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.batch.record import Stranded
from allmysms_async.batch.seen import Refusals
from allmysms_async.clock import Clock
from allmysms_async.journal.database import Database
from allmysms_async.journal.entry import held_elsewhere
from allmysms_async.journal.lease import LEASE_SECONDS, READER_SECONDS, Leases
from allmysms_async.journal.ledger import Ledger, seen_here
from allmysms_async.journal.left import PAGE, SPARE, SPARE_CHUNKS, STILL, STRANDED
from allmysms_async.journal.row import left_chunk, stranded_of
from allmysms_async.journal.transition import UNRECORDED
from allmysms_async.model import CampaignResult, SmsMessage, Totals, Waiting

__all__ = ["Standing"]

_POLL_SECONDS = 0.5
_BEYOND = 2**31  # no chunk has such an ordinal


class Standing:
    """What can be asked of a campaign in a database, without changing a chunk.

    Args:
        database: The journal.
        backend: Name of the protocol that sends.
        account: Tells the accounts of a protocol apart.
        clock: Where the time comes from; all processes on a journal must agree on it within seconds.
        keyed: Whether the protocol has idempotency keys.
        added: Settings of the backend that change what people receive, by their names.
        lease: Seconds that a claim lasts unless it is renewed.
        reader_lease: The same for reading the source.
        shared: Whether this is one of many that send what another process plans: each begins somewhere else, and none
            tries again what failed.
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
        shared: bool = False,
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
        self._shared = shared
        # Below this ordinal it looks next for what waits.
        self._below = 0

    @property
    def campaign(self) -> int:
        """The campaign's number in the journal, 0 until it is open."""
        return self._campaign

    # -- what is left --------------------------------------------------------------------------------------------------

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
        seqs = await (self._anywhere(most, known) if self._shared else self._before(_BEYOND, most, known))
        if not seqs:
            return []
        these = {"p_campaign": self._campaign, "p_seqs": seqs}
        return [left_chunk(row) for row in await self._rows(SPARE_CHUNKS, these)]

    async def _before(self, before: int, most: int, known: BitMap64) -> list[int]:
        """Return the ordinals of chunks that wait, the last ones before one."""
        page = {"p_campaign": self._campaign, "p_before": before, "p_limit": max(most, PAGE)}
        seqs: list[int] = []
        while len(seqs) < most:
            found = [row.seq for row in await self._rows(SPARE, page)]
            seqs += [seq for seq in found if seq not in known]
            if len(found) < page["p_limit"]:
                break
            page["p_before"] = found[-1]
        return seqs[:most]

    async def _anywhere(self, most: int, known: BitMap64) -> list[int]:
        """Return the ordinals of chunks that wait, from where this process looked last or from anywhere.

        Of many that look, few find the same.
        """
        if not most:
            return []
        seqs = await self._before(self._below or secrets.randbelow(self.next_seq) + 1, most, known)
        if not seqs:
            last = await self._before(_BEYOND, 1, known)
            somewhere = secrets.randbelow(last[0]) + 2 if last else 0
            seqs = await self._before(somewhere, most, known) or last
        self._below = seqs[-1] if seqs else 0
        return seqs

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
