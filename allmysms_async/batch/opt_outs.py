"""Whom a campaign leaves out because they said so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk
from allmysms_async.errors import OptedOut
from allmysms_async.model import Reason

__all__ = ["Barred", "OptOuts"]

Barred = Mapping[Reason, BitMap64]
"""Numbers that must not be texted, by why: ``opted_out``, ``unassigned``, ``manual_blacklist``."""


class OptOuts:
    """The numbers that a campaign leaves out, read once before anything is sent.

    Args:
        read: Reads them.
    """

    def __init__(self, read: Callable[[], Awaitable[Barred]]) -> None:
        self._read = read
        self._barred: Barred = {}
        self.numbers = BitMap64()

    async def load(self) -> None:
        """Read them."""
        self._barred = await self._read()
        self.numbers = BitMap64().union(*self._barred.values())

    def reason(self, number: int) -> Reason | None:
        """Return why a number is left out, or None if it is not."""
        if number not in self.numbers:
            return None
        return next(reason for reason, numbers in self._barred.items() if number in numbers)

    def refusal(self, chunk: Chunk) -> OptedOut | None:
        """Return why a request cannot be sent as it is, or None if it can.

        What was planned here holds nobody of them; what a journal held before may.
        """
        if not self.numbers:
            return None
        found = [(at, self.reason(number)) for at, number in enumerate(_numbers(chunk)) if number in self.numbers]
        reason = next((reason for _, reason in found if reason is not None), None)
        if reason is None:
            return None
        some = tuple(at for at, why in found if why is reason)
        error = OptedOut(f"{len(some)} recipients opted out after they were read, and are not sent to.")
        error.positions, error.reason = some, reason.value
        return error


def _numbers(chunk: Chunk) -> Iterable[int]:
    """Return the numbers of a chunk's recipients."""
    return (int(recipient.phone) for recipient in chunk.recipients)
