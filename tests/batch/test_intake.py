"""Reading a source: no row is lost, whatever kind of iterator it is, wherever it is stopped, and also if it fails."""

import asyncio
import contextlib

import pytest

from allmysms_async.batch.intake import Intake
from allmysms_async.errors import InvalidSource

FAILURE = ValueError("the database went away")


class Counted:
    """An iterable that counts how much of it was taken, and may fail once at a row."""

    def __init__(self, count, *, fail_at=None):
        """Hold some rows."""
        self.count, self.fail_at = count, fail_at
        self.taken = self.begun = 0

    def rows(self):
        """Yield the rows."""
        self.begun += 1
        for index in range(self.count):
            if index == self.fail_at:
                self.fail_at = None
                raise FAILURE
            self.taken += 1
            yield f"n{index}"


class Ordinary(Counted):
    """One that can be read again."""

    def __iter__(self):
        """Begin anew."""
        return self.rows()


class Asynchronous(Counted):
    """One that can be read again, with an await at each row."""

    async def __aiter__(self):
        """Begin anew."""
        for row in self.rows():
            await asyncio.sleep(0)
            yield row


def generator(count, **options):
    """Return one that can be read once."""
    return iter(Ordinary(count, **options))


def async_generator(count, **options):
    """Return an asynchronous one that can be read once."""
    return aiter(Asynchronous(count, **options))


def a_list(count):
    """Return a list."""
    return [f"n{index}" for index in range(count)]


KINDS = [a_list, generator, async_generator, Ordinary, Asynchronous]
FAILING = [generator, async_generator, Ordinary, Asynchronous]


async def drain(intake, stopping=None):
    """Take rows to the end of the source."""
    stopping = stopping or asyncio.Event()
    rows = []
    while (batch := await intake.take(stopping)) is not None:
        rows += batch
    return rows


def numbered(count, start=0):
    """Return the rows that are expected."""
    return [(index + 1, f"n{index}") for index in range(start, count)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 249, 250, 251, 1000])
async def test_every_row_comes_once_in_order(kind, count):
    """Rows are numbered from 1 as the source holds them, and the end is told more than once if asked."""
    intake = Intake(kind(count))
    assert await drain(intake) == numbered(count)
    assert await intake.take(asyncio.Event()) is None


@pytest.mark.parametrize("kind", [Ordinary, Asynchronous])
async def test_source_is_read_no_further_than_asked(kind):
    """A take is one helping; nothing is read before it, and nothing ahead of it."""
    source = kind(100_000)
    intake = Intake(source)
    assert source.taken == source.begun == 0
    for helping in range(1, 4):
        rows = await intake.take(asyncio.Event())
        assert len(rows) == 250
        await asyncio.sleep(0.005)
        assert source.taken == 250 * helping
    assert source.begun == 1


async def test_reading_a_plain_list_lets_others_run():
    """Between two helpings of an ordinary iterable, the event loop gets its turn."""
    turns = []
    intake = Intake(a_list(2000))

    async def other():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await drain(intake)
    task.cancel()
    assert len(turns) >= 8


async def test_stop_does_not_disturb_a_source_that_waits():
    """Asked to stop while the source waits, it hands out what there is; the next run gets the rest, without a gap."""
    more = asyncio.Event()

    async def source():
        for index in range(10):
            if index == 4:
                await more.wait()
            yield f"n{index}"

    intake, stopping = Intake(source()), asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stopping.set)
    assert await intake.take(stopping) == numbered(4)
    assert await intake.take(stopping) == []
    more.set()
    assert await drain(intake) == numbered(10, start=4)


@pytest.mark.parametrize("kind", [generator, async_generator, Asynchronous])
async def test_cancelled_take_loses_no_row(kind):
    """Cancelled at any moment of a take, the rows that were taken from the source are handed out by the next."""
    for turns in range(12):
        intake, stopping = Intake(kind(30)), asyncio.Event()
        task = asyncio.create_task(intake.take(stopping))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        rows = []
        with contextlib.suppress(asyncio.CancelledError):
            rows += await task
        assert rows + await drain(intake) == numbered(30)


@pytest.mark.parametrize("kind", FAILING)
@pytest.mark.parametrize("fail_at", [0, 1, 250, 300])
async def test_rows_before_an_error_come_before_it(kind, fail_at):
    """What the source gave before it failed is handed out; then its own error is told."""
    intake, rows = Intake(kind(400, fail_at=fail_at)), []
    while len(rows) < fail_at:
        rows += await intake.take(asyncio.Event())
    with pytest.raises(ValueError, match="went away"):
        await intake.take(asyncio.Event())
    assert rows == numbered(fail_at)


@pytest.mark.parametrize("kind", [Ordinary, Asynchronous])
@pytest.mark.parametrize("fail_at", [0, 3, 250, 270])
async def test_source_that_can_be_read_again_is_begun_again(kind, fail_at):
    """After an error, an iterable is read from its first row, with the same ordinals, wherever the error came."""
    intake = Intake(source := kind(300, fail_at=fail_at))
    with pytest.raises(ValueError, match="went away"):
        await drain(intake)
    assert await drain(intake) == numbered(300)
    assert source.begun == 2


@pytest.mark.parametrize("kind", [generator, async_generator])
async def test_source_that_can_be_read_once_cannot_be_continued(kind):
    """After an error of a generator, nobody is told that it has ended: its other rows are not known."""
    intake = Intake(kind(300, fail_at=3))
    with pytest.raises(ValueError, match="went away"):
        await drain(intake)
    for _ in range(3):
        with pytest.raises(InvalidSource, match="cannot be continued"):
            await drain(intake)


async def test_source_that_is_cancelled_from_within_has_not_ended():
    """A source whose own work was cancelled failed: that must not look like its end, since rows are missing."""

    async def source():
        yield "n0"
        work = asyncio.ensure_future(asyncio.sleep(10))
        work.cancel()
        await work
        yield "n1"

    intake, rows = Intake(source()), []
    told = None
    try:
        for _ in range(5):
            batch = await intake.take(asyncio.Event())
            if batch is None:
                break
            rows += batch
    except Exception as error:
        told = error
    assert rows == numbered(1)
    assert told is not None


async def test_what_is_no_source_is_told():
    """An object that cannot be iterated over raises its own error."""
    with pytest.raises(TypeError, match="not iterable"):
        await drain(Intake(5))


async def test_closing_gives_a_waiting_source_up():
    """Nothing is left running after closing, and the source's own clean-up ran."""
    closed = []

    async def source():
        try:
            yield "n0"
            await asyncio.Event().wait()
        finally:
            closed.append(1)

    intake, stopping = Intake(source()), asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stopping.set)
    await intake.take(stopping)
    await intake.aclose()
    assert closed == [1]
    assert {task.get_name() for task in asyncio.all_tasks()}.isdisjoint({"campaign source"})
    await intake.aclose()


async def test_source_given_up_while_it_was_waited_for_has_not_ended():
    """A source that was waited for when all was closed is begun again, or told to be lost: never taken as read."""
    first = asyncio.Event()

    class Again:
        async def __aiter__(self):
            yield "n0"
            await first.wait()
            yield "n1"

    for source, again in ((Again(), True), (aiter(Again()), False)):
        first.clear()
        intake, stopping = Intake(source), asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, stopping.set)
        assert await intake.take(stopping) == [(1, "n0")]
        await intake.aclose()
        first.set()
        if again:
            assert await drain(intake) == [(1, "n0"), (2, "n1")]
        else:
            with pytest.raises(InvalidSource, match="read only once"):
                await drain(intake)
