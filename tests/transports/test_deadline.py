"""Deadlines end what takes too long as asyncio's own do, whatever else cancels it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allmysms_async.transports.deadline import Deadlines

Bound = Callable[[float], contextlib.AbstractAsyncContextManager[object]]


def ours() -> Bound:
    """Return what bounds by deadlines with one timer."""
    deadlines = Deadlines()

    @contextlib.asynccontextmanager
    async def bound(moment: float):
        with deadlines.until(moment):
            yield

    return bound


def asyncios() -> Bound:
    """Return what bounds as asyncio does."""
    return asyncio.timeout_at


class Clock:
    """A loop whose time is what was waited for: nothing takes any."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.now = 0.0
        self.loop.time = lambda: self.now
        select = self.loop._selector.select

        def wait(timeout: float | None) -> object:
            self.now += max(0.0, timeout or 0.0)
            return select(0)

        self.loop._selector.select = wait

    def run(self, work: Awaitable[object]) -> object:
        """Run to the end."""
        try:
            return self.loop.run_until_complete(work)
        finally:
            self.loop.close()


async def ended(bound: Bound, begins: float, lasts: float, until: float, cancelled: float | None) -> list[object]:
    """Return how work ended that begins and lasts so many seconds and is cancelled by somebody else, and when."""
    loop = asyncio.get_running_loop()
    found: list[object] = []

    async def work() -> None:
        await asyncio.sleep(begins)
        try:
            async with bound(until):
                await asyncio.sleep(lasts)
            found.append("done")
        except TimeoutError as error:
            found.extend(["late", type(error.__cause__).__name__])
        except asyncio.CancelledError:
            found.append("cancelled")
            raise
        finally:
            found.append(round(loop.time(), 6))

    task = asyncio.ensure_future(work())
    if cancelled is not None:
        loop.call_at(cancelled, task.cancel)
    await asyncio.wait([task])
    return [*found, task.cancelled(), task.cancelling()]


MOMENTS = st.integers(1, 12).map(float)
WORKS = st.lists(
    # What else there is comes between the moments: of what comes in one turn asyncio has no order to keep to.
    st.tuples(MOMENTS, MOMENTS, MOMENTS, st.none() | MOMENTS.map(lambda moment: moment + 0.5)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(WORKS)
def test_deadlines_end_what_asyncios_would_when_they_would(
    works: list[tuple[float, float, float, float | None]],
) -> None:
    """Whatever begins, ends and is cancelled, each ends in the same way at the same moment."""

    async def all_of(bound: Bound) -> list[object]:
        return list(await asyncio.gather(*(ended(bound, *work[:2], work[2] + 0.25, work[3]) for work in works)))

    assert Clock().run(all_of(ours())) == Clock().run(all_of(asyncios()))


def test_one_timer_waits_for_all() -> None:
    """Deadlines that are kept set no timer each; one that is late is ended though the timer was set for another."""

    async def work() -> int:
        loop, deadlines = asyncio.get_running_loop(), Deadlines()
        before = len(loop._scheduled)
        for _ in range(500):
            with deadlines.until(loop.time() + 60):
                await asyncio.sleep(0)
        timers = len(loop._scheduled) - before
        await asyncio.sleep(59)
        with pytest.raises(TimeoutError), deadlines.until(loop.time() + 5):
            await asyncio.sleep(6)
        return timers

    assert Clock().run(work()) == 1


def test_deadline_that_is_over_ends_at_the_next_turn() -> None:
    """What begins too late does not wait at all."""

    async def work() -> float:
        loop, deadlines = asyncio.get_running_loop(), Deadlines()
        with pytest.raises(TimeoutError), deadlines.until(loop.time() - 1):
            await asyncio.sleep(30)
        return loop.time()

    assert Clock().run(work()) == 0.0


def test_error_of_the_work_is_raised_as_it_is() -> None:
    """An error, also one that comes of the cancellation, is not taken for the deadline's."""

    async def fail_late() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            raise ZeroDivisionError

    async def work() -> int:
        loop, deadlines = asyncio.get_running_loop(), Deadlines()
        with pytest.raises(ZeroDivisionError), deadlines.until(loop.time() + 1):
            await fail_late()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert Clock().run(work()) == 0


def test_attempt_outside_of_a_task_is_refused() -> None:
    """Nothing could be cancelled there."""
    loop = asyncio.new_event_loop()
    failed: list[type] = []

    def call() -> None:
        try:
            with Deadlines().until(loop.time() + 1):
                pass
        except RuntimeError as error:
            failed.append(type(error))
        loop.stop()

    loop.call_soon(call)
    loop.run_forever()
    loop.close()
    assert failed == [RuntimeError]
