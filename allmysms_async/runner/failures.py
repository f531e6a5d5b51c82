"""How much of a campaign went wrong, counted over all machines since it was placed, resumed or paused last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from allmysms_async.batch.limits import check_failures
from allmysms_async.errors import JournalError, LimitReached
from allmysms_async.loop import surely
from allmysms_async.runner.control import Control

__all__ = ["Failures"]

# An operator's word begins the count anew: what failed before it was looked at.
_COUNT = """
insert into runner_failure as f (campaign, since, requests, rows, lost)
    select campaign, changed_at, $2, $3, $4 from runner_campaign where campaign = $1
on conflict (campaign) do update set since = excluded.since,
    requests = excluded.requests + case when f.since = excluded.since then f.requests else 0 end,
    rows = excluded.rows + case when f.since = excluded.since then f.rows else 0 end,
    lost = excluded.lost + case when f.since = excluded.since then f.lost else 0 end
returning requests, rows, lost
"""


class Failures:
    """Adds what this worker sees to one row of the campaign, and stops it where the row says too much.

    What comes while the row is written waits for the next time: each worker writes it once in a round trip at most.

    Args:
        control: Where the row is.
        campaign: The campaign's number in the journal.
        most: The share that may be lost.

    Attributes:
        fail: Told of the limit, once it is reached.
    """

    def __init__(self, control: Control, campaign: int, most: float) -> None:
        self.fail: Callable[[Exception], None] | None = None
        self._control = control
        self._campaign = campaign
        self._most = most
        self._new = (0, 0, 0)
        self._counting: asyncio.Task[None] | None = None

    def note(self, rows: int, lost: int) -> None:
        """Take in how a request ended.

        Args:
            rows: Its recipients.
            lost: Those of them that count as failed.
        """
        requests, sum_of_rows, sum_of_lost = self._new
        self._new = requests + 1, sum_of_rows + rows, sum_of_lost + lost
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._count(), name="runner failures")

    async def _count(self) -> None:
        """Write what is new, and again for what came meanwhile."""
        while any(self._new):
            new, self._new = self._new, (0, 0, 0)
            try:
                rows = await self._control.fetch(_COUNT, self._campaign, *new)
            except JournalError:  # it is written with what comes next
                later = self._new
                self._new = new[0] + later[0], new[1] + later[1], new[2] + later[2]
                return
            if not rows:
                return
            try:
                check_failures(self._most, rows[0]["requests"], rows[0]["rows"], rows[0]["lost"])
            except LimitReached as reached:
                if self.fail is not None:
                    self.fail(reached)

    async def aclose(self) -> None:
        """Write what is left."""
        if self._counting is not None:
            await surely(self._counting)
        await self._count()
