"""Results and outcomes that are made when somebody looks at them."""

import copy
import pickle

import pytest

from allmysms_async import Accepted, Outcome, OutcomeState, Recipient
from allmysms_async.batch.sums import Sums
from allmysms_async.journal.packing import pack_outcomes
from allmysms_async.model import AcceptedRows, AllAccepted, People, joined

PHONES = ["33612345678", "33698765432"]
MADE = tuple(Accepted(phone, sms_id) for phone, sms_id in zip(PHONES, ["a", None], strict=True))
PEOPLE = tuple(Recipient(phone, line=line) for line, phone in enumerate(PHONES, 2))
OUTCOMES = tuple(
    Outcome(row, person.line, person.phone, OutcomeState.ACCEPTED, None, sms_id, "c1")
    for row, person, sms_id in zip((1, 2), PEOPLE, ["a", None], strict=True)
)


def people() -> People:
    """Return two people as columns."""
    return People(PHONES, range(2, 4))


def results() -> AllAccepted:
    """Return two results as columns."""
    return AllAccepted(PHONES, ["a", None])


def rows() -> AcceptedRows:
    """Return two outcomes as columns."""
    return AcceptedRows((1, 2), (2, 3), PHONES, ["a", None], "c1")


def test_columns_read_like_a_tuple_of_structs() -> None:
    """Whoever goes through them, picks one or some, compares, prints or hashes them finds what a tuple holds."""
    for columns, made in ((results(), MADE), (rows(), OUTCOMES), (people(), PEOPLE)):
        assert list(columns) == list(made)
        assert (columns[0], columns[-1], columns[:1]) == (made[0], made[1], made[:1])
        assert (len(columns), repr(columns), hash(columns)) == (2, repr(made), hash(made))
        assert columns == made
        assert made == columns
        assert made[0] in columns
        assert columns != made[:1]
        assert columns != list(made)
        with pytest.raises(IndexError):
            columns[2]


def test_columns_travel_as_tuples() -> None:
    """Another process, or an older release, gets what it knows."""
    assert type(pickle.loads(pickle.dumps(results()))) is tuple  # noqa: S301  # written one word before
    assert copy.deepcopy(results()) == MADE


def test_results_without_identifiers_are_accepted() -> None:
    """Some protocols have none."""
    assert AllAccepted(PHONES) == tuple(map(Accepted, PHONES))


def test_each_result_has_an_identifier_or_none_has() -> None:
    """A backend that counts wrong is told so before anything of it is recorded."""
    with pytest.raises(ValueError, match="1 identifiers for 2 numbers"):
        AllAccepted(PHONES, ["a"])


def test_several_are_one_after_the_other() -> None:
    """None at all, one, or several."""
    assert joined([]) == ()
    assert joined([OUTCOMES]) is OUTCOMES
    both = joined([rows(), OUTCOMES[:1]])
    assert (len(both), both) == (3, (*OUTCOMES, OUTCOMES[0]))


def test_columns_are_counted_and_packed_as_structs_are() -> None:
    """A journal and the sums hold the same whichever they are given."""
    assert pack_outcomes(rows()) == pack_outcomes(OUTCOMES)
    assert pack_outcomes(AcceptedRows((1,), (2,), PHONES[:1], [None], None)) == pack_outcomes(
        [Outcome(1, 2, PHONES[0], OutcomeState.ACCEPTED)]
    )
    one, other = Sums(), Sums()
    for sign in (1, 1, -1):
        one.count(rows(), sign)
        other.count(OUTCOMES, sign)
        assert (one.states, one.reasons) == (other.states, other.reasons)


def test_people_are_columns_where_each_has_as_many_values() -> None:
    """Of others, and of nobody, there are none: they are looked at one by one."""
    both = (Recipient("1", ("a", "b"), 5), Recipient("2", ("c", "d")))
    columns = People.of(both)
    assert columns is not None
    assert (columns, columns.values, columns.lines) == (both, [("a", "c"), ("b", "d")], [5, None])
    assert People.of(columns) is columns
    assert People.of((*both, Recipient("3", ("e",)))) is None
    assert People.of(()) is None
    assert People.of([Recipient("1", ["a"])]) is None  # type: ignore[arg-type]
