"""Keys and halves: no two requests share a key, every attempt of one request does, and cutting loses nobody."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from allmysms_async.batch.chunk import Chunk, halves, idempotency_key
from allmysms_async.errors import InvalidRequest
from allmysms_async.model import People, Recipient, SmsMessage
from allmysms_async.text import Coding

NUMBERS = st.integers(33612_000000, 33612_000005).map(str)
RECIPIENTS = st.lists(
    st.builds(Recipient, NUMBERS, st.lists(st.text(max_size=3), max_size=2).map(tuple)), min_size=1, max_size=4
).map(tuple)
CHUNKS = st.builds(
    lambda recipients, **fields: Chunk(recipients=recipients, rows=tuple(range(1, len(recipients) + 1)), **fields),
    RECIPIENTS,
    seq=st.integers(1, 3),
    text=st.sampled_from(["a", "b", "#param_1#"]),
    coding=st.sampled_from(Coding),
    params=st.integers(0, 1),
    parts=st.integers(1, 3),
    generation=st.integers(0, 2),
    first_sent_at=st.none() | st.floats(0, 1e9),
)
MESSAGES = st.builds(
    SmsMessage,
    st.sampled_from(["a", "b"]),
    sender=st.sampled_from([None, "A", "B"]),
    purpose=st.sampled_from(["marketing", "otp"]),
    send_at=st.sampled_from([None, datetime(2027, 1, 1, tzinfo=UTC)]),
    wants_replies=st.booleans(),
    reference=st.sampled_from([None, "r"]),
)
RUNS = st.sampled_from(["0" * 32, "1" * 32])
REQUESTS = st.tuples(RUNS, CHUNKS, MESSAGES)


def identity(run_id, chunk, message):
    """Return all that makes a request what it is, in a form that can be compared."""
    people = tuple((recipient.phone, recipient.params) for recipient in chunk.recipients)
    options = msgspec.structs.astuple(message)[1:]
    return run_id, chunk.seq, chunk.generation, chunk.text, chunk.coding, chunk.params, people, options


@given(REQUESTS, REQUESTS)
def test_keys_are_equal_exactly_when_requests_are(one, other):
    """Two requests have the same key if and only if nothing that is sent differs."""
    assert (idempotency_key(*one) == idempotency_key(*other)) is (identity(*one) == identity(*other))


@given(REQUESTS)
def test_key_of_columns_is_that_of_their_people(request_):
    """A chunk that a journal gives back has the key that it had where it was planned."""
    run_id, chunk, message = request_
    people = People.of(chunk.recipients)
    assume(people is not None)
    columns = msgspec.structs.replace(chunk, recipients=people)
    assert idempotency_key(run_id, columns, message) == idempotency_key(run_id, chunk, message)


@given(REQUESTS, st.data())
def test_any_single_difference_makes_another_key(request_, data):
    """A change of the run, the ordinal, the generation, the text, an option or one recipient changes the key."""
    run_id, chunk, message = request_
    changed = data.draw(
        st.sampled_from(
            [
                ("f" * 32, chunk, message),
                (run_id, msgspec.structs.replace(chunk, seq=chunk.seq + 1), message),
                (run_id, msgspec.structs.replace(chunk, generation=chunk.generation + 1), message),
                (run_id, msgspec.structs.replace(chunk, text=chunk.text + "!"), message),
                (run_id, msgspec.structs.replace(chunk, coding=3 - chunk.coding), message),
                (run_id, msgspec.structs.replace(chunk, recipients=chunk.recipients[1:]), message),
                (run_id, msgspec.structs.replace(chunk, recipients=(*chunk.recipients, Recipient("1"))), message),
                (run_id, chunk, msgspec.structs.replace(message, sender="other")),
                (run_id, chunk, msgspec.structs.replace(message, priority=True)),
                (run_id, chunk, msgspec.structs.replace(message, track_links=True)),
            ]
        )
    )
    assert idempotency_key(*changed) != idempotency_key(*request_)


@given(REQUESTS)
def test_key_stays_over_all_attempts(request_):
    """The time of the first attempt, the lines of the file and the rows are not part of what is sent."""
    run_id, chunk, message = request_
    later = msgspec.structs.replace(
        chunk,
        first_sent_at=1.0,
        recipients=tuple(msgspec.structs.replace(recipient, line=9) for recipient in chunk.recipients),
    )
    assert idempotency_key(run_id, later, message) == idempotency_key(run_id, chunk, message)


def test_key_fits_the_field_and_shows_nobody(chunk_of):
    """A key is 32 hexadecimal digits, without a number in it."""
    key = idempotency_key("0" * 32, chunk_of(1, range(1, 3)), SmsMessage("Bonjour"))
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")


@pytest.mark.slow
@given(REQUESTS, st.integers(10, 20))
def test_halves_are_a_partition_with_new_keys(request_, next_seq):
    """Each recipient is in one half, in order; neither half shares a key with the whole, nor with the other."""
    run_id, chunk, message = request_
    assume(len(chunk.rows) > 1)
    chunk = msgspec.structs.replace(chunk, params=0, parts=3 * len(chunk.rows))
    first, second = halves(chunk, next_seq)
    assert first.recipients + second.recipients == chunk.recipients
    assert first.rows + second.rows == chunk.rows
    assert first.rows
    assert second.rows
    assert abs(len(first.rows) - len(second.rows)) <= 1
    assert (first.seq, second.seq) == (next_seq, next_seq + 1)
    assert (first.parts, second.parts) == (3 * len(first.rows), 3 * len(second.rows))
    for half in (first, second):
        assert (half.text, half.coding, half.params) == (chunk.text, chunk.coding, chunk.params)
        assert (half.generation, half.first_sent_at) == (0, None)
    assert len({idempotency_key(run_id, each, message) for each in (chunk, first, second)}) == 3


def test_halves_of_a_personalised_chunk_have_the_parts_of_their_own_texts(chunk_of):
    """One long value makes its own half dearer, and not the other."""
    chunk = chunk_of(1, range(1, 5), text="Bonjour #param_1#", params=1, parts=5)
    values = ["Anne", "x" * 200, "Luc", "Zoe"]
    recipients = tuple(Recipient(each.phone, (value,)) for each, value in zip(chunk.recipients, values, strict=True))
    first, second = halves(msgspec.structs.replace(chunk, recipients=recipients), 2)
    assert (first.parts, second.parts) == (3, 2)


def test_chunk_of_one_is_not_cut(chunk_of):
    """One recipient cannot be cut in two."""
    with pytest.raises(InvalidRequest):
        halves(chunk_of(1, range(1, 2)), 2)
