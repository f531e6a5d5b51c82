"""The table of a chunk's states, written down a second time from the promises, and compared in full."""

import itertools

import pytest

from allmysms_async.batch.state import TRANSITIONS, ChunkEvent, ChunkState, IllegalTransition, after
from tests.cases import each

# One line for each state: event -> following state. What is not here must be refused.
PROMISED = {
    "pending": {"claim": "in_flight", "accept": "accepted"},
    "in_flight": {
        "accept": "accepted",
        "reject": "rejected",
        "fail": "failed",
        "lose": "unknown",
        "release": "pending",
    },
    "accepted": {},
    "rejected": {"accept": "accepted", "resend": "pending"},
    "failed": {"resume": "pending", "accept": "accepted"},
    "unknown": {
        "accept": "accepted",
        "reject": "rejected",
        "fail": "failed",
        "lose": "unknown",
        "resend": "pending",
    },
}


@each(("state", "event"), list(itertools.product(ChunkState, ChunkEvent)))
def test_every_state_takes_exactly_the_events_it_should(state, event):
    """Each of the 48 pairs either leads where it is promised to, or is refused by name."""
    following = PROMISED[state].get(event)
    if following is None:
        with pytest.raises(IllegalTransition, match=f"{state} cannot {event}"):
            after(state, event)
    else:
        assert after(state, event) is ChunkState(following)


def test_chunk_that_is_over_is_never_sent_again():
    """Accepted is final, and a rejected chunk turns out to have been accepted, or is sent again by an operator."""
    left = {event: following for (state, event), following in TRANSITIONS.items() if state is ChunkState.REJECTED}
    assert left == {ChunkEvent.ACCEPT: ChunkState.ACCEPTED, ChunkEvent.RESEND: ChunkState.PENDING}
    assert not [event for state, event in TRANSITIONS if state is ChunkState.ACCEPTED]


@pytest.mark.parametrize("begin", ["unknown", "rejected"])
def test_chunk_that_may_have_been_sent_is_only_sent_again_by_an_operator(begin):
    """From unknown or rejected, no event but the operator's leads back to where a chunk may be claimed."""
    back = {event for (state, event), following in TRANSITIONS.items() if (state, following) == (begin, "pending")}
    assert back == {ChunkEvent.RESEND}


def test_only_a_pending_chunk_can_be_claimed():
    """Two claims of the same chunk cannot both succeed."""
    assert {state for state, event in TRANSITIONS if event is ChunkEvent.CLAIM} == {ChunkState.PENDING}
    with pytest.raises(IllegalTransition):
        after(after(ChunkState.PENDING, ChunkEvent.CLAIM), ChunkEvent.CLAIM)
