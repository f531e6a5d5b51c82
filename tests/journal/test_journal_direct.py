"""Statements that go to SQLite's driver do what SQLAlchemy would have had them do."""

import sqlite3
from itertools import chain

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import Recipient
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.state import ChunkState
from allmysms_async.journal import schema
from allmysms_async.journal.direct import changed, first_row
from allmysms_async.journal.packing import _integers
from allmysms_async.journal.row import planned
from allmysms_async.journal.transition import ADD, ASK, CLAIM, FENCE, INSERT, NO_RESULT, RELEASE, RENEW, SETTLE
from allmysms_async.text import Coding
from tests.cases import each

CHUNK = {"state": "pending", "generation": 0, "attempts": 0, "written_off": 0, "n": 2, "planned_parts": 2}
CHUNK |= {"numbers": b"n", "payload": b"\0p", **NO_RESULT}
VALUES = {f"p_{name}": value for name, value in CHUNK.items()}
VALUES |= {"p_campaign": 1, "p_seq": 1, "p_owner": "a", "p_generation": 0, "p_claims": 1, "p_epoch": 0, "p_key": "k"}
VALUES |= {"p_now": 1000.0, "p_until": 1120.5, "p_lease": 120.5, "p_since": 900.0, "p_count": 1, "p_more": 1}
VALUES |= {"p_accepted": 2, "p_cost": "0.090", "p_reasons": '{"empty": 1}', "p_result": b"r", "p_gateway_id": "g"}
ENDS = {statement for statements in SETTLE.values() for _, statement in statements}


def database(state, owner):
    """Return a connection to a journal with a campaign and a chunk of it."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    connection = engine.connect()
    schema.ensure(connection, "a journal", create=True)
    campaign = dict.fromkeys(("name", "text", "options", "backend", "account", "run_id"), "")
    connection.execute(schema.campaign.insert(), campaign | {"id": 1, "created_at": 0.0, "reader": "a"})
    connection.execute(schema.holder.insert(), {"owner": "a", "epoch": 0, "opened_at": 0.0})
    held = {"owner": owner, "lease_until": None if owner is None else 1100.0, "lease": 120.0, "first_sent_at": 950.0}
    attempts = {"attempts": 0 if owner is None else 1, "state": state.value}
    connection.execute(schema.chunk.insert(), CHUNK | held | attempts | {"campaign": 1, "seq": 1})
    connection.commit()
    return connection


def held_in(connection):
    """Return everything in a journal."""
    tables = (schema.campaign, schema.chunk)
    return [tuple(row) for row in chain.from_iterable(connection.execute(sa.select(table)) for table in tables)]


@each("owner", [None, "a", "b"])
@each("state", list(ChunkState))
def test_statement_does_the_same_either_way(state, owner):
    """Whatever a chunk's state and holder, its row and what is returned are those that SQLAlchemy makes."""
    ours, theirs = database(state, owner), database(state, owner)
    for statement in (CLAIM, ASK, FENCE, RELEASE, RENEW, INSERT, *ENDS):
        values = VALUES | ({"p_seq": 2} if statement is INSERT else {})
        result = theirs.execute(statement, values)
        if statement in {CLAIM, ASK, FENCE}:
            row = result.one_or_none()
            assert first_row(ours, statement, values) == (None if row is None else tuple(row))
        else:
            assert changed(ours, statement, values) == result.rowcount
        assert held_in(ours) == held_in(theirs)
        for connection in (ours, theirs):
            connection.connection.dbapi_connection.rollback()
            connection.rollback()
    for connection in (ours, theirs):
        connection.close()
        connection.engine.dispose()


def test_value_that_is_missing_is_an_error():
    """A parameter without a value is never taken for an empty one."""
    connection = database(ChunkState.PENDING, None)
    for missing in ("p_owner", "p_key", "p_seq"):
        with pytest.raises(sqlite3.ProgrammingError):
            first_row(connection, CLAIM, {name: value for name, value in VALUES.items() if name != missing})
    connection.close()
    connection.engine.dispose()


@given(st.lists(st.integers(0, 2**64 - 1).map(str) | st.sampled_from(["007", "٣٤", "1_000", " 7", "+7"])))
def test_numbers_are_those_that_python_reads(phones):
    """Numbers read all at once are those that each of them is."""
    assert list(_integers(phones)) == [int(phone) for phone in phones]


@each("odd", ["", "1,2", "1e3", "1.0", "-1", "12a", "]", str(2**64)])
def test_what_is_no_number_is_refused(odd):
    """What Python does not read as a number that can be stored is none here either."""
    with pytest.raises((ValueError, OverflowError)):
        _integers(["33610000000", odd])


def test_insert_writes_every_column_of_a_new_chunk():
    """What is computed of a new chunk is what is inserted, on each kind of database."""
    one = Recipient("33610000000")
    chunk = Chunk(seq=1, text="Bonjour", coding=Coding.GSM7, params=0, recipients=(one,), rows=(1,), parts=1)
    columns = {f"p_{name}" for name in planned(chunk)}
    assert columns == set(INSERT.compile().params) - {"p_campaign", "p_seq"}
    assert columns < set(ADD.compile().params)
