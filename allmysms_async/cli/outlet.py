"""Standard output and standard error for a process that must not depend on who reads them.

A thread writes them, so that a reader who is slow, stopped or gone neither holds the event loop nor raises anything:
what is printed never decides what is sent.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from typing import Any, NamedTuple, Protocol, TextIO, cast

__all__ = ["Outlet", "Writer", "patient", "sheltered"]

# Nobody will ever read there again: a pipe that was closed, a terminal that went away, a descriptor that never was.
_GONE = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ENODEV}
_MOST_UNREAD = 256 * 1024
_AGAIN = 0.02
_LOOK = 0.25
# How long the end of a command waits for a reader of standard error who reads nothing at all.
_PATIENCE = 3.0


class _Raw(Protocol):
    """Where bytes go; None instead of a count says that it takes none at present."""

    def write(self, data: memoryview, /) -> int | None: ...


class _Piece(NamedTuple):
    """Bytes to be written.

    Attributes:
        data: The bytes.
        keep: Whether they are waited for; others are left out where nobody reads.
    """

    data: bytes
    keep: bool


class Writer:
    """Writes to one place in a thread of its own, in order.

    Args:
        raw: The place.
        most: Bytes that may wait to be written; the oldest that need not be kept give way to newer ones.

    Attributes:
        problem: Why something was not written, or None.
        gone: Whether nothing can be written there any more.
    """

    def __init__(self, raw: _Raw, most: int = _MOST_UNREAD) -> None:
        self._raw = raw
        self._most = most
        self._pieces: deque[_Piece] = deque()
        self._now: _Piece | None = None
        self._loose = self._left_out = self._written = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.problem: OSError | None = None
        self.gone = False

    @property
    def waiting(self) -> int:
        """Bytes that are not written yet, but for the piece that is being written."""
        return sum(len(piece.data) for piece in self._pieces)

    def put(self, data: bytes, *, keep: bool) -> None:
        """Have bytes written; return at once, whatever the place does."""
        if self.gone or not data:
            return
        with self._changed:
            self._pieces.append(_Piece(data, keep))
            if not keep:
                self._loose += len(data)
                self._leave_out()
            if self._thread is None:
                # A daemon: one that hangs in a write must not keep the process from ending.
                self._thread = threading.Thread(target=self._work, name="output", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _leave_out(self) -> None:
        """Drop the oldest pieces that need not be kept, until the others are few enough."""
        while self._loose > self._most:
            oldest = next(position for position, piece in enumerate(self._pieces) if not piece.keep)
            piece = self._pieces[oldest]
            del self._pieces[oldest]
            self._loose -= len(piece.data)
            self._left_out += 1

    def drain(self, patience: float | None) -> bool:
        """Wait until all is written.

        Args:
            patience: Seconds without any progress after which it is given up; None waits as long as somebody may read.
                What is to be kept is always waited for.

        Returns:
            Whether all is written, or can never be.
        """
        with self._changed:
            seen, since = self._written, time.monotonic()
            while not self.gone and (self._pieces or self._now is not None):
                self._changed.wait(_LOOK)
                if self._written != seen:
                    seen, since = self._written, time.monotonic()
                kept = any(piece.keep for piece in (*self._pieces, *([self._now] if self._now else [])))
                if patience is not None and not kept and time.monotonic() - since >= patience:
                    return False
        return True

    def _work(self) -> None:
        """Write what comes, until nothing can be written any more."""
        while not self.gone:
            with self._changed:
                while not self._pieces:
                    self._changed.wait()
                piece = self._now = self._pieces.popleft()
                if not piece.keep:
                    self._loose -= len(piece.data)
                left_out, self._left_out = self._left_out, 0
            if left_out:
                self._write(b"(%d messages before this one are left out: nobody read them.)\n" % left_out)
            self._write(piece.data)
            with self._changed:
                self._now = None
                if self.gone:
                    self._pieces.clear()
                self._changed.notify_all()

    def _write(self, data: bytes) -> None:
        """Write a piece, as slowly as its reader is; what cannot be written is left out."""
        rest = memoryview(data)
        while rest and not self.gone:
            try:
                count = self._raw.write(rest)
            except (OSError, ValueError) as error:
                self.problem = self.problem or (error if isinstance(error, OSError) else OSError(errno.EBADF, "closed"))
                self.gone = isinstance(error, ValueError) or error.errno in _GONE
                return
            if count is None:  # a pipe that does not block, and is full
                time.sleep(_AGAIN)
                continue
            with self._changed:
                self._written += count
            rest = rest[count:]


class Outlet(io.TextIOBase):
    """A text stream that takes everything at once and raises nothing.

    Args:
        stream: The one that it stands for, which says the encoding.
        writer: What writes.
        keep: Whether it is waited for; else only the newest is kept where nobody reads.

    Attributes:
        patient: Whether a flush waits a little for the reader: a question must be seen before its answer is read.
    """

    def __init__(self, stream: TextIO, writer: Writer, *, keep: bool) -> None:
        super().__init__()
        self._stream = stream
        self._name = stream.encoding or "utf-8"
        self._encoder = codecs.getincrementalencoder(self._name)("replace")
        self._keep = keep
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
            self.writer.drain(_PATIENCE)


@contextlib.contextmanager
def patient() -> Generator[None, None, None]:
    """Have what is written be seen before the program goes on, for as long as somebody is being asked."""
    outlets = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, Outlet)]
    for outlet in outlets:
        outlet.patient = True
    try:
        yield
    finally:
        for outlet in outlets:
            outlet.patient = False


@contextlib.contextmanager
def sheltered() -> Generator[None, None, None]:
    """Put outlets in the place of the standard streams, and wait at the end for what was written to them.

    Standard output is waited for as long as somebody may read it, and Ctrl-C ends that; standard error only as long as
    it is read. Streams that another program put there are left alone.
    """
    _occupy()
    before = sys.stdout, sys.stderr
    if before != (sys.__stdout__, sys.__stderr__):
        yield
        return
    streams = [stream or open(number, "w", encoding="utf-8", closefd=False) for number, stream in enumerate(before, 1)]
    writers = [Writer(_raw(stream)) for stream in streams]
    if _same(*streams):  # one writer, so that what comes later stays below what came before
        writers[1] = writers[0]
    outlets = [
        Outlet(stream, writer, keep=not number)
        for number, (stream, writer) in enumerate(zip(streams, writers, strict=True))
    ]
    sys.stdout, sys.stderr = cast("list[TextIO]", outlets)
    try:
        yield
    finally:
        # Ctrl-C here: what is not read now changes nothing of what was done.
        with contextlib.suppress(KeyboardInterrupt):
            writers[0].drain(_PATIENCE)
            problem = writers[0].problem
            if problem is not None and problem.errno != errno.EPIPE:
                why = problem.strerror or type(problem).__name__
                sys.stderr.write(f"Standard output is not complete: {why}. The exit code holds all the same.\n")
            writers[1].drain(_PATIENCE)
        sys.stdout, sys.stderr = before


def _occupy() -> None:
    """Fill the standard descriptors that are closed: a socket or a file that took their place would be printed to."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _raw(stream: TextIO) -> _Raw:
    """Return where a stream's bytes go in the end: nothing in between may hold any back until the process ends."""
    buffer: Any = stream.buffer
    return cast("_Raw", getattr(buffer, "raw", buffer))


def _same(one: TextIO, other: TextIO) -> bool:
    """Tell whether two streams lead to one place."""
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    return False
