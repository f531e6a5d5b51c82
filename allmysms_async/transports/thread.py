"""Work that would block the event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from allmysms_async.errors import NotSent

__all__ = ["Worker", "within"]

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """One thread, started when it is first needed: what runs in it needs no locks against itself.

    More threads would not do more, since Python computes in one at a time; they would only take more of the event
    loop's turns.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns, once it is its turn; its errors come through as they are."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self._name)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """End the thread after all that it was given: answers that came are read. A later ``run`` starts another."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None


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
