"""The columns of a chunk and of a campaign, as the tables hold them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from allmysms_async import plausible
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.record import Settlement, Stranded
from allmysms_async.batch.state import ChunkState
from allmysms_async.batch.sums import Sums
from allmysms_async.journal.packing import pack_numbers, pack_outcomes, pack_payload, unpack_chunk, unpack_outcomes
from allmysms_async.journal.query import STATES
from allmysms_async.journal.transition import NO_RESULT, held_still
from allmysms_async.model import MmsMessage, Outcome, OutcomeState, QuietHours, QuietPolicy, SmsMessage
from allmysms_async.text import escaped

__all__ = [
    "changed_options",
    "chunk_of",
    "ended",
    "excludes_opt_outs",
    "insert_into",
    "left_chunk",
    "message_of",
    "options_of",
    "outcomes_of",
    "planned",
    "quiet_hours_in",
    "recipients_of",
    "stranded_of",
    "with_quiet_hours",
]


def options_of(
    message: SmsMessage | MmsMessage,
    added: Mapping[str, str | bool | None],
    exclude_opt_outs: bool | None = None,
    quiet_hours: QuietHours | QuietPolicy | None = None,
) -> str:
    """Return a message's options as the journal keeps them: its kind, all but its text, and the backend's settings."""
    when = None if message.send_at is None else message.send_at.astimezone(UTC)
    bare = msgspec.structs.replace(message, text="", send_at=when)
    kind = "mms" if isinstance(message, MmsMessage) else "sms"
    options: dict[str, object] = {kind: bare, "added": dict(sorted(added.items()))}
    if exclude_opt_outs is not None:
        options["exclude_opt_outs"] = exclude_opt_outs
    if quiet_hours is not None:
        options["quiet_hours"] = QuietHours(quiet_hours) if isinstance(quiet_hours, str) else quiet_hours
    return msgspec.json.encode(options).decode()


def message_of(text: str, options: str) -> SmsMessage | MmsMessage:
    """Return a message from its text and its options."""
    stored = _options.decode(options)
    bare = stored.mms or stored.sms or SmsMessage("")
    return msgspec.structs.replace(bare, text=text)


def excludes_opt_outs(options: str) -> bool | None:
    """Return what a campaign's options say of those who opted out."""
    return _options.decode(options).exclude_opt_outs


def quiet_hours_in(options: str) -> QuietHours | None:
    """Return what a campaign's options say of quiet hours, None where that is the default."""
    return _options.decode(options).quiet_hours


def with_quiet_hours(stored: str, given: str) -> str:
    """Return stored options with what others say of quiet hours, if they say anything."""
    quiet = _options.decode(given).quiet_hours
    if quiet is None:
        return stored
    return msgspec.json.encode(msgspec.json.decode(stored) | {"quiet_hours": quiet}).decode()


def changed_options(stored: str, given: str) -> list[str]:
    """Return the names of the options in which two messages differ; one that is not stored is as by default."""
    one, other = _options.decode(stored), _options.decode(given)
    before, after = one.mms or one.sms, other.mms or other.sms
    if type(before) is not type(after):
        return ["kind of message"]
    was, now = msgspec.structs.asdict(before or SmsMessage("")), msgspec.structs.asdict(after or SmsMessage(""))
    changed = [name for name, value in now.items() if value != was[name]]
    added = [name for name, value in other.added.items() if value != one.added.get(name, value)]
    return [*changed, *(f"{name} of the backend" for name in added)]


class _Options(msgspec.Struct):
    """A message's options, by its kind."""

    sms: SmsMessage | None = None
    mms: MmsMessage | None = None
    added: dict[str, str | bool | None] = {}
    exclude_opt_outs: bool | None = None
    quiet_hours: QuietHours | None = None


_options = msgspec.json.Decoder(_Options)


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert that can pass over rows which are there."""
    if connection.dialect.name == "postgresql":  # which is imported where there is one
        from allmysms_async.journal.postgresql import insert

        return insert(table)
    return sqlite.insert(table)


def planned(chunk: Chunk) -> dict[str, Any]:
    """Return a new chunk's columns."""
    return {
        "state": ChunkState.PENDING.value,
        "generation": chunk.generation,
        "attempts": 0,
        "written_off": 0,
        **recipients_of(chunk),
        **NO_RESULT,
    }


def recipients_of(chunk: Chunk) -> dict[str, Any]:
    """Return the columns of a chunk's recipients."""
    return {
        "n": len(chunk.rows),
        "planned_parts": chunk.parts,
        "numbers": pack_numbers(chunk),
        "payload": pack_payload(chunk),
    }


def ended(settlement: Settlement, sums: Sums) -> dict[str, Any]:
    """Return the columns of how a chunk ended.

    Args:
        settlement: How it ended.
        sums: The same, added up.
    """
    reasons = {reason.value: count for reason, count in sums.reasons.items()}
    counts = {f"p_{state}": sums.states[state] for state in STATES}
    return counts | {
        "p_parts": settlement.parts,
        "p_cost": str(settlement.cost if settlement.cost else Decimal(0)),
        "p_reasons": msgspec.json.encode(reasons).decode() if reasons else None,
        "p_problem": None if settlement.problem is None else escaped(settlement.problem),
        "p_result": pack_outcomes(settlement.outcomes),
        "p_gateway_id": settlement.campaign_id,
    }


def chunk_of(row: Any) -> Chunk:
    """Return a chunk as it was planned."""
    return unpack_chunk(
        row.numbers,
        row.payload,
        seq=row.seq,
        parts=row.planned_parts,
        generation=row.generation,
        first_sent_at=row.first_sent_at,
    )


def left_chunk(row: Any) -> Chunk:
    """Return a chunk that is left to do; nothing was sent of one that waits."""
    first = None if row.state == ChunkState.PENDING.value else row.first_sent_at
    return msgspec.structs.replace(chunk_of(row), first_sent_at=first, key=row.idem, claims=row.attempts)


def stranded_of(row: Any) -> Stranded:
    """Return an unknown chunk with what an answer said of it, if there was one."""
    chunk = left_chunk(row)
    if row.result is None or row.gateway_id is None:
        return Stranded(chunk=chunk)
    outcomes = unpack_outcomes(chunk, row.result, row.gateway_id)
    parts = plausible.parts(row.parts, len(chunk.rows)) or 0
    cost = plausible.cost(row.cost, row.planned_parts) or Decimal(0)
    return Stranded(chunk=chunk, outcomes=outcomes, campaign_id=row.gateway_id, parts=parts, cost=cost)


def outcomes_of(row: Any, now: float) -> tuple[Outcome, ...]:
    """Return what became of a chunk's rows."""
    chunk = chunk_of(row)
    if row.result is not None:
        return unpack_outcomes(chunk, row.result, row.gateway_id)
    # Without a result a chunk is waiting, in flight, or unknown because whoever sent it is gone.
    state = OutcomeState.UNKNOWN
    if row.state == ChunkState.PENDING:
        state = OutcomeState.PENDING
    elif row.state == ChunkState.IN_FLIGHT and held_still(row, now):
        state = OutcomeState.IN_FLIGHT
    return tuple(
        Outcome(number, recipient.line, recipient.phone, state)
        for number, recipient in zip(chunk.rows, chunk.recipients, strict=True)
    )
