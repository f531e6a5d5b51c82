"""What operators decide about requests whose outcome nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec
import sqlalchemy as sa

from allmysms_async.batch.chunk import only
from allmysms_async.batch.state import ChunkEvent, ChunkState
from allmysms_async.errors import InvalidRequest, JournalError
from allmysms_async.journal import schema
from allmysms_async.journal.packing import pack_outcomes
from allmysms_async.journal.row import chunk_of, outcomes_of, planned, recipients_of
from allmysms_async.journal.transition import NO_RESULT, free, held_still, move
from allmysms_async.journal.waiting import described
from allmysms_async.model import Outcome, OutcomeState, Reason

__all__ = ["Decision", "decide", "doubted"]

Decision: TypeAlias = Literal["resend", "mark_sent"]

_k, _c = schema.campaign.c, schema.chunk.c
_reasons = msgspec.json.Decoder(dict[str, int])
# The second is what a journal holds that was begun before the first had a name of its own: a row that this library
# itself finds twice is in no request.
_DOUBTED = frozenset({Reason.DUPLICATE_AT_GATEWAY, Reason.DUPLICATE})


def doubted(state: str, reasons: str | None) -> int:
    """Return how many recipients of a request the gateway refused as duplicates: nobody knows who texts them.

    Args:
        state: The request's state.
        reasons: Its rejections by reason, as the journal holds them.
    """
    if state != ChunkState.REJECTED or reasons is None:
        return 0
    return sum(count for reason, count in _reasons.decode(reasons).items() if reason in _DOUBTED)


def decide(connection: sa.Connection, campaign: int, seq: int, decision: Decision, now: float) -> int:
    """Decide about one request; return how many recipients that concerns.

    Args:
        connection: In a transaction that holds the campaign's row.
        campaign: The campaign's number in the journal.
        seq: The request's ordinal.
        decision: What is decided.
        now: Unix time.

    Raises:
        InvalidRequest: It is neither unknown nor refused as a duplicate, or a process still holds it.
        JournalError: What the journal says of it cannot be.
    """
    of_it = (_c.campaign == campaign, _c.seq == seq)
    # One in flight whose lease has run out is unknown as well: whoever sent it is gone.
    lose = move(ChunkEvent.LOSE, since=ChunkState.IN_FLIGHT).where(*of_it, free(now)).values(unknown=_c.n)
    connection.execute(lose)
    found = (connection.execute(sa.select(schema.chunk).where(*of_it).with_for_update())).one_or_none()
    if found is None:
        msg = f"The campaign has no request {seq}; nothing was decided."
        raise InvalidRequest(msg)
    duplicates = doubted(found.state, found.reasons)
    if duplicates not in {0, found.n}:
        msg = f"Request {seq} is refused as a duplicate in part, as the gateway refuses none; nothing was decided."
        raise JournalError(msg, remedy="Find out what else writes to the journal, and restore the latest copy of it.")
    if not duplicates and found.state not in {ChunkState.UNKNOWN, ChunkState.IN_FLIGHT}:
        msg = f"Request {seq} is {found.state}, not unknown: there is nothing to decide; nothing was decided."
        raise InvalidRequest(msg)
    if held_still(found, now):
        who = described(connection, found.owner)
        until = datetime.fromtimestamp(found.lease_until, UTC).astimezone()
        who = who[0].upper() + who[1:]
        msg = f"{who} still holds request {seq} and may yet learn what became of it; nothing was decided."
        raise InvalidRequest(msg, remedy=f"Wait until it ended; if it died, its hold ends at {until:%H:%M:%S}.")
    since = ChunkState.REJECTED if duplicates else ChunkState.UNKNOWN
    event = ChunkEvent.RESEND if decision == "resend" else ChunkEvent.ACCEPT
    values: dict[str, Any] = {"owner": None, "lease_until": None}
    if decision == "mark_sent":
        values |= _marked(found, now)
    elif found.n in {found.unknown, duplicates}:
        # A new key: the old one might be answered with the first request's result, and text nobody.
        values |= NO_RESULT | {"generation": _c.generation + 1, "first_sent_at": None, "idem": None}
        values["written_off"] = _c.written_off + _c.planned_parts  # it may have been paid all the same
    else:
        event = ChunkEvent.ACCEPT if found.accepted else ChunkEvent.REJECT
        values |= _part(connection, found, now)
    changed = connection.execute(move(event, since=since).where(*of_it, free(now)).values(**values))
    if changed.rowcount != 1:  # locked above, so that nobody came in between
        msg = f"Request {seq} changed meanwhile; nothing was decided."
        raise InvalidRequest(msg)
    connection.execute(schema.decision.insert().values(campaign=campaign, seq=seq, decided_at=now, decided=decision))
    return duplicates or int(found.unknown)


def _part(connection: sa.Connection, found: Any, now: float) -> dict[str, Any]:
    """Give the unknown recipients of a partly answered request one of their own; return what is left of it."""
    chunk, outcomes = chunk_of(found), outcomes_of(found, now)
    is_known = [outcome.state is not OutcomeState.UNKNOWN for outcome in outcomes]
    known, unknown = only(chunk, is_known), only(chunk, [not each for each in is_known])
    following = connection.execute(
        sa.update(schema.campaign)
        .where(_k.id == found.campaign)
        .values(next_seq=_k.next_seq + 1)
        .returning(_k.next_seq)
    )
    key = {"campaign": found.campaign, "seq": int(following.scalar_one()) - 1}
    connection.execute(schema.chunk.insert(), planned(unknown) | key)
    result = pack_outcomes([outcome for outcome in outcomes if outcome.state is not OutcomeState.UNKNOWN])
    # A late word on the whole request no longer fits what is left of it.
    moved = {"generation": _c.generation + 1, "unknown": 0, "problem": None, "result": result}
    return recipients_of(known) | moved


def _is_open(outcome: Outcome) -> bool:
    """Tell whether a recipient's fate is unknown, or the gateway refused the request as a duplicate."""
    refused = outcome.state is OutcomeState.REJECTED and outcome.reason in _DOUBTED
    return refused or outcome.state is OutcomeState.UNKNOWN


def _marked(row: Any, now: float) -> dict[str, Any]:
    """Return the columns of a chunk whose recipients that are decided about an operator counts as accepted."""
    outcomes = [
        outcome
        if not _is_open(outcome)
        else Outcome(
            outcome.row,
            outcome.line,
            outcome.phone,
            OutcomeState.ACCEPTED,
            None,
            outcome.sms_id,
            outcome.campaign_id,
        )
        for outcome in outcomes_of(row, now)
    ]
    # What it cost is not known; its parts are those that were measured here.
    values = {"parts": row.parts or row.planned_parts, "problem": None, "result": pack_outcomes(outcomes)}
    if doubted(row.state, row.reasons):
        return values | {"accepted": row.n, "rejected": 0, "reasons": None}
    return values | {"accepted": row.accepted + row.unknown, "unknown": 0}
