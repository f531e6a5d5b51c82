"""The journal's database: SQLite by a path, PostgreSQL by a URL; whatever goes wrong with it is a ``JournalError``."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from allmysms_async.errors import InvalidRequest, JournalError, JournalLost
from allmysms_async.journal.address import Address, address_of
from allmysms_async.journal.custody import Custody
from allmysms_async.journal.failure import CAMPAIGN, Use
from allmysms_async.journal.schema import ensure
from allmysms_async.journal.session import Pooled, SessionLock, session_of
from allmysms_async.journal.sqlite import File

if TYPE_CHECKING:
    from allmysms_async.journal.postgresql import Server

__all__ = ["Database"]

T = TypeVar("T")

_BUSY_SECONDS = 5.0


class Database(Custody):
    """A database that several processes may use at once.

    Args:
        where: A path for SQLite, or a URL such as ``postgresql://user@host/name``.
        use: What it is open for.
        busy_timeout: Seconds to wait for another process that is writing, on SQLite.

    Raises:
        InvalidRequest: The URL is of a kind that is not supported, says something that is not known, or its driver is
            not installed.
    """

    def __init__(
        self, where: str | os.PathLike[str], use: Use = CAMPAIGN, *, busy_timeout: float = _BUSY_SECONDS
    ) -> None:
        address = address_of(where)
        try:
            held = File(address.url, busy_timeout) if address.is_file else _server(address)
        except ModuleNotFoundError as error:
            msg = f'This journal needs {error.name}: run pip install "allmysms_async[postgres]"; nothing was sent.'
            raise InvalidRequest(msg) from error
        super().__init__(held, address.label, use)

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite's."""
        return isinstance(self._held, File)

    @property
    def path(self) -> str | None:
        """Where the file is; None if there is none, or it is not to be written."""
        return self._held.path if isinstance(self._held, File) else None

    def session_lock(self, owner: str) -> SessionLock | None:
        """Return a lock that ends with its session, not taken yet; None where there are no sessions."""
        held = self._held
        if isinstance(held, File):
            return None
        return SessionLock(held.connect, partial(held.transaction, reading=True), owner)

    async def session(self) -> Any:
        """Return a connection of PostgreSQL's driver for locks, beside the others; whoever asked closes it.

        Raises:
            JournalError: It cannot be opened, or is a pooler's, which gives a session to one after the other.
        """
        if isinstance(self._held, File):
            msg = "A file has no sessions."
            raise TypeError(msg)
        with self.translated():
            try:
                return await session_of(self._held.connect, partial(self._held.transaction, reading=True))
            except Pooled:
                msg = f"The journal {self.label} is reached through a pooler of connections, where no lock lasts."
                remedy = "Give it the address of PostgreSQL itself, or one that keeps a session for each connection."
                raise JournalError(msg, remedy=remedy) from None

    async def open(self, *, create: bool) -> None:
        """Make sure that it is a journal.

        Args:
            create: Whether a database that does not exist, or is empty, becomes one.

        Raises:
            JournalError: It cannot be opened, or is something else.
        """
        if isinstance(self._held, File):
            path = self._held.path
            if path is not None and not create and not os.path.isfile(path):  # noqa: ASYNC240  # one look at one path
                msg = f"There is no journal {self.label}."
                raise JournalError(msg)
            with self.translated():
                self._held.probe(create=create)

        def work(connection: sa.Connection) -> None:
            ensure(connection, self.label, create=create)

        await (self.write(work) if create else self.read(work))
        if create and isinstance(self._held, File):
            with self.translated():
                await self._held.settle()

    def listen(self, campaign: int) -> None:
        """Have other processes on a campaign wake this one, if they have to; a file tells by itself."""
        if not isinstance(self._held, File):
            self._held.listen(campaign)

    def ring(self) -> None:
        """Let other processes that wait look at the journal; a hint, which may be lost."""
        if not isinstance(self._held, File):
            self._held.ring()

    async def rung(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until another process may have recorded something since this was waited for last; a hint as well.

        Args:
            sleep: Waits between two looks, where nobody tells.

        Raises:
            JournalError: The database failed.
        """
        with self.translated():
            await self._held.rung(sleep)

    async def close(self) -> None:
        """Close every connection."""
        await self._held.close()

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something in a transaction that only reads.

        Args:
            work: What is done, perhaps in another thread; it returns nothing that is still to be fetched.

        Raises:
            JournalError: The database failed.
        """
        try:
            with self.translated():
                return await self._held.read(work)
        except JournalLost:
            await self.mark()
            raise

    async def write(self, work: Callable[[sa.Connection], T], *, apart: bool = False, watched: bool = False) -> T:
        """Do something in a transaction, perhaps together with what other tasks want written; return once committed.

        Args:
            work: What is done, perhaps in another thread; whatever it raises undoes it, and nothing else. It may be
                done once more after it was undone.
            apart: Whether each of its statements may as well be committed by itself, which takes fewer round trips.
            watched: Whether it is only done while the journal is the one that was opened.

        Raises:
            JournalLost: It is not.
            JournalError: The database failed; nothing is recorded, or at worst nobody can tell whether it is.
        """
        if watched and (lost := self.lost) is not None:
            raise lost
        try:
            with self.translated():
                return await self._held.write(work, apart=apart, watched=watched)
        except JournalLost:
            await self.mark()
            raise

    async def execute(self, statement: sa.Update, values: dict[str, Any] | None = None) -> int:
        """Commit one statement; return how many rows it changed.

        Raises:
            JournalError: The database failed.
        """

        def work(connection: sa.Connection) -> int:
            return int(connection.execute(statement, values).rowcount)

        return await self.write(work, apart=True)


def _server(address: Address) -> Server:
    """Return a PostgreSQL database; what it takes is as much again as what a file takes, and imported for it alone."""
    from allmysms_async.journal.postgresql import Server

    return Server(address.url, address.options)
