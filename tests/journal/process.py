"""Processes that the nursery forks, as asyncio has those that it starts."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

_NURSERY = Path(__file__).with_name("nursery.py")


async def _reader(file: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Return what reads a pipe."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb", 0))
    return reader, transport


class Forked:
    """A process that was forked.

    Attributes:
        pid: Its number.
        returncode: How it ended; None as long as it has not.
        stdout: What it says.
    """

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        """Know it by its number."""
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    async def follow(self, output: int, end: int) -> None:
        """Read what it says, and how it ends."""
        self.stdout, self._transport = await _reader(output)
        told, transport = await _reader(end)

        async def wait() -> int:
            code = int(await told.read())
            self.returncode = code
            transport.close()
            return code

        self._ended = asyncio.create_task(wait(), name=f"end of process {self.pid}")

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        self._nursery.ask({"signal": number, "pid": self.pid})

    def kill(self) -> None:
        """Kill it, as ``kill -9`` does."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; return how it ended."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, None]:
        """Read what it still says, and wait for its end."""
        said = await self.stdout.read()
        await self.wait()
        self._transport.close()
        return said, None


class Nursery:
    """The process that forks the others."""

    def __init__(self) -> None:
        """Start it."""
        self._door, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, str(_NURSERY), str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])

    def ask(self, words: dict[str, Any], files: tuple[int, ...] = ()) -> int:
        """Ask it for something; return the process that is meant, 0 if there is none any more."""
        line = json.dumps(words).encode() + b"\n"
        sent = socket.send_fds(self._door, [line], files)
        self._door.sendall(line[sent:])
        answer = b""
        while not answer.endswith(b"\n"):
            more = self._door.recv(64)
            assert more, "the nursery is gone"
            answer += more
        return int(answer)

    async def fork(self, task: dict[str, Any]) -> Forked:
        """Have a worker forked for a task."""
        (output, theirs), (end, its) = os.pipe(), os.pipe()
        try:
            pid = self.ask({"task": task, "environment": dict(os.environ)}, (theirs, its))
        finally:
            os.close(theirs)
            os.close(its)
        process = Forked(self, pid)
        await process.follow(output, end)
        return process

    def close(self) -> None:
        """End it."""
        self._door.close()
        self._process.wait()
