"""The tables of what comes back, in the same database as campaigns, with a mark and a version of their own.

A library that does not know them reads the campaigns beside them, and this one a journal that has none yet.
"""

from __future__ import annotations

import sqlalchemy as sa

from allmysms_async.errors import JournalError

__all__ = ["EVENT_VERSION", "LANES", "LOCKS", "delivery", "ensure_events", "event", "has_events", "opt_out", "watch"]

EVENT_VERSION = 1
"""Of these tables; another one is refused."""

LANES = 64
"""How many parts the numbers are divided into, each of which one process handles at a time."""

LOCKS = 1_634_561_390
"""What PostgreSQL's advisory locks of lanes have in common; each has its lane beside it.

The three numbers after it are the kinds', for those who handle one alone."""

_LOCK = 6_214_018_032_028  # names the lock under which PostgreSQL's tables are created, nothing else

_metadata = sa.MetaData()

_mark = sa.Table("allmysms_events", _metadata, sa.Column("version", sa.Integer, nullable=False))

_long = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = sa.Float(53)

event = sa.Table(
    "event",
    _metadata,
    sa.Column("id", _long, primary_key=True),  # in the order of arrival, also across processes
    sa.Column("kind", sa.Text, nullable=False),  # report, reply or unknown
    sa.Column("identity", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("phone", sa.Text, nullable=False),  # what is handled in order; of what names nobody, something of its own
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("campaign_id", sa.Text),
    sa.Column("sms_id", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("at", _moment, nullable=False),  # Unix time, as all the moments here; as stored if it has no date
    sa.Column("received_at", _moment, nullable=False),  # when it was stored
    sa.Column("body", sa.LargeBinary, nullable=False),  # all of it, as MessagePack
    sa.Column("handled_at", _moment),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("retry_at", _moment, nullable=False),  # 0 until one was put off
)

# Of some of the events each; as SQL, since SQLAlchemy's word for that imports what is PostgreSQL's for a file as well.
# A file's events are handled by one process, a server's by the holders of their lanes.
_INDEXES = (
    "create index event_of_number on event (phone, id) where handled_at is null",
    "create index event_reply on event (at, id) where kind = 'reply'",
)
_INDEX_DUE = {
    "sqlite": "create index event_due on event (retry_at, id) where handled_at is null",
    "postgresql": "create index event_lane_due on event (lane, retry_at, id) where handled_at is null",
}

# The present state of each text. Which of two states is the later one stands in the columns, so that the database
# decides it by itself, whichever comes first.
delivery = sa.Table(
    "delivery",
    _metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),  # empty where no send is known
    sa.Column("text", sa.Text, primary_key=True),  # the number; without a send the gateway's identifier of the text
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("sms_id", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("rank", sa.SmallInteger, nullable=False),
    sa.Column("at", _moment),
    sa.Column("identity", sa.LargeBinary, nullable=False),  # of the event that says so
    sqlite_with_rowid=False,
)

# The latest STOP and the latest START of each number: which of them is later says whether it may be texted.
opt_out = sa.Table(
    "opt_out",
    _metadata,
    sa.Column("phone", sa.Text, primary_key=True),
    sa.Column("since", _moment),  # None where only a START is known
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("ended_at", _moment),
    sqlite_with_rowid=False,
)

# What whoever asks for reports and replies from time to time wants to know when it goes on.
watch = sa.Table(
    "watch",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
)


def ensure_events(connection: sa.Connection, label: str) -> None:
    """Create the tables in a journal that has none of them yet.

    Args:
        connection: In a transaction that writes.
        label: Names the database to people.

    Raises:
        JournalError: The database has others of those names, or they are of another version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    if has_events(connection, label):
        return
    taken = set(sa.inspect(connection).get_table_names()) & set(_metadata.tables)
    if taken:
        msg = f"{label} holds a table {min(taken)} that is no journal's; nothing was stored."
        raise JournalError(msg, remedy="Name another file, or a database of its own.")
    _metadata.create_all(connection)
    for statement in (*_INDEXES, _INDEX_DUE[connection.dialect.name]):
        connection.exec_driver_sql(statement)
    connection.execute(_mark.insert().values(version=EVENT_VERSION))


def has_events(connection: sa.Connection, label: str) -> bool:
    """Tell whether a journal has these tables.

    Args:
        connection: In a transaction.
        label: Names the database to people.

    Raises:
        JournalError: They are of another version.
    """
    if not sa.inspect(connection).has_table(_mark.name):
        return False
    version = connection.execute(sa.select(_mark.c.version)).scalar_one_or_none()
    if version != EVENT_VERSION:
        msg = (
            f"What came back is in the journal {label} in version {version}, and this library reads version "
            f"{EVENT_VERSION}."
        )
        raise JournalError(msg, remedy="Go on with the version of the library that began it.")
    return True
