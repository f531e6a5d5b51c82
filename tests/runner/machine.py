"""A process that works as one machine of many, and says how it ends, in lines of JSON.

It is forked by the nursery, which finds modules from the tests' folder on. What it is to do is JSON, as below; the
backend's fields are those of the journal's own worker.
"""

import asyncio
import logging
import os
import signal
import sys

import msgspec
from journal.worker import LATER as _JOURNAL
from journal.worker import Task, backend_of, say
from runner import network
from runner.shown import ShownClock
from runner.stalls import Stalls

from allmysms_async import AllMySmsError, RetryPolicy
from allmysms_async.runner import Worker

LATER = (
    *_JOURNAL,
    "allmysms_async.runner.worker",
    "procrastinate",
    "procrastinate.builtin_tasks",
    "procrastinate.periodic",
)
"""What is imported only once it is needed."""


class Machine(Task, kw_only=True):
    """What is to be done."""

    count: int = 0
    max_in_flight: int | None = None
    rate: float | None = None
    until_idle: bool = False
    netns: str = ""
    log: bool = False
    clock: str = ""


async def send(task: Machine) -> None:
    """Work until it is asked to end."""
    policy = RetryPolicy(attempts=task.attempts, deadline=60.0, base=0.005, cap=0.2)
    worker = Worker(
        lambda: backend_of(task),
        journal=task.journal,
        concurrency=task.concurrency,
        max_in_flight=task.max_in_flight,
        rate=task.rate,
        policy=policy,
        grace=20.0,
        until_idle=task.until_idle,
        clock=ShownClock(task.clock) if task.clock else None,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    say(started=True, pid=os.getpid())
    error, stalls = None, Stalls()
    try:
        async with stalls:
            await worker.run()
    except AllMySmsError as refused:
        error = f"{type(refused).__name__}: {refused}"
    say(error=error, stalled=stalls.worst, **worker.stats.outcomes)


def work(task: str) -> None:
    """Work as a task in JSON says."""
    read = msgspec.json.decode(task.encode(), type=Machine)
    if read.netns:
        network.enter(read.netns)
    if read.log:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=f"{os.getpid()} %(asctime)s %(message)s")
    asyncio.run(send(read))
