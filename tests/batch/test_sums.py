"""Sums that always add up, whatever is added to them and taken away."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.batch.record import Settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.sums import Sums
from allmysms_async.model import Outcome, OutcomeState, Reason

A, R, F, U = OutcomeState.ACCEPTED, OutcomeState.REJECTED, OutcomeState.FAILED, OutcomeState.UNKNOWN
SETTLEMENTS = st.builds(
    Settlement,
    event=st.just(ChunkEvent.ACCEPT),
    outcomes=st.lists(
        st.builds(
            Outcome,
            st.integers(1, 99),
            st.none(),
            st.just("33612345678"),
            st.sampled_from([A, R, F, U]),
            st.none() | st.sampled_from(Reason),
        ),
        max_size=5,
    ).map(tuple),
    parts=st.integers(0, 20),
    cost=st.decimals(0, 10, places=4),
    problem=st.none() | st.sampled_from(["Lost.", "Refused."]),
)


@given(st.lists(SETTLEMENTS, max_size=5), st.lists(SETTLEMENTS, max_size=5))
def test_taking_a_settlement_away_undoes_adding_it(kept, taken):
    """Sums after adding and taking away are those without it, in whatever order it happens."""
    plain, sums = Sums(), Sums()
    for settlement in kept:
        plain.add(settlement)
    for settlement in [*taken, *kept]:
        sums.add(settlement)
    for settlement in reversed(taken):
        sums.add(settlement, -1)
    assert sums.result("soldes", "0") == plain.result("soldes", "0")


@given(st.lists(SETTLEMENTS, max_size=5), st.integers(0, 9))
def test_sums_add_up(settlements, pending):
    """The states, with what is pending, are all rows."""
    sums = Sums()
    sums.pending = pending
    for settlement in settlements:
        sums.add(settlement)
    totals = sums.totals()
    assert totals.rows == sum(len(settlement.outcomes) for settlement in settlements) + pending
    assert totals.rows == totals.accepted + totals.rejected + totals.failed + totals.unknown + totals.pending
    assert totals.cost == sum((settlement.cost for settlement in settlements), Decimal(0))
