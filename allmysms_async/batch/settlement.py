"""What a delivery means for a chunk's rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import compress

from allmysms_async import plausible
from allmysms_async.batch.chunk import Chunk, parts_of
from allmysms_async.batch.record import Settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.batch.verdict import Delivery
from allmysms_async.errors import AllMySmsError, DuplicateRequest, NoValidNumber, NumbersRefused, OptedOut, TextRefused
from allmysms_async.model import (
    Accepted,
    AcceptedRows,
    AllAccepted,
    Outcome,
    OutcomeState,
    People,
    Reason,
    Recipient,
    RecipientResult,
    Rejected,
    SendReceipt,
)
from allmysms_async.redaction import Unshown

__all__ = ["all_refused", "settlement"]

_REASONS: Mapping[type[AllMySmsError], Reason] = {
    TextRefused: Reason.TEXT_TOO_LONG,
    NoValidNumber: Reason.INVALID_AT_GATEWAY,
    NumbersRefused: Reason.INVALID_AT_GATEWAY,
    # If the gateway is right, another program's identical request texts these people; if not, nobody does.
    DuplicateRequest: Reason.DUPLICATE_AT_GATEWAY,
}
_STATES = {
    ChunkEvent.REJECT: OutcomeState.REJECTED,
    ChunkEvent.FAIL: OutcomeState.FAILED,
    ChunkEvent.LOSE: OutcomeState.UNKNOWN,
}


def settlement(chunk: Chunk, delivery: Delivery) -> Settlement:
    """Return how a chunk ended, row by row.

    Args:
        chunk: The chunk.
        delivery: How its request ended; not one that sends it back to pending.
    """
    event = delivery.event
    if delivery.receipt is not None:
        return _answered(chunk, delivery.receipt)
    if event is None:  # a delivery has one or the other
        msg = "The request ended without an answer and without an event."
        raise AssertionError(msg)
    state = _STATES[event]
    reason: Reason | None = None
    if state is OutcomeState.REJECTED and delivery.error is not None:
        error = delivery.error
        reason = (
            Reason(error.reason) if isinstance(error, OptedOut) else _REASONS.get(type(error), Reason.GATEWAY_REFUSED)
        )
    outcomes = tuple(
        Outcome(row, recipient.line, recipient.phone, state, reason)
        for row, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    )
    return Settlement(event=event, outcomes=outcomes, problem=str(delivery.error))


def all_refused(receipt: SendReceipt) -> NoValidNumber:
    """Return the error of a send whose every recipient was refused."""
    reasons = ", ".join(sorted({rejected.reason.value for rejected in receipt.rejected}))
    error = NoValidNumber(f"The gateway refused every number ({reasons}); nothing was sent.", request="send")
    error.numbers = Unshown(rejected.phone for rejected in receipt.rejected)
    return error


def _outcome(row: int, recipient: Recipient, result: RecipientResult, campaign_id: str | None) -> Outcome:
    line, phone = recipient.line, recipient.phone
    match result:
        case Accepted(sms_id=sms_id):
            return Outcome(row, line, phone, OutcomeState.ACCEPTED, None, sms_id, campaign_id)
        case Rejected(reason=reason):
            return Outcome(row, line, phone, OutcomeState.REJECTED, reason, None, campaign_id)
        case _:
            return Outcome(row, line, phone, OutcomeState.UNKNOWN, Reason.NOT_CONFIRMED, None, campaign_id)


def _answered(chunk: Chunk, receipt: SendReceipt) -> Settlement:
    campaign_id, unconfirmed, results = receipt.campaign_id, 0, receipt.results
    rows, accepted = chunk.rows, chunk.recipients
    people = People.of(accepted)
    outcomes: Sequence[Outcome]
    if people is not None and isinstance(results, AllAccepted) and len(results) == len(rows):  # nearly always
        outcomes = AcceptedRows(rows, people.lines, people.phones, results.sms_ids, campaign_id)
    else:
        outcomes = tuple([_outcome(*one, campaign_id) for one in zip(rows, accepted, results, strict=True)])
        states = [outcome.state for outcome in outcomes]
        accepted = tuple(compress(accepted, [state is OutcomeState.ACCEPTED for state in states]))
        unconfirmed = states.count(OutcomeState.UNKNOWN)
    # Whatever a backend makes of an answer: what cannot be right neither defeats a ceiling nor breaks the record.
    parts, cost = plausible.parts(receipt.parts, len(chunk.rows)), plausible.cost(receipt.cost, chunk.parts)
    read = {"parts": (receipt.parts, parts), "cost": (receipt.cost, cost)}
    odd = [name for name, (came, found) in read.items() if came is not None and found is None]
    warning = receipt.warning or plausible.told("send", odd)
    problem = f"The gateway's answer says nothing of {unconfirmed} recipients." if unconfirmed else warning
    event = ChunkEvent.LOSE if unconfirmed else ChunkEvent.ACCEPT if accepted else ChunkEvent.REJECT
    return Settlement(
        event=event,
        outcomes=outcomes,
        campaign_id=plausible.identifier(receipt.campaign_id),
        parts=parts or parts_of(chunk, accepted),  # no text is without a part
        cost=cost or Decimal(0),
        problem=problem,
    )
