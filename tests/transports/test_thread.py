"""The thread that what would block the event loop runs in."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from allmysms_async.transports.thread import Worker


async def test_what_waits_is_done_after_the_end_is_asked_for() -> None:
    """Closing loses nothing that was given before: an answer that is handed out once is read, nobody is cancelled."""
    worker, gate = Worker("test"), threading.Event()
    tasks = [asyncio.create_task(worker.run(gate.wait, 5)), *(asyncio.create_task(worker.run(int, n)) for n in "123")]
    await asyncio.sleep(0)
    worker.close()
    gate.set()
    assert await asyncio.gather(*tasks) == [True, 1, 2, 3]
    assert await worker.run(int, "4") == 4
    worker.close()


async def test_every_event_loop_shares_the_one_thread() -> None:
    """Threads that begin together, each with its event loop, get one thread between them: it needs no locks."""
    worker, start = Worker("test"), threading.Barrier(8)

    def work() -> int:
        start.wait()
        return asyncio.run(worker.run(threading.get_ident))

    with ThreadPoolExecutor(8) as threads:
        idents = await asyncio.to_thread(lambda: list(threads.map(lambda _: work(), range(8))))
    assert len(set(idents)) == 1
    assert idents[0] != threading.get_ident()
    worker.close()
