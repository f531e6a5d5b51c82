"""The journal's tables, and what makes a database one.

A campaign's chunks hold everything that is needed to continue it without its source. What is asked often (states,
counts) stands in columns before the packed recipients, so that sums over many chunks never read those.
"""

from __future__ import annotations

import functools

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from allmysms_async.errors import JournalError

__all__ = ["VERSION", "campaign", "chunk", "decision", "ensure", "holder", "loss", "mark_lost", "refused_row"]

VERSION = 3
"""Of these tables and of what is packed in them; one that is not known is refused."""

_READABLE = frozenset({2, VERSION})
# 2: the same tables, recipients packed otherwise. Whoever writes to one makes it a 3, which releases before refuse.

_LOCK = 6_214_018_032_027  # names the lock under which PostgreSQL's tables are created, nothing else

_metadata = sa.MetaData()

_mark = sa.Table("allmysms_journal", _metadata, sa.Column("version", sa.Integer, nullable=False))

campaign = sa.Table(
    "campaign",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("options", sa.Text, nullable=False),  # the message without its text, as JSON
    sa.Column("backend", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),  # hashed
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),  # Unix time, as all the moments here
    sa.Column("source_complete", sa.Boolean, nullable=False, default=False),
    sa.Column("next_seq", sa.Integer, nullable=False, default=1),
    sa.Column("reader", sa.Text),  # who reads the source
    sa.Column("reader_until", sa.Float),
    sa.Column("reader_lease", sa.Float),
)

chunk = sa.Table(
    "chunk",
    _metadata,
    sa.Column("campaign", sa.Integer, sa.ForeignKey("campaign.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("idem", sa.Text),  # the key of its present generation, once claimed
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),  # claims, each of which may be several attempts
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Float),
    sa.Column("lease", sa.Float),  # seconds that it lasts from each renewal on
    sa.Column("first_sent_at", sa.Float),
    sa.Column("gateway_id", sa.Text),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("planned_parts", sa.Integer, nullable=False),
    sa.Column("written_off", sa.Integer, nullable=False, default=0),  # parts of requests that an operator had resent
    sa.Column("accepted", sa.Integer, nullable=False, default=0),
    sa.Column("rejected", sa.Integer, nullable=False, default=0),
    sa.Column("failed", sa.Integer, nullable=False, default=0),
    sa.Column("unknown", sa.Integer, nullable=False, default=0),
    sa.Column("parts", sa.Integer, nullable=False, default=0),
    sa.Column("cost", sa.Text, nullable=False, default="0"),  # a decimal; SQLite has none
    sa.Column("reasons", sa.Text),  # rejections by reason, as JSON
    sa.Column("problem", sa.Text),
    sa.Column("numbers", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("result", sa.LargeBinary),
    sa.Index("chunk_open", "campaign", "state", "seq"),
    # All that a claim under a limit adds up, so that it reads no packed recipients' pages.
    sa.Index("chunk_spent", "campaign", "state", "parts", "cost", "planned_parts", "written_off", "gateway_id"),
)

refused_row = sa.Table(
    "refused_row",
    _metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("campaign", sa.Integer, sa.ForeignKey("campaign.id"), nullable=False),
    sa.Column("row_no", sa.BigInteger, nullable=False),  # several sources, or one that changed, may have the same
    sa.Column("line", sa.BigInteger),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("refused_row_campaign", "campaign", "id"),
)

decision = sa.Table(
    "decision",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("campaign", sa.Integer, sa.ForeignKey("campaign.id"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("decided_at", sa.Float, nullable=False),
    sa.Column("decided", sa.Text, nullable=False),
)

# One row for each process that has the campaigns open, or did when it was killed: by it others tell that it is dead.
holder = sa.Table(
    "holder",
    _metadata,
    sa.Column("owner", sa.Text, primary_key=True),  # as chunks and campaigns name it
    sa.Column("machine", sa.Text),  # the host's name, and a digest of what tells it from others of that name
    sa.Column("boot", sa.Text),
    sa.Column("pid", sa.Integer),
    sa.Column("started", sa.Text),  # tells it from a later process of the same number
    sa.Column("pid_space", sa.Text),  # within which the number means something
    sa.Column("lock_name", sa.Text),  # what it keeps locked while it lives; without it only time tells
    sa.Column("epoch", sa.BigInteger, nullable=False, default=0),  # goes up with claims, once a second at most
    sa.Column("opened_at", sa.Float, nullable=False),
)

# Where a run noticed that the journal it worked on was replaced by this one: whom it texted since is not in it.
loss = sa.Table(
    "loss",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lost_at", sa.Float, nullable=False),
)


def ensure(connection: sa.Connection, label: str, *, create: bool) -> None:
    """Create the tables in an empty database, or check that they are these.

    Args:
        connection: In a transaction.
        label: Names the database to people.
        create: Whether an empty database becomes a journal.

    Raises:
        JournalError: It is something else, or of another version.
    """
    _set_up(connection, label, create=create)
    if create and connection.execute(sa.select(loss.c.id).limit(1)).one_or_none() is not None:
        msg = (
            f"The journal {label} was replaced or put back from an older copy while a campaign ran, and does not hold "
            "who was texted since; nothing was sent."
        )
        remedy = "Restore the latest copy; or delete what is in its table loss, and text those people again."
        raise JournalError(msg, remedy=remedy)


def mark_lost(connection: sa.Connection, label: str, now: float) -> None:
    """Have every later run refuse a journal that is not the one that this run worked on.

    Args:
        connection: In a transaction.
        label: Names the database to people.
        now: Unix time.

    Raises:
        JournalError: It is something else, or of another version.
    """
    _set_up(connection, label, create=True)
    connection.execute(loss.insert().values(lost_at=now))


def _set_up(connection: sa.Connection, label: str, *, create: bool) -> None:
    """Create the tables in an empty database, or check that they are these."""
    if create and connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    names = set(sa.inspect(connection).get_table_names())
    if _mark.name not in names:
        ours = names & set(_metadata.tables)
        foreign = names if connection.dialect.name == "sqlite" else ours
        if foreign or not create:
            msg = f"{label} is no journal: it holds other tables, or none; nothing was sent."
            raise JournalError(msg, remedy="Name another file, or a database of its own.")
        _create(connection)
        connection.execute(_mark.insert().values(version=VERSION))
        return
    version = connection.execute(sa.select(_mark.c.version)).scalar_one_or_none()
    if version not in _READABLE:
        msg = f"The journal {label} has version {version}, and this library reads version {VERSION}; nothing was sent."
        raise JournalError(msg, remedy="Continue it with the version of the library that began it.")
    if create and version != VERSION:
        connection.execute(_mark.update().values(version=VERSION))


def _create(connection: sa.Connection) -> None:
    """Create the tables, of which none is there."""
    if connection.dialect.name != "sqlite":
        _metadata.create_all(connection, checkfirst=False)
        return
    for statement in _on_sqlite():
        connection.exec_driver_sql(statement)


@functools.cache
def _on_sqlite() -> tuple[str, ...]:
    """Return the statements that create the tables, written once for all files of a process."""
    statements: list[str] = []

    def write(statement: sa.DDLElement, *_: object, **__: object) -> None:
        statements.append(str(statement.compile(dialect=sqlite.dialect())))

    _metadata.create_all(sa.create_mock_engine("sqlite://", write), checkfirst=False)
    return tuple(statements)
