"""Changing a large contact list at the gateway, some rows in a request, each request sent once."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from allmysms_async.errors import AllMySmsError, InvalidRequest, ListStopped, OutcomeUnknown
from allmysms_async.model import ListChange

__all__ = ["MAX_ROWS", "change_list"]

MAX_ROWS = 2000
"""Rows in a request at most: longer ones risk HTTP's time limits. Source: HTTPS API v9, §7.1."""

T = TypeVar("T")


async def _each(rows: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """Iterate over the rows, whichever way they come."""
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


async def _chunks(rows: Iterable[T] | AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """Iterate over the rows of one request after the other; the source is read no further than that."""
    chunk: list[T] = []
    async for row in _each(rows):
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _sum(one: ListChange, other: ListChange) -> ListChange:
    """Return what two changes did together."""
    return ListChange(
        rows=one.rows + other.rows,
        done=one.done + other.done,
        ignored=one.ignored + other.ignored,
        duplicated=one.duplicated + other.duplicated,
        requests=one.requests + other.requests,
    )


async def change_list(
    apply: Callable[[Sequence[T]], Awaitable[ListChange]], rows: Iterable[T] | AsyncIterable[T], *, chunk_size: int
) -> ListChange:
    """Change a list with all rows of a source, one request after the other, in its order.

    No request is made twice: the gateway has no key that would make it safe. The first that fails ends the change.

    Args:
        apply: Makes one request, in one attempt.
        rows: Any iterable or async iterable, read lazily, once.
        chunk_size: Rows in a request.

    Raises:
        InvalidRequest: ``chunk_size`` is none; nothing was sent.
        ListStopped: A request failed, or the source did; it says which rows were answered for, and which may have been
            taken. Every other row was not sent.
    """
    if not 1 <= chunk_size <= MAX_ROWS:
        msg = f"chunk_size is {chunk_size}; it must be 1 to {MAX_ROWS}. Nothing was sent."
        raise InvalidRequest(msg)
    done = ListChange()
    in_flight = 0
    try:
        async for chunk in _chunks(rows, chunk_size):
            in_flight = len(chunk)
            done = _sum(done, await apply(chunk))
            in_flight = 0
    except Exception as error:
        unknown = in_flight if isinstance(error, OutcomeUnknown) else 0
        raise _stopped(error, done, unknown) from error
    return done


def _stopped(error: Exception, done: ListChange, unknown: int) -> ListStopped:
    """Return the error that says how far a change came."""
    if unknown:
        rows = f"The {unknown} rows after them may have been taken, the others were not sent."
    else:
        rows = "No row after them was taken."
    # What the source says of itself may hold anything.
    why = str(error) if isinstance(error, AllMySmsError) else f"the source failed ({type(error).__name__})."
    msg = f"The change stopped. The gateway answered for the first {done.rows} rows. {rows} Because: {why}"
    return ListStopped(msg, reason=error, done=done, rows_done=done.rows, rows_unknown=unknown)
