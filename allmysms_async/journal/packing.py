"""How a chunk's recipients and their outcomes are packed. Pure.

Numbers and rows stand apart from texts and values, so that the numbers of millions are read back without the rest.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from allmysms_async.batch.chunk import Chunk
from allmysms_async.errors import JournalError
from allmysms_async.model import AcceptedRows, Outcome, OutcomeState, People, Reason, Recipient
from allmysms_async.text import Coding

__all__ = [
    "pack_numbers",
    "pack_outcomes",
    "pack_payload",
    "unpack_chunk",
    "unpack_numbers",
    "unpack_outcomes",
]

_LEVEL = 1  # the fastest: the columns are alike enough for it

Numbers: TypeAlias = "array[int]"


class _Payload(msgspec.Struct, array_like=True):
    """What is not a number or a row."""

    text: str
    coding: int
    params: int
    values: list[tuple[str, ...]]
    lines: list[int | None]


class _Result(msgspec.Struct, array_like=True):
    """Outcomes by columns; None stands for a column that holds nothing."""

    states: list[OutcomeState]
    reasons: list[Reason | None] | None
    sms_ids: list[str | None] | None


_digits = msgspec.json.Decoder(list[int])
_payloads = msgspec.msgpack.Decoder(_Payload)
_results = msgspec.msgpack.Decoder(_Result)
_encoder = msgspec.msgpack.Encoder()


def _ordered(numbers: Numbers) -> Numbers:
    """Return integers with their bytes in the order in which they are stored."""
    if sys.byteorder == "big":
        numbers = array("Q", numbers)
        numbers.byteswap()
    return numbers


def _integers(phones: Sequence[str]) -> Numbers:
    """Return canonical numbers as integers."""
    try:
        numbers = array("Q", _digits.decode("[" + ",".join(phones) + "]"))  # half the time of one after the other
        if len(numbers) == len(phones):
            return numbers
    except (msgspec.MsgspecError, OverflowError, UnicodeError):
        pass
    return array("Q", map(int, phones))


def pack_numbers(chunk: Chunk) -> bytes:
    """Return a chunk's numbers and rows."""
    people = People.of(chunk.recipients)
    numbers = _integers([recipient.phone for recipient in chunk.recipients] if people is None else people.phones)
    numbers.extend(chunk.rows)
    return zlib.compress(_ordered(numbers).tobytes(), _LEVEL)


def unpack_numbers(packed: bytes) -> tuple[Numbers, Numbers]:
    """Return numbers, and the row of each.

    Raises:
        JournalError: These are not the bytes that were stored.
    """
    numbers = array("Q")
    try:
        numbers.frombytes(zlib.decompress(packed))
    except (zlib.error, ValueError) as error:
        raise _damaged() from error
    numbers = _ordered(numbers)
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


def pack_payload(chunk: Chunk) -> bytes:
    """Return what is sent to a chunk's numbers."""
    people = People.of(chunk.recipients)
    if people is None:
        values, lines = [each.params for each in chunk.recipients], [each.line for each in chunk.recipients]
    else:
        values, lines = list(zip(*people.values, strict=True)), list(people.lines)
    payload = _Payload(chunk.text, int(chunk.coding), chunk.params, values if chunk.params else [], lines)
    return zlib.compress(_encoder.encode(payload), _LEVEL)


def unpack_chunk(
    numbers: bytes, payload: bytes, *, seq: int, parts: int, generation: int, first_sent_at: float | None
) -> Chunk:
    """Return a chunk as it was planned.

    Raises:
        JournalError: These are not the bytes that were stored.
    """
    phones, rows = unpack_numbers(numbers)
    try:
        packed = _payloads.decode(zlib.decompress(payload))
    except (zlib.error, msgspec.DecodeError) as error:
        raise _damaged() from error
    values = packed.values or [()] * len(phones)
    return Chunk(
        seq=seq,
        text=packed.text,
        coding=Coding(packed.coding),
        params=packed.params,
        recipients=tuple(
            Recipient(str(phone), tuple(value), line)
            for phone, value, line in zip(phones, values, packed.lines, strict=True)
        ),
        rows=tuple(rows),
        parts=parts,
        generation=generation,
        first_sent_at=first_sent_at,
    )


def pack_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    """Return what became of a chunk's rows, in their order."""
    if isinstance(outcomes, AcceptedRows):
        ids = list(outcomes.sms_ids)
        accepted = _Result([OutcomeState.ACCEPTED] * len(outcomes), None, ids if any(ids) else None)
        return zlib.compress(_encoder.encode(accepted), _LEVEL)
    reasons = [outcome.reason for outcome in outcomes]
    sms_ids = [outcome.sms_id for outcome in outcomes]
    result = _Result(
        [outcome.state for outcome in outcomes],
        reasons if any(reasons) else None,
        sms_ids if any(sms_ids) else None,
    )
    return zlib.compress(_encoder.encode(result), _LEVEL)


def unpack_outcomes(chunk: Chunk, packed: bytes, gateway_id: str | None) -> tuple[Outcome, ...]:
    """Return what became of a chunk's rows.

    Raises:
        JournalError: These are not the bytes that were stored.
    """
    try:
        result = _results.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.DecodeError) as error:
        raise _damaged() from error
    nothing: list[None] = [None] * len(chunk.rows)
    return tuple(
        Outcome(
            row,
            recipient.line,
            recipient.phone,
            state,
            reason,
            sms_id,
            gateway_id,
        )
        for row, recipient, state, reason, sms_id in zip(
            chunk.rows,
            chunk.recipients,
            result.states,
            result.reasons or nothing,
            result.sms_ids or nothing,
            strict=True,
        )
    )


def _damaged() -> JournalError:
    """Return the error of bytes that are not what was stored."""
    msg = "The journal is damaged: a chunk's recipients cannot be read back; nothing more was sent."
    return JournalError(msg, remedy="Restore it from a copy.")
