"""A journal in SQLite: one connection in a thread of its own, to a file that is watched."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from allmysms_async.journal.bell import LOOK_SECONDS
from allmysms_async.journal.errand import End, Errands, Member
from allmysms_async.journal.fork import opens, refuse_forked
from allmysms_async.journal.group import begin, commit
from allmysms_async.journal.keeper import Keeper
from allmysms_async.journal.salvage import Saved, refuse_remains
from allmysms_async.journal.sqlite_file import absolute, connected, name_of, over, set_up, write_ahead
from allmysms_async.journal.watch import Harm, Harmed

__all__ = ["File"]

T = TypeVar("T")

# Between two looks whether another process has written: ever longer up to this while none did.
_LONG_LOOK_SECONDS = 0.2


class File:
    """A SQLite database.

    Args:
        url: Where it is.
        busy_timeout: Seconds to wait for another process that is writing.
    """

    def __init__(self, url: sa.URL, busy_timeout: float) -> None:
        self._url = absolute(url)
        self._name = name_of(self._url)
        self._busy_timeout = busy_timeout
        self._errands = Errands(self._commit_together)
        self._keeper: Keeper | None = None
        # What tells whether others wrote, as it was when it was last looked at, and how long until the next look.
        self._version = 0
        self._look_again = LOOK_SECONDS
        # What follows is used in the thread alone. One connection: with several the slowest commits took hundreds of
        # milliseconds.
        self._connection: sa.Connection | None = None
        self._ends: Callable[[], object] | None = None
        # Whether a transaction only reads; whether one is begun without SQLAlchemy, which joins it.
        self._reading = False
        self._begun = False

    @property
    def path(self) -> str | None:
        """Where the file is; None if it is not to be written."""
        return None if self._url.query.get("mode") == "ro" else self._name

    @property
    def harm(self) -> Harm | None:
        """What happened to the files, or None."""
        return None if self._keeper is None else self._keeper.harm

    @property
    def unsure(self) -> bool:
        """Whether the files could not be looked at after what was committed last."""
        return self._keeper is not None and self._keeper.unsure

    def probe(self, *, create: bool) -> None:
        """Open the file and close it, before anything else relies on it.

        Args:
            create: Whether one that does not exist is created, for its owner alone: what it holds names people.

        Raises:
            sqlite3.Error: It cannot be opened.
            JournalError: Another one belongs at its path, or this process cannot lock it.
        """
        refuse_forked(self._name, self._name)
        if create and self.path is not None:
            refuse_remains(self.path)
            with suppress(OSError):  # it is there, or SQLite finds out
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connected(self._url, self._busy_timeout).close()
        if create and self.path is not None:
            self._keeper = Keeper(self.path, self._raw)

    async def settle(self) -> None:
        """Set the file up for several processes, once it is known to be a journal."""
        await self._errands.do(self._settled)

    async def close(self) -> None:
        """Close the connection, once what is being written is committed."""
        await self._errands.close(self._disconnect)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something in a transaction that only reads, in the thread."""
        return await self._errands.do(self._read, work)

    async def rung(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until another process has written something since this was waited for last.

        Args:
            sleep: Waits between two looks.
        """
        while True:
            await sleep(self._look_again)
            version = await self._errands.do(self._written_by_others)
            if version != self._version:
                self._version, self._look_again = version, LOOK_SECONDS
                return
            self._look_again = min(2 * self._look_again, _LONG_LOOK_SECONDS)

    async def look(self) -> None:
        """Look at the files; ``harm`` tells what happened to them."""
        if self._keeper is not None:
            await self._errands.do(self._keeper.look)

    async def follow(self, owner: str) -> None:
        """Look into the file itself as well from now on.

        Args:
            owner: One of the holders.
        """
        if self._keeper is not None:
            await self._errands.do(self._keeper.follow, owner)

    async def warn(self, words: str) -> None:
        """Keep others from beginning anew where the journal was, until it is known what was saved of it.

        Args:
            words: What happened to it.
        """
        if self._keeper is not None:
            await self._errands.do(self._keeper.warn, words)

    async def save(self, is_whole: Callable[[sqlite3.Connection], bool]) -> Saved | None:
        """Save what the connection holds beside the file; return the copy, or None if that cannot be done."""
        return None if self._keeper is None else await self._errands.do(self._keeper.save, is_whole)

    async def give_up(self, words: str) -> tuple[str | None, str | None]:
        """Leave a note that keeps others from beginning anew, since nothing was saved.

        Args:
            words: What the note says.

        Returns:
            The note's name, and that of the file with what was not moved into the journal yet; None for what is not.
        """
        return (None, None) if self._keeper is None else await self._errands.do(self._keeper.give_up, words)

    async def write(self, work: Callable[[sa.Connection], T], *, apart: bool = False, watched: bool = False) -> T:
        """Do something in a transaction, in the thread; return once committed.

        Args:
            work: What is done; it may be done once more after it was undone.
            apart: Whether each of its statements may as well be committed by itself.
            watched: Whether it is not to be done if the journal's files are lost.

        Raises:
            Harmed: They are.
        """
        del apart  # whatever waits shares a transaction
        return await self._errands.write(work, watched=watched)

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        """Return a new connection, set up."""
        self._ends = opens(self._name, self)
        return set_up(connected(self._url, self._busy_timeout))

    def _opened(self) -> sa.Connection:
        """Return the connection, opened if there is none."""
        if self._connection is None:
            self._connection = over(self._connect)
            event.listen(self._connection, "begin", self._begins)
        return self._connection

    def _raw(self) -> sqlite3.Connection:
        """Return the connection as the standard library has it."""
        raw: Any = self._opened().connection.dbapi_connection
        return raw  # type: ignore[no-any-return]

    def _written_by_others(self) -> int:
        """Return a number that is another one once another process has written."""
        [version] = self._raw().execute("PRAGMA data_version").fetchone()
        return int(version)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._ends is not None:
            self._ends()
        if self._keeper is not None:
            self._keeper.end()

    def _settled(self) -> None:
        """Set the file up, and look after it from now on."""
        write_ahead(self._raw(), self._busy_timeout)
        if self._keeper is not None:
            self._keeper.begin()

    def _begins(self, connection: sa.Connection) -> None:
        """Begin a transaction; what reads and then writes has the lock from the start."""
        if not self._begun:
            begin(connection, "BEGIN" if self._reading else "BEGIN IMMEDIATE")

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        self._reading = True
        try:
            with self._opened().begin():
                return work(self._opened())
        finally:
            self._reading = False

    def _commit_together(self, group: list[Member]) -> list[End]:
        """Commit a group; if the database fails, nothing of it is recorded."""
        ends: list[End] = []
        try:
            if self._keeper is not None:
                self._keeper.look()
            if self.harm is not None:
                lost = Harmed(self.harm.words)
                ends = [End(member, None, lost) for member in group if member.watched]
                group = [member for member in group if not member.watched]
            if group:
                self._begun = True
                try:
                    ends += commit(self._opened(), group)
                finally:
                    self._begun = False
                # What follows a watched one may leave this machine.
                if self._keeper is not None and any(member.watched for member in group):
                    self._keeper.look_again()
        except BaseException as error:  # noqa: BLE001, RUF100  # each of those who wait is told
            ends += [End(member, None, error) for member in group]
        return ends
