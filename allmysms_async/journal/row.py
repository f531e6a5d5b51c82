"""The columns of a chunk and of a campaign, as the tables hold them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from allmysms_async.batch.plan import Chunk
from allmysms_async.batch.sink import Settlement, Stranded, Tally
from allmysms_async.batch.state import ChunkState
from allmysms_async.journal.packing import pack_numbers, pack_outcomes, pack_payload, unpack_chunk, unpack_outcomes
from allmysms_async.journal.query import STATES
from allmysms_async.journal.transition import NO_RESULT
from allmysms_async.model import MmsMessage, SmsMessage
from allmysms_async.text import escaped

__all__ = ["chunk_of", "ended", "insert_into", "message_of", "options_of", "planned", "stranded_of"]


def options_of(message: SmsMessage | MmsMessage, added: Mapping[str, str | bool | None]) -> str:
    """Return a message's options as the journal keeps them: its kind, everything but its text, what is added to it."""
    bare = msgspec.structs.replace(message, text="")
    kind = "mms" if isinstance(message, MmsMessage) else "sms"
    return msgspec.json.encode({kind: bare, "added": dict(sorted(added.items()))}).decode()


def message_of(text: str, options: str) -> SmsMessage | MmsMessage:
    """Return a message from its text and its options."""
    stored = _options.decode(options)
    bare = stored.mms or stored.sms or SmsMessage("")
    return msgspec.structs.replace(bare, text=text)


class _Options(msgspec.Struct):
    """A message's options, by its kind."""

    sms: SmsMessage | None = None
    mms: MmsMessage | None = None


_options = msgspec.json.Decoder(_Options)


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert that can pass over rows which are there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def planned(chunk: Chunk) -> dict[str, Any]:
    """Return a new chunk's columns."""
    return {
        "state": ChunkState.PENDING.value,
        "generation": chunk.generation,
        "attempts": 0,
        "n": len(chunk.rows),
        "planned_parts": chunk.parts,
        "numbers": pack_numbers(chunk),
        "payload": pack_payload(chunk),
        **NO_RESULT,
    }


def chunk_of(row: Any) -> Chunk:
    """Return a chunk as recorded; of one that waits nothing was sent."""
    return unpack_chunk(
        row.numbers,
        row.payload,
        seq=row.seq,
        parts=row.planned_parts,
        generation=row.generation,
        first_sent_at=None if row.state == ChunkState.PENDING.value else row.first_sent_at,
    )


def stranded_of(row: Any) -> Stranded:
    """Return an unknown chunk with what an answer said of it, if there was one."""
    chunk = chunk_of(row)
    if row.result is None or row.gateway_id is None:
        return Stranded(chunk=chunk)
    outcomes = unpack_outcomes(chunk, row.result, row.gateway_id)
    cost = Decimal(row.cost)
    return Stranded(chunk=chunk, outcomes=outcomes, campaign_id=row.gateway_id, parts=row.parts, cost=cost)


def ended(settlement: Settlement, tally: Tally) -> dict[str, Any]:
    """Return the columns of how a chunk ended.

    Args:
        settlement: How it ended.
        tally: The same, added up.
    """
    reasons = {reason.value: count for reason, count in tally.reasons.items()}
    counts = {f"p_{state}": tally.states[state] for state in STATES}
    return counts | {
        "p_parts": settlement.parts,
        "p_cost": str(settlement.cost if settlement.cost else Decimal(0)),
        "p_reasons": msgspec.json.encode(reasons).decode() if reasons else None,
        "p_problem": None if settlement.problem is None else escaped(settlement.problem),
        "p_result": pack_outcomes(settlement.outcomes),
        "p_gateway_id": settlement.campaign_id,
    }
