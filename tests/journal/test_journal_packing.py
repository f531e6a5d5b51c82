"""What is packed comes back as it was, from the bytes of today and from those that earlier journals hold."""

import zlib
from array import array

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.batch.chunk import Chunk
from allmysms_async.errors import JournalError
from allmysms_async.journal.packing import (
    pack_numbers,
    pack_outcomes,
    pack_payload,
    unpack_chunk,
    unpack_numbers,
    unpack_outcomes,
)
from allmysms_async.model import AcceptedRows, Outcome, OutcomeState, People, Reason, Recipient
from allmysms_async.text import Coding

PHONES = st.integers(1, 10**15 - 1).map(str) | st.integers(33_600_000_000, 33_799_999_999).map(str)
LINES = st.none() | st.integers(-1, 2**64 - 1)
IDS = st.none() | st.text(max_size=3) | st.from_regex("[0-9a-f]{4}", fullmatch=True)


def chunk_of(phones, rows, lines, values=(), columns=False) -> Chunk:
    """Return a chunk of recipients, in columns or one by one."""
    params = len(values)
    people = People(phones, lines, values) if columns else None
    each = zip(phones, zip(*values, strict=True) if values else [()] * len(phones), lines, strict=True)
    return Chunk(
        seq=7,
        text="Soldes é",
        coding=Coding.GSM7,
        params=params,
        recipients=people or tuple(Recipient(phone, tuple(value), line) for phone, value, line in each),
        rows=tuple(rows),
        parts=len(rows),
    )


@st.composite
def chunks(draw) -> Chunk:
    """Draw chunks of a few recipients."""
    phones = draw(st.lists(PHONES, min_size=1, max_size=9))
    several = {"min_size": len(phones), "max_size": len(phones)}
    rows = draw(st.lists(st.integers(0, 2**64 - 1), **several))
    known = draw(st.booleans())
    lines = draw(st.lists(st.integers(1, 2**40) if known else LINES, **several))
    values = draw(st.lists(st.lists(st.text(max_size=4), **several), max_size=2))
    return chunk_of(phones, rows, lines, values, columns=draw(st.booleans()))


def unpacked(numbers: bytes, payload: bytes) -> Chunk:
    """Return a chunk of those bytes."""
    return unpack_chunk(numbers, payload, seq=7, parts=1, generation=0, first_sent_at=None)


def columns_of(chunk: Chunk):
    """Return what must come back of a chunk."""
    return chunk.text, chunk.coding, chunk.params, tuple(chunk.recipients), tuple(chunk.rows)


def in_one_piece(chunk: Chunk) -> tuple[bytes, bytes]:
    """Return a chunk as earlier journals hold it."""
    numbers = array("Q", [int(recipient.phone) for recipient in chunk.recipients])
    numbers.extend(chunk.rows)
    values = [recipient.params for recipient in chunk.recipients] if chunk.params else []
    lines = [recipient.line for recipient in chunk.recipients]
    payload = msgspec.msgpack.encode([chunk.text, int(chunk.coding), chunk.params, values, lines])
    return zlib.compress(numbers.tobytes(), 1), zlib.compress(payload, 1)


@given(chunks())
def test_numbers_that_are_numbers_already_are_packed_alike(chunk):
    """What the planner read as numbers is not read again, and makes the same bytes."""
    known = array("Q", [int(recipient.phone) for recipient in chunk.recipients])
    people = People([str(number) for number in known], chunk.rows, (), known)
    assert pack_numbers(msgspec.structs.replace(chunk, recipients=people)) == pack_numbers(chunk)


@given(chunks())
def test_chunk_comes_back_as_it_was_planned(chunk):
    """Numbers, rows, lines and values come back whatever they are."""
    assert columns_of(unpacked(pack_numbers(chunk), pack_payload(chunk))) == columns_of(chunk)


@given(chunks())
def test_chunk_of_an_earlier_journal_comes_back(chunk):
    """What was packed in one piece is read, too."""
    assert columns_of(unpacked(*in_one_piece(chunk))) == columns_of(chunk)


@st.composite
def ends(draw) -> list[Outcome]:
    """Draw the outcomes of a few rows, often all of them alike."""
    state = st.sampled_from([OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.UNKNOWN])
    states = draw(st.just([OutcomeState.ACCEPTED] * 3) | st.lists(state, min_size=1, max_size=5))
    ids = draw(st.lists(IDS, min_size=len(states), max_size=len(states)))
    return [
        Outcome(row, row + 1, str(33_600_000_000 + row), each, _reason(each), sms_id or None, "c-1")
        for row, (each, sms_id) in enumerate(zip(states, ids, strict=True))
    ]


def _reason(state: OutcomeState) -> Reason | None:
    return Reason.LAND_LINE if state is OutcomeState.REJECTED else None


def _chunk_for(outcomes) -> Chunk:
    return chunk_of(
        [each.phone for each in outcomes], [each.row for each in outcomes], [each.line for each in outcomes]
    )


@given(ends())
def test_outcomes_come_back_as_they_were(outcomes):
    """States, reasons and identifiers come back, whether or not they are all alike."""
    chunk = _chunk_for(outcomes)
    assert unpack_outcomes(chunk, pack_outcomes(outcomes), "c-1") == tuple(outcomes)
    if all(each.state is OutcomeState.ACCEPTED for each in outcomes):
        whole = AcceptedRows(
            [each.row for each in outcomes],
            [each.line for each in outcomes],
            [each.phone for each in outcomes],
            [each.sms_id for each in outcomes],
            "c-1",
        )
        assert pack_outcomes(whole) == pack_outcomes(outcomes)


@given(ends())
def test_outcomes_of_an_earlier_journal_come_back(outcomes):
    """What was packed in one piece is read, too."""
    columns = [
        [each.state for each in outcomes],
        [each.reason for each in outcomes],
        [each.sms_id for each in outcomes],
    ]
    packed = zlib.compress(msgspec.msgpack.encode(columns), 1)
    assert unpack_outcomes(_chunk_for(outcomes), packed, "c-1") == tuple(outcomes)


def test_no_byte_of_a_number_changes_unnoticed():
    """Whoever reads a damaged number would text somebody else: no byte that is changed or missing gives others."""
    chunk = chunk_of(["33612345678", "33698765432"], [1, 2], [2, 3])
    whole = pack_numbers(chunk)
    damaged = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (0, 7)
    ]
    damaged += [whole[:end] for end in range(len(whole))] + [whole + b"\0"]
    told = 0
    for packed in damaged:
        try:
            assert unpack_numbers(packed) == unpack_numbers(whole)  # bits that the compression does not use
        except JournalError:
            told += 1
    assert told > len(damaged) - 10


@pytest.mark.parametrize("column", [b"", b"\xff" * 15, b"12345"])
def test_identifiers_that_are_not_one_for_each_row_are_damage(column):
    """A column of identifiers that does not fit its rows is told, not guessed at."""
    packed = zlib.compress(msgspec.msgpack.encode(["accepted", None, column]), 1)
    with pytest.raises(JournalError, match="damaged"):
        unpack_outcomes(
            _chunk_for([Outcome(row, row, "33612345678", OutcomeState.ACCEPTED) for row in range(3)]), packed, ""
        )
