"""Whom a campaign leaves out because they said so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from pyroaring import BitMap64

from allmysms_async import logs
from allmysms_async.batch.chunk import Chunk
from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.errors import JournalError, OptedOut
from allmysms_async.model import Reason

__all__ = ["Barred", "OptOuts"]

Barred = Mapping[Reason, BitMap64]
"""Numbers that must not be texted, by why: ``opted_out``, ``unassigned``, ``manual_blacklist``."""

_log = logging.getLogger("allmysms_async")

_AGAIN_SECONDS = 5.0
_PAUSE_OF_READING = 20.0
"""The journal is read again after 5 seconds, after 20 times as long as reading took if that is longer."""


class OptOuts:
    """The numbers that a campaign leaves out: read before anything is sent, and those of its journal again and again.

    Args:
        read: Reads those that the gateway lists, once.
        clock: Says when those of the journal are read again.
        kept: Reads those that the campaign's journal holds as opted out, if it has one.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Barred]],
        clock: Clock = SYSTEM,
        kept: Callable[[], Awaitable[BitMap64]] | None = None,
    ) -> None:
        self._read = read
        self._kept = kept
        self._clock = clock
        self._turn = asyncio.Lock()
        self._not_before = 0.0
        self._listed: Barred = {}
        self._barred: Barred = {}
        self.numbers = BitMap64()

    async def load(self) -> None:
        """Read them."""
        self._listed = await self._read()
        self._barred = self._listed
        self.numbers = BitMap64().union(*self._barred.values())
        await self._look()

    async def renew(self) -> None:
        """Read those of the journal again, unless that was done seconds ago: answers come while a campaign runs.

        If that fails those are left out that are known: what is recorded of the next request finds out why.
        """
        if self._kept is None or self._clock.monotonic() < self._not_before:
            return
        async with self._turn:
            if self._clock.monotonic() < self._not_before:
                return
            try:
                await self._look()
            except JournalError as error:
                self._not_before = self._clock.monotonic() + _AGAIN_SECONDS
                _log.warning(
                    "Who opted out meanwhile could not be read: %s",
                    error,
                    extra=logs.fields("opt_outs_stale", error=error),
                )

    async def _look(self) -> None:
        """Read those of the journal."""
        if self._kept is None:
            return
        began = self._clock.monotonic()
        known = await self._kept()
        ended = self._clock.monotonic()
        self._not_before = ended + max(_AGAIN_SECONDS, _PAUSE_OF_READING * (ended - began))
        listed = self._listed.get(Reason.OPTED_OUT, BitMap64())
        self._barred = {**self._listed, Reason.OPTED_OUT: listed | known}
        self.numbers = BitMap64().union(*self._barred.values())

    def reason(self, number: int) -> Reason | None:
        """Return why a number is left out, or None if it is not."""
        if number not in self.numbers:
            return None
        return next((reason for reason, numbers in self._barred.items() if number in numbers), None)

    def refusal(self, chunk: Chunk) -> OptedOut | None:
        """Return why a request cannot be sent as it is, or None if it can.

        What was planned here held nobody of them then; what a journal held before may.
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
