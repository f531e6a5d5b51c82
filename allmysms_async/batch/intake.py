"""Reading a source of recipients, some rows at a time, and going on where it was left.

A run may stop at any row and be continued: no row that was taken from the source may be lost in between, whatever kind
of iterator it is, and also if the source itself fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TypeAlias

from allmysms_async.batch.known import Known
from allmysms_async.errors import InvalidSource
from allmysms_async.model import Recipient

__all__ = ["Intake", "Row"]

Row: TypeAlias = tuple[int, Recipient | str]
"""An ordinal, counted from 1, and what the source holds there."""

# Rows taken between two looks at the event loop: about a millisecond of planning.
_ROWS_AT_ONCE = 250


class Intake:
    """The rows of a source.

    Args:
        source: Any iterable or async iterable; iterated over once, lazily.

    Attributes:
        known: What is recorded of the source, and was not met yet since it was begun.
    """

    def __init__(self, source: Iterable[Recipient | str] | AsyncIterable[Recipient | str]) -> None:
        self.known = Known()
        self._source = source
        self._ordinary: Iterator[Recipient | str] | None = None
        self._asynchronous: AsyncIterator[Recipient | str] | None = None
        self._rows: list[Row] = []
        self._taken = 0
        self._ended = False
        self._error: Exception | None = None
        self._filling: asyncio.Task[None] | None = None
        self._spoiled = False

    async def take(self, stopping: asyncio.Event) -> list[Row] | None:
        """Return the next rows; none when asked to stop first, and None at the end of the source.

        Raises:
            Exception: The source's own, once every row before it was handed out.
            InvalidSource: Rows that were taken could not be recorded, and the source can be read only once.
        """
        if self._spoiled:
            msg = "Rows of the source could not be recorded, and it can be read only once: it cannot be continued."
            raise InvalidSource(msg, line=None)
        if not self._rows and not self._ended and self._error is None:
            await self._fill(stopping)
        rows, self._rows = self._rows, []
        if rows:
            return rows
        if self._error is not None:
            error, self._error = self._error, None
            self._restart()
            raise error
        return None if self._ended else []

    async def _fill(self, stopping: asyncio.Event) -> None:
        """Take rows from the source; if asked to stop, leave off waiting for it without disturbing it."""
        if not isinstance(self._source, AsyncIterable):
            await asyncio.sleep(0)
            self._ordinary = self._ordinary or iter(self._source)
            self._fill_from(self._ordinary)
            return
        if self._filling is not None and self._filling.cancelled():  # with the event loop it belonged to
            self._filling = None
            self._restart()
            return
        self._asynchronous = self._asynchronous or aiter(self._source)
        if self._filling is None:
            self._filling = asyncio.create_task(self._fill_from_async(self._asynchronous), name="campaign source")
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({self._filling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if self._filling.done():
            self._filling = None

    def _fill_from(self, iterator: Iterator[Recipient | str]) -> None:
        """Take rows from an ordinary iterator."""
        try:
            for item in iterator:
                self._taken += 1
                self._rows.append((self._taken, item))
                if len(self._rows) >= _ROWS_AT_ONCE:
                    return
            self._ended = True
        except Exception as error:  # the source is the caller's code: whatever it raises is told
            self._error = error

    async def _fill_from_async(self, iterator: AsyncIterator[Recipient | str]) -> None:
        """Take rows from an asynchronous iterator."""
        try:
            async for item in iterator:
                self._taken += 1
                self._rows.append((self._taken, item))
                if len(self._rows) >= _ROWS_AT_ONCE:
                    return
            self._ended = True
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._error = InvalidSource("The source of recipients was cancelled from within.")
            self._error.__cause__ = error
        except Exception as error:  # the source is the caller's code: whatever it raises is told
            self._error = error

    def _restart(self) -> None:
        """After an error of the source: begin again, if it can be read again."""
        if self._source is self._ordinary or self._source is self._asynchronous:
            msg = "The source of recipients failed before, and it can be read only once: it cannot be continued."
            self._error = InvalidSource(msg)
        else:
            self._begin()

    async def rewind(self) -> None:
        """Begin again, since rows that were taken could not be recorded."""
        await self.aclose()
        self._spoiled = self._source is self._ordinary or self._source is self._asynchronous
        self._begin()

    def _begin(self) -> None:
        """Begin the source, from its first row."""
        self._ordinary, self._asynchronous = None, None
        self._rows, self._taken, self._ended, self._error = [], 0, False, None
        self.known.forget()

    async def aclose(self) -> None:
        """Give up waiting for the source; the next to ask begins it again, if it can be read again."""
        filling, self._filling = self._filling, None
        if filling is not None:
            filling.cancel()
            await asyncio.wait({filling})
            if filling.cancelled():
                self._restart()
