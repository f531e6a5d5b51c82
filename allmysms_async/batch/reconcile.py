"""What the gateway's own lists tell about unknown chunks whose keys tell nothing more."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

from allmysms_async import logs, plausible
from allmysms_async.backend import Reconciles
from allmysms_async.batch.chunk import Chunk, marked_name
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.record import Settlement, Stranded
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.errors import AllMySmsError
from allmysms_async.model import Campaign, FoundSend, Outcome, OutcomeState, Reason

__all__ = ["reconcile"]

_log = logging.getLogger("allmysms_async")


async def reconcile(
    backend: Reconciles, campaign: Campaign, run_id: str, stranded: Iterable[Stranded], hours: Hours | None = None
) -> AsyncIterator[tuple[Chunk, Settlement]]:
    """Yield the unknown chunks that the gateway knows, each with its end.

    Args:
        backend: What asks the gateway.
        campaign: What the chunks are of.
        run_id: The campaign's run.
        stranded: Unknown chunks that were sent at some moment.
        hours: The quiet hours that may have given them a date.
    """
    for each in stranded:
        chunk = each.chunk
        moments = [] if chunk.first_sent_at is None else [datetime.fromtimestamp(chunk.first_sent_at, UTC)]
        if campaign.message.send_at is not None:
            moments.append(campaign.message.send_at)
        if hours is not None and chunk.first_sent_at is not None:
            date = hours.date_of(chunk.recipients, chunk.first_sent_at)
            moments += [] if date is None else [date]
        name = marked_name(campaign.name, run_id, chunk)
        try:
            found = await backend.find_send(name, moments, campaign_id=each.campaign_id)
        except AllMySmsError as error:
            _log.warning(
                "chunk %d stays unknown: %s",
                chunk.seq,
                error,
                extra=logs.fields("chunk_unknown", error=error, chunk=chunk.seq),
            )
            continue
        if found is not None:
            yield chunk, _settlement(each, found)


def _settlement(stranded: Stranded, found: FoundSend) -> Settlement:
    """Return a chunk's end, with what a found send says about each row that no answer named.

    Listed is accepted; whoever is not was not texted, if the list is whole, and stays unknown otherwise.
    """
    chunk = stranded.chunk
    answered = stranded.outcomes or [
        Outcome(row, recipient.line, recipient.phone, OutcomeState.UNKNOWN)
        for row, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    ]
    outcomes = tuple(
        _told(outcome, found) if outcome.state is OutcomeState.UNKNOWN else outcome for outcome in answered
    )
    states = {outcome.state for outcome in outcomes}
    event, problem = ChunkEvent.REJECT, None
    if OutcomeState.UNKNOWN in states:
        event, problem = ChunkEvent.LOSE, "The gateway has the send, and does not list all of its recipients."
    elif OutcomeState.ACCEPTED in states:
        event = ChunkEvent.ACCEPT
    accepted = OutcomeState.ACCEPTED in states
    return Settlement(
        event=event,
        outcomes=outcomes,
        campaign_id=found.campaign_id,
        parts=plausible.parts(found.parts, len(chunk.rows)) or stranded.parts or (chunk.parts if accepted else 0),
        cost=stranded.cost,
        problem=problem,
    )


def _told(outcome: Outcome, found: FoundSend) -> Outcome:
    state, reason = OutcomeState.UNKNOWN, Reason.NOT_CONFIRMED
    if outcome.phone in found.sms_ids:
        return Outcome(
            outcome.row,
            outcome.line,
            outcome.phone,
            OutcomeState.ACCEPTED,
            None,
            found.sms_ids[outcome.phone],
            found.campaign_id,
        )
    if found.whole:
        state, reason = OutcomeState.REJECTED, Reason.INVALID_AT_GATEWAY
    return Outcome(outcome.row, outcome.line, outcome.phone, state, reason, None, found.campaign_id)
