"""Files that a command writes: whole or not at all, for their owner alone, and never in the place of what is read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from allmysms_async.cli.writer import PATIENCE, Writer
from allmysms_async.clock import SYSTEM
from allmysms_async.errors import InvalidRequest

__all__ = ["NewFile", "check_places", "journal_file", "why"]

# What may wait for the reader of a pipe.
_MOST_UNREAD = 64 * 1024 * 1024
_LOOK = 0.05
_BESIDE_A_JOURNAL = ("", "-wal", "-shm", "-journal")


def why(error: OSError) -> str:
    """Return why the system refused something, without the name that its message may repeat."""
    return error.strerror or type(error).__name__


def journal_file(where: str | None) -> Path | None:
    """Return the file of a journal, or None if it is none.

    Raises:
        InvalidRequest: It is neither a path nor a URL that can be used.
    """
    if where is None:
        return None
    from allmysms_async.journal.address import address_of

    address = address_of(where)
    name = (address.url.database or "").removeprefix("file:")
    return Path(name) if address.is_file and name else None


def check_places(
    written: Mapping[str, Path | None], *, source: Path | None = None, journal: Path | None = None
) -> None:
    """Refuse to write where something else is read or written.

    Args:
        written: What is to be written, by the option that names it.
        source: The file of recipients.
        journal: The journal, if it is a file.

    Raises:
        InvalidRequest: Two of them are one.
    """
    taken = {"the file of recipients": source}
    if journal is not None:
        taken |= {f"the journal{end}": Path(f"{journal}{end}") for end in _BESIDE_A_JOURNAL}
    for option, path in written.items():
        for what, other in taken.items():
            if path is not None and other is not None and _same(path, other):
                msg = f"{option} {path} is {what} itself; give another name."
                raise InvalidRequest(msg)
        taken[f"that of {option}"] = path
        if path is not None and any(_is_stream(path, number) for number in (1, 2)):
            msg = f"{option} {path} is where this command prints; give another name."
            raise InvalidRequest(msg)


def _is_stream(path: Path, number: int) -> bool:
    """Tell whether a path is the file that a standard stream leads to."""
    with contextlib.suppress(OSError):
        stream = os.fstat(number)
        return stat.S_ISREG(stream.st_mode) and os.path.samestat(os.stat(path), stream)
    return False


def _same(one: Path, other: Path) -> bool:
    """Tell whether two paths name one file, there or not."""
    with contextlib.suppress(OSError):
        if os.path.samefile(one, other):
            return stat.S_ISREG(os.stat(one).st_mode)  # /dev/null may be named as often as one likes
    return os.path.realpath(one) == os.path.realpath(other) and not os.path.exists(one)


class NewFile:
    """A file that is written beside its place and put there when it is whole; what is there already is written into.

    "What is there already" are devices and pipes: nothing can take their place. Their reader may be slow or gone, and
    is not waited for but at the end.

    Args:
        path: Its place; a file there is replaced, through a link what the link leads to.

    Attributes:
        problem: Why it is not complete, or None.
        beside: Where it is until it is whole; None for devices and pipes.

    Raises:
        InvalidRequest: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self.beside: Path | None = None
        self._writer: Writer | None = None
        try:
            self._place = Path(os.path.realpath(path))
            if path.exists() and not path.is_file():  # the name as given: what /dev/fd/63 leads to may have no other
                flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
                self._file = open(os.open(path, flags), "wb", buffering=0)  # noqa: SIM115  # closed at the end
                self._writer = Writer(self._file)
                return
            self.beside = self._place.with_name(f"{self._place.name[:200]}.{secrets.token_hex(3)}.partial")
            self._file = open(self.beside, "xb", buffering=0, opener=_owners)  # noqa: SIM115  # likewise
        except OSError as error:
            msg = f"{path} cannot be written: {why(error)}."
            raise InvalidRequest(msg) from error

    def write(self, data: bytes) -> None:
        """Write, unless that failed before. A full disk must not end a campaign: it is kept as ``problem``."""
        if self.problem is not None:
            return
        if self._writer is not None:
            self._writer.put(data, keep=True)
            if self._writer.waiting > _MOST_UNREAD:
                self.problem = "nobody reads it"
            return
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self.problem = why(error)

    async def finish(self) -> None:
        """Put the file in its place; what failed stays beside it, and is told of in ``problem``."""
        try:
            if self._writer is not None:
                await self._unread(self._writer)
        finally:
            self._end()

    async def _unread(self, writer: Writer) -> None:
        """Wait for the reader, once somebody asked the process to end only as long as something is read."""
        seen, since = writer.written, SYSTEM.monotonic()
        while writer.waiting and self.problem is None:
            await asyncio.sleep(_LOOK)
            if writer.written != seen:
                seen, since = writer.written, SYSTEM.monotonic()
            if writer.hurried and SYSTEM.monotonic() - since >= PATIENCE:
                return

    def _end(self) -> None:
        """Close the file, and put it in its place if it is whole."""
        if self._writer is not None:
            if self._writer.waiting:
                self.problem = self.problem or "nobody reads it"
                return  # its thread may hang in it
            if self._writer.problem is not None:
                self.problem = self.problem or why(self._writer.problem)
        try:
            if self._writer is None:
                os.fsync(self._file.fileno())
            self._file.close()
            if self.beside is not None and self.problem is None:
                os.replace(self.beside, self._place)
        except OSError as error:
            self.problem = self.problem or why(error)

    def give_up(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self.beside is not None:
            self.beside.unlink(missing_ok=True)


def _owners(name: str, flags: int) -> int:
    """Open a file that its owner alone may read: it holds everybody's number."""
    return os.open(name, flags, 0o600)
