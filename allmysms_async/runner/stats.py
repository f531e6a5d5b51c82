"""What a worker counts of its own work, for whoever watches it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from allmysms_async.model import AcceptedRows, Outcome, OutcomeState

__all__ = ["Stats"]


class Stats:
    """Counts of one worker since it began.

    Attributes:
        outcomes: Recipients by how they ended.
        drains: Slots that it drained for a while.
        stopped: Campaigns that it stopped for all, because of an error.
        beaten_at: Monotonic time at which it heard from the database last, or None.
        workers: Workers of the account, itself included.
        open: Campaigns that are open.
        seats: Seats that it has at the moment.
        draining: Slots that it drains at the moment.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.drains = self.stopped = self.workers = self.open = self.seats = self.draining = 0
        self.beaten_at: float | None = None

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes."""
        if isinstance(outcomes, AcceptedRows):  # nearly always: none of them is made for this
            self.outcomes[OutcomeState.ACCEPTED.value] += len(outcomes)
            return
        self.outcomes.update(outcome.state.value for outcome in outcomes)
