"""A process that places a campaign, and is killed at a given step, as ``kill -9`` does it.

It is forked by the nursery, which finds modules from the tests' folder on. Each call to the journal, to the runner's
tables and to the engine is two steps: just before it, and just after it.
"""

import asyncio
import functools
import itertools
import json
import os
import signal
import sys

import msgspec

from allmysms_async import AllMySmsError, Campaign, Recipient, RestBackend, SmsMessage
from allmysms_async.journal.database import Database
from allmysms_async.runner import submit
from allmysms_async.runner.control import Control
from allmysms_async.runner.engine import Engine

LATER = (
    "allmysms_async.journal",
    "asyncpg",
    "procrastinate",
    "procrastinate.builtin_tasks",
    "procrastinate.periodic",
    "sqlalchemy.dialects.postgresql.asyncpg",
)
"""What is imported only once it is needed."""

STEPS = ((Database, "read"), (Database, "write"), (Control, "fetch"), (Engine, "defer"))


class Placing(msgspec.Struct, kw_only=True):
    """What is placed where, and at which step the process ends; 0 for none."""

    url: str
    journal: str
    name: str
    first: int
    count: int
    kill_at: int = 0


def campaign_of(task: Placing) -> Campaign:
    """Return a campaign: people, one number that is none among them, and one that comes twice."""
    rows = [Recipient(f"06{number:08d}", ("N",)) for number in range(task.first, task.first + task.count)]
    rows[3:3] = [Recipient("nobody", ("N",)), rows[0]]
    return Campaign(task.name, SmsMessage("Bonjour #param_1#.", purpose="transactional"), rows)


def backend_of(task: Placing) -> RestBackend:
    """Return what is to send it."""
    return RestBackend("demo", "demo-key", base_url=task.url)


def watched(kill_at: int) -> "itertools.count[int]":
    """Count steps, and end at one of them; return the count."""
    steps = itertools.count(1)

    def step() -> None:
        if next(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for kind, name in STEPS:
        usual = getattr(kind, name)

        def wrapped(usual):  # bound once for each
            @functools.wraps(usual)
            async def call(*words, **options):
                step()
                told = await usual(*words, **options)
                step()
                return told

            return call

        setattr(kind, name, wrapped(usual))
    return steps


async def place(task: Placing) -> None:
    """Place the campaign."""
    steps = watched(task.kill_at)
    backend = backend_of(task)
    error = None
    try:
        await submit(campaign_of(task), journal=task.journal, backend=backend, chunk_size=2)
    except AllMySmsError as refused:
        error = f"{type(refused).__name__}: {refused}"
    await backend.aclose()
    sys.stdout.write(json.dumps({"steps": next(steps) - 1, "error": error}) + "\n")
    sys.stdout.flush()


def work(task: str) -> None:
    """Work as a task in JSON says."""
    asyncio.run(place(msgspec.json.decode(task.encode(), type=Placing)))
