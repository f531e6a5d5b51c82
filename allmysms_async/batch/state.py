"""Every rule about the states of a chunk, as one table. Pure.

A chunk is what one request sends. Its state alone says whether it may be sent.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

__all__ = ["TRANSITIONS", "ChunkEvent", "ChunkState", "IllegalTransition", "after"]


class ChunkState(enum.StrEnum):
    """Where a chunk stands."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ChunkEvent(enum.StrEnum):
    """What happens to a chunk."""

    CLAIM = "claim"
    """Somebody is about to send it; committed before the bytes leave."""
    ACCEPT = "accept"
    """The gateway took it, for one recipient at least."""
    REJECT = "reject"
    """The gateway refused it, or every recipient of it."""
    FAIL = "fail"
    """Surely not sent, after all retries."""
    LOSE = "lose"
    """May have been sent; no usable answer came."""
    RELEASE = "release"
    """Surely not sent: it waits for its turn, or for the campaign to be continued."""
    RESUME = "resume"
    """The campaign is continued."""
    RESEND = "resend"
    """An operator decided that a chunk be sent again, knowing that people may be texted twice: an unknown one, or one
    that the gateway refused as a duplicate of a request that nobody knows of."""


S, E = ChunkState, ChunkEvent

TRANSITIONS: Mapping[tuple[ChunkState, ChunkEvent], ChunkState] = {
    (S.PENDING, E.CLAIM): S.IN_FLIGHT,
    (S.IN_FLIGHT, E.ACCEPT): S.ACCEPTED,
    (S.IN_FLIGHT, E.REJECT): S.REJECTED,
    (S.IN_FLIGHT, E.FAIL): S.FAILED,
    (S.IN_FLIGHT, E.LOSE): S.UNKNOWN,
    (S.IN_FLIGHT, E.RELEASE): S.PENDING,
    (S.FAILED, E.RESUME): S.PENDING,
    # A late answer: the same request again with the same key, a reconciliation, or the operator's word.
    (S.UNKNOWN, E.ACCEPT): S.ACCEPTED,
    (S.UNKNOWN, E.REJECT): S.REJECTED,
    (S.UNKNOWN, E.FAIL): S.FAILED,
    (S.UNKNOWN, E.LOSE): S.UNKNOWN,
    (S.UNKNOWN, E.RESEND): S.PENDING,
    # The operator's word on a refusal as a duplicate, and on no other: `journal/decision.py` sees to it.
    (S.REJECTED, E.RESEND): S.PENDING,
    # The answer to a request that another process had taken over, and had refused or given up, in the meantime; of a
    # refusal as a duplicate, also the operator's word.
    (S.PENDING, E.ACCEPT): S.ACCEPTED,
    (S.FAILED, E.ACCEPT): S.ACCEPTED,
    (S.REJECTED, E.ACCEPT): S.ACCEPTED,
}
"""What is not in this table does not happen."""


class IllegalTransition(RuntimeError):
    """A transition that the table does not have: a defect of this library, never of its input."""


def after(state: ChunkState, event: ChunkEvent) -> ChunkState:
    """Return the state that follows.

    Raises:
        IllegalTransition: The table does not have it.
    """
    following = TRANSITIONS.get((state, event))
    if following is None:
        msg = f"A chunk that is {state} cannot {event}."
        raise IllegalTransition(msg)
    return following
