"""Moments by which attempts must have ended, with one timer of the event loop for all of them."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType

__all__ = ["Deadline", "Deadlines"]


class Deadline:
    """Ends what the present task does within it at a moment, as ``asyncio.timeout_at`` does.

    Args:
        deadlines: Those of the event loop.
        until: The moment, by the event loop's clock.

    Raises:
        TimeoutError: It came first.
    """

    __slots__ = ("_before", "_deadlines", "_passed", "_task", "until")

    def __init__(self, deadlines: Deadlines, until: float) -> None:
        self.until = until
        self._deadlines = deadlines
        self._passed = False

    def __enter__(self) -> None:
        """Begin.

        Raises:
            RuntimeError: No task runs.
        """
        task = asyncio.current_task()
        if task is None:
            msg = "An attempt has to be made within a task."
            raise RuntimeError(msg)
        self._task, self._before = task, task.cancelling()
        self._deadlines.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; whoever else cancelled the task is heard all the same."""
        self._deadlines.remove(self)
        # As asyncio tells its own cancellation from others': none but this one is left, and it came out here.
        if self._passed and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel what the task does, once."""
        if not self._passed:
            self._passed = True
            self._task.cancel()


class Deadlines:
    """The deadlines of one event loop.

    A timer for each attempt costs it a twentieth of its time, and nearly none fires. Here one waits for the first
    moment that was known when it was set, and is set again then for the first that is left.
    """

    def __init__(self) -> None:
        self._open: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf

    def until(self, moment: float) -> Deadline:
        """Return a deadline, for a ``with`` statement around what is awaited."""
        return Deadline(self, moment)

    def add(self, one: Deadline) -> None:
        """Have a deadline end its task in time."""
        self._open[one] = None
        if one.until < self._at:
            self._set(one.until)

    def remove(self, one: Deadline) -> None:
        """Forget a deadline; a timer that waits for it finds nothing to do."""
        del self._open[one]

    def _set(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = moment
        self._timer = asyncio.get_running_loop().call_at(moment, self._look)

    def _look(self) -> None:
        # The event loop may call as early as its clock's resolution before the moment.
        due = max(self._at, asyncio.get_running_loop().time())
        self._timer, self._at = None, math.inf
        first = math.inf
        for one in list(self._open):
            if one.until <= due:
                one.expire()
            else:
                first = min(first, one.until)
        if first < math.inf:
            self._set(first)
