"""The leases of one process on a campaign: its claims, and the reading of the source, renewed for as long as it lives.

Once a lease has run out another process takes over what it was on.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from allmysms_async import logs
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Claim
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError, JournalLost
from allmysms_async.journal import schema
from allmysms_async.journal.claim import renew
from allmysms_async.journal.database import Database
from allmysms_async.journal.guard import Guard
from allmysms_async.journal.holder import Holder
from allmysms_async.journal.transition import RENEW

__all__ = ["LEASE_SECONDS", "READER_SECONDS", "Leases"]

LEASE_SECONDS = 120.0
"""How long a claim lasts unless it is renewed; no shorter than an attempt at a request."""

READER_SECONDS = 15.0
"""How long it takes until another process may read the source in place of one that died; each chunk is added only by
the one that reads, so this may be short."""

_k = schema.campaign.c
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


class Leases:
    """What this process holds of a campaign.

    Args:
        database: The journal.
        clock: Where the time comes from.
        seconds: How long a claim lasts unless it is renewed.
        reader_seconds: The same for reading the source.

    Attributes:
        seconds: The same.
        owner: How the journal names this process.
        holder: Proves that this process lives.
        guard: Looks whether the journal is still the one that was opened.
        campaign: The campaign's number in the journal.
    """

    def __init__(self, database: Database, clock: Clock, seconds: float, reader_seconds: float) -> None:
        self.seconds = seconds
        self.owner = secrets.token_hex(8)
        self.holder = Holder(database, self.owner)
        self.guard = Guard(database, self.owner)
        self.campaign = 0
        self._database = database
        self._clock = clock
        self._reader_seconds = min(reader_seconds, seconds)
        self._reads = False
        self._held: dict[int, _Hold] = {}
        self._heart: asyncio.Task[None] | None = None

    def now(self) -> float:
        """Return Unix time."""
        return self._clock.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._clock.sleep(seconds)

    # -- renewing -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to renew what is held."""
        self._heart = asyncio.create_task(self._beat(), name="journal leases")

    async def end(self) -> None:
        """Renew nothing any more."""
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.wait({self._heart})

    async def _beat(self) -> None:
        """Renew what is held, again and again; if that fails, the next attempt of each finds out for itself."""
        while True:
            await asyncio.sleep(min(self.seconds, self._reader_seconds) / 3)
            try:
                await self.renew()
            except JournalLost as lost:
                self.guard.tell(lost)
                return
            except JournalError as error:
                _log.warning("leases were not renewed: %s", error, extra=logs.fields("leases_not_renewed", error=error))
            except Exception as error:  # also after a defect the next time may go well
                _log.exception("leases were not renewed.", extra=logs.fields("leases_not_renewed", error=error))

    async def renew(self) -> None:
        """Renew what is held, and take note of until when; what could not be renewed is looked up before it is sent.

        Raises:
            JournalLost: The record is gone.
            JournalError: The database failed.
        """
        standing = self.holder.standing
        until, renewed = await self._database.write(self._renew_all, watched=True)
        for seq, hold in self._held.items():
            if seq in renewed:
                hold.until, hold.standing = until, standing
            else:  # claimed meanwhile, or ended by somebody whose clock was ahead
                hold.until = float("-inf")

    def _renew_all(self, connection: sa.Connection) -> tuple[float, Sequence[int]]:
        """Renew every lease; return until when, and of which chunks."""
        now = self.now()
        self.guard.compare(connection)
        until, reader_until = now + self.seconds, now + self._reader_seconds if self._reads else None
        values = {"p_campaign": self.campaign, "p_owner": self.owner, "p_now": now, "p_until": until}
        return until, renew(connection, values, reader_until, any_held=bool(self._held))

    # -- the source ---------------------------------------------------------------------------------------------------

    async def lead(self) -> bool:
        """Become the one that reads the source; False while another process is."""
        now = self.now()
        statement = sa.update(schema.campaign).where(
            _k.id == self.campaign,
            sa.or_(_k.reader.is_(None), _k.reader_until < now, _k.reader_until > now + 2 * _k.reader_lease),
        )
        until = now + self._reader_seconds
        lease: dict[str, Any] = {"reader_until": until, "reader_lease": self._reader_seconds}
        changed = await self._database.execute(statement.values(reader=self.owner, source_complete=False, **lease))
        self._reads = changed == 1
        return self._reads

    def reader(self) -> dict[str, Any]:
        """Return a statement's values that name this process as the one that reads the source."""
        return {"p_campaign": self.campaign, "p_owner": self.owner, "p_until": self.now() + self._reader_seconds}

    async def finish_source(self) -> bool:
        """Record that the source was read to its end; False if another process reads it now."""
        changed = await self._leave_source(source_complete=True)
        self._reads = False
        return changed == 1

    async def give_up_source(self) -> None:
        """Let others read the source."""
        if self._reads:
            await self._leave_source()

    async def _leave_source(self, **more: bool) -> int:
        return await self._database.execute(
            sa.update(schema.campaign)
            .where(_k.id == self.campaign, _k.reader == self.owner)
            .values(reader=None, reader_until=None, **more)
        )

    # -- claims -------------------------------------------------------------------------------------------------------

    def term(self, now: float) -> tuple[float, int]:
        """Return the end of a claim that is made now, and the standing of this process."""
        return now + self.seconds, self.holder.standing

    def note(self, claim: Claim, term: tuple[float, int]) -> None:
        """Note a claim that the journal has."""
        until, standing = term
        self._held[claim.chunk.seq] = _Hold(until, len(claim.chunk.rows), claim.unanswered, standing)

    async def hold(self, claim: Claim) -> bool:
        """Tell whether a claim still stands, and for long enough; renew it where it might not."""
        await self.holder.assure()
        seq, now = claim.chunk.seq, self.now()
        await self.guard.check(seq)
        # One that ends later than a lease can was taken before the clock was set back: others take it for over.
        known = self._held.get(seq, _NOT_HELD)
        if known.standing == self.holder.standing and self.seconds / 2 < known.until - now <= self.seconds:
            return True
        term = self.term(now)
        held = await self._database.execute(RENEW, self.values(claim.chunk) | {"p_until": term[0]}) == 1
        if held:
            self.note(claim, term)
        else:
            self.drop(claim.chunk)
            _log.warning(
                "chunk %d was taken over by another process; it is not sent by this one.",
                seq,
                extra=logs.fields("chunk_taken_over", chunk=seq),
            )
        return held

    def look_up(self) -> None:
        """Have every lease looked up before it is relied on again.

        Leases that were over were ended just now: with a clock that was ahead for a moment, this process's own too.
        """
        for hold in self._held.values():
            hold.until = float("-inf")

    def values(self, chunk: Chunk) -> dict[str, Any]:
        """Return a statement's values that name a chunk claimed here."""
        return {
            "p_campaign": self.campaign,
            "p_seq": chunk.seq,
            "p_owner": self.owner,
            "p_generation": chunk.generation,
            "p_claims": chunk.claims,
        }

    def asks(self, chunk: Chunk) -> bool | None:
        """Tell whether a chunk was unknown and is asked about here, None if it is not held."""
        return self._held.get(chunk.seq, _NOT_HELD).asked

    def drop(self, chunk: Chunk) -> None:
        """Forget a claim that is over."""
        self._held.pop(chunk.seq, None)

    def drop_all(self) -> None:
        """Forget every claim."""
        self._held.clear()

    @property
    def any_held(self) -> bool:
        """Whether any chunk is held."""
        return bool(self._held)

    @property
    def sending(self) -> list[int]:
        """The rows of each chunk that is sent from here; chunks that are only asked about are left out."""
        return [hold.rows for hold in self._held.values() if hold.asked is False]
