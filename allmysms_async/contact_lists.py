"""Changing a large contact list at the gateway, some rows in a request, each request sent once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Sequence,
)
from typing import TypeVar

from allmysms_async import argument
from allmysms_async.errors import (
    AllMySmsError,
    FaultRefused,
    GatewayError,
    HttpRefused,
    InvalidRequest,
    ListStopped,
    NotSent,
)
from allmysms_async.model import ListChange

__all__ = ["MAX_ROWS", "change_list"]

MAX_ROWS = 2000
"""Rows in a request at most: longer ones risk HTTP's time limits. Source: HTTPS API v9, §7.1."""

T = TypeVar("T")

# Every other error leaves it open whether the request was taken.
_SURELY_NOT_TAKEN = (NotSent, HttpRefused, GatewayError, InvalidRequest, FaultRefused)


def _is_source(rows: object) -> bool:
    """Return whether rows can be iterated over, and are not one text, which would be read letter by letter."""
    return isinstance(rows, Iterable | AsyncIterable) and not isinstance(rows, str | bytes)


async def _each(rows: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    """Iterate over the rows, whichever way they come; a source that is a generator is closed with this one."""
    try:
        if isinstance(rows, AsyncIterable):
            async for row in rows:
                yield row
        else:
            for row in rows:
                yield row
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()
        elif isinstance(rows, Generator):
            rows.close()


async def _chunks(rows: Iterable[T] | AsyncIterable[T], size: int) -> AsyncGenerator[list[T], None]:
    """Iterate over the rows of one request after the other; the source is read no further than that."""
    chunk: list[T] = []
    async with contextlib.aclosing(_each(rows)) as each:
        async for row in each:
            chunk.append(row)
            if len(chunk) == size:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _sum(one: ListChange, other: ListChange) -> ListChange:
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

    Cancelled, it raises ``CancelledError`` as ever; a note on it (``__notes__``) says how far the change came.

    Args:
        apply: Makes one request, in one attempt.
        rows: Any iterable or async iterable, read lazily, once; a generator is closed at the end.
        chunk_size: Rows in a request.

    Raises:
        InvalidRequest: ``chunk_size`` is none, or ``rows`` is one text; nothing was sent.
        ListStopped: A request failed, or the source did; it says which rows were answered for, and which may have been
            taken. Every other row was not sent.
    """
    if not 1 <= argument.count("chunk_size", chunk_size, least=-(2**31)) <= MAX_ROWS:
        msg = f"chunk_size is {chunk_size}; it must be 1 to {MAX_ROWS}. Nothing was sent."
        raise InvalidRequest(msg)
    if not _is_source(rows):
        msg = f"Rows are an iterable of numbers or contacts, not {type(rows).__name__}; nothing was sent."
        raise InvalidRequest(msg)
    done = ListChange()
    in_flight = 0
    try:
        async with contextlib.aclosing(_chunks(rows, chunk_size)) as chunks:
            async for chunk in chunks:
                in_flight = len(chunk)
                done = _sum(done, await apply(chunk))
                in_flight = 0
    except asyncio.CancelledError as error:
        error.add_note(_told(done, in_flight))
        raise
    except Exception as error:
        raise _stopped(error, done, in_flight) from error
    return done


def _told(done: ListChange, unknown: int) -> str:
    if unknown:
        rows = f"The {unknown} rows after them may have been taken, the others were not sent."
    else:
        rows = "No row after them was taken."
    return f"The change stopped. The gateway answered for the first {done.rows} rows. {rows}"


def _stopped(error: Exception, done: ListChange, in_flight: int) -> ListStopped:
    # What the source says of itself may hold anything.
    who = "the request" if in_flight else "the source"
    why = str(error) if isinstance(error, AllMySmsError) else f"{who} failed ({type(error).__name__})."
    unknown = 0 if isinstance(error, _SURELY_NOT_TAKEN) else in_flight
    msg = f"{_told(done, unknown)} Because: {why}"
    return ListStopped(msg, reason=error, done=done, rows_done=done.rows, rows_unknown=unknown)
