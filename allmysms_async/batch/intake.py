"""Reading a source of recipients, some rows at a time, and going on where it was left.

A run may stop at any row and be continued: no row that was taken from the source may be lost in between, whatever kind
of iterator it is, and also if the source itself fails. Its end is believed only from an iterator that ended by itself:
one that somebody closed, or that belongs to another event loop, ends as well, and people were never read. Only of a
generator itself can that be told: what wraps one (``map``, a generator expression, a class) ends like any other when
somebody closes the one that it wraps in the same event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TypeAlias, cast

from allmysms_async.batch.block import ROWS_AT_ONCE, Row, Rows, portion
from allmysms_async.batch.seen import Unmet
from allmysms_async.errors import InvalidSource, SourceIncomplete
from allmysms_async.loop import surely
from allmysms_async.model import Blocks, People, Recipient

__all__ = ["Intake"]

# Rows taken between two looks at the event loop, so that each takes it a millisecond or two: those that are read in it,
# and those that are read beside it, of which only the planning takes its time.
_ROWS_AT_ONCE, _ROWS_BESIDE = 250, ROWS_AT_ONCE

_AGAIN = (
    "Give a source that can be read again (a list, read_csv, an object whose __iter__ begins anew): with a journal, a "
    "new Campaign of the same name passes over whom it holds; without one, leave out whom the outcomes named."
)

_SAY_WHO = ("blocks", "__iter__")

_Reading: TypeAlias = Iterator[Recipient | str] | Iterator[Sequence[Recipient]] | AsyncIterator[Recipient | str]


class Intake:
    """The rows of a source.

    Args:
        source: Any iterable or async iterable; iterated over once, lazily. One that is ``Blocks``, or says
            ``reads_files``, is gone through in a thread: a workbook or a block without any row would hold the event
            loop.

    Attributes:
        unmet: What is recorded of the source, and was not met yet since it was begun.
    """

    def __init__(self, source: Iterable[Recipient | str] | AsyncIterable[Recipient | str]) -> None:
        self.unmet = Unmet()
        self._source = source
        self._reading: _Reading | None = None
        # The event loop that an asynchronous source is read in, and the iterator of the reading before this one.
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._former: _Reading | None = None
        self._rows: list[Row] = []
        self._block: Rows | None = None  # or some as columns
        self._back: Sequence[Row] = ()  # what was given back, and how much of it was handed out again
        self._again = 0
        self._taken = self._most = 0
        self._ended = False
        self._error: Exception | None = None
        self._lost: str | None = None
        self._filling: asyncio.Task[None] | None = None

    async def take(self, stopping: asyncio.Event) -> Sequence[Row] | None:
        """Return the next rows; none when asked to stop first, and None at the end of the source.

        Raises:
            Exception: The source's own, once every row before it was handed out.
            SourceIncomplete: The rest of the source, or rows that were taken and not recorded, cannot be read any more.
        """
        if self._back:
            await asyncio.sleep(0)
            return self._next_back()
        if not (self._rows or self._block or self._ended or self._error is not None or self._lost is not None):
            await self._fill(stopping)
        rows, self._rows, self._block = self._block or self._rows, [], None
        if rows:
            return rows
        if self._error is not None:
            error, self._error = self._error, None
            self._restart("failed before its end")
            raise error
        if self._lost is not None:
            raise SourceIncomplete(self._lost, remedy=_AGAIN)
        return None if self._ended else []

    def give_back(self, rows: Sequence[Row]) -> None:
        """Take back the last of the rows that were handed out last: they come again, some at a time."""
        if self._back:  # they came from there
            self._again -= len(rows)
        else:
            self._back, self._again = rows, 0

    def _next_back(self) -> Sequence[Row]:
        begin, end = self._again, self._again + ROWS_AT_ONCE
        rows, self._again = portion(self._back, begin, end), end
        if end >= len(self._back):
            self._back = ()
        return rows

    # -- filling ------------------------------------------------------------------------------------------------------

    async def _fill(self, stopping: asyncio.Event) -> None:
        """Take rows from the source; if asked to stop, leave off waiting for it without disturbing it."""
        if not isinstance(self._source, AsyncIterable):
            ordinary = self._source
            if isinstance(ordinary, Blocks) and _says_blocks(type(ordinary)):
                if (blocks := cast("Iterator[Sequence[Recipient]] | None", self._opened(ordinary.blocks))) is not None:
                    await surely(asyncio.to_thread(self._fill_from_blocks, blocks))
                return
            rows = cast("Iterator[Recipient | str] | None", self._opened(lambda: iter(ordinary)))
            if rows is None:
                return
            if getattr(ordinary, "reads_files", False):
                await surely(asyncio.to_thread(self._fill_from, rows, _ROWS_BESIDE))
            else:
                await asyncio.sleep(0)
                self._fill_from(rows, _ROWS_AT_ONCE)
            return
        if self._reading is not None and self._is_elsewhere():
            self._forsake()
            return
        if self._filling is None:
            asynchronous = self._source
            iterator = self._opened(lambda: aiter(asynchronous))
            if not isinstance(iterator, AsyncIterator):
                return
            self._loop = weakref.ref(asyncio.get_running_loop())
            self._filling = asyncio.create_task(self._fill_from_async(iterator), name="campaign source")
        filling = self._filling
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({filling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if filling.done():
            self._filling = None
            if filling.cancelled():
                self._restart("was cancelled before its end")

    def _opened(self, begin: Callable[[], _Reading]) -> _Reading | None:
        """Return the iterator to go on with, or None if there is nothing more to be had of it."""
        if self._reading is None:
            self._reading = begin()
            if self._reading is self._former:
                self._lose("failed or was closed before its end")
                return None
        if _is_over(self._reading):
            self._restart("was closed, or read, before its end was seen here")
            return None
        return self._reading

    def _fill_from(self, iterator: Iterator[Recipient | str], most: int) -> None:
        """Take rows from an ordinary iterator; of a file in a thread, where nobody else looks meanwhile."""
        try:
            for item in iterator:
                self._taken += 1
                self._rows.append((self._taken, item))
                if len(self._rows) >= most:
                    return
            self._end()
        except Exception as error:  # the source is the caller's code: whatever it raises is told
            self._error = error

    def _fill_from_blocks(self, iterator: Iterator[Sequence[Recipient]]) -> None:
        """Take one block of rows, in a thread, where nobody else looks meanwhile."""
        try:
            block = next(iterator, None)
            if block is None:
                self._end()
                return
            first = self._taken + 1
            self._taken += len(block)
            if isinstance(block, People):
                self._block = Rows(first, block)
            else:
                self._rows = list(enumerate(block, first))
        except Exception as error:  # told like any other source's
            self._error = error

    async def _fill_from_async(self, iterator: AsyncIterator[Recipient | str]) -> None:
        """Take rows from an asynchronous iterator, as long as it is the one that is read."""
        task = asyncio.current_task()
        try:
            async for item in iterator:
                if iterator is not self._reading:  # given up meanwhile: the rows are another reading's
                    return
                self._taken += 1
                self._rows.append((self._taken, item))
                if len(self._rows) >= _ROWS_AT_ONCE:
                    return
        except asyncio.CancelledError as error:
            if task is None or task.cancelling():
                raise
            self._error = InvalidSource("The source of recipients was cancelled from within.")
            self._error.__cause__ = error
        except Exception as error:  # the source is the caller's code: whatever it raises is told
            if iterator is self._reading:
                self._error = error
        else:
            if task is not None and task.cancelling():  # it took its cancellation for a reason to end
                raise asyncio.CancelledError
            if iterator is self._reading:
                self._end()

    def _end(self) -> None:
        """Believe the end of the source, unless more of it was read before."""
        if self._taken < self._most:
            self._lose(f"held {self._most} rows or more before, and holds {self._taken} now")
        else:
            self._ended = True

    # -- beginning again ----------------------------------------------------------------------------------------------

    def _restart(self, why: str) -> None:
        """Begin again, if the source can be read again; else say that its rest was not read, and why."""
        if self._source is self._reading:
            self._lose(why)
        else:
            self._begin()

    def _lose(self, why: str) -> None:
        """Give the rest of the source up for good; rows that were taken are still handed out."""
        self._lost = (
            f"The source of recipients {why}, and it can be read only once: it cannot be continued, and whoever is in "
            "its rest was not texted."
        )

    async def rewind(self) -> None:
        """Begin again, since rows that were taken could not be recorded."""
        await self.aclose()
        once = self._source is self._reading
        self._begin()
        if once and self._lost is None:
            self._lose("gave rows that could not be recorded")

    def _begin(self) -> None:
        """Begin the source, from its first row."""
        self._former, self._reading = self._reading or self._former, None
        self._most = max(self._most, self._taken)
        self._rows, self._block, self._back = [], None, ()
        self._taken, self._ended, self._error = 0, False, None
        self.unmet.forget()

    def _is_elsewhere(self) -> bool:
        """Tell whether an asynchronous source is read in another event loop, or in one that is gone."""
        return self._loop is None or self._loop() is not asyncio.get_running_loop()

    def _forsake(self) -> None:
        """Leave a reading to its own event loop, where whatever it still does counts for nothing."""
        filling, self._filling = self._filling, None
        loop = None if self._loop is None else self._loop()
        if filling is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(filling.cancel)
        self._restart("belongs to another event loop, which is over or cannot be waited for")

    async def aclose(self) -> None:
        """Give up waiting for the source; the next to ask begins it again, if it can be read again."""
        if self._filling is None:
            return
        if self._is_elsewhere():
            self._forsake()
            return
        filling, self._filling = self._filling, None
        filling.cancel()
        await asyncio.wait({filling})
        if filling.cancelled():
            self._restart("was closed while it was waited for")


def _says_blocks(kind: type[Blocks]) -> bool:
    """Tell whether a class says by its blocks who is in the list; one that iterates in a way of its own does by that.

    What it iterates over is then seen here as it is: blocks around it would hide that somebody closed it.
    """
    return next("blocks" in vars(each) for each in kind.__mro__ if not vars(each).keys().isdisjoint(_SAY_WHO))


def _is_over(iterator: _Reading) -> bool:
    """Tell whether a generator has nothing to give, though nobody here saw it end."""
    if inspect.isgenerator(iterator):
        return iterator.gi_frame is None
    return inspect.isasyncgen(iterator) and iterator.ag_frame is None
