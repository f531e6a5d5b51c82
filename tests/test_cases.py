"""Many cases in one test."""

import inspect
from collections.abc import Callable

import pytest

from .cases import each


def test_every_case_is_run_and_those_that_fail_are_told() -> None:
    """A case that fails keeps no other from being run, and the group names each that did."""
    seen: list[tuple[int, str]] = []

    @each("number, word", [(1, "a"), (2, "b"), pytest.param(3, "c", id="third")])
    def check(number: int, word: str) -> None:
        seen.append((number, word))
        assert number == 2

    with pytest.raises(ExceptionGroup, match="2 of 3 cases") as caught:
        check()
    assert seen == [(1, "a"), (2, "b"), (3, "c")]
    assert [error.__notes__ for error in caught.value.exceptions] == [["case: (1, 'a')"], ["case: third"]]


def test_fixtures_are_left_to_pytest() -> None:
    """Only what no case gives is asked of pytest, and tables multiply."""
    seen: list[tuple[int, int, str]] = []

    @each("one", [1, 2])
    @each(("two",), [3, 4])
    def check(one: int, two: int, some: str) -> None:
        seen.append((one, two, some))

    assert list(inspect.signature(check).parameters) == ["some"]
    check(some="fixture")
    assert seen == [(one, two, "fixture") for one in (1, 2) for two in (3, 4)]


@each("wrong", [lambda: each("one", []), lambda: each("one", [1])(lambda two: None)])
def test_a_table_that_tests_nothing_is_refused(wrong: Callable[[], object]) -> None:
    """A table without cases, or of something that the test does not take, is a mistake."""
    with pytest.raises(AssertionError):
        wrong()
