"""The errors that the gateway mailed back, kept in a journal beside what else came back: each mail once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from allmysms_async.border import bordered
from allmysms_async.errors import JournalError
from allmysms_async.journal.event_record import EventRecord
from allmysms_async.journal.event_row import moment
from allmysms_async.mailbox import ErrorMails, MailTally
from allmysms_async.model.mail_error import MailError

__all__ = ["MailErrors"]

_LOCK = 6_214_018_032_029  # names the lock under which PostgreSQL's table is created, nothing else
_PAGE = 1000
_AT_ONCE = 500

_metadata = sa.MetaData()
_table = sa.Table(
    "mail_error",
    _metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),  # in the order of arrival
    sa.Column("identity", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("received_at", sa.Float(53)),  # Unix time; None where the mail has no date
    sa.Column("message_id", sa.Text),
    sa.Column("in_reply_to", sa.Text),
)
_m = _table.c


@bordered
class MailErrors(EventRecord):
    """Errors that the gateway mailed back. In a journal that none was kept in yet there are none.

    Args:
        where: A path, or a ``postgresql://`` URL; campaigns may be in the same journal.
        clock: Where the time comes from; the machine's own by default.
        create: Whether a journal that is not there is created.

    Raises:
        InvalidRequest: The URL is of a kind that is not supported, or its driver is missing.
    """

    async def take_in(self, source: ErrorMails) -> MailTally:
        """Read a mailbox and keep the errors in it; of an IMAP mailbox only what has come since it was read before.

        What was read is durable before the place where to read on is. A mail is kept once, wherever it lies.

        Args:
            source: A ``MailFolder`` or an ``ImapMailbox``.

        Raises:
            JournalError: The journal failed.
            AllMySmsError: What reading the mailbox raises; what was read before is kept.
        """
        tally = MailTally()
        since = await self.watch_state(source.name) if source.name else None
        async with aclosing(source.batches(since)) as batches:
            async for batch in batches:
                tally.add(batch)
                tally.new += await self.keep(batch.errors)
                if source.name and batch.mark is not None:
                    await self.keep_watch_state(source.name, batch.mark)
        return tally

    async def keep(self, errors: Iterable[MailError]) -> int:
        """Keep errors, each once; return how many were not kept before. Those that were are durable when it returns.

        Raises:
            JournalError: The journal failed.
        """
        waiting, new = iter(errors), 0
        while some := list(islice(waiting, _AT_ONCE)):
            rows = [_row(error) for error in {error.identity: error for error in some}.values()]
            new += await self._written(partial(self._keep, rows))
        return new

    async def counts(self) -> dict[str, int]:
        """Return how many errors were mailed back, by the gateway's status.

        Raises:
            JournalError: The journal failed.
        """
        rows = await self._found(sa.select(_m.code, sa.func.count()).group_by(_m.code).order_by(_m.code))
        return dict(tuple(row) for row in rows)

    async def all(self) -> AsyncIterator[MailError]:
        """Iterate over the errors in the order in which they were kept, some at a time.

        Raises:
            JournalError: The journal failed.
        """
        after = 0
        while page := await self._found(sa.select(_table).where(_m.id > after).order_by(_m.id).limit(_PAGE)):
            for number, identity, code, problem, at, message_id, in_reply_to in page:
                yield MailError(
                    code=code,
                    problem=problem,
                    identity=bytes(identity),
                    received_at=moment(at),
                    message_id=message_id,
                    in_reply_to=in_reply_to,
                )
                after = number

    async def _found(self, question: sa.Executable) -> Sequence[Any]:
        """Return the rows that a question finds; none where there is no table yet."""

        def found(connection: sa.Connection) -> Sequence[Any]:
            return connection.execute(question).all() if self._has_table(connection) else ()

        return await self._asked(found, ())

    def _has_table(self, connection: sa.Connection) -> bool:
        """Tell whether the table is there.

        Raises:
            JournalError: There is one of this name that is no journal's.
        """
        inspector = sa.inspect(connection)
        if not inspector.has_table(_table.name):
            return False
        if {column["name"] for column in inspector.get_columns(_table.name)} != set(_m.keys()):
            msg = f"{self._database.label} holds a table {_table.name} that is no journal's; nothing was stored."
            raise JournalError(msg, remedy="Name another file, or a database of its own.")
        return True

    def _keep(self, rows: Sequence[dict[str, Any]], connection: sa.Connection) -> int:
        """Store errors, with their table if there is none yet; return how many were new."""
        if not self._has_table(connection):
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            _metadata.create_all(connection)
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        stored = insert(_table).values(list(rows)).on_conflict_do_nothing(index_elements=[_m.identity])
        return len(connection.execute(stored.returning(_m.id)).all())


def _row(error: MailError) -> dict[str, Any]:
    """Return an error as a row of the table."""
    at = None if error.received_at is None else error.received_at.timestamp()
    return {
        "identity": error.identity,
        "code": error.code,
        "problem": error.problem,
        "received_at": at,
        "message_id": error.message_id,
        "in_reply_to": error.in_reply_to,
    }
