"""Whether an open database is still the journal that was opened, and what is kept of it if it is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import exc

from allmysms_async.clock import SYSTEM
from allmysms_async.errors import JournalError, JournalLost
from allmysms_async.journal.failure import MISSING, Use, words_of
from allmysms_async.journal.salvage import Saved
from allmysms_async.journal.schema import mark_lost
from allmysms_async.journal.sqlite import File
from allmysms_async.journal.watch import Harmed

if TYPE_CHECKING:
    from allmysms_async.journal.postgresql import Server

__all__ = ["Custody"]


class Custody:
    """Takes care of an open database, and turns whatever goes wrong with it into one error.

    Args:
        held: The database.
        label: Names it to people.
        use: What it is open for.
    """

    def __init__(self, held: File | Server, label: str, use: Use) -> None:
        self._held = held
        self._use = use
        self.label = label
        self._lost: JournalLost | None = None
        self._followed = self._marked = False
        self._words = ""

    async def follow(self, owner: str) -> None:
        """Take care from now on that the journal stays the one that is open.

        Args:
            owner: How it names this process among its holders.

        Raises:
            JournalError: It does not already.
        """
        with self.translated():
            if isinstance(self._held, File):
                await self._held.follow(owner)
        self._followed = True
        if (lost := self.lost) is not None:
            raise lost

    @property
    def lost(self) -> JournalLost | None:
        """What is known to have happened to the journal that was opened, or None."""
        if self._lost is None and isinstance(self._held, File) and self._held.harm is not None:
            self._lost = self._loss(self._held.harm.words)
        return self._lost

    async def look(self) -> JournalLost | None:
        """Look whether the journal is still the one that was opened; return what happened to it, or None.

        Raises:
            JournalError: The database failed.
        """
        if isinstance(self._held, File):
            with self.translated():
                await self._held.look()
        return self.lost

    @property
    def unsure(self) -> bool:
        """Whether the journal's files could not be looked at after what was committed last."""
        return isinstance(self._held, File) and self._held.unsure

    async def save(self, is_whole: Callable[[sqlite3.Connection], bool]) -> Saved | None:
        """Save what the open connection holds beside a journal that was lost.

        Args:
            is_whole: Tells whether a copy holds all that is known here.

        Returns:
            The copy, or None if nothing could be saved.
        """
        if not isinstance(self._held, File):
            return None
        try:
            with self.translated():
                return await self._held.save(is_whole)
        except JournalError:
            return None

    async def give_up(self, words: str) -> tuple[str | None, str | None]:
        """Leave a note beside a journal's path that keeps others from beginning anew there.

        Args:
            words: What the note says.

        Returns:
            The note's name, and that of the file with what was not moved into the journal yet; None for what is not.
        """
        return await self._held.give_up(words) if isinstance(self._held, File) else (None, None)

    async def mark(self) -> bool:
        """Keep others from beginning anew, as soon as the loss is known; return whether that could be done."""
        if self._marked:
            return True
        with suppress(JournalError), self.translated():
            if isinstance(self._held, File):
                await self._held.warn(self._words)
            else:
                now = SYSTEM.now().timestamp()
                await self._held.write(lambda connection: mark_lost(connection, self.label, now))
            self._marked = True
        return self._marked

    @contextmanager
    def translated(self) -> Generator[None, None, None]:
        """Turn whatever the database raises into one error, which tells no credentials and no data."""
        try:
            yield
        except Harmed as error:
            if self._lost is None:
                self._lost = self._loss(error.words)
            raise self._lost from None
        except exc.DBAPIError as error:
            if self._followed and getattr(error.orig, "sqlstate", None) in MISSING:
                self._lost = self._lost or self._loss("its tables were removed")
                raise self._lost from error.orig
            raise self._failed(words_of(error.orig)) from error.orig  # itself it holds what was to be written
        except (exc.SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            raise self._failed(words_of(error)) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "asyncpg":
                raise
            raise self._failed(words_of(error)) from error

    def _loss(self, words: str) -> JournalLost:
        """Return the error of a journal that is no longer the one that was opened."""
        self._words = words
        use = self._use
        return JournalLost(f"The journal {self.label} was lost while {use.during}: {words}. {use.lost}")

    def _failed(self, words: str) -> JournalError:
        """Return the error of a database that failed."""
        return JournalError(f"The journal {self.label} failed: {words}. {self._use.failed}", remedy=self._use.remedy)
