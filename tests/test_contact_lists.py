"""Changing a contact list: what is said of each row when it stops, and what becomes of the source."""

import asyncio

import pytest

from allmysms_async.contact_lists import change_list
from allmysms_async.errors import (
    AllMySmsError,
    FaultRefused,
    GatewayError,
    HttpRefused,
    InvalidRequest,
    ListStopped,
    NotSent,
    RequestTimeout,
)
from allmysms_async.model import ListChange


def applying(*endings):
    """Return what makes requests that end one way after the other."""
    script = iter(endings)

    async def apply(rows):
        ending = next(script)
        if isinstance(ending, Exception):
            raise ending
        if ending is not None:
            await ending()
        return ListChange(rows=len(rows), done=len(rows), requests=1)

    return apply


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (RequestTimeout("No answer."), 2),
        (AllMySmsError("Something else."), 2),
        (OSError("reset after the body was written"), 2),
        (AttributeError("while the answer was read"), 2),
        (NotSent("No connection."), 0),
        (HttpRefused("403."), 0),
        (GatewayError("No such list."), 0),
        (FaultRefused("Client."), 0),
        (InvalidRequest("Half of a character."), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_rows_in_flight_are_unknown_unless_the_error_is_sure(error, unknown):
    """Only an error that is sure of it says that the request's rows were not taken."""
    with pytest.raises(ListStopped) as caught:
        await change_list(applying(None, error), "abcd".__iter__(), chunk_size=2)
    assert (caught.value.rows_done, caught.value.rows_unknown) == (2, unknown)
    assert "the source failed" not in str(caught.value)


async def test_source_that_fails_leaves_nothing_open():
    """An error between two requests is the source's own."""

    def source():
        yield from "abc"
        raise OSError("gone")

    with pytest.raises(ListStopped, match=r"the source failed \(OSError\)") as caught:
        await change_list(applying(None, None), source(), chunk_size=2)
    assert (caught.value.rows_done, caught.value.rows_unknown) == (2, 0)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_source_is_closed_when_the_change_stops(kind):
    """A generator's own end is run before the error is raised, not when it is forgotten."""
    closed = []

    async def later():
        try:
            for row in "abcdef":
                yield row
        finally:
            closed.append("async")

    def now():
        try:
            yield from "abcdef"
        finally:
            closed.append("sync")

    source = later() if kind == "async" else now()
    with pytest.raises(ListStopped):
        await change_list(applying(NotSent("No.")), source, chunk_size=1)
    assert closed == [kind]


@pytest.mark.parametrize("rows", ["0612345678", b"0612345678", 612345678, None])
async def test_one_text_is_no_source(rows):
    """A bare number would be read digit by digit; it is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match="nothing was sent"):
        await change_list(applying(), rows, chunk_size=2)


async def test_cancelled_change_says_how_far_it_came(turns):
    """The cancellation goes on, with a note of the rows that are done and those that may be."""
    task = asyncio.create_task(change_list(applying(None, asyncio.Event().wait), iter("abcdef"), chunk_size=2))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    (note,) = caught.value.__notes__
    assert "first 2 rows" in note
    assert "2 rows after them may have been taken" in note
