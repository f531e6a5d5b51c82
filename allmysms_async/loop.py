"""Event loops, threads and processes: what belongs to one of them is not used in another.

A service may be made once, at import, and used from several event loops: one after the other (``asyncio.run`` in each
task of a worker), at the same time (one in each thread), and in processes that were forked off.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import threading
import weakref
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BriefLock", "StopSignal", "do_in", "running_loop", "surely"]

T = TypeVar("T")

_LOOK_AGAIN = 0.05


class BriefLock:
    """A lock between threads, for a few steps that never wait; a process that is forked off finds it free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _locks.add(self)

    def __enter__(self) -> None:
        """Keep other threads out."""
        self._lock.acquire()

    def __exit__(self, *_: object) -> Literal[False]:
        """Let other threads in."""
        self._lock.release()
        return False

    def renew(self) -> None:
        """Forget who held it: a thread of the parent process, which the child does not have."""
        self._lock = threading.Lock()


_locks: weakref.WeakSet[BriefLock] = weakref.WeakSet()


def _renew_locks() -> None:
    """Free every lock, in a process that was just forked off."""
    for lock in _locks:
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class StopSignal(asyncio.Event):
    """An event that is set once, from any thread: also by the garbage collector, which runs wherever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = False
        self._home: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()

    def set(self) -> None:
        """Set it, and wake those that wait in their own event loop."""
        self._asked = True
        home = self._home
        if home is None or home is running_loop():
            super().set()
            return
        if self._pid != os.getpid():  # the loop is the parent's, and so is whoever waits
            return
        with contextlib.suppress(RuntimeError):  # it is closed: nobody waits there any more
            home.call_soon_threadsafe(super().set)

    def is_set(self) -> bool:
        """Tell whether it was set, at once and in every thread."""
        return self._asked

    async def wait(self) -> Literal[True]:
        """Wait until it is set."""
        # In this order: whoever sets it meanwhile either sees the loop, or is seen here.
        self._home = asyncio.get_running_loop()
        return True if self._asked else await super().wait()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def do_in(
    loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, None]], *, most: float = math.inf
) -> None:
    """Have something done in the event loop that it belongs to, and wait for its end as long as that loop runs.

    Where the loop does not run just now it is done when it runs again; where it is closed it is not done.

    Args:
        loop: Where.
        work: Begins it.
        most: Seconds that it is waited for: a loop that is blocked does it later.

    Raises:
        Exception: As the work does.
    """
    if loop is asyncio.get_running_loop():
        await work()
        return
    done: Future[None] = Future()
    tasks: set[asyncio.Task[None]] = set()

    def end(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if not done.set_running_or_notify_cancel():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def begin() -> None:
        task = loop.create_task(work())
        tasks.add(task)
        task.add_done_callback(end)

    try:
        loop.call_soon_threadsafe(begin)
    except RuntimeError:
        return
    waiting = asyncio.wrap_future(done)
    clock = asyncio.get_running_loop().time
    until = clock() + most
    try:
        while not waiting.done() and loop.is_running() and clock() < until:
            await asyncio.wait({waiting}, timeout=_LOOK_AGAIN)
        if waiting.done():
            waiting.result()
    finally:
        waiting.cancel()


def _tell(ended: asyncio.Future[None], _: object) -> None:
    if not ended.done():
        ended.set_result(None)


async def surely(work: Awaitable[T]) -> T:
    """Carry work through to its end, such as a record, and be cancelled only after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        ended = task.get_loop().create_future()  # what asyncio.wait does for several takes three times as long
        tell = partial(_tell, ended)
        task.add_done_callback(tell)
        try:
            await ended
        except asyncio.CancelledError as error:  # whoever cancels may do so more than once: each waits
            cancelled = error
            task.remove_done_callback(tell)
    if cancelled is not None:
        raise cancelled from task.exception()
    return task.result()
