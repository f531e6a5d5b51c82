"""What is shared between event loops, threads and processes."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async.loop import StopSignal, do_in


class Elsewhere:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        """Begin to run."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        """Run until it is stopped."""
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    def stop(self) -> None:
        """Run no more."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()

    def close(self) -> None:
        """Close it."""
        self.stop()
        self.loop.close()


@pytest.fixture
def elsewhere() -> Any:
    """An event loop in another thread."""
    one = Elsewhere()
    yield one
    one.close()


async def test_signal_wakes_whoever_waits_in_another_loop(elsewhere: Elsewhere) -> None:
    """A signal that is set in one thread is seen at once, and ends the waits of the event loop of another."""
    signal, waiting = StopSignal(), threading.Event()

    async def wait() -> bool:
        task = asyncio.create_task(signal.wait())
        await asyncio.sleep(0)
        waiting.set()
        return await task

    woken = asyncio.run_coroutine_threadsafe(wait(), elsewhere.loop)
    await asyncio.to_thread(waiting.wait)
    assert not signal.is_set()
    signal.set()
    assert signal.is_set()
    assert await asyncio.wrap_future(woken)
    assert await signal.wait()


@pytest.mark.parametrize("end", [Elsewhere.stop, Elsewhere.close], ids=["stopped", "closed"])
async def test_signal_can_be_set_when_nobody_can_be_woken(elsewhere: Elsewhere, end: Callable[..., None]) -> None:
    """A signal whose event loop does not run any more is set all the same, and raises nothing."""
    signal = StopSignal()

    async def wait() -> None:
        task = asyncio.create_task(signal.wait())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(wait(), elsewhere.loop))
    end(elsewhere)
    signal.set()
    assert signal.is_set()


async def test_work_is_done_in_the_loop_it_belongs_to(elsewhere: Elsewhere) -> None:
    """What is to be done elsewhere is done there, is waited for, and raises here what it raised there."""
    done: list[asyncio.AbstractEventLoop] = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(asyncio.get_running_loop())

    async def fail() -> None:
        raise OSError(28, "full")

    await do_in(elsewhere.loop, work)
    await do_in(asyncio.get_running_loop(), work)
    assert done == [elsewhere.loop, asyncio.get_running_loop()]
    with pytest.raises(OSError, match="full"):
        await do_in(elsewhere.loop, fail)


@pytest.mark.parametrize("end", [Elsewhere.stop, Elsewhere.close], ids=["stopped", "closed"])
async def test_work_for_a_loop_that_does_not_run_is_not_waited_for(elsewhere: Elsewhere, end: Any) -> None:
    """Where nobody would do it, nobody waits for ever."""
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    end(elsewhere)
    await do_in(elsewhere.loop, work)
    assert done == []


_FORKED = """
import multiprocessing, threading, time
from allmysms_async.loop import BriefLock

lock, held, free = BriefLock(), threading.Event(), threading.Event()

def hold():
    with lock:
        held.set()
        free.wait()

def child():
    with lock:
        pass

thread = threading.Thread(target=hold)
thread.start()
held.wait()
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(60)
print(process.exitcode)
process.kill()
free.set()
thread.join()
with lock:
    pass
"""


@pytest.mark.slow
def test_lock_that_another_thread_held_is_free_in_a_child_process() -> None:
    """A process that is forked off while another thread is inside does not wait for a thread that it does not have."""
    told = subprocess.run([sys.executable, "-W", "error", "-c", _FORKED], capture_output=True, text=True, timeout=100)
    assert (told.stdout, told.stderr, told.returncode) == ("0\n", "", 0)
