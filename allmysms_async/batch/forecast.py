"""How many requests a campaign will take, told before any of them is sent. Pure."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Sequence, Sized

from pyroaring import BitMap64

from allmysms_async.backend import SendLimits
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.wording import template_of
from allmysms_async.errors import InvalidNumber
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.numbers import canonical_number

__all__ = ["planned_requests"]


def planned_requests(
    message: SmsMessage,
    limits: SendLimits,
    source: Sized,
    chunk_size: int,
    accounted: BitMap64,
    zones: frozenset[str] = frozenset(),
) -> int:
    """Return how many requests a source whose length is known takes, up to what the gateway refuses and is cut in two.

    A source that can be read twice is planned once for the count alone, so that equal texts, duplicates and rows that
    are refused count as they will; of any other each row is taken for a good one with a number of its own, and for a
    text of its own where texts are rendered here.

    Args:
        message: What is sent.
        limits: What one request of the protocol can hold.
        source: The recipients.
        chunk_size: Recipients in a chunk at most.
        accounted: Rows that are planned or refused already; not changed.
        zones: Country codes that share a request with no others.
    """
    if not isinstance(source, Sequence):
        left = max(0, len(source) - len(accounted))
        alone = template_of(message, limits)[0].count and not limits.personalises
        return left if alone else -(-left // chunk_size)
    seen = BitMap64()
    planner = Planner(message, limits, chunk_size=chunk_size, seen=seen, accounted=BitMap64(), zones=zones)
    rows = typing.cast("Sequence[Recipient | str]", source)
    for row in accounted:
        with contextlib.suppress(InvalidNumber, IndexError):
            item = rows[row - 1]
            seen.add(int(canonical_number(item.phone if isinstance(item, Recipient) else item)))
    requests = 0
    for row, item in enumerate(rows, 1):
        if row not in accounted:
            planner.add(row, item)
            requests += len(planner.sealed())
    return requests + len(planner.flush())
