"""Error mails that lie on this machine: a Maildir, an mbox file, or a folder of ``.eml`` files."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing
from pathlib import Path

from allmysms_async import argument
from allmysms_async.border import border, bordered
from allmysms_async.errors import InvalidSource
from allmysms_async.mailbox.batch import Batch, Heap, MailTally, read_in_thread
from allmysms_async.mailbox.mail import HEAD, LONGEST
from allmysms_async.mailbox.mbox import BEGIN, mails_of
from allmysms_async.model.mail_error import MailError

__all__ = ["MailFolder", "read_error_mails"]

_PARTS = ("new", "cur")
_REMEDY = "Name a Maildir, an mbox file, or a folder of .eml files."


@bordered
class MailFolder:
    """Mails on this machine; none is moved, marked or deleted.

    Args:
        path: A Maildir (its ``new`` and ``cur``, not its folders), an mbox file, one ``.eml`` file, or a folder of such
            files.

    Raises:
        InvalidRequest: No file can have that path.
    """

    name = ""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = argument.path("path", path)

    def __repr__(self) -> str:
        """Show where it is."""
        return f"MailFolder({str(self._path)!r})"

    async def batches(self, since: str | None = None) -> AsyncGenerator[Batch, None]:
        """Read all mails, some at a time, in a thread.

        Args:
            since: Of no use here: a folder is always read from its beginning.

        Raises:
            InvalidSource: It is not there, is none of these, or cannot be read.
        """
        async with aclosing(read_in_thread(_batches(self._path), "allmysms-mails")) as batches:
            async for batch in batches:
                yield batch


@border
async def read_error_mails(
    folder: str | os.PathLike[str], tally: MailTally | None = None
) -> AsyncGenerator[MailError, None]:
    """Iterate over the errors of the gateway among the mails of a folder; other mails are passed over.

    Mails are read in a thread, some at a time, as they are asked for; none is moved, marked or deleted. Of a mail that
    is longer than 1 MiB the first 64 KiB are read. The same mail may lie there twice: its ``identity`` tells.

    Args:
        folder: A Maildir, an mbox file, one ``.eml`` file, or a folder of them.
        tally: Counts what was read, and what could not be.

    Raises:
        InvalidRequest: No file can have that path.
        InvalidSource: It is not there, is none of these, or cannot be read.
    """
    async with aclosing(MailFolder(folder).batches()) as batches:
        async for batch in batches:
            if tally is not None:
                tally.add(batch)
            for error in batch.errors:
                yield error


def _batches(path: Path) -> Generator[Batch, None, None]:
    """Yield the mails of a folder or file in batches.

    Raises:
        InvalidSource: It is not there, is none of these, or cannot be read.
    """
    heap = Heap()
    try:
        for mail in _mails(path):
            heap.add(mail)
            if heap.full:
                yield heap.taken()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or type(error).__name__}."
        raise InvalidSource(msg, remedy=_REMEDY) from None
    yield heap.taken()


def _mails(path: Path) -> Iterator[bytes | None]:
    """Yield the mails of whatever a path is, None for each that cannot be read.

    Raises:
        InvalidSource: It is none of what is known.
        OSError: It is not there, or cannot be read as a whole.
    """
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        if any((path / part).is_dir() for part in _PARTS):
            yield from _maildir(path)
        else:
            yield from (_read(entry.path) for entry in _files(path) if entry.name.lower().endswith(".eml"))
        return
    if stat.S_ISREG(kind):
        with path.open("rb") as file:
            begins = file.read(len(BEGIN))
            file.seek(0)
            if begins == BEGIN or not begins:
                yield from mails_of(file)
                return
        if path.suffix.lower() == ".eml":
            yield _read(str(path))
            return
    msg = f"{path} is neither a folder of mails nor an mbox file."
    raise InvalidSource(msg, remedy=_REMEDY)


def _maildir(path: Path) -> Iterator[bytes | None]:
    """Yield the mails of a Maildir that others read meanwhile.

    A mail goes from ``new`` to ``cur``, and is renamed there when it is marked: what is not where it was is looked for
    once more at the end.
    """
    lost: set[str] = set()
    for part in _PARTS:  # in this order: what goes from one to the other meanwhile is seen twice, never missed
        for entry in _files(path / part):
            try:
                yield _read(entry.path, gone=True)
            except FileNotFoundError:
                lost.add(_unique(entry.name))
    if lost:
        yield from (_read(entry.path) for entry in _files(path / "cur") if _unique(entry.name) in lost)


def _unique(name: str) -> str:
    """Return what a mail of a Maildir is called whatever it is marked as."""
    return name.partition(":")[0]


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files in a folder, hidden ones left out; none if it is not there."""
    try:
        found = os.scandir(folder)
    except FileNotFoundError:
        return
    with found:
        yield from (entry for entry in found if not entry.name.startswith(".") and entry.is_file())


def _read(path: str, *, gone: bool = False) -> bytes | None:
    """Return a mail, or the head of a long one; None if it cannot be read.

    Raises:
        FileNotFoundError: It is not there any more, and the caller wants to know.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123, RUF100  # a Path each costs more than the rest
            long = os.fstat(file.fileno()).st_size > LONGEST
            return file.read(HEAD if long else LONGEST)
    except FileNotFoundError:
        if gone:
            raise
        return None
    except OSError:
        return None
