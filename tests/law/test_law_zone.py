"""Zones by number: of each alone and of many at once, the same."""

from hypothesis import given
from hypothesis import strategies as st

from allmysms_async import law
from allmysms_async.numbers import canonical_number
from tests.cases import each

numbers = st.one_of(
    st.integers(10**7, 10**15 - 1),
    st.builds(
        lambda code, rest: int(f"{code}{rest}"),
        st.sampled_from([*law.ZONES, "32", "68", "1", "377", "269"]),
        st.integers(10**5, 10**10 - 1),
    ),
)


@each(
    ("written", "code"),
    [
        ("06 12 34 56 78", "33"),
        ("07 12 34 56 78", "33"),
        ("06 39 12 34 56", "262"),
        ("06 92 12 34 56", "262"),
        ("06 90 12 34 56", "590"),
        ("06 94 12 34 56", "594"),
        ("06 96 12 34 56", "596"),
        ("+508 55 12 34", "508"),
        ("+508 708 40 12 34", "508"),
        ("+681 82 12 34", "681"),
        ("+687 75 12 34", "687"),
        ("+689 87 12 34 56", "689"),
        ("+32 470 12 34 56", ""),
        ("+377 6 12 34 56 78", ""),
        ("+269 321 23 45", ""),
    ],
)
def test_zone_is_the_country_codes(written: str, code: str) -> None:
    """A number is where its code says, however long it is; other countries are elsewhere."""
    number = int(canonical_number(written))
    assert law.zone_of(number).code == code
    assert law.zones_of([number]) == {law.ZONES.get(code, law.ELSEWHERE)}


near = st.builds(
    lambda code, rest, length: int(f"{code}{rest:09d}"[:length]),
    st.sampled_from(["33", "262", "590", "689"]),
    st.integers(0, 10**9 - 1),
    st.integers(11, 12),
)


@given(st.one_of(st.lists(numbers), st.lists(near), st.sets(near)))
def test_many_are_where_each_is(some: list[int] | set[int]) -> None:
    """The fast way of many numbers finds what the careful one finds of each."""
    given_numbers = list(some)
    assert law.zones_of(some) == law.zones_of(iter(given_numbers))
    each = [law.zone_of(number) for number in given_numbers]
    assert law.zones_of(given_numbers) == frozenset(each)
    found = law.by_zone(given_numbers)
    assert list(found) == list(dict.fromkeys(each))
    assert {at: zone for zone, places in found.items() for at in places} == dict(enumerate(each))
