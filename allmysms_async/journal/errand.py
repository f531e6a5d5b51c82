"""The thread in which a file's journal is used, and what waits there to be written together.

What several tasks want written while a commit is under way is committed together by the next one, since a durable
commit takes a millisecond or more, whatever is in it. Such a group is one errand of the thread, and so is whatever is
read in one transaction: going there and back for each statement costs the event loop more than the statement.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

__all__ = ["End", "Errands", "Member"]

T = TypeVar("T")

_PAUSE = 0.001
"""Seconds until the next group where several write: those who were just told mostly write again, and join it. Whoever
writes alone never waits."""


class Member(NamedTuple):
    """One of those that are written together."""

    work: Callable[[sa.Connection], Any]
    done: asyncio.Future[Any]
    watched: bool


class End(NamedTuple):
    """How it went for one of them: what its work returned, or what is raised in its place."""

    member: Member
    value: Any
    problem: BaseException | None


class Errands:
    """What is done in the thread, one thing after the other.

    Args:
        commit: Commits a group in the thread, and returns how it went for each member; it raises nothing.
    """

    def __init__(self, commit: Callable[[list[Member]], list[End]]) -> None:
        self._commit = commit
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[Member] = deque()
        self._writing: asyncio.Future[None] | None = None

    def do(self, errand: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Have something done in the thread; what has begun is done whole, also if nobody waits for it any more."""
        return asyncio.get_running_loop().run_in_executor(self._started(), errand, *args)

    def _started(self) -> ThreadPoolExecutor:
        """Return the thread."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "journal")
        return self._thread

    async def write(self, work: Callable[[sa.Connection], T], *, watched: bool) -> T:
        """Have something committed with whatever else waits; return once it is."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Member(work, done, watched))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_future()
            self._write_on(self._writing)
        return await done

    async def close(self, last: Callable[[], object]) -> None:
        """End the thread, once what is being written is committed.

        Args:
            last: The last errand, if there were any.
        """
        while self._writing is not None:
            await asyncio.wait({self._writing})
        if self._thread is not None:
            await self.do(last)
            self._thread.shutdown(wait=False)
            self._thread = None

    def _write_on(self, writing: asyncio.Future[None]) -> None:
        """Have what waits committed; until its turn comes, more may join."""
        thread, loop = self._started(), writing.get_loop()
        thread.submit(lambda: loop.call_soon_threadsafe(self._written, writing, self._commit_waiting()))

    def _written(self, writing: asyncio.Future[None], ends: list[End]) -> None:
        """Tell those who wait how it went, and have what has come meanwhile committed."""
        for member, value, problem in ends:
            if member.done.done():  # whoever waited gave up
                continue
            if problem is None:
                member.done.set_result(value)
            else:
                member.done.set_exception(problem)
        if len(ends) + len(self._waiting) > 1:
            writing.get_loop().call_later(_PAUSE, self._go_on, writing)
        else:
            self._go_on(writing)

    def _go_on(self, writing: asyncio.Future[None]) -> None:
        """Have what waits committed, if anything does."""
        if self._waiting:
            self._write_on(writing)
        else:
            self._writing = None
            writing.set_result(None)

    def _commit_waiting(self) -> list[End]:
        group: list[Member] = []
        while self._waiting:
            group.append(self._waiting.popleft())
        return self._commit(group)
