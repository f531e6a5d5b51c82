"""Reading a source: no row is lost, whatever kind of iterator it is, wherever it is stopped, and also if it fails."""

import asyncio
import contextlib
import io
import sqlite3
import threading

import pytest

from allmysms_async.batch.intake import Intake
from allmysms_async.errors import InvalidSource, SourceIncomplete
from allmysms_async.model import Blocks, People, Recipient
from allmysms_async.source import CsvSource, SheetSource

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


# -- ends that are none -----------------------------------------------------------------------------------------------


async def helping(intake):
    """Take one helping."""
    return await intake.take(asyncio.Event())


async def assert_rest_is_told_to_be_lost(intake, match="not texted"):
    """Assert that nobody is told that the source has ended, however often it is asked."""
    for _ in range(3):
        with pytest.raises(SourceIncomplete, match=match):
            await helping(intake)


async def close(source):
    """Close a generator of either kind."""
    if hasattr(source, "aclose"):
        await source.aclose()
    else:
        source.close()


@pytest.mark.parametrize("kind", [generator, async_generator])
@pytest.mark.parametrize("helpings", [0, 1, 3])
async def test_generator_that_somebody_closed_has_not_ended(kind, helpings):
    """A generator that was closed behind the campaign's back ends as if it were read: it is told that it was not."""
    intake = Intake(source := kind(1000))
    rows = []
    for _ in range(helpings):
        rows += await helping(intake)
    await close(source)
    await assert_rest_is_told_to_be_lost(intake)
    assert rows == numbered(250 * helpings)


@pytest.mark.parametrize("kind", [Ordinary, Asynchronous])
async def test_reading_that_somebody_closed_is_begun_again(kind):
    """A source that can be read again is, where the generator that it made was closed."""
    made = []

    class Kept(kind):
        def __getattribute__(self, name):
            return super().__getattribute__(name)

    if kind is Ordinary:
        Kept.__iter__ = lambda self: made.append(self.rows()) or made[-1]
    else:
        begin = kind.__aiter__
        Kept.__aiter__ = lambda self: made.append(begin(self)) or made[-1]
    intake = Intake(Kept(600))
    assert await helping(intake) == numbered(250)
    await close(made[0])
    assert await drain(intake) == numbered(600)


@pytest.mark.parametrize("kind", [generator, async_generator])
async def test_generator_that_was_read_before_has_not_ended(kind):
    """A generator that somebody else read to its end gives nobody: that is told, and no empty campaign."""
    source = kind(10)
    if kind is generator:
        assert len(list(source)) == 10
    else:
        assert len([row async for row in source]) == 10
    await assert_rest_is_told_to_be_lost(Intake(source))


async def test_generator_that_swallows_its_cancellation_has_not_ended():
    """A generator that returns when it is cancelled looks as if it were read: it is not believed."""

    async def source():
        yield "n0"
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    intake, stopping = Intake(source()), asyncio.Event()
    asyncio.get_running_loop().call_soon(stopping.set)
    assert await intake.take(stopping) == [(1, "n0")]
    await intake.aclose()
    await assert_rest_is_told_to_be_lost(intake)


async def test_generator_left_open_by_a_block_that_closes_it_has_not_ended():
    """``aclosing`` around a run closes the source after it: the next run is told, whatever the first one read."""
    intake = Intake(source := async_generator(1000))
    async with contextlib.aclosing(source):
        rows = await helping(intake)
    assert rows == numbered(250)
    await assert_rest_is_told_to_be_lost(intake)


def in_loops(*works):
    """Run each in an event loop of its own, one after the other."""
    return [asyncio.run(work()) for work in works]


class Custom:
    """An asynchronous iterator that is no generator, and around one."""

    def __init__(self, inner):
        """Wrap a generator."""
        self.inner = inner

    def __aiter__(self):
        """Return itself."""
        return self

    async def __anext__(self):
        """Return the next of the inner one, which may have been closed."""
        return await anext(self.inner)


@pytest.mark.parametrize("kind", [async_generator, lambda count: Custom(async_generator(count))])
def test_source_of_an_event_loop_that_is_over_has_not_ended(kind):
    """The end of an event loop closes its generators, inner ones too: whoever goes on in another loop is told."""
    intake = Intake(kind(1000))

    async def begin():
        return await helping(intake)

    async def go_on():
        await assert_rest_is_told_to_be_lost(intake, "another event loop")

    rows, _ = in_loops(begin, go_on)
    assert rows == numbered(250)


def test_source_that_is_made_anew_goes_on_in_another_event_loop():
    """A source that begins anew when it is iterated over is read from its start, with the same ordinals."""
    intake = Intake(Asynchronous(600))

    async def begin():
        return await helping(intake)

    async def go_on():
        return await drain(intake)

    assert in_loops(begin, go_on) == [numbered(250), numbered(600)]


@pytest.mark.parametrize("kind", [a_list, generator, Ordinary])
def test_ordinary_source_goes_on_in_another_event_loop(kind):
    """An ordinary iterator belongs to no event loop: it goes on where it was."""
    intake = Intake(kind(600))

    async def begin():
        return await helping(intake)

    async def go_on():
        return await drain(intake)

    assert in_loops(begin, go_on) == [numbered(250), numbered(600, start=250)]


def test_source_waited_for_in_a_loop_that_stopped_in_between_is_not_waited_for():
    """A loop that was left without its tasks being ended: its source is told to be lost, and nothing hangs."""
    intake = Intake(waiting())
    loop = asyncio.new_event_loop()

    async def begin():
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_soon(stopping.set)
        return await intake.take(stopping)

    assert loop.run_until_complete(begin()) == numbered(1)

    async def go_on():
        await assert_rest_is_told_to_be_lost(intake, "another event loop")

    asyncio.run(go_on())
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def waiting():
    """Give one row, then wait."""
    yield "n0"
    await asyncio.Event().wait()


def test_loop_that_still_runs_gives_nothing_more_to_one_that_went_on():
    """What a source still gives in its own, running loop is no row of the reading that began anew in another."""
    more = threading.Event()

    class Slow:
        def __init__(self):
            self.begun = 0

        async def __aiter__(self):
            self.begun += 1
            yield "n0"
            if self.begun == 1:
                await asyncio.to_thread(more.wait)
            yield "n1"

    intake, first, done = Intake(Slow()), [], threading.Event()

    async def begin():
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_soon(stopping.set)
        first.extend(await intake.take(stopping))
        done.set()
        await asyncio.to_thread(more.wait)
        for _ in range(10):
            await asyncio.sleep(0.001)

    thread = threading.Thread(target=lambda: asyncio.run(begin()))
    thread.start()
    done.wait()

    async def go_on():
        rows = await drain(intake)
        more.set()
        return rows

    assert first == [(1, "n0")]
    assert asyncio.run(go_on()) == numbered(2)
    thread.join()
    assert asyncio.run(drain(intake)) == []


def a_file():
    """Return an open file, and how it is closed."""
    file = io.StringIO("".join(f"n{index}\n" for index in range(1000)))
    return file, file.close


def a_cursor():
    """Return a database's cursor, and how its connection is closed."""
    connection = sqlite3.connect(":memory:")
    cursor = connection.execute(
        "with recursive n(i) as (select 0 union all select i + 1 from n limit 1000) select i from n"
    )
    return cursor, connection.close


@pytest.mark.parametrize("make", [a_file, a_cursor])
async def test_file_or_cursor_that_is_gone_has_not_ended(make):
    """A file that was closed and a cursor whose connection is gone fail in the middle, and are never taken as read."""
    source, gone = make()
    intake = Intake(source)
    assert len(await helping(intake)) == 250
    gone()
    with pytest.raises((ValueError, sqlite3.Error)):
        await helping(intake)
    await assert_rest_is_told_to_be_lost(intake)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_source_that_gives_its_one_iterator_again_cannot_be_read_again(asynchronous):
    """An object that hands the same iterator out each time is read once, though it is no iterator itself."""

    class Wrapper:
        inner = (async_generator if asynchronous else generator)(600, fail_at=300)

    if asynchronous:
        Wrapper.__aiter__ = lambda self: self.inner
    else:
        Wrapper.__iter__ = lambda self: self.inner
    intake = Intake(Wrapper())
    with pytest.raises(ValueError, match="went away"):
        await drain(intake)
    await assert_rest_is_told_to_be_lost(intake)


async def test_source_that_is_shorter_when_it_is_read_again_has_not_ended():
    """A second reading that ends before what the first one gave leaves people out: its end is not believed."""

    class Dwindling:
        def __init__(self):
            self.counts = [600, 400]

        def __iter__(self):
            count = self.counts.pop(0)
            for index in range(count):
                if count == 600 and index == 500:
                    raise FAILURE
                yield f"n{index}"

    intake = Intake(Dwindling())
    with pytest.raises(ValueError, match="went away"):
        await drain(intake)
    rows = await helping(intake) + await helping(intake)
    with pytest.raises(SourceIncomplete, match="500 rows or more before, and holds 400 now"):
        await helping(intake)
    assert rows == numbered(400)
    await assert_rest_is_told_to_be_lost(intake)


class InFile(Ordinary):
    """One whose rows are in a file, which somebody else may be reading slowly."""

    reads_files = True

    def __init__(self, count):
        """Hold some rows."""
        super().__init__(count)
        self.threads = set()
        self.waits, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def rows(self):
        """Yield the rows."""
        for row in super().rows():
            self.threads.add(threading.get_ident())
            self.waits.set()
            self.goes_on.wait()
            yield row


async def test_file_is_read_beside_the_event_loop():
    """Whatever a file takes to read, a workbook or a block without any row, the event loop goes on meanwhile."""
    source, stopping = InFile(2500), asyncio.Event()
    intake, rows = Intake(source), []
    while (some := await intake.take(stopping)) is not None:
        rows += some
    assert rows == [(index + 1, f"n{index}") for index in range(2500)]
    assert source.threads
    assert threading.get_ident() not in source.threads


class InBlocks(Blocks):
    """One that gives some rows as columns and some singly, and may fail."""

    def __init__(self, fails=False):
        """Hold five rows."""
        self.fails = fails
        self.threads = set()

    def blocks(self):
        """Yield the rows."""
        self.threads.add(threading.get_ident())
        yield People(["n0", "n1"], range(2))
        yield [Recipient("n2", line=2)]
        yield People(["n3", "n4"], range(3, 5))
        if self.fails:
            raise InvalidSource("Broken.", line=5)


@pytest.mark.parametrize("fails", [False, True])
async def test_blocks_are_numbered_through_beside_the_event_loop(fails):
    """Columns and single rows are one list, each block a helping; an error comes after the rows before it."""
    source, rows = InBlocks(fails), []
    intake = Intake(source)
    for _ in range(3):
        rows += await intake.take(asyncio.Event())
    assert rows == [(index + 1, Recipient(f"n{index}", line=index)) for index in range(5)]
    assert source.threads
    assert threading.get_ident() not in source.threads
    if fails:
        with pytest.raises(InvalidSource, match="Broken"):
            await intake.take(asyncio.Event())
        rows = await intake.take(asyncio.Event())  # begun again
        assert list(rows) == [(1, Recipient("n0", line=0)), (2, Recipient("n1", line=1))]
    else:
        assert await intake.take(asyncio.Event()) is None


def test_lists_of_files_say_that_they_are():
    """Both kinds of file are read there."""
    assert CsvSource.reads_files
    assert SheetSource.reads_files


async def test_reading_of_a_file_that_is_given_up_loses_no_row():
    """Whoever is cancelled meanwhile waits for the file, and its rows are the next one's."""
    source, stopping = InFile(3), asyncio.Event()
    source.goes_on.clear()
    intake = Intake(source)
    taking = asyncio.create_task(intake.take(stopping))
    await asyncio.to_thread(source.waits.wait)
    for _ in range(3):
        taking.cancel()
        await asyncio.sleep(0)
    assert not taking.done()
    source.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await intake.take(stopping) == [(1, "n0"), (2, "n1"), (3, "n2")]
    assert await intake.take(stopping) is None


async def test_rows_taken_by_whoever_gave_up_are_no_rows_of_the_reading_that_begins_again():
    """A block that was read for a cancelled take is forgotten by a rewind: the source gives those rows anew."""

    class Waiting(InBlocks):
        def blocks(self):
            waits.set()
            goes_on.wait()
            yield from super().blocks()

    waits, goes_on = threading.Event(), threading.Event()
    intake = Intake(Waiting())
    taking = asyncio.create_task(intake.take(asyncio.Event()))
    await asyncio.to_thread(waits.wait)
    taking.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await taking
    await intake.rewind()
    assert [row for row, _ in await drain(intake)] == [1, 2, 3, 4, 5]


@pytest.fixture
def long_list(tmp_path):
    """A CSV file of 1,200 people."""
    path = tmp_path / "clients.csv"
    path.write_text("mobile\n" + "".join(f"06{row:08d}\n" for row in range(1200)), encoding="utf-8")
    return path


async def test_reading_of_a_users_own_list_that_somebody_closed_is_begun_again(long_list):
    """A generator of the user's own over a file ends when it is closed, and that is not the end of the file."""
    made = []

    class Own(CsvSource):
        def __iter__(self):
            made.append(row for row in super().__iter__())
            return made[-1]

    intake = Intake(Own(long_list, phone="mobile"))
    assert len(await helping(intake)) == 500
    made[0].close()
    assert [row for row, _ in await drain(intake)] == list(range(1, 1201))


async def test_generator_that_a_users_own_list_gives_but_once_has_not_ended(long_list):
    """Where the same generator, closed meanwhile, is all that it has, its rest is told to be lost."""

    class Own(CsvSource):
        def __iter__(self):
            return only

    source = Own(long_list, phone="mobile")
    only = (row for row in CsvSource.__iter__(source))
    intake = Intake(source)
    assert len(await helping(intake)) == 500
    only.close()
    assert await helping(intake) == []  # it is begun again
    await assert_rest_is_told_to_be_lost(intake)


async def test_blocks_of_a_users_own_list_are_what_it_gives(long_list):
    """Whoever overrides the blocks decides by them, and whoever overrides both by the blocks."""

    class Own(CsvSource):
        def __iter__(self):
            raise AssertionError

        def blocks(self):
            yield People(["n0"], [2])

    assert await drain(Intake(Own(long_list, phone="mobile"))) == [(1, Recipient("n0", line=2))]


async def test_rows_of_a_users_own_list_come_before_its_error(long_list):
    """What it gave before it failed is handed out; then its own error is told."""

    class Own(CsvSource):
        def __iter__(self):
            for row, recipient in enumerate(super().__iter__()):
                if row == 3:
                    raise FAILURE
                yield recipient

    intake = Intake(Own(long_list, phone="mobile"))
    assert [row for row, _ in await helping(intake)] == [1, 2, 3]
    with pytest.raises(ValueError, match="went away"):
        await helping(intake)
