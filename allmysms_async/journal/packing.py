"""How a chunk's recipients and their outcomes are packed. Pure.

Numbers and rows stand apart from texts and values, so that the numbers of millions are read back without the rest.

What is alike in columns is written in planes: the first byte of every value, then the second of every one, and so on.
Most planes are one byte again and again then, which is compressed in no time; the digits that differ from person to
person cannot be, and are not tried. What was written before, in one piece, is read as well.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from typing import TypeAlias, cast

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

# The fastest level, since the columns are alike enough for it, with a window of 8 KiB: one of 32 takes longer to set up
# than most columns take to compress.
_SETTINGS = (1, zlib.DEFLATED, 13, 7)
_PLANES = b"\x01"  # what begins with this is in planes: no compressed piece does
_WIDTH, _LOW = 8, 4  # bytes of an integer; those of a number that differ from person to person

Numbers: TypeAlias = "array[int]"


class _Payload(msgspec.Struct, array_like=True):
    """What is not a number or a row; lines that are all known stand in planes."""

    text: str
    coding: int
    params: int
    values: list[tuple[str, ...]]
    lines: list[int | None] | bytes


class _Result(msgspec.Struct, array_like=True):
    """Outcomes by columns; None stands for a column that holds nothing, one state for all of it.

    Identifiers that are all as long, as they are, stand in planes, each with a line feed after it.
    """

    states: list[OutcomeState] | OutcomeState
    reasons: list[Reason | None] | None
    sms_ids: list[str | None] | bytes | None


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


def _compressed(packed: bytes) -> bytes:
    compressor = zlib.compressobj(*_SETTINGS)
    return compressor.compress(packed) + compressor.flush()


def _in_planes(values: bytes, width: int) -> bytes:
    """Return values of so many bytes each in planes."""
    return b"".join([values[place::width] for place in range(width)])


def _out_of_planes(planes: bytes, width: int) -> bytearray:
    """Return what was written in planes."""
    values = bytearray(len(planes))
    count = len(planes) // width
    for place in range(width):
        values[place::width] = planes[place * count : (place + 1) * count]
    return values


def _from_planes(planes: bytes) -> Numbers:
    """Return the integers that were written in planes."""
    numbers = array("Q")
    numbers.frombytes(_out_of_planes(planes, _WIDTH))
    return _ordered(numbers)


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
    numbers = None if people is None else people.numbers
    if numbers is None:
        numbers = _integers(People.phones_of(chunk.recipients))
    planes = _in_planes(_ordered(numbers).tobytes(), _WIDTH)
    low = planes[: _LOW * len(numbers)]
    rows = _in_planes(_ordered(array("Q", chunk.rows)).tobytes(), _WIDTH)
    alike = _compressed(planes[len(low) :] + rows)
    return b"".join((_PLANES, alike, low, zlib.crc32(low).to_bytes(4, "little")))


def unpack_numbers(packed: bytes) -> tuple[Numbers, Numbers]:
    """Return numbers, and the row of each.

    Raises:
        JournalError: These are not the bytes that were stored.
    """
    try:
        if packed.startswith(_PLANES):
            return _unpacked(packed[len(_PLANES) :])
        numbers = array("Q")
        numbers.frombytes(zlib.decompress(packed))
    except (zlib.error, ValueError) as error:
        raise _damaged() from error
    numbers = _ordered(numbers)
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


def _unpacked(packed: bytes) -> tuple[Numbers, Numbers]:
    """Return numbers and rows that were written in planes.

    Raises:
        ValueError, zlib.error: These are not the bytes that were stored.
    """
    reader = zlib.decompressobj()
    alike = reader.decompress(packed)
    low, check = reader.unused_data[:-4], reader.unused_data[-4:]
    high = (_WIDTH - _LOW) * len(low) // _LOW
    whole = reader.eof and len(alike) == high + _WIDTH * len(low) // _LOW and not len(low) % _LOW
    if not whole or check != zlib.crc32(low).to_bytes(4, "little"):
        msg = "other bytes than were stored"
        raise ValueError(msg)
    return _from_planes(low + alike[:high]), _from_planes(alike[high:])


def pack_payload(chunk: Chunk) -> bytes:
    """Return what is sent to a chunk's numbers."""
    people = People.of(chunk.recipients)
    if people is None:
        values, lines = [each.params for each in chunk.recipients], [each.line for each in chunk.recipients]
    else:
        values, lines = list(zip(*people.values, strict=True)), list(people.lines)
    payload = _Payload(chunk.text, int(chunk.coding), chunk.params, values if chunk.params else [], _packed(lines))
    return _compressed(_encoder.encode(payload))


def _packed(lines: list[int | None]) -> list[int | None] | bytes:
    """Return lines in planes, if all are known."""
    try:
        return _in_planes(_ordered(array("Q", cast("list[int]", lines))).tobytes(), _WIDTH)  # None raises
    except (TypeError, OverflowError):
        return lines


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
        lines = _from_planes(packed.lines) if isinstance(packed.lines, bytes) else packed.lines
    except (zlib.error, msgspec.DecodeError, ValueError) as error:
        raise _damaged() from error
    values = packed.values or [()] * len(phones)
    return Chunk(
        seq=seq,
        text=packed.text,
        coding=Coding(packed.coding),
        params=packed.params,
        recipients=tuple(
            Recipient(str(phone), tuple(value), line) for phone, value, line in zip(phones, values, lines, strict=True)
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
        accepted = _Result(OutcomeState.ACCEPTED, None, _packed_ids(ids))
        return _compressed(_encoder.encode(accepted))
    reasons = [outcome.reason for outcome in outcomes]
    sms_ids = [outcome.sms_id for outcome in outcomes]
    states = [outcome.state for outcome in outcomes]
    result = _Result(
        states[0] if len(set(map(id, states))) == 1 else states,
        reasons if any(reasons) else None,
        _packed_ids(sms_ids),
    )
    return _compressed(_encoder.encode(result))


def _packed_ids(ids: list[str | None]) -> list[str | None] | bytes | None:
    """Return identifiers in planes if all are as long, None if there are none."""
    if not any(ids):
        return None
    try:
        joined = ("\n".join(cast("list[str]", ids)) + "\n").encode("ascii")  # None raises
    except (TypeError, UnicodeEncodeError):
        return ids
    width = len(joined) // len(ids)
    ends = b"\n" * len(ids)
    if len(joined) != width * len(ids) or joined[width - 1 :: width] != ends or joined.count(b"\n") != len(ids):
        return ids
    return _in_planes(joined, width)


def _unpacked_ids(packed: list[str | None] | bytes | None, count: int) -> Sequence[str | None]:
    """Return the identifier of each of so many rows.

    Raises:
        ValueError: These are not the bytes that were stored.
    """
    if not isinstance(packed, bytes):
        return packed or [None] * count
    ids = _out_of_planes(packed, len(packed) // count).decode("ascii").split("\n")[:-1]
    if len(ids) != count:
        msg = "other identifiers than were stored"
        raise ValueError(msg)
    return ids


def unpack_outcomes(chunk: Chunk, packed: bytes, gateway_id: str | None) -> tuple[Outcome, ...]:
    """Return what became of a chunk's rows.

    Raises:
        JournalError: These are not the bytes that were stored.
    """
    count = len(chunk.rows)
    try:
        result = _results.decode(zlib.decompress(packed))
        sms_ids = _unpacked_ids(result.sms_ids, count)
    except (zlib.error, msgspec.DecodeError, ValueError, ZeroDivisionError) as error:
        raise _damaged() from error
    states = [result.states] * count if isinstance(result.states, str) else result.states
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
            states,
            result.reasons or [None] * count,
            sms_ids,
            strict=True,
        )
    )


def _damaged() -> JournalError:
    """Return the error of bytes that are not what was stored."""
    msg = "The journal is damaged: a chunk's recipients cannot be read back; nothing more was sent."
    return JournalError(msg, remedy="Restore it from a copy.")
