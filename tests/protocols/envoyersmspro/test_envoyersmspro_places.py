"""Places in memory are those in a file, but for who else sees them."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.protocols.envoyersmspro.place import MemoryPlaces, Places
from allmysms_async.protocols.envoyersmspro.place_file import FilePlaces

MOMENTS = st.integers(0, 20)
NAMES = st.sampled_from("abcdef")
USES = st.one_of(
    st.tuples(st.just("put"), NAMES, MOMENTS, MOMENTS, st.integers(1, 5)),
    st.tuples(st.just("stamp"), NAMES, MOMENTS),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("shift"), MOMENTS, MOMENTS),
    st.tuples(st.just("count"), MOMENTS),
    st.tuples(st.just("newest"), st.integers(0, 6)),
    st.tuples(st.just("state"), st.one_of(st.none(), st.integers(1, 9)), st.floats(0, 9)),
    st.tuples(st.just("close"), st.floats(0, 9), st.floats(0, 9)),
)


def used(places: Places, uses: list[tuple[Any, ...]]) -> list[Any]:
    """Return all that places say while they are used."""
    said: list[Any] = []
    names: set[str] = set()
    for what, *given_ in uses:
        if what == "put" and given_[0] in names:  # each request has a name of its own
            continue
        names |= {given_[0]} if what in {"put", "stamp"} else set()
        if what in {"state", "close"}:
            with places.alone():
                said.append(getattr(places, what)(*given_))
        else:
            said.append(getattr(places, what)(*given_))
        said.append((places.said(), places.count(0), [places.newest(index) for index in range(7)]))
    return said


@given(st.lists(USES, max_size=30))
def test_places_in_memory_are_those_in_a_file(uses: list[tuple[Any, ...]]) -> None:
    """Whatever is done with them, they say the same."""
    assert used(MemoryPlaces(), uses) == used(FilePlaces("a4", Path(":memory:")), uses)
