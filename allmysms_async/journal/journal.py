"""Looking into a journal, and operators' decisions about what no machine can know."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from allmysms_async.batch.plan import Chunk
from allmysms_async.batch.policy import Clock, SystemClock
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.errors import InvalidRequest
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.packing import pack_outcomes, unpack_chunk, unpack_outcomes
from allmysms_async.journal.query import summed
from allmysms_async.journal.row import message_of
from allmysms_async.journal.transition import NO_RESULT, move
from allmysms_async.model import CampaignResult, MmsMessage, Outcome, OutcomeState, Reason, SmsMessage
from allmysms_async.text import escaped

__all__ = ["ChunkView", "Decision", "Journal", "JournalCampaign"]

Decision: TypeAlias = Literal["resend", "mark_sent"]

_PAGE = 50
_k, _c, _r = schema.campaign.c, schema.chunk.c, schema.refused_row.c


class JournalCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as the journal holds it.

    Attributes:
        name: Its name.
        message: What is sent.
        backend: Name of the protocol.
        created_at: When it was begun, aware.
        result: What became of it so far.
    """

    name: str
    message: SmsMessage | MmsMessage
    backend: str
    created_at: datetime
    result: CampaignResult


class ChunkView(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a campaign.

    Attributes:
        seq: Its ordinal.
        state: pending, in_flight, accepted, rejected, failed or unknown.
        rows: Recipients in it.
        first_sent_at: When it was first tried, aware, or None.
        leased: Whether a process holds it at present.
        problem: What went wrong with it, or None.
    """

    seq: int
    state: ChunkState
    rows: int
    first_sent_at: datetime | None
    leased: bool
    problem: str | None


class Journal:
    """A journal that is looked into.

    Args:
        where: A path, or a ``postgresql://`` URL.
        clock: Where the time comes from; the machine's own by default.
    """

    def __init__(self, where: str | os.PathLike[str], *, clock: Clock | None = None) -> None:
        self._database = Database(where)
        self._clock = clock or SystemClock()

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            JournalError: There is none, or it cannot be used.
        """
        try:
            await self._database.open(create=False)
        except BaseException:
            await self._database.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._database.close()

    async def names(self) -> list[str]:
        """Return the names of its campaigns, the first begun first."""
        async with self._database.reading() as connection:
            return list((await connection.execute(sa.select(_k.name).order_by(_k.id))).scalars())

    async def campaign(self, name: str | None = None) -> JournalCampaign:
        """Return a campaign and where it stands; the only one without a name.

        Raises:
            InvalidRequest: There is no such campaign, or several and no name.
        """
        async with self._database.reading() as connection:
            row = await self._found(connection, name)
            sums = await summed(connection, row.id, now=self._clock.now().timestamp())
        return JournalCampaign(
            name=row.name,
            message=message_of(row.text, row.options),
            backend=row.backend,
            created_at=datetime.fromtimestamp(row.created_at, UTC),
            result=sums.result(row.name, row.run_id),
        )

    async def chunks(self, name: str | None = None, *, state: ChunkState = ChunkState.UNKNOWN) -> list[ChunkView]:
        """Return a campaign's requests that are in a state; those that are unknown by default."""
        now = self._clock.now().timestamp()
        async with self._database.reading() as connection:
            row = await self._found(connection, name)
            found = await connection.execute(
                sa.select(_c.seq, _c.state, _c.n, _c.first_sent_at, _c.owner, _c.lease_until, _c.problem)
                .where(_c.campaign == row.id, _c.state == state.value)
                .order_by(_c.seq)
            )
            rows = found.all()
        return [
            ChunkView(
                seq=each.seq,
                state=ChunkState(each.state),
                rows=each.n,
                first_sent_at=None if each.first_sent_at is None else datetime.fromtimestamp(each.first_sent_at, UTC),
                leased=each.owner is not None and each.lease_until >= now,
                problem=each.problem,
            )
            for each in rows
        ]

    async def outcomes(self, name: str | None = None) -> AsyncIterator[Outcome]:
        """Iterate over what became of every row, some at a time: first those of requests, then those refused here."""
        after: int = 0
        async with self._database.reading() as connection:
            campaign = (await self._found(connection, name)).id
        while True:
            async with self._database.reading() as connection:
                found = await connection.execute(
                    sa.select(schema.chunk).where(_c.campaign == campaign, _c.seq > after).order_by(_c.seq).limit(_PAGE)
                )
                page = found.all()
            for row in page:
                for outcome in _outcomes(row, self._clock.now().timestamp()):
                    yield outcome
            if not page:
                break
            after = page[-1].seq
        after = 0
        while True:
            async with self._database.reading() as connection:
                found = await connection.execute(
                    sa.select(schema.refused_row)
                    .where(_r.campaign == campaign, _r.id > after)
                    .order_by(_r.id)
                    .limit(1000)
                )
                refused = found.all()
            for row in refused:
                yield Outcome(row.row_no, row.line, row.phone, OutcomeState.REJECTED, Reason(row.reason))
            if not refused:
                return
            after = refused[-1].id

    async def resolve(self, decision: Decision, seqs: Sequence[int], name: str | None = None) -> int:
        """Decide about unknown requests, all of them or none; return how many recipients that concerns.

        Args:
            decision: ``resend`` sends them again when the campaign is continued, and may text people twice;
                ``mark_sent`` counts them as accepted.
            seqs: Ordinals of the requests, as ``chunks`` has them.
            name: The campaign; the only one without it.

        Raises:
            InvalidRequest: A request is not unknown, or a process still holds it; nothing was decided.
        """
        if decision not in {"resend", "mark_sent"}:
            msg = "The decision must be resend or mark_sent; nothing was decided."
            raise InvalidRequest(msg)
        wanted = sorted(set(seqs))
        if not wanted:
            msg = "Name the requests to decide about; nothing was decided."
            raise InvalidRequest(msg)
        now = self._clock.now().timestamp()
        async with self._database.writing() as connection:
            row = await self._found(connection, name)
            await connection.execute(sa.select(_k.id).where(_k.id == row.id).with_for_update())
            count = 0
            for seq in wanted:
                count += await self._decide(connection, row.id, seq, decision, now)
        return count

    async def _decide(
        self, connection: AsyncConnection, campaign: int, seq: int, decision: Decision, now: float
    ) -> int:
        """Decide about one request; return its recipients."""
        of_it = (_c.campaign == campaign, _c.seq == seq)
        free = sa.or_(_c.owner.is_(None), _c.lease_until < now)
        # One in flight whose lease has run out is unknown as well: whoever sent it is gone.
        lose = move(ChunkEvent.LOSE, since=ChunkState.IN_FLIGHT).where(*of_it, free).values(unknown=_c.n)
        await connection.execute(lose)
        found = (await connection.execute(sa.select(schema.chunk).where(*of_it).with_for_update())).one_or_none()
        if found is None:
            msg = f"The campaign has no request {seq}; nothing was decided."
            raise InvalidRequest(msg)
        if found.state not in {ChunkState.UNKNOWN, ChunkState.IN_FLIGHT}:
            msg = f"Request {seq} is {found.state}, not unknown: there is nothing to decide; nothing was decided."
            raise InvalidRequest(msg)
        if found.owner is not None and found.lease_until >= now:
            msg = f"A process still holds request {seq} and may yet learn what became of it; nothing was decided."
            raise InvalidRequest(msg, remedy="Wait until it ended; if it died, its hold ends within two minutes.")
        event = ChunkEvent.RESEND if decision == "resend" else ChunkEvent.ACCEPT
        values: dict[str, Any] = {"owner": None, "lease_until": None}
        if decision == "resend":
            # A new key: the old one might be answered with the first request's result, and text nobody.
            values |= NO_RESULT | {"generation": _c.generation + 1, "first_sent_at": None}
        else:
            values |= _marked(found, now)
        changed = await connection.execute(move(event, since=ChunkState.UNKNOWN).where(*of_it, free).values(**values))
        if changed.rowcount != 1:  # locked above, so that nobody came in between
            msg = f"Request {seq} changed meanwhile; nothing was decided."
            raise InvalidRequest(msg)
        await connection.execute(
            schema.decision.insert().values(campaign=campaign, seq=seq, decided_at=now, decided=decision)
        )
        return int(found.n)

    async def _found(self, connection: AsyncConnection, name: str | None) -> Any:
        """Return a campaign's row."""
        query = sa.select(schema.campaign).order_by(_k.id)
        rows = (await connection.execute(query if name is None else query.where(_k.name == escaped(name)))).all()
        if len(rows) == 1:
            return rows[0]
        label = self._database.label
        if name is not None:
            msg = f"The journal {label} has no campaign {name!r}."
        elif rows:
            msg = f"The journal {label} has several campaigns; name one: {', '.join(row.name for row in rows[:10])}."
        else:
            msg = f"The journal {label} has no campaign."
        raise InvalidRequest(msg)


def _chunk(row: Any) -> Chunk:
    """Return a chunk's recipients."""
    return unpack_chunk(
        row.numbers,
        row.payload,
        seq=row.seq,
        parts=row.planned_parts,
        generation=row.generation,
        first_sent_at=row.first_sent_at,
    )


def _outcomes(row: Any, now: float) -> tuple[Outcome, ...]:
    """Return what became of a chunk's rows."""
    chunk = _chunk(row)
    if row.result is not None:
        return unpack_outcomes(chunk, row.result, row.gateway_id)
    # Without a result a chunk is waiting, in flight, or unknown because whoever sent it is gone.
    state = OutcomeState.UNKNOWN
    if row.state == ChunkState.PENDING:
        state = OutcomeState.PENDING
    elif row.state == ChunkState.IN_FLIGHT and row.lease_until >= now:
        state = OutcomeState.IN_FLIGHT
    return tuple(
        Outcome(number, recipient.line, recipient.phone, state)
        for number, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    )


def _marked(row: Any, now: float) -> dict[str, Any]:
    """Return the columns of a chunk whose unknown recipients an operator counts as accepted."""
    outcomes = [
        outcome
        if outcome.state is not OutcomeState.UNKNOWN
        else Outcome(
            outcome.row,
            outcome.line,
            outcome.phone,
            OutcomeState.ACCEPTED,
            None,
            outcome.sms_id,
            outcome.campaign_id,
        )
        for outcome in _outcomes(row, now)
    ]
    # What it cost is not known; its parts are those that were measured here.
    parts = row.parts or row.planned_parts
    counts = {"accepted": row.accepted + row.unknown, "unknown": 0, "parts": parts}
    return counts | {"problem": None, "result": pack_outcomes(outcomes)}
