"""Processes that the nursery forks, as asyncio has those that it starts."""

import asyncio
import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["Forked", "Nursery", "nursery"]

_NURSERY = Path(__file__).with_name("nursery.py")


async def _reader(file: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Return what reads a pipe."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb", 0))
    return reader, transport


async def _writer(file: int) -> asyncio.StreamWriter:
    """Return what writes into a pipe."""
    loop = asyncio.get_running_loop()
    made = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(file, "wb", 0))
    return asyncio.StreamWriter(*made, None, loop)


class Forked:
    """A process that was forked.

    Attributes:
        pid: Its number.
        returncode: How it ended; None as long as it has not.
        stdin: What it reads, if it was given that.
        stdout: What it says.
        stderr: What it says of errors, if that is told apart.
    """

    stdin: asyncio.StreamWriter | None = None
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader | None = None

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        """Know it by its number."""
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    async def follow(self, end: int, output: int | None, errors: int | None = None, words: int | None = None) -> None:
        """Read what it says, and how it ends, and write what it reads."""
        self._transports = []
        if output is not None:
            self.stdout, reading = await _reader(output)
            self._transports.append(reading)
        if errors is not None:
            self.stderr, reading = await _reader(errors)
            self._transports.append(reading)
        if words is not None:
            self.stdin = await _writer(words)
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

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        """Wait for its end; return how it ended."""
        code = await asyncio.shield(self._ended)
        if self.stdin is not None:
            self.stdin.close()
        return code

    async def communicate(self, words: bytes = b"") -> tuple[bytes, bytes]:
        """Write what it is to read, read what it still says, and wait for its end."""

        async def write() -> None:
            if self.stdin is not None:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.stdin.write(words)
                    await self.stdin.drain()
                self.stdin.close()

        async def read(stream: asyncio.StreamReader | None) -> bytes:
            return b"" if stream is None else await stream.read()

        _, said, errors = await asyncio.gather(write(), read(getattr(self, "stdout", None)), read(self.stderr))
        await self.wait()
        for transport in self._transports:
            transport.close()
        return said, errors


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

    async def fork(self, module: Path, task: Any) -> Forked:
        """Have a process forked that does a task.

        Args:
            module: Its function ``work`` is called with the task, in JSON.
            task: Anything that JSON holds.
        """
        (output, theirs), (end, its) = os.pipe(), os.pipe()
        try:
            process = self._forked(module, task, dict(os.environ), {1: theirs}, its)
        finally:
            os.close(theirs)
            os.close(its)
        await process.follow(end, output)
        return process

    async def fork_with_streams(
        self,
        module: Path,
        task: Any,
        environment: dict[str, str],
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Forked:
        """Have a process forked that has an environment and the three usual streams of its own.

        Args:
            module: As for ``fork``.
            task: As for ``fork``.
            environment: All of it.
            stdin: A file that it reads; a pipe by default.
            stdout: A file that it writes; a pipe by default.
            stderr: The same.
        """
        with contextlib.ExitStack() as theirs:

            def pipe(own: int) -> tuple[int, int]:
                """Return this process's end of a pipe, and the other one, which is closed here at the end."""
                ends = os.pipe()
                theirs.callback(os.close, ends[1 - own])
                return ends[own], ends[1 - own]

            end, its = pipe(0)
            words, reading = pipe(1) if stdin is None else (None, stdin)
            output, out = pipe(0) if stdout is None else (None, stdout)
            errors, err = pipe(0) if stderr is None else (None, stderr)
            process = self._forked(module, task, environment, {0: reading, 1: out, 2: err}, its)
        await process.follow(end, output, errors, words)
        return process

    def _forked(
        self, module: Path, task: Any, environment: dict[str, str], streams: dict[int, int], end: int
    ) -> Forked:
        words = {"module": str(module), "task": json.dumps(task), "environment": environment, "streams": [*streams]}
        return Forked(self, self.ask(words, (*streams.values(), end)))

    def close(self) -> None:
        """End it."""
        self._door.close()
        self._process.wait()


@functools.cache
def nursery() -> Nursery:
    """Return the one of this process, which is started when it is first asked for."""
    running = Nursery()
    atexit.register(running.close)
    return running
