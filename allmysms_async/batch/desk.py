"""Where the tasks of one run meet: what a task may ask of the run, how it waits and fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from allmysms_async.batch.queue import ChunkQueue
from allmysms_async.clock import Clock
from allmysms_async.errors import AllMySmsError
from allmysms_async.model import Outcome

__all__ = ["Desk", "guard", "pause"]


class Desk(Protocol):
    """What a run does for its tasks."""

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the run is asked to stop."""
        ...

    @property
    def error(self) -> Exception | None:
        """What stopped the run."""
        ...

    @property
    def queue(self) -> ChunkQueue:
        """The chunks that wait."""
        ...

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tell outcomes to whoever follows the run; none to say that something else changed."""
        ...

    def fail(self, error: Exception) -> None:
        """Stop the run because of an error."""
        ...

    def number(self, count: int) -> int:
        """Reserve ordinals for new chunks; return the first of them."""
        ...


async def guard(desk: Desk, work: Coroutine[Any, Any, None]) -> None:
    """Run a task; whatever goes wrong in it stops the run and is told, the first error first."""
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        desk.fail(AllMySmsError("A part of the run was cancelled from within."))
    except Exception as error:  # also a defect must stop the run cleanly, and be told
        desk.fail(error)


async def pause(
    clock: Clock, stopping: asyncio.Event, seconds: float, until: Coroutine[Any, Any, None] | None = None
) -> None:
    """Wait, but not longer than until a run is asked to stop, or something else has happened."""
    if until is None and stopping.is_set():  # what is still repeated now is to learn what became of it, not to be quick
        await clock.sleep(seconds)
        return
    tasks: set[asyncio.Future[Any]] = {
        asyncio.ensure_future(clock.sleep(seconds)),
        asyncio.ensure_future(stopping.wait()),
    }
    if until is not None:
        tasks.add(asyncio.ensure_future(until))
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
