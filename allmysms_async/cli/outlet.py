"""Standard output and standard error for a process that must not depend on who reads them.

A thread writes them, so that a reader who is slow, stopped or gone neither holds the event loop nor raises anything:
what is printed never decides what is sent.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Generator
from typing import Any, TextIO, cast

from allmysms_async.cli.writer import PATIENCE, Raw, Writer

__all__ = ["Outlet", "patient", "read_along", "sheltered"]

_MOST_BEHIND = 4 * 1024 * 1024
_LOOK = 0.05


class _Bytes(io.RawIOBase):
    """The bytes of an outlet, for what is bytes already."""

    def __init__(self, writer: Writer, *, keep: bool) -> None:
        super().__init__()
        self._writer = writer
        self._keep = keep

    def writable(self) -> bool:
        """They are written."""
        return True

    def write(self, data: Any, /) -> int:
        """Take bytes."""
        taken = bytes(data)
        self._writer.put(taken, keep=self._keep)
        return len(taken)


class Outlet(io.TextIOBase):
    """A text stream that takes everything at once and raises nothing.

    Args:
        stream: The one that it stands for, which says the encoding.
        writer: What writes.
        keep: Whether it is waited for; else only the newest is kept where nobody reads.

    Attributes:
        patient: Whether a flush waits a little for the reader: a question must be seen before its answer is read.
        buffer: Takes bytes.
    """

    def __init__(self, stream: TextIO, writer: Writer, *, keep: bool) -> None:
        super().__init__()
        self._stream = stream
        self._name = stream.encoding or "utf-8"
        self._encoder = codecs.getincrementalencoder(self._name)("replace")
        self._keep = keep
        self.buffer = _Bytes(writer, keep=keep)
        self.writer = writer
        self.patient = False

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute, which none can set
        """The encoding of the stream."""
        return self._name

    @property
    def errors(self) -> str:  # type: ignore[override]  # likewise
        """What becomes of characters that the encoding lacks."""
        return "replace"

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal, and still there."""
        with contextlib.suppress(OSError, ValueError):
            return not self.writer.gone and self._stream.isatty()
        return False

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str, /) -> int:
        """Take a text."""
        text = text if os.linesep == "\n" else text.replace("\n", os.linesep)
        try:
            data = self._encoder.encode(text)
        except UnicodeError:  # an encoding that cannot replace, such as idna
            data = text.encode("ascii", "backslashreplace")
        self.writer.put(data, keep=self._keep)
        return len(text)

    def flush(self) -> None:
        """Wait for nobody, unless somebody is being asked."""
        if self.patient:
            self.writer.drain(PATIENCE)


_outlets: list[Outlet] = []


@contextlib.contextmanager
def patient() -> Generator[None, None, None]:
    """Have what is written be seen before the program goes on, for as long as somebody is being asked."""
    for outlet in _outlets:
        outlet.patient = True
    try:
        yield
    finally:
        for outlet in _outlets:
            outlet.patient = False


async def read_along() -> bool:
    """Wait while who reads standard output is far behind; return whether there is still somebody to print for.

    What would print without end calls it, so that it does not fill the memory.
    """
    out = sys.stdout
    if not isinstance(out, Outlet):
        return True
    while out.writer.waiting > _MOST_BEHIND:  # noqa: ASYNC110  # its thread knows no loop
        await asyncio.sleep(_LOOK)
    return not out.writer.gone


@contextlib.contextmanager
def sheltered() -> Generator[None, None, None]:
    """Put outlets in the place of the standard streams, and wait at the end for what was written to them.

    Standard output is waited for as long as somebody may read it, unless the process was asked to end; standard error
    only as long as it is read. Streams that another program put there are left alone.
    """
    _occupy()
    before = sys.stdout, sys.stderr
    if before != (sys.__stdout__, sys.__stderr__):
        yield
        return
    streams = [stream or _nowhere(number) for number, stream in enumerate(before, 1)]
    writers = [Writer(_raw(stream)) for stream in streams]
    if _same(*streams):  # one writer, so that what comes later stays below what came before
        writers[1] = writers[0]
    out, err = Outlet(streams[0], writers[0], keep=True), Outlet(streams[1], writers[1], keep=False)
    _outlets[:] = out, err
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield
    finally:
        # Ctrl-C here: what is not read now changes nothing of what was done.
        with contextlib.suppress(KeyboardInterrupt):
            writers[0].drain(PATIENCE)
            problem = writers[0].problem
            if problem is not None and problem.errno != errno.EPIPE:
                why = problem.strerror or type(problem).__name__
                sys.stderr.write(f"Standard output is not complete: {why}. The exit code holds all the same.\n")
            writers[1].drain(PATIENCE)
        _outlets.clear()
        sys.stdout, sys.stderr = before


def _occupy() -> None:
    """Fill the standard descriptors that are closed: a socket or a file that took their place would be printed to."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _nowhere(number: int) -> TextIO:
    """Return a stream on a descriptor that was closed and is filled now."""
    return open(number, "w", encoding="utf-8", closefd=False)


def _raw(stream: TextIO) -> Raw:
    """Return where a stream's bytes go in the end: nothing in between may hold any back until the process ends."""
    buffer: Any = stream.buffer
    return cast("Raw", getattr(buffer, "raw", buffer))


def _same(one: TextIO, other: TextIO) -> bool:
    """Tell whether two streams lead to one place."""
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    return False
