"""A lock on a small file beside a journal, which the operating system frees when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import sys

__all__ = ["FileLock"]

_TRIES = 3


class FileLock:
    """A file that is locked here.

    Args:
        path: Where it is.
        descriptor: The file, open and locked.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @staticmethod
    def path_of(journal: str, owner: str) -> str:
        """Return where a holder's file is: beside the journal itself, whatever link leads there."""
        return f"{os.path.realpath(journal)}.holder-{owner}"

    @classmethod
    def taken(cls, journal: str, owner: str) -> FileLock | None:
        """Create a holder's file and lock it; None where files cannot be locked so that others notice."""
        path = cls.path_of(journal, owner)
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
                lock = cls(path, descriptor)
                if _locks(descriptor) and lock.stands and not cls._free(path):
                    return lock
                lock.release()
        return None

    @classmethod
    def alone(cls, path: str) -> FileLock | None:
        """Lock a file that several processes want to; None while another one has it.

        Args:
            path: Where it is; it is created if it is not there.

        Raises:
            OSError: It cannot be created, or a lock on it is not noticed by others.
        """
        for _ in range(_TRIES):
            lock = cls(path, os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            if not _locks(lock._descriptor):
                lock.abandon()  # it is another's
                return None
            if not lock.stands:  # removed by who had it a moment ago
                lock.abandon()
                continue
            if cls._free(path):
                lock.release()
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            return lock
        return None

    @classmethod
    def found(cls, journal: str, owner: str, name: str) -> FileLock | None:
        """Lock the file that a holder left behind; None if it is locked, or is no longer that file.

        Args:
            journal: Where the journal is.
            owner: Whose file it is.
            name: Tells the file from another one in its place.
        """
        path = cls.path_of(journal, owner)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            return None
        lock = cls(path, descriptor)
        if _locks(descriptor) and lock.stands and lock.name == name:
            return lock
        os.close(descriptor)
        return None

    @classmethod
    def left(cls, journal: str) -> dict[str, FileLock]:
        """Lock the files of all holders that do not keep theirs locked; return them by their owners."""
        locks, start = dict[str, FileLock](), cls.path_of(journal, "")
        for path in glob.glob(f"{glob.escape(start)}*"):
            with contextlib.suppress(OSError):
                lock = cls(path, os.open(path, os.O_RDWR))
                if _locks(lock._descriptor) and lock.stands:
                    locks[path.removeprefix(start)] = lock
                else:
                    lock.abandon()
        return locks

    @property
    def name(self) -> str:
        """Tells the file from another one that is put in its place."""
        return str(os.fstat(self._descriptor).st_ino)

    def release(self) -> None:
        """Remove the file, and let go of it."""
        if sys.platform == "win32":  # what is open cannot be removed there
            os.close(self._descriptor)
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            return
        with contextlib.suppress(OSError):
            if self.stands:
                os.unlink(self._path)
        os.close(self._descriptor)

    def abandon(self) -> None:
        """Let go of the file as the end of the process does."""
        os.close(self._descriptor)

    @property
    def stands(self) -> bool:
        """Whether the file is still the one at its path."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except OSError:
            return False

    @staticmethod
    def _free(path: str) -> bool:
        """Tell whether the file can be locked once more: then a lock says nothing here."""
        descriptor = os.open(path, os.O_RDWR)
        try:
            return _locks(descriptor)
        finally:
            os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _locks(descriptor: int) -> bool:
        """Lock a file at once; return whether it is."""
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _locks(descriptor: int) -> bool:
        """Lock a file at once; return whether it is."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
