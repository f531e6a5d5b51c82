"""Which figures from outside can be right."""

import time
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import plausible
from tests.cases import each

ABSURD = [2**63, -40, -1, 10**30, 9e29, float("nan"), float("inf"), -float("inf"), 10**5000, Decimal("9e29")]
ABSURD += [str(figure) for figure in ABSURD if not isinstance(figure, int) or figure < 10**40]
ABSURD += ["1e309", "1e400", "sNaN", "0x10", "1_0", "1,5", "deux", "--1", "9" * 1_000_000, [], {"a": 1}, object()]


@each("value", ABSURD, ids=[str(index) for index in range(len(ABSURD))])
def test_absurd_figure_counts_as_none(value: object) -> None:
    """What is out of range, infinite or no figure is no count, amount, parts nor cost, and takes no time to see."""
    begun = time.process_time()
    found = [plausible.count(value), plausible.amount(value), plausible.parts(value, 3), plausible.cost(value, 3)]
    assert found == [None] * 4
    assert time.process_time() - begun < 0.5


@each(
    ("value", "recipients", "found"),
    [(0, 1, 0), (8, 1, 8), (9, 1, None), ("16.0", 2, 16), (17, 2, None), (1.5, 2, None)],
)
def test_parts_are_0_to_8_a_recipient(value: object, recipients: int, found: int | None) -> None:
    """A text has at most 8 parts, so that a request has at most 8 for each recipient."""
    assert plausible.parts(value, recipients) == found


def test_cost_is_bounded_by_what_was_measured() -> None:
    """No part costs over 10 euros; a price of many decimals, as PHP prints floats, is read whole."""
    assert plausible.cost("30", 3) == Decimal(30)
    assert plausible.cost("30.01", 3) is None
    assert plausible.cost(0.059999999999999998, 1) == Decimal("0.06")
    assert plausible.cost("0.059999999999999998", 1) == Decimal("0.059999999999999998")
    assert plausible.cost("1e-25", 1) is None


@each(("year", "fits"), [(1, False), (1999, False), (2000, True), (2100, True), (9999, False)])
def test_date_is_of_this_century(year: int, fits: bool) -> None:
    """Nothing was reported before there were gateways, nor in thousands of years."""
    moment = datetime(year, 6, 1, tzinfo=UTC)
    assert plausible.dated(moment) == (moment if fits else None)


@each("text", ["", "x" * 129, "a\0b", "a\nb", "\ud800", None])
def test_identifier_can_be_written_down(text: str | None) -> None:
    """What no database or file can hold, or is longer than any, is no identifier."""
    assert plausible.identifier(text) is None
    assert plausible.identifier("c" * 128) == "c" * 128


def test_warning_names_fields_and_nothing_of_them() -> None:
    """The warning names each field once; an answer whose figures are right has none."""
    raw = plausible.kept({"cost": "-1", "nbSms": -40}, ["nbSms", "cost", "nbSms"])
    assert raw == {"cost": "-1", "nbSms": -40}
    warning = plausible.told("sendSms", plausible.odd_in(raw)) or ""
    assert warning.startswith("sendSms: the answer's figures cost, nbSms cannot be right")
    assert "40" not in warning
    assert plausible.told("sendSms", plausible.odd_in({})) is None


@given(value=st.integers() | st.floats() | st.decimals() | st.text(max_size=40) | st.booleans() | st.none())
def test_whatever_comes_is_none_or_in_its_range(value: object) -> None:
    """No value raises, and what is read is in its range and can be stored, added and written."""
    for found in (plausible.count(value), plausible.amount(value), plausible.parts(value, 2), plausible.cost(value, 2)):
        assert found is None or 0 <= found <= 10**12
        assert found is None or (found + 1 - 1 == found and Decimal(str(found)) == found)


@given(st.one_of(st.integers(), st.floats(), st.integers(-5, 10**13), st.floats(0, 2e12), st.floats(0, 1e-3)))
def test_figures_of_the_usual_kinds_are_read_as_any_other(value: float) -> None:
    """The short way gives the same amount and the same count, to the digit, as the careful one."""
    assert str(plausible.amount(value)) == str(plausible._careful_amount(value))
    assert plausible.count(value) == plausible._careful_count(value, "count")


@given(st.lists(st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["", "a" * 128, "a" * 129, "a\n"]))))
def test_many_identifiers_are_read_as_each(texts: list[str | None]) -> None:
    """One look at all of them tells the same as one at each."""
    assert plausible.identifiers(texts) == [plausible.identifier(text) for text in texts]
