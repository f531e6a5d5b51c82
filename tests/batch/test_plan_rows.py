"""Rows that are planned many at once end as they do one by one."""

from array import array
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from allmysms_async.backend import SendLimits
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.seen import Unmet
from allmysms_async.model import Outcome, Reason, Recipient, RefusedRow, SmsMessage

LIMITS = SendLimits(
    recipients=1000, max_recipients=2000, max_gsm_units=320, max_ucs2_units=140, personalises=True, idempotent=True
)
OTHERS = {
    "usual": LIMITS,
    "in France alone": msgspec.structs.replace(LIMITS, metropolitan_only=True),
    "short lists": msgspec.structs.replace(LIMITS, max_numbers_length=40),
    "texts rendered here": msgspec.structs.replace(LIMITS, personalises=False),
}
PEOPLE = [612345600 + index for index in range(40)]
PHONES = st.one_of(
    st.builds(
        lambda form, person: form.format(person), st.sampled_from(["0{}", "+33{}", "{}"]), st.sampled_from(PEOPLE)
    ),
    st.sampled_from(["", "0142345678", "0692123456", "+32470123456", "639123456", "06 12 34 56 99"]),
)
VALUES = st.one_of(st.sampled_from(["Anne", "Łukasz", "#param_1#", "x" * 400, 5, None]), st.text(max_size=3))
ITEMS: Any = st.one_of(
    PHONES,
    st.builds(Recipient, PHONES, st.lists(VALUES, max_size=2).map(tuple), st.one_of(st.none(), st.integers(-1, 99))),
    st.builds(lambda phone: RefusedRow(phone, reason=Reason.WRONG_WIDTH), PHONES),
    st.sampled_from([None, 612345678, Recipient(612345678), b"0612345678"]),  # type: ignore[arg-type]
)


def planned(rows: list[Any], text: str, limits: SendLimits, met: list[int], *, at_once: int) -> tuple[Any, ...]:
    """Return all that a planner makes of rows that are given to it so many at once; of one, one by one."""
    seen, accounted, refused, unmet = BitMap64(met), BitMap64(), array("Q"), Unmet()
    unmet.learn(seen, refused)
    seen.update([33612345600])  # somebody whom this reading has met already
    planner = Planner(
        SmsMessage(text), limits, chunk_size=3, seen=seen, accounted=accounted, refused=refused, unmet=unmet
    )
    outcomes: list[Outcome] = []
    chunks: list[Chunk] = []
    numbered = list(enumerate(rows, 1))
    for begin in range(0, len(rows), at_once):
        if at_once == 1:
            outcome = planner.add(*numbered[begin])
            outcomes += [] if outcome is None else [outcome]
        else:
            planner.add_rows(numbered[begin : begin + at_once], outcomes)
        chunks += planner.sealed()
    return chunks + planner.flush(), outcomes, set(seen), set(accounted), list(refused), planner.next_seq


@pytest.mark.parametrize("name", OTHERS)
@given(
    rows=st.lists(ITEMS, max_size=30),
    text=st.sampled_from(["Bonjour", "Bonjour #param_1#", "Zoé €"]),
    met=st.lists(st.sampled_from([33_000_000_000 + person for person in PEOPLE]), max_size=5),
    at_once=st.integers(2, 12),
)
def test_rows_at_once_end_as_one_by_one(name: str, rows: list[Any], text: str, met: list[int], at_once: int) -> None:
    """Chunks, refusals and what is remembered are the same, in the same order."""
    limits = OTHERS[name]
    assert planned(rows, text, limits, met, at_once=at_once) == planned(rows, text, limits, met, at_once=1)


@pytest.mark.parametrize("limits", ["usual", "short lists"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_whoever_is_in_a_chunk_is_remembered_whatever_breaks(
    monkeypatch: pytest.MonkeyPatch, limits: str, at: int
) -> None:
    """A defect in the middle of rows that are taken together leaves nobody planned and forgotten: texted twice."""
    seen, accounted, calls = BitMap64(), BitMap64(), 0

    def breaks(original: Any) -> Any:
        def call(self: Planner, *args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                raise MemoryError
            return original(self, *args)

        return call

    for name in ("_join", "_join_run", "_seal"):
        monkeypatch.setattr(Planner, name, breaks(getattr(Planner, name)))
    planner = Planner(SmsMessage("#param_1#"), OTHERS[limits], chunk_size=2, seen=seen, accounted=accounted)
    people = [Recipient(f"061234560{row}", ("€" if row % 4 else "ê",)) for row in range(1, 8)]
    with pytest.raises(MemoryError):
        planner.add_rows(list(enumerate(people, 1)), [])
    monkeypatch.undo()
    planned = [(row, int(person.phone)) for chunk in planner.flush() for row, person in zip_chunk(chunk)]
    assert {row for row, _ in planned} <= set(accounted)
    assert {phone for _, phone in planned} <= set(seen)


def zip_chunk(chunk: Chunk) -> list[tuple[int, Recipient]]:
    """Return the rows of a chunk with their people."""
    return list(zip(chunk.rows, chunk.recipients, strict=True))


def test_rows_before_one_that_breaks_the_planner_are_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect at a row leaves whoever came before it in a chunk, and remembered."""
    seen, accounted = BitMap64(), BitMap64()

    def breaks(self: Planner, row: int, item: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(Planner, "add", breaks)
    planner = Planner(SmsMessage("Bonjour"), LIMITS, chunk_size=10, seen=seen, accounted=accounted)
    with pytest.raises(RuntimeError):
        planner.add_rows([(1, "0612345601"), (2, "0612345602"), (3, "06 12 34 56 03"), (4, "0612345604")], [])
    assert [chunk.rows for chunk in planner.flush()] == [(1, 2)]
    assert (list(accounted), list(seen)) == ([1, 2], [33612345601, 33612345602])
