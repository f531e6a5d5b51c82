"""Unknown chunks whose keys are too old: the gateway's own lists tell what became of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

from allmysms_async.backend import Reconciles
from allmysms_async.batch.plan import Chunk, marked_name
from allmysms_async.batch.sink import Settlement
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.errors import AllMySmsError
from allmysms_async.model import Campaign, FoundSend, Outcome, OutcomeState, Reason

__all__ = ["reconcile"]

_log = logging.getLogger("allmysms_async")


async def reconcile(
    backend: Reconciles, campaign: Campaign, run_id: str, chunks: Iterable[Chunk]
) -> AsyncIterator[tuple[Chunk, Settlement]]:
    """Yield what the gateway knows of unknown chunks; of those that it does not know, or cannot tell of, nothing.

    Args:
        backend: What asks the gateway.
        campaign: What the chunks are of.
        run_id: The campaign's run.
        chunks: Unknown chunks that were sent at some moment.
    """
    for chunk in chunks:
        moments = [] if chunk.first_sent_at is None else [datetime.fromtimestamp(chunk.first_sent_at, UTC)]
        if campaign.message.send_at is not None:
            moments.append(campaign.message.send_at)
        try:
            found = await backend.find_send(marked_name(campaign.name, run_id, chunk), moments)
        except AllMySmsError as error:
            _log.warning("chunk %d stays unknown: %s", chunk.seq, error)
            continue
        if found is not None:
            yield chunk, _settlement(chunk, found)


def _settlement(chunk: Chunk, found: FoundSend) -> Settlement:
    """Return what a found send says of each row: listed is accepted, and whoever is not was not texted."""
    outcomes = tuple(
        Outcome(
            row,
            recipient.line,
            recipient.phone,
            OutcomeState.ACCEPTED,
            None,
            found.sms_ids[recipient.phone],
            found.campaign_id,
        )
        if recipient.phone in found.sms_ids
        else Outcome(
            row,
            recipient.line,
            recipient.phone,
            OutcomeState.REJECTED,
            Reason.INVALID_AT_GATEWAY,
            None,
            found.campaign_id,
        )
        for row, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    )
    accepted = any(outcome.state is OutcomeState.ACCEPTED for outcome in outcomes)
    return Settlement(
        event=ChunkEvent.ACCEPT if accepted else ChunkEvent.REJECT,
        outcomes=outcomes,
        campaign_id=found.campaign_id,
        parts=found.parts if found.parts is not None else chunk.parts if accepted else 0,
    )
