"""Whether a journal's files are still those that were opened.

SQLite keeps writing to files that were removed, moved or replaced under it, and says nothing: whatever is recorded
then is gone with the process, and whoever runs the campaign again texts everybody again. So they are looked at before
each commit and after it. What was written into the same file (a copy that was put back) shows only inside of it: there
the journal counts its holders' epochs, and those never go back.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from allmysms_async.journal.rival import is_proof

__all__ = ["Harm", "Harmed", "Watch"]

_LOOKS = 3
_PAUSE = 0.01
_OVERWRITTEN = "overwritten with an older copy or another journal"
_EPOCH = "SELECT epoch FROM holder WHERE owner = ?"


class Harm(NamedTuple):
    """What happened to a journal's files.

    Attributes:
        words: What it is, in words that follow a colon.
        inside: Whether what the open connection still reads may be something else than was written.
    """

    words: str
    inside: bool = False


class Harmed(Exception):
    """A journal is no longer the one that was opened; told to people as ``JournalLost``.

    Args:
        words: What happened to it, in words that follow a colon.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Watch:
    """Looks at a journal's files.

    Args:
        path: Where the journal is; it exists.
    """

    def __init__(self, path: str) -> None:
        # Whoever uses the journal may change the working directory.
        self._path = os.path.abspath(path)
        self._real = os.path.realpath(self._path)  # SQLite has its files beside this one, whatever link leads there
        self._files = {self._path: os.stat(self._path)}
        self._owner = ""
        self._epoch: int | None = None
        self._layout: int | None = None
        self._seen = (0, 0)

    def begin(self, *, write_ahead: bool) -> None:
        """Look after the files beside the journal as well, once they are there.

        Args:
            write_ahead: Whether there are such files.
        """
        for name in (f"{self._real}-wal", f"{self._real}-shm") if write_ahead else ():
            self._files[name] = os.stat(name)

    def follow(self, owner: str) -> None:
        """Look inside as well, for the row of a holder.

        Args:
            owner: How the journal names it.
        """
        self._owner, self._epoch, self._seen = owner, None, (0, 0)

    def look(self, raw: sqlite3.Connection) -> Harm | None:
        """Return what happened to the files, or None.

        Args:
            raw: The open connection, outside of a transaction.
        """
        main = self._files[self._path]
        for path, known in self._files.items():
            try:
                found = os.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                return Harm(f"{os.path.basename(path)} is not there any more")
            except OSError as error:
                return Harm(f"{os.path.basename(path)} cannot be looked at any more ({error.strerror})")
            if not os.path.samestat(found, known):
                return Harm(f"another file lies in place of {os.path.basename(path)}")
            if path == self._path:
                main = found
        return self._look_inside(raw, main)

    @property
    def places(self) -> tuple[str, ...]:
        """Where the next run may look: the journal itself, and the link that does not lead there any more."""
        return (self._real,) if os.path.realpath(self._path) == self._real else (self._real, self._path)

    def is_ours(self, end: str = "") -> bool:
        """Tell whether a file at the journal's path, or beside it, is the one that was opened.

        Args:
            end: What its name has after the journal's.
        """
        known = self._files.get(f"{self._real}{end}" if end else self._path)
        try:
            return known is not None and os.path.samestat(os.stat(f"{self._real}{end}"), known)
        except OSError:
            return False

    def remove(self) -> None:
        """Remove what is left of the journal beside its path: read together with another file it would harm that."""
        for end in ("-wal", "-shm"):
            if self.is_ours(end):
                with suppress(OSError):
                    os.unlink(f"{self._real}{end}")

    def set_apart(self, stamp: str) -> str | None:
        """Rename what was not moved into the journal yet, so that nothing reads it together with another file.

        Args:
            stamp: Makes the name new.

        Returns:
            The name; None if there is no such file, or it cannot be renamed.
        """
        name = f"{self._real}.wal-{stamp}"
        if not self.is_ours("-wal"):
            return None
        with suppress(OSError):
            os.rename(f"{self._real}-wal", name)
            return name
        return None

    def _look_inside(self, raw: sqlite3.Connection, found: os.stat_result) -> Harm | None:
        """Return whether something else than the journal wrote into its file."""
        harm: Harm | None = None
        for attempt in range(_LOOKS):
            if attempt:  # what another process was just writing may have been read in part
                time.sleep(_PAUSE)
                found = os.stat(self._path)
            seen = (found.st_size, found.st_mtime_ns)
            if seen == self._seen:
                return None
            try:
                harm = self._compared(raw, found.st_size)
            except sqlite3.DatabaseError as error:
                if not is_proof(error):  # no memory, no descriptor, a disk that failed: the journal may be sound
                    raise
                harm = Harm(f"what {os.path.basename(self._path)} held was overwritten", inside=True)
            if harm is None:
                self._seen = seen
                return None
        return harm

    def _compared(self, raw: sqlite3.Connection, size: int) -> Harm | None:
        """Return whether the file lacks what it is known to have had."""
        name = os.path.basename(self._path)
        if size < self._seen[0]:
            [pages], [bytes_each] = (raw.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
            if size < pages * bytes_each:
                return Harm(f"{name} was cut short", inside=True)
        if not self._owner:
            return None
        # Immutable: what the file itself holds, without what still waits beside it to be moved there.
        alone = sqlite3.connect(f"{Path(self._path).as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            row = alone.execute(_EPOCH, (self._owner,)).fetchone()
            [layout] = alone.execute("PRAGMA schema_version").fetchone()
        finally:
            alone.close()
        epoch: int | None = None if row is None else row[0]
        if self._epoch is not None and (epoch is None or epoch < self._epoch):
            return Harm(f"{name} was {_OVERWRITTEN}", inside=True)
        # What was copied by VACUUM has its pages in other places, and another version; so has what it rebuilt in place.
        if self._epoch is not None and layout != self._layout:
            return Harm(f"{name} was {_OVERWRITTEN}, or VACUUM rebuilt it", inside=True)
        self._epoch, self._layout = epoch, layout
        return None
