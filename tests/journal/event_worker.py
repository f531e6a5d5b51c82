"""A process that stores events in a journal and handles what it gets, until it is killed or has nothing more to do.

Its task is JSON: journal, name, folder, count (events it stores), and the options below. It says what is stored
a line of JSON at a time; what is handled it appends to a file, and while it handles something of a number it keeps that
number's file locked: if it is locked by another process that lives, two handle the same number at once.
"""

import asyncio
import fcntl
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from allmysms_async.clock import SYSTEM
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.liveness import here, is_gone
from allmysms_async.model import DeliveryReport, DeliveryStatus

LATER = (
    "allmysms_async.journal",
    "asyncpg",
    "encodings.idna",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite",
)
"""What is imported only once it is needed."""


class Task(msgspec.Struct, kw_only=True):
    """What is to be done."""

    journal: str
    name: str
    folder: str
    count: int
    numbers: int = 25
    group: int = 12
    handles: bool = True
    until_empty: bool = False
    pause: float = 0.004


def event_of(task: Task, number: int, rng: random.Random) -> DeliveryReport:
    """Return an event unlike all others."""
    return DeliveryReport(
        phone=f"336{rng.randrange(task.numbers):08d}",
        status=DeliveryStatus.PENDING,
        code=f"{task.name}-{number}",
        received_at=datetime(2026, 11, 2, tzinfo=UTC),
        campaign_id="c1",
    )


def say(line: object) -> None:
    """Print a line of JSON."""
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


async def store(journal: EventJournal, task: Task, rng: random.Random) -> None:
    """Store events, and say which ones are durable."""
    number = 0
    while number < task.count:
        group = [event_of(task, number + each, rng) for each in range(rng.randint(1, task.group))]
        await journal.store(group)
        number += len(group)
        say({"stored": [event.code for event in group]})
        await asyncio.sleep(rng.uniform(0, 2 * task.pause))


def holder_of(path: Path) -> int:
    """Return which process handles a number."""
    return int(path.read_text(encoding="ascii") or "0")


async def handle(journal: EventJournal, task: Task, kept, rng: random.Random, busy: set[str]) -> None:
    """Handle one event, or put it off."""
    phone, folder = kept.event.phone, Path(task.folder)
    path = folder / phone
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                place = msgspec.structs.replace(here(), pid=holder_of(path), started=None)
                if place.pid and not is_gone(place, here()):
                    with (folder / "parallel").open("a", encoding="utf-8") as file:
                        file.write(f"{phone} {kept.id} {place.pid} {os.getpid()}\n")
                    return
                await asyncio.sleep(0.001)
        os.pwrite(descriptor, f"{os.getpid():<10}".encode(), 0)
        await asyncio.sleep(rng.uniform(0, 2 * task.pause))
        if rng.random() < 0.05:
            await journal.retry(kept, SYSTEM.now() + timedelta(seconds=0.02))
            return
        log = os.open(folder / "handled", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.write(log, f"{phone} {kept.id} {kept.event.code}\n".encode())
        os.close(log)
        await journal.done([kept])
    finally:
        os.close(descriptor)
        busy.discard(phone)


async def work_off(journal: EventJournal, task: Task, rng: random.Random) -> None:
    """Handle whatever is handed out."""
    busy: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            kept = await journal.take(12 - len(busy), busy) if len(busy) < 12 else []
            for each in kept:
                busy.add(each.event.phone)
                group.create_task(handle(journal, task, each, rng, busy))
            if not kept:
                if task.until_empty and not busy and not await journal.waiting():
                    return
                await asyncio.sleep(0.003)


async def main(task: Task) -> None:
    """Do what is asked."""
    rng = random.Random(task.name)
    async with EventJournal(task.journal) as journal:
        say({"open": os.getpid()})
        async with asyncio.TaskGroup() as group:
            group.create_task(store(journal, task, rng))
            if task.handles:
                group.create_task(work_off(journal, task, rng))
    say({"end": True})


def work(task: str) -> None:
    """Do a task in JSON."""
    asyncio.run(main(msgspec.json.decode(task.encode(), type=Task)))
