"""Looking after a journal's file while it is open: whether it is still there, and what is left behind if it is not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress

from allmysms_async.journal.rival import Worth, worth
from allmysms_async.journal.salvage import Saved, note, save, stamp, warn
from allmysms_async.journal.watch import Harm, Watch

__all__ = ["Keeper"]


class Keeper:
    """Looks after the files of a journal; in the thread that uses them, as everything here.

    Args:
        path: Where the journal is; it exists.
        connection: Returns the open connection to it.

    Attributes:
        harm: What happened to its files, or None.
        unsure: Whether they could not be looked at after what was committed last.
    """

    def __init__(self, path: str, connection: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connection = connection
        self._watch = Watch(path)
        self.harm: Harm | None = None
        self.unsure = False
        self._saved = self._concluded = False
        self._warnings: list[str] = []

    def begin(self) -> None:
        """Look after the files from now on."""
        raw = self._connection()
        [mode] = raw.execute("PRAGMA journal_mode").fetchone()
        raw.execute("SELECT count(*) FROM sqlite_master").fetchone()  # with it come the files beside it
        self._watch.begin(write_ahead=mode == "wal")

    def follow(self, owner: str) -> None:
        """Look for a holder in the file itself from now on."""
        self._connection().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._watch.follow(owner)
        self.look()

    def look(self) -> None:
        """Look at the files."""
        if self.harm is None:
            self.harm = self._watch.look(self._connection())
            if self.harm is not None:
                self.warn(self.harm.words)

    def look_again(self) -> None:
        """Look once more; if that fails, what was committed is committed, and whoever goes on from it looks again."""
        try:
            self.look()
        except (sqlite3.Error, OSError):
            self.unsure = True
        else:
            self.unsure = False

    def warn(self, words: str) -> None:
        """Leave a note wherever the next run may look, once.

        Args:
            words: What happened to the files.
        """
        if self._warnings or self._concluded:
            return
        said = f"The journal {self._path} was lost while a campaign ran: {words}. What the run holds is being saved."
        self._warnings = [name for place in self._watch.places if (name := warn(place, said))]

    def _unwarn(self) -> None:
        """Remove those notes: what follows is told by what lies there instead."""
        self._concluded = True
        names, self._warnings = self._warnings, []
        for name in names:
            with suppress(OSError):
                os.unlink(name)

    def save(self, is_whole: Callable[[sqlite3.Connection], bool]) -> Saved | None:
        """Save what the connection holds beside the file; return the copy, or None if that cannot be done."""
        watch = self._watch
        if self.harm is None:
            return None
        [place, *links] = watch.places

        def worth_of(copy: str) -> Worth:
            ours = watch.is_ours()
            return worth(copy, place, ours=ours, alone=ours or watch.is_ours("-wal"))

        saved = save(self._connection(), place, is_whole, worth_of, doubtful=self.harm.inside)
        if saved is None:
            return None
        self._saved = True
        for link in links:
            note(link, f"{link} led to the journal {place}, and does not any more. What it held is {saved.name}.")
        self._unwarn()
        return saved

    def give_up(self, words: str) -> tuple[str | None, str | None]:
        """Leave a note that keeps others from beginning anew, and put aside what could not be saved.

        Args:
            words: What the note says.

        Returns:
            The note's name, and that of the file with what was not moved into the journal yet; None for what is not.
        """
        rest = self._watch.set_apart(stamp()) if self.harm is not None else None
        said = words if rest is None else f"{words} What had not been moved into its file yet is {rest}."
        left = [name for place in self._watch.places if (name := note(place, said))]
        if not left:
            return (self._warnings[0] if self._warnings else None), rest
        self._unwarn()
        return left[0], rest

    def end(self) -> None:
        """Remove what is left of the lost files once they are closed, if what they held was saved."""
        if self._saved:
            self._watch.remove()
