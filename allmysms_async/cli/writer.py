"""Writing in a thread, so that a reader who is slow, stopped or gone neither holds anybody up nor raises anything."""

from __future__ import annotations

import errno
import signal
import threading
import time
import weakref
from collections import deque
from typing import NamedTuple, Protocol

from allmysms_async.clock import SYSTEM

__all__ = ["PATIENCE", "Raw", "Writer", "hurry"]

PATIENCE = 3.0
"""Seconds that the end of a command waits for a reader who reads nothing at all."""


# Nobody will ever read there again: a pipe that was closed, a terminal that went away, a descriptor that never was.
_GONE = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ENODEV}
_MOST_UNREAD = 256 * 1024
_AGAIN = 0.02
_LOOK = 0.25


class Raw(Protocol):
    """Where bytes go; None instead of a count says that it takes none at present."""

    def write(self, data: memoryview, /) -> int | None:
        """Write some of them; return how many."""
        ...


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
        hurried: Whether somebody asked the process to end, so that no reader is waited for without end.
    """

    def __init__(self, raw: Raw, most: int = _MOST_UNREAD) -> None:
        self._raw = raw
        self._most = most
        self._pieces: deque[_Piece] = deque()
        self._now: _Piece | None = None
        self._held = self._loose = self._left_out = self._written = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.problem: OSError | None = None
        self.gone = False
        self.hurried = False
        _writers.add(self)

    @property
    def written(self) -> int:
        """Bytes that were written."""
        return self._written

    @property
    def waiting(self) -> int:
        """Bytes that are not written yet; none where nothing can be written any more."""
        return 0 if self.gone else self._held

    def put(self, data: bytes, *, keep: bool) -> None:
        """Have bytes written; return at once, whatever the place does."""
        if self.gone or not data:
            return
        with self._changed:
            self._pieces.append(_Piece(data, keep))
            self._held += len(data)
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
            self._held -= len(piece.data)
            self._left_out += 1

    def _keeps(self) -> bool:
        """Tell whether something is waiting that is to be kept."""
        return any(piece.keep for piece in self._pieces) or (self._now is not None and self._now.keep)

    def drain(self, patience: float) -> bool:
        """Wait until all is written.

        Args:
            patience: Seconds without any progress after which it is given up, unless something is to be kept.

        Returns:
            Whether all is written, or can never be.
        """
        with self._changed:
            seen, since = self._written, SYSTEM.monotonic()
            while not self.gone and (self._pieces or self._now is not None):
                self._changed.wait(_LOOK)
                if self._written != seen:
                    seen, since = self._written, SYSTEM.monotonic()
                idle = SYSTEM.monotonic() - since >= patience
                if idle and (self.hurried or not self._keeps()):
                    return False
        return True

    def _work(self) -> None:
        """Write what comes, until nothing can be written any more; the main thread alone hears signals."""
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
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
                self._held -= len(piece.data)
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


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def hurry() -> None:
    """Wait for no reader without end any more: somebody asked the process to end."""
    for writer in list(_writers):
        writer.hurried = True
