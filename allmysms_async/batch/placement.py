"""Placing a campaign: its source is read into the record, for others to send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from allmysms_async.backend import Sends
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.desk import guard
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.queue import ChunkQueue
from allmysms_async.batch.reader import Reader
from allmysms_async.batch.record import Sink
from allmysms_async.clock import Clock
from allmysms_async.errors import CampaignStopped, EmptyCampaign, JournalLost
from allmysms_async.loop import StopSignal, surely
from allmysms_async.model import Campaign, CampaignResult, Outcome

__all__ = ["Placement"]

_AHEAD = 16
"""Chunks that may be on their way into the record."""


class _Nowhere(ChunkQueue):
    """A queue that keeps nothing: whoever sends finds the chunks in the record."""

    def offer(self, chunks: Sequence[Chunk]) -> int:
        """Leave chunks to the record."""
        return len(chunks)


class Placement:
    """Reads a source into the record and sends nothing; after whatever ended it, another one goes on where it was.

    Args:
        backend: What is to send.
        campaign: What is to be sent.
        sink: Where it is recorded.
        options: How it is to be sent.
        clock: Where the time comes from.
    """

    def __init__(self, backend: Sends, campaign: Campaign, sink: Sink, options: EngineOptions, clock: Clock) -> None:
        self.stopping = StopSignal()
        self.error: Exception | None = None
        self.queue: ChunkQueue = _Nowhere(self.stopping, _AHEAD, lambda: True)
        self._campaign = campaign
        self._intake = Intake(campaign.recipients)
        self._sink = sink
        self._reader = Reader(backend, campaign, self._intake, sink, options, clock, self)

    @property
    def result(self) -> CampaignResult:
        """What the record has so far."""
        return self._sink.result(self._campaign.name)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tell nobody: the record has it."""

    def fail(self, error: Exception) -> None:
        """Stop because of an error."""
        if self.error is None or isinstance(error, JournalLost):
            self.error = error
        self.stopping.set()

    def number(self, count: int) -> int:
        """Reserve ordinals for new chunks; return the first of them."""
        return self._reader.number(count)

    async def run(self, opened: Callable[[], Awaitable[None]]) -> CampaignResult:
        """Read the source to its end, or until asked to stop.

        Args:
            opened: Called once the campaign is in the record, before its source is read.

        Raises:
            EmptyCampaign: The source held no row.
            CampaignStopped: The source failed; what was read is recorded.
            AllMySmsError: Whatever kept it from beginning.
        """
        reading = asyncio.create_task(guard(self, self._reader.plan(opened)), name="campaign placement")
        try:
            await asyncio.wait({reading})
        finally:
            self.stopping.set()
            if not reading.done():
                reading.cancel()
                await asyncio.wait({reading})
            await self._intake.aclose()
            await surely(guard(self, self._sink.close()))
        if self.error is None and not self.result.rows and self.result.complete:
            msg = "The source of recipients held no row; nothing is to be sent."
            raise EmptyCampaign(msg)
        if self.error is not None and self.error is self._reader.source_error:
            msg = f"The source failed ({type(self.error).__name__}); what was read before is recorded."
            raise CampaignStopped(msg, reason=self.error, result=self.result) from self.error
        if self.error is not None:
            raise self.error
        return self.result
