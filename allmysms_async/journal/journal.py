"""Looking into a journal, and operators' decisions about what no machine can know."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from allmysms_async.batch.state import ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.border import bordered
from allmysms_async.clock import Clock, SystemClock
from allmysms_async.errors import InvalidRequest
from allmysms_async.journal import schema
from allmysms_async.journal.database import Database
from allmysms_async.journal.decision import Decision, decide, doubted
from allmysms_async.journal.query import summed
from allmysms_async.journal.rescue import rescue
from allmysms_async.journal.row import excludes_opt_outs, message_of, outcomes_of, quiet_hours_in
from allmysms_async.journal.transition import held_still
from allmysms_async.journal.waiting import held_by_others
from allmysms_async.model import (
    CampaignResult,
    MmsMessage,
    Outcome,
    OutcomeState,
    QuietHours,
    Reason,
    SmsMessage,
    Waiting,
)
from allmysms_async.redaction import Shown
from allmysms_async.text import escaped

__all__ = ["ChunkView", "Decision", "Journal", "JournalCampaign"]

T = TypeVar("T")

_PAGE = 50
_k, _c, _r = schema.campaign.c, schema.chunk.c, schema.refused_row.c
_lease = (_c.owner, _c.lease_until, _c.lease)


class JournalCampaign(Shown, frozen=True, kw_only=True):
    """A campaign as the journal holds it.

    Attributes:
        name: Its name.
        message: What is sent.
        backend: Name of the protocol.
        created_at: When it was begun, aware.
        result: What became of it so far.
        held: What processes hold of it at present, or None; a dead one's is taken over by the next run.
        exclude_opt_outs: As the campaign was begun with.
        quiet_hours: As it was given last; None is the default.
    """

    name: str
    message: SmsMessage | MmsMessage
    backend: str
    created_at: datetime
    result: CampaignResult
    held: Waiting | None = None
    exclude_opt_outs: bool | None = None
    quiet_hours: QuietHours | None = None


class ChunkView(Shown, frozen=True, kw_only=True):
    """One request of a campaign.

    Attributes:
        seq: Its ordinal.
        state: pending, in_flight, accepted, rejected, failed or unknown.
        rows: Recipients in it.
        unknown: Those of them of whom nobody knows what became; an answer may have told of the others.
        duplicates: Those of them that the gateway refused as duplicates of a request that nobody knows of here.
        first_sent_at: When it was first tried, aware, or None.
        leased: Whether a process holds it at present.
        problem: What went wrong with it, or None.
    """

    seq: int
    state: ChunkState
    rows: int
    unknown: int
    first_sent_at: datetime | None
    leased: bool
    problem: str | None
    duplicates: int = 0


@bordered
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
        return [each.name for each in await self._rows(sa.select(_k.name).order_by(_k.id))]

    async def campaign(self, name: str | None = None) -> JournalCampaign:
        """Return a campaign and where it stands; the only one without a name.

        Raises:
            InvalidRequest: There is no such campaign, or several and no name.
        """
        now = self._clock.now().timestamp()

        def work(connection: sa.Connection) -> tuple[Any, Sums, Waiting | None]:
            row = self._found(connection, name)
            sums = summed(connection, row.id, now=now)
            return row, sums, held_by_others(connection, row.id, None, now, reading=True)

        row, sums, held = await self._database.read(work)
        return JournalCampaign(
            name=row.name,
            message=message_of(row.text, row.options),
            exclude_opt_outs=excludes_opt_outs(row.options),
            quiet_hours=quiet_hours_in(row.options),
            backend=row.backend,
            created_at=datetime.fromtimestamp(row.created_at, UTC),
            result=sums.result(row.name, row.run_id),
            held=held,
        )

    async def chunks(self, name: str | None = None, *, state: ChunkState = ChunkState.UNKNOWN) -> list[ChunkView]:
        """Return a campaign's requests that are in a state; those that are unknown by default."""
        now = self._clock.now().timestamp()

        def work(connection: sa.Connection) -> Sequence[Any]:
            columns = sa.select(_c.seq, _c.state, _c.n, _c.unknown, _c.first_sent_at, _c.problem, _c.reasons, *_lease)
            of_it = (_c.campaign == self._found(connection, name).id, _c.state == state.value)
            return connection.execute(columns.where(*of_it).order_by(_c.seq)).all()

        rows = await self._database.read(work)
        return [
            ChunkView(
                seq=each.seq,
                state=ChunkState(each.state),
                rows=each.n,
                unknown=each.unknown if each.state != ChunkState.IN_FLIGHT or held_still(each, now) else each.n,
                first_sent_at=None if each.first_sent_at is None else datetime.fromtimestamp(each.first_sent_at, UTC),
                leased=held_still(each, now),
                problem=each.problem,
                duplicates=doubted(each.state, each.reasons),
            )
            for each in rows
        ]

    async def outcomes(self, name: str | None = None) -> AsyncIterator[Outcome]:
        """Iterate over what became of every row, some at a time: first those of requests, then those refused here."""
        after: int = 0
        campaign: int = await self._database.read(lambda connection: self._found(connection, name).id)
        while True:
            of_it = (_c.campaign == campaign, _c.seq > after)
            page = await self._rows(sa.select(schema.chunk).where(*of_it).order_by(_c.seq).limit(_PAGE))
            for row in page:
                for outcome in outcomes_of(row, self._clock.now().timestamp()):
                    yield outcome
            if not page:
                break
            after = page[-1].seq
        after = 0
        while True:
            of_it = (_r.campaign == campaign, _r.id > after)
            refused = await self._rows(sa.select(schema.refused_row).where(*of_it).order_by(_r.id).limit(1000))
            for row in refused:
                yield Outcome(row.row_no, row.line, row.phone, OutcomeState.REJECTED, Reason(row.reason))
            if not refused:
                return
            after = refused[-1].id

    async def ask(self, question: Callable[[sa.Connection], T]) -> T:
        """Ask the database something of one's own, in a transaction that only reads."""
        return await self._database.read(question)

    async def resolve(self, decision: Decision, seqs: Sequence[int], name: str | None = None) -> int:
        """Decide about requests, all of them or none; return how many recipients that concerns.

        Those that are unknown, and those that the gateway refused as duplicates, can be decided about.

        Args:
            decision: ``resend`` sends them again when the campaign is continued, and may text people twice;
                ``mark_sent`` counts them as accepted. Of a request that was answered in part either concerns only
                those recipients of whom the answer said nothing.
            seqs: Ordinals of the requests, as ``chunks`` has them.
            name: The campaign; the only one without it.

        Raises:
            InvalidRequest: A request is neither, or it is held by a process that may live; nothing was decided.
        """
        if decision not in {"resend", "mark_sent"}:
            msg = "The decision must be resend or mark_sent; nothing was decided."
            raise InvalidRequest(msg)
        wanted = sorted(set(seqs))
        if not wanted:
            msg = "Name the requests to decide about; nothing was decided."
            raise InvalidRequest(msg)
        now = self._clock.now().timestamp()
        await rescue(self._database, None)

        def work(connection: sa.Connection) -> int:
            row = self._found(connection, name)
            connection.execute(sa.select(_k.id).where(_k.id == row.id).with_for_update())
            return sum(decide(connection, row.id, seq, decision, now) for seq in wanted)

        return await self._database.write(work)

    async def _rows(self, statement: sa.Executable) -> Sequence[Any]:
        """Return what a question finds."""
        return await self._database.read(lambda connection: connection.execute(statement).all())

    def _found(self, connection: sa.Connection, name: str | None) -> Any:
        """Return a campaign's row."""
        query = sa.select(schema.campaign).order_by(_k.id)
        rows = connection.execute(query if name is None else query.where(_k.name == escaped(name))).all()
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
