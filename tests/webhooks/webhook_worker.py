"""A receiver under uvicorn that handles replies until it is killed.

Its task is JSON: token, journal, folder. It prints its port once it listens. What it handled it appends to a
file; while it handles something of a number it keeps that number's file locked: if another process that lives has it
locked, two handle the same number at once.
"""

import asyncio
import fcntl
import logging
import os
import random
import socket
import sys
from pathlib import Path

import msgspec
import uvicorn

from allmysms_async import Reply
from allmysms_async.journal.liveness import here, is_gone
from allmysms_async.webhooks import Receiver

LATER = (
    "allmysms_async.journal",
    "asyncpg",
    "encodings.idna",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)
"""What is imported only once it is needed."""


class Task(msgspec.Struct):
    """What is to be done."""

    token: str
    journal: str
    folder: str


def append(path: Path, line: str) -> None:
    """Write a line whole, whoever else writes."""
    log = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(log, f"{line}\n".encode())
    os.close(log)


async def handle(folder: Path, reply: Reply, rng: random.Random) -> None:
    """Handle one reply alone, and now and then fail."""
    descriptor = os.open(folder / reply.phone, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                held = int(os.pread(descriptor, 10, 0) or b"0")
                if held and not is_gone(msgspec.structs.replace(here(), pid=held, started=None), here()):
                    append(folder / "parallel", f"{reply.phone} {reply.text} {held} {os.getpid()}")
                    return
                await asyncio.sleep(0.001)
        os.pwrite(descriptor, f"{os.getpid():<10}".encode(), 0)
        await asyncio.sleep(rng.uniform(0, 0.008))
        if rng.random() < 0.005:
            raise RuntimeError("now and then it fails")
        append(folder / "handled", f"{reply.phone} {reply.text}")
    finally:
        os.close(descriptor)


async def main(task: Task) -> None:
    """Do what is asked."""
    logging.disable()
    rng = random.Random()
    receiver = Receiver(task.token, task.journal)

    @receiver.on_reply
    async def answered(reply: Reply) -> None:
        await handle(Path(task.folder), reply, rng)

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(256)
        config = uvicorn.Config(receiver.asgi, access_log=False, log_level="critical", lifespan="on")
        sys.stdout.write(f"{bound.getsockname()[1]}\n")
        sys.stdout.flush()
        await uvicorn.Server(config).serve(sockets=[bound])


def work(task: str) -> None:
    """Do a task in JSON."""
    asyncio.run(main(msgspec.json.decode(task.encode(), type=Task)))
