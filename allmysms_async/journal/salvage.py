"""What is done about a journal whose files were lost under a run: saving what the open connection still holds.

Whatever lies beside a journal's path because of that keeps the next run from beginning anew, which would text everybody
a second time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from typing import NamedTuple

from allmysms_async.clock import SYSTEM
from allmysms_async.errors import JournalError
from allmysms_async.journal.rival import Worth

__all__ = ["Saved", "note", "refuse_remains", "save", "stamp", "warn"]

_SAVING, _LOST, _STOPPING = "saving", "lost", "stopping"
_REMEDIES = {
    _STOPPING: (
        "Wait until that run has ended: it saves what it holds, says what to do, and removes that note. If it was "
        "killed, put the latest copy of the journal that there is at {path}, and remove the note; those who were "
        "texted since that copy was made will be texted again."
    ),
    Worth.APART.value: (
        "Move neither over the other: each may have people who were texted and are not in the other. Look into both "
        "(allmysms journal), take everybody who was texted out of the recipients, and begin a campaign of another name "
        "with another journal."
    ),
    Worth.SAVED.value: (
        "Move the latest saved copy to {path} and any other one elsewhere, then run the same command again."
    ),
    _LOST: (
        "Read that note, put the latest copy of the journal that there is at {path}, and remove the note; those who "
        "were texted since that copy was made will be texted again."
    ),
    _SAVING: (
        "That copy was not finished: find the journal itself, put it at {path} with what lay beside it, and remove the "
        "unfinished copy."
    ),
}


class Saved(NamedTuple):
    """A copy of all that a lost journal held.

    Attributes:
        name: The file's name.
        place: Where the journal was, whatever link led there.
        worth: What it is worth, beside what lies there.
    """

    name: str
    place: str
    worth: Worth


def save(
    raw: sqlite3.Connection,
    path: str,
    is_whole: Callable[[sqlite3.Connection], bool],
    worth: Callable[[str], Worth],
    *,
    doubtful: bool,
) -> Saved | None:
    """Save all that a connection holds in a new file beside a path; return which, or None if that cannot be done.

    Args:
        raw: The connection, outside of a transaction.
        path: Where the journal was.
        is_whole: Tells whether a copy holds all that is known here.
        worth: Tells what a copy is worth.
        doubtful: Whether what the connection reads may be something else than was written.
    """
    moment = stamp()
    draft = f"{path}.{_SAVING}-{moment}"
    for copy in (_vacuumed, _backed_up):
        with suppress(sqlite3.Error, OSError):
            # For its owner alone: what it holds names people.
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            try:
                copy(raw, draft)
                if _stands(draft, is_whole, doubtful=doubtful):
                    kind = worth(draft)
                    name = f"{path}.{kind.value}-{moment}"
                    if not os.path.exists(name):
                        _sync(draft)
                        os.rename(draft, name)
                        return Saved(name, path, kind)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(draft)
    return None


def note(path: str, words: str) -> str | None:
    """Leave a note beside a path that keeps the next run from beginning; return its name, or None if that fails."""
    return _written(f"{path}.{_LOST}-{stamp()}", words)


def warn(path: str, words: str) -> str | None:
    """Leave a note like that for as long as the run that lost the journal goes on."""
    return _written(f"{path}.{_STOPPING}-{stamp()}", words)


def _written(name: str, words: str) -> str | None:
    """Write a new file; return its name, or None if that fails."""
    with suppress(OSError):
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{words}\n")
        return name
    return None


def _beside(path: str) -> list[str]:
    """Return the files whose names begin with a file's own; none where they cannot be listed."""
    folder, name = os.path.split(path)
    try:
        return [os.path.join(folder, each) for each in os.listdir(folder or ".") if each.startswith(f"{name}.")]
    except OSError:
        return []


def refuse_remains(path: str) -> None:
    """Refuse a path beside which something tells that another journal belongs there.

    Raises:
        JournalError: There is something.
    """
    real = os.path.realpath(path)
    places = dict.fromkeys((path, real))  # the journal itself, and the link that leads there
    beside_it = [each for place in places for each in _beside(place)]
    for kind, remedy in _REMEDIES.items():
        found = sorted(each for place in places for each in beside_it if each.startswith(f"{place}.{kind}-"))
        if found:
            msg = (
                f"The journal {path} was lost under an earlier run, which left {found[-1]}: with what is at {path} now "
                "people would be texted twice; nothing was sent."
            )
            raise JournalError(msg, remedy=remedy.format(path=real))
    beside = f"{real}-wal"
    if _size(path) == 0 < _size(beside):
        msg = f"{beside} is all that is left of the journal {path}, whose file is missing or empty; nothing was sent."
        remedy = f"Put the file back to {path}, then run the same command again; if it is lost, move {beside} away."
        raise JournalError(msg, remedy=remedy)


def stamp() -> str:
    """Return what makes a name new."""
    return SYSTEM.now().strftime("%Y%m%dT%H%M%S.%fZ")


def _size(path: str) -> int:
    """Return how long a file is, 0 if there is none."""
    with suppress(OSError):
        return os.stat(path).st_size
    return 0


def _vacuumed(raw: sqlite3.Connection, name: str) -> None:
    """Copy what is in use."""
    raw.execute("VACUUM INTO ?", (name,))


def _backed_up(raw: sqlite3.Connection, name: str) -> None:
    """Copy page by page."""
    with closing(sqlite3.connect(name)) as target:
        raw.backup(target)


def _stands(name: str, is_whole: Callable[[sqlite3.Connection], bool], *, doubtful: bool) -> bool:
    """Tell whether a copy is a sound database that holds everything."""
    with closing(sqlite3.connect(name)) as copy:
        if doubtful and copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            return False
        return is_whole(copy)


def _sync(name: str) -> None:
    """Have a file stay, also when the machine loses its power."""
    descriptor = os.open(name, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
