"""Rows that are planned many at once end as they do one by one."""

from array import array
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap64

from allmysms_async.backend import SendLimits
from allmysms_async.batch.block import Block, Rows
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.gathering import Gathering
from allmysms_async.batch.opt_outs import OptOuts
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.seen import Unmet, refusal
from allmysms_async.law import ZONES, zone_of
from allmysms_async.model import Outcome, People, Reason, Recipient, RefusedRow, SmsMessage
from allmysms_async.numbers import canonical_number, usual_mobile

LIMITS = SendLimits(
    recipients=1000, max_recipients=2000, max_gsm_units=320, max_ucs2_units=140, personalises=True, idempotent=True
)
OTHERS = {
    "usual": LIMITS,
    "in France alone": msgspec.structs.replace(LIMITS, metropolitan_only=True),
    "short lists": msgspec.structs.replace(LIMITS, max_numbers_length=40),
    # Two numbers of the usual length, or of another, but never three.
    "shorter lists": msgspec.structs.replace(LIMITS, max_numbers_length=24),
    # A character short of two numbers of the usual length, just two, and one, where one alone may still be longer.
    "lists of one": msgspec.structs.replace(LIMITS, max_numbers_length=22),
    "lists of two": msgspec.structs.replace(LIMITS, max_numbers_length=23),
    "lists of less than one": msgspec.structs.replace(LIMITS, max_numbers_length=11),
    "texts rendered here": msgspec.structs.replace(LIMITS, personalises=False),
}
PEOPLE = [612345600 + index for index in range(40)]
PHONES = st.one_of(
    st.builds(
        lambda form, person: form.format(person), st.sampled_from(["0{}", "+33{}", "{}"]), st.sampled_from(PEOPLE)
    ),
    st.sampled_from(["", "0142345678", "0692123456", "+32470123456", "639123456", "06 12 34 56 99", "+491711234567"]),
)
VALUES = st.one_of(st.sampled_from(["Anne", "Łukasz", "#param_1#", "x" * 400, 5, None]), st.text(max_size=3))
TEXTS = st.one_of(st.sampled_from(["Anne", "Łukasz", "#param_1#", "x" * 150, "x" * 400, "€", ""]), st.text(max_size=3))
# Read as a list of figures they would be other numbers, or more of them.
ODD = [
    "0612345678",
    "0798765432",
    "0639123456",
    "0696123456",
    "0708401234",
    "0708991234",
    "0590123456",
    "06123456e2",
    "061234567.",
    "06123 5678",
    "06123456789",
    "061234567",
    "0612345678\n0612345679",
    "0612345678,33612345679",
    "+33612345678",
    "\u0660612345678",
]
ITEMS: Any = st.one_of(
    PHONES,
    st.builds(Recipient, PHONES, st.lists(VALUES, max_size=2).map(tuple), st.one_of(st.none(), st.integers(-1, 99))),
    st.builds(lambda phone: RefusedRow(phone, reason=Reason.WRONG_WIDTH), PHONES),
    st.sampled_from([None, 612345678, Recipient(612345678), b"0612345678"]),  # type: ignore[arg-type]
)


class Out(OptOuts):
    """Some who opted out, each for a reason of their own."""

    def __init__(self, numbers: list[int]) -> None:
        """Know them."""
        super().__init__(_nothing)
        reasons = (Reason.OPTED_OUT, Reason.UNASSIGNED)
        self._barred = {reason: BitMap64(numbers[at::2]) for at, reason in enumerate(reasons)}
        self.numbers = BitMap64(numbers)


async def _nothing() -> dict[Reason, BitMap64]:
    return {}


def planned(
    rows: list[Any],
    text: str,
    limits: SendLimits,
    met: list[int],
    *,
    at_once: int,
    out: list[int] | None = None,
    zones: frozenset[str] = frozenset(),
    asleep: frozenset[str] = frozenset(),
    without_stop: frozenset[str] = frozenset(),
    before: list[int] | None = None,
) -> tuple[Any, ...]:
    """Return all that a planner makes of rows that are given to it so many at once; of one, one by one."""
    told = [refusal(str(number), Reason.QUIET_HOURS) for number in before or ()]
    seen, accounted, refused, unmet = BitMap64(met), BitMap64(), array("Q", told), Unmet()
    unmet.learn(seen, refused)
    seen.update([33612345600])  # somebody whom this reading has met already
    planner = Planner(
        *(SmsMessage(text), limits),
        chunk_size=3,
        seen=seen,
        accounted=accounted,
        refused=refused,
        unmet=unmet,
        opt_outs=Out(out or []),
        zones=zones,
        without_stop=without_stop,
    )
    planner.asleep = asleep
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
@settings(max_examples=50)  # for each of the limits
@given(
    rows=st.lists(ITEMS, max_size=30),
    text=st.sampled_from(["Bonjour", "Bonjour #param_1#", "Zoé €"]),
    met=st.lists(st.sampled_from([33_000_000_000 + person for person in PEOPLE]), max_size=5),
    out=st.lists(st.sampled_from([33_000_000_000 + person for person in PEOPLE]), max_size=5, unique=True),
    at_once=st.integers(2, 12),
    zones=st.sampled_from([frozenset(), frozenset(ZONES)]),
    asleep=st.sampled_from([frozenset(), frozenset({"262", "590"}), frozenset({"33"}), frozenset(ZONES)]),
    without_stop=st.sampled_from([frozenset(), frozenset(ZONES)]),
    before=st.lists(st.sampled_from([33_000_000_000 + person for person in PEOPLE]), max_size=5),
)
def test_rows_at_once_end_as_one_by_one(
    name: str,
    rows: list[Any],
    text: str,
    met: list[int],
    out: list[int],
    at_once: int,
    zones: frozenset[str],
    asleep: frozenset[str],
    without_stop: frozenset[str],
    before: list[int],
) -> None:
    """Chunks, refusals and what is remembered are the same, in the same order; whoever opted out is in no chunk.

    A chunk's numbers, as numbers, are those of its recipients.
    """
    limits = OTHERS[name]
    options: Any = {"out": out, "zones": zones, "asleep": asleep, "without_stop": without_stop, "before": before}
    made = planned(rows, text, limits, met, at_once=at_once, **options)
    assert made == planned(rows, text, limits, met, at_once=1, **options)
    for chunk in made[0]:
        assert isinstance(chunk.recipients, People)
        assert chunk.recipients.numbers == array("Q", [int(recipient.phone) for recipient in chunk.recipients])
        found = {zone_of(int(recipient.phone)) for recipient in chunk.recipients}
        assert len(found) == 1 or not zones
        assert not {zone.code for zone in found} & (asleep | without_stop)
    assert not {int(recipient.phone) for chunk in made[0] for recipient in chunk.recipients} & set(out)


@pytest.mark.parametrize("name", OTHERS)
@settings(max_examples=50)  # for each of the limits
@given(
    rows=st.lists(st.tuples(PHONES, TEXTS, TEXTS), min_size=1, max_size=30),
    text=st.sampled_from(["Bonjour", "Bonjour #param_1#", "Zoé € #param_2# #param_1#", "#param_1# #param_1#"]),
    met=st.lists(st.sampled_from([33_000_000_000 + person for person in PEOPLE]), max_size=5),
    encoding=st.sampled_from(["auto", "gsm7", "unicode"]),
)
def test_columns_end_as_their_rows_do(
    name: str, rows: list[tuple[str, str, str]], text: str, met: list[int], encoding: Any
) -> None:
    """Whoever comes from a file, in columns from the start, is planned as the same people one by one are."""
    limits, made = OTHERS[name], []
    phones, *values = map(list, zip(*rows, strict=True))
    people = People(phones, range(2, 2 + len(rows)), values)
    for columns in (True, False):
        seen, accounted, refused, unmet = BitMap64(met), BitMap64(), array("Q"), Unmet()
        unmet.learn(seen, refused)
        planner = Planner(
            SmsMessage(text, encoding=encoding),
            limits,
            chunk_size=3,
            seen=seen,
            accounted=accounted,
            refused=refused,
            unmet=unmet,
        )
        outcomes: list[Outcome] = []
        if columns:
            planner.add_rows(Rows(1, people), outcomes)
        else:
            outcomes = [outcome for row in enumerate(people, 1) if (outcome := planner.add(*row)) is not None]
        made.append((planner.flush(), outcomes, set(seen), set(accounted), list(refused)))
    assert made[0] == made[1]


def test_number_longer_than_all_may_be_is_alone_and_nobody_is_planned_twice() -> None:
    """Whoever follows a number that fills more than a request is in the next one, once."""
    limits = msgspec.structs.replace(LIMITS, max_numbers_length=11)
    planner = Planner(SmsMessage("Bonjour"), limits, chunk_size=9, seen=BitMap64(), accounted=BitMap64())
    phones = ["+491711234567", "0612345601", "0612345602", "0612345603"]
    planner.add_rows(Rows(1, People(phones, range(4))), [])
    assert [chunk.rows for chunk in planner.flush()] == [(1,), (2,), (3,), (4,)]


# Together two figures, for two rows.
@example(["0612345678,33612345679", ""])
@given(st.lists(st.one_of(PHONES, st.sampled_from(ODD), st.text("06+73 ,eE.\n-", max_size=12)), max_size=6))
def test_numbers_are_read_at_once_as_one_by_one(phones: list[str]) -> None:
    """Whatever stands in a column, a number that is taken at a glance is what a careful look finds."""
    block = Block(Rows(1, People(phones, [None] * len(phones))))
    found = dict(zip(phones, block.phones, strict=True))
    assert {phone: canonical_number(phone) for phone, number in found.items() if number} == {
        phone: number for phone, number in found.items() if number
    }
    assert [str(number) for number in block.numbers] == [number for number in block.phones if number]
    assert set(block.known) == set(block.numbers)
    assert all(block.phones[at] for at, phone in enumerate(phones) if usual_mobile(phone))


@pytest.mark.parametrize("limits", ["usual", "short lists", "shorter lists"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_whoever_is_in_a_chunk_is_remembered_whatever_breaks(
    monkeypatch: pytest.MonkeyPatch, limits: str, at: int
) -> None:
    """A defect in the middle of rows that are taken together leaves nobody planned and forgotten: texted twice."""
    seen, accounted, calls = BitMap64(), BitMap64(), 0

    def breaks(original: Any) -> Any:
        def call(self: Any, *args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                raise MemoryError
            return original(self, *args)

        return call

    for kind, name in ((Planner, "_join"), (Planner, "_join_run"), (Gathering, "seal")):
        monkeypatch.setattr(kind, name, breaks(getattr(kind, name)))
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
