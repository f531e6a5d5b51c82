"""Which journals' files are open in which process: one forked from it must not open them as well.

SQLite remembers for the whole process that a file is locked, and a forked child remembers it too, though the lock stays
with its parent: the child would not lock the file, and the parent remove what the child writes beside it.
"""

from __future__ import annotations

import os
import weakref

from allmysms_async.errors import JournalError

__all__ = ["opens", "refuse_forked"]

# By what is counted as open, which takes itself out of it when it is closed or forgotten: the file, and the process.
_open: dict[int, tuple[tuple[int, int], int]] = {}


def opens(path: str, holder: object) -> weakref.finalize[..., object]:
    """Count a file as open in this process, until what is returned is called, or its holder is gone.

    Args:
        path: The file.
        holder: What has it open.
    """
    key = id(holder)
    inode = _inode_of(path)
    if inode is not None:
        _open[key] = inode, os.getpid()
    end = weakref.finalize(holder, _open.pop, key, None)
    end.atexit = False
    return end


def refuse_forked(path: str, label: str) -> None:
    """Refuse a file that the process which this one was forked from had open.

    Args:
        path: The file.
        label: Names it to people.

    Raises:
        JournalError: It had.
    """
    inode, mine = _inode_of(path), os.getpid()
    if any(each == inode and pid != mine for each, pid in list(_open.values())):
        msg = (
            f"The journal {label} was open in the process that this one was forked from, and SQLite cannot lock it "
            "here as well; nothing was sent."
        )
        raise JournalError(
            msg, remedy="Start the process by spawn rather than by fork, or fork before a journal opens."
        )


def _inode_of(path: str) -> tuple[int, int] | None:
    """Return what tells a file from all others, or None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
