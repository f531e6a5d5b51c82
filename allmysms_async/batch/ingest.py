"""Taking a source in: its rows are planned as chunks, and recorded before they are offered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from allmysms_async.batch.block import ROWS_AT_ONCE, Row, portion
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.desk import Desk, guard
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.record import Sink
from allmysms_async.clock import Clock
from allmysms_async.errors import JournalError, QuietHoursError
from allmysms_async.loop import surely
from allmysms_async.model import Outcome

__all__ = ["Ingest"]


class Ingest:
    """Takes in the source of one run.

    Args:
        sink: Where every step is recorded.
        desk: What the run does for it.
        hours: The quiet hours that it keeps, if it does.
        clock: Where the time comes from.

    Attributes:
        planner: Plans its chunks; set before anything is read.
        recovered: Numbers that were read back from the record.
        source_error: What the source raised, whose words may hold anything.
    """

    planner: Planner

    def __init__(self, sink: Sink, desk: Desk, hours: Hours | None, clock: Clock) -> None:
        self.recovered = 0
        self.source_error: Exception | None = None
        self._sink = sink
        self._desk = desk
        self._hours = hours
        self._clock = clock
        self._queue = desk.queue
        # What is being recorded of the source while more of it is planned.
        self._recording: asyncio.Task[None] | None = None
        # Whether rows were read that are recorded nowhere.
        self._unrecorded = False

    async def read(self, intake: Intake) -> None:
        """Read the source into chunks, no faster than they are sent."""
        async for count in self._sink.recover():
            self.recovered = count
            self._desk.tell(())
        hours = self._hours
        begun = bool(self._sink.seen or self._sink.accounted)
        if hours is not None:
            began = await surely(self._sink.begin(self._clock.now().timestamp()))
            self.planner.asleep = hours.asleep(began)
        try:
            while not self._desk.stopping.is_set():
                rows = await self._taken(intake)
                if rows and hours is not None:
                    begun = begun or self._heed_hours(hours, rows, intake)
                intake.unmet.learn(self._sink.seen, self._sink.refused)
                await self._take_in(rows, intake)
                if rows is None:
                    await surely(self._sink.finish_source())
                    return
                await self._queue.room(planning=True)
        finally:
            # What was read and is not in a full chunk yet is recorded whatever happens, and waits as pending.
            try:
                if not self._unrecorded and not isinstance(self._desk.error, JournalError):
                    await guard(self._desk, self._take_in(None))
            finally:  # also if whoever waits gave up meanwhile
                await surely(self._part_from(intake))

    def _heed_hours(self, hours: Hours, rows: Sequence[Row], intake: Intake) -> bool:
        """Tell whether a campaign may begin with some rows, or it takes more of them to know.

        Raises:
            QuietHoursError: Nobody among them may be texted now; they are left to a later run.
        """
        zones = hours.zones_of_rows(portion(rows, 0, ROWS_AT_ONCE))
        try:
            hours.check_beginning(zones)
        except QuietHoursError:
            intake.give_back(rows)
            raise
        return bool(zones)

    async def _taken(self, intake: Intake) -> Sequence[Row] | None:
        """Return the next rows of a source; note an error as the source's own."""
        try:
            return await intake.take(self._desk.stopping)
        except Exception as error:  # the source is the caller's code, and may raise anything
            self.source_error = error
            raise

    async def _part_from(self, intake: Intake) -> None:
        """Leave a source to whoever continues the campaign, who reads it again if rows of it are recorded nowhere."""
        if self._recording is not None:
            await asyncio.wait({self._recording})
            self._unrecorded |= self._recording.cancelled() or self._recording.exception() is not None
        if self._unrecorded or isinstance(self._desk.error, JournalError):
            await intake.rewind()

    async def _take_in(self, rows: Sequence[Row] | None, intake: Intake | None = None) -> None:
        """Plan rows and record the chunks that are full, or, at the end of the source, all that is planned.

        Of many rows of which some are unusual, only the first are planned; the intake gets the others back.

        Each record is under way while the next rows are planned, and waited for before the next one.
        """
        refused: list[Outcome] = []
        last = rows is None
        try:
            try:
                left = self.planner.add_rows(rows or (), refused)
                if left and intake is not None:
                    intake.give_back(left)
            except Exception:  # a defect: what was planned before that row is kept all the same
                last = True
                raise
            finally:
                chunks = self.planner.flush() if last else self.planner.sealed()
                if chunks or refused or last:
                    self._queue.coming += len(chunks)
                    before = self._recording
                    self._recording = asyncio.ensure_future(self._record(before, chunks, refused))
                    if last:
                        await surely(self._recording)
                    elif before is not None:
                        await surely(before)
        except Exception:
            self._unrecorded = True
            raise

    async def _record(self, before: asyncio.Task[None] | None, chunks: list[Chunk], refused: list[Outcome]) -> None:
        """Write planned chunks and refused rows to the sink, then offer the chunks to the workers.

        Args:
            before: The record before it, without which this one makes no sense.
            chunks: Full chunks.
            refused: Rows that are not sent to.
        """
        try:
            if before is not None:
                await before
            if refused:
                await self._sink.refuse(refused)
                self._desk.tell(tuple(refused))
            if chunks:
                adding = map(self._sink.add, chunks)
                recorded = [await one for one in adding] if self._sink.at_once else await asyncio.gather(*adding)
                self.planner.next_seq = max(self.planner.next_seq, recorded[-1].seq + 1)
                self._queue.offer(recorded)
        except Exception as error:  # at once: the source may take its time over the next rows
            self._desk.fail(error)
            raise
        finally:
            self._queue.coming -= len(chunks)
            self._queue.wake()
