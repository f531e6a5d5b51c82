"""Limits that some protocols have: the length of all numbers together, metropolitan France, characters replaced."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import InvalidText, Reason, Recipient, SmsMessage
from allmysms_async.backend import SendLimits
from allmysms_async.batch.memory import MemorySink
from allmysms_async.batch.plan import Planner

BASE = {"recipients": 50, "max_recipients": 50, "max_gsm_units": 1224, "personalises": False, "idempotent": False}


def planner(text: str = "x", **limits: object) -> Planner:
    """Return a planner with limits."""
    sink = MemorySink()
    all_limits = SendLimits(**BASE | {"max_ucs2_units": 536} | limits)  # type: ignore[arg-type]
    return Planner(SmsMessage(text), all_limits, chunk_size=50, seen=sink.seen, accounted=sink.accounted)


@given(st.lists(st.integers(8, 15), max_size=80), st.integers(15, 200))
def test_no_chunk_is_longer_than_its_numbers_may_be(lengths: list[int], most: int) -> None:
    """Numbers and the signs between them fit, none is lost, and no chunk could have held the next one's first."""
    plan = planner(max_numbers_length=most)
    numbers = [f"34{row:06d}".ljust(length, "1") for row, length in enumerate(lengths)]
    for row, number in enumerate(numbers, 1):
        assert plan.add(row, "+" + number) is None
    chunks = [[recipient.phone for recipient in chunk.recipients] for chunk in plan.flush()]
    assert [phone for chunk in chunks for phone in chunk] == numbers
    assert all(len(";".join(chunk)) <= most for chunk in chunks)
    for chunk, following in itertools.pairwise(chunks):
        assert len(chunk) == 50 or len(";".join([*chunk, following[0]])) > most


@pytest.mark.parametrize(("most", "sizes"), [(35, [3]), (34, [2, 1]), (23, [2, 1]), (22, [1, 1, 1])])
def test_the_bound_is_exact(most: int, sizes: list[int]) -> None:
    """Two numbers of 11 digits take 23 characters, three take 35: one less is one number less."""
    plan = planner(max_numbers_length=most)
    for row in range(3):
        plan.add(row, f"336000000{row:02d}")
    assert [len(chunk.rows) for chunk in plan.flush()] == sizes


def test_each_distinct_text_has_its_own_room() -> None:
    """The bound is per request: texts that differ do not share one."""
    plan = planner("#param_1#", max_numbers_length=11)
    for row in range(4):
        plan.add(row, Recipient(f"336000000{row:02d}", ("ab"[row % 2],)))
    assert [(chunk.text, len(chunk.rows)) for chunk in plan.flush()] == [("a", 1), ("b", 1), ("a", 1), ("b", 1)]


@pytest.mark.parametrize("phone", ["0690123456", "+33639123456", "+34612345678", "+687751234"])
def test_only_metropolitan_mobiles_where_nothing_else_is_reached(phone: str) -> None:
    """A number elsewhere is rejected with its reason, and not counted as seen."""
    plan = planner(metropolitan_only=True)
    for row in (1, 2):
        outcome = plan.add(row, phone)
        assert outcome is not None
        assert outcome.reason is Reason.OUTSIDE_FRANCE
    assert plan.add(3, "0612345678") is None
    assert planner().add(1, phone) is None


def test_a_text_that_would_be_changed_is_refused() -> None:
    """A replaced character in the text refuses the message, in a value its row alone."""
    with pytest.raises(InvalidText, match=r"replace € \(U\+20AC\)"):
        planner("10 €", refused_characters="€")
    plan = planner("Bonjour #param_1#", refused_characters="€")
    outcome = plan.add(1, Recipient("0612345678", ("10 €",)))
    assert outcome is not None
    assert outcome.reason is Reason.INVALID_PARAM
    assert plan.add(2, Recipient("0612345679", ("10 EUR",))) is None


def test_without_unicode_the_characters_are_named() -> None:
    """A protocol without Unicode refuses a text by the characters that GSM-7 lacks."""
    with pytest.raises(InvalidText, match=r"lacks 👋 \(U\+1F44B\)") as caught:
        planner("Bonjour 👋", max_ucs2_units=0)
    assert caught.value.reason == "needs_unicode"
    plan = planner("Bonjour #param_1#", max_ucs2_units=0)
    outcome = plan.add(1, Recipient("0612345678", ("Женя",)))
    assert outcome is not None
    assert outcome.reason is Reason.NEEDS_UNICODE
