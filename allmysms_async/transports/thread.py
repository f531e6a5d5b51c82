"""Work that would block the event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from allmysms_async.errors import NotSent
from allmysms_async.loop import BriefLock

__all__ = ["Worker", "within"]

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """One thread for every event loop of a process, started when it is first needed.

    What runs in it needs no locks against itself. A process that is forked off starts its own: its parent's does not
    run there. More threads would not do more, since Python computes in one at a time; they would only take more of the
    event loop's turns.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = BriefLock()
        self._pools: dict[int, ThreadPoolExecutor] = {}

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns, once it is its turn; its errors come through as they are."""
        with self._lock:  # so that nobody is given work that was closed just now
            pool = self._pools.get(os.getpid())
            if pool is None:
                pool = self._pools[os.getpid()] = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self._name)
            future: Future[T] = pool.submit(work, *args, **kwargs)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the thread after all that it was given: answers that came are read. A later ``run`` starts another."""
        with self._lock:
            pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.shutdown(wait=False)


async def within(worker: Worker, write: Callable[[float], T], timeout: float, name: str) -> T:
    """Return what is written in the thread, told how many seconds are left of those that the request has.

    The wait for the thread, which may be reading a large answer, is part of them.

    Raises:
        NotSent: They were over before it was written.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout
    try:
        async with asyncio.timeout_at(until):
            return await worker.run(lambda: write(max(until - loop.time(), 0.0)))
    except TimeoutError:
        msg = f"{name}: the {timeout:g} s were over before the request was written; nothing was sent."
        raise NotSent(msg, request=name) from None
