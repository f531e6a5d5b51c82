"""What is recorded of a source already, so that reading it again adds nothing twice. Pure."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TypeAlias

from pyroaring import BitMap64

from allmysms_async.model import Reason

__all__ = ["Refusals", "Unmet", "refusal"]

Refusals: TypeAlias = "array[int]"
"""Refused rows, each as what ``refusal`` makes of it."""


def refusal(phone: str, reason: Reason) -> int:
    """Return a digest of a refused row, for this process: of what it held and why it was refused, not of its place."""
    return hash((phone, reason.value)) & 0xFFFF_FFFF_FFFF_FFFF


class Unmet:
    """What was recorded of a campaign, and was not met yet in the present reading of a source.

    A number that is met for the first time in a reading is the person who is recorded, wherever it stands now; when it
    is met again it is a duplicate. Of refused rows that hold the same, as many are known as were recorded.

    Attributes:
        refusals: How many refused rows were not met yet.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin another reading, which has met nothing; what is recorded is to be learnt again."""
        self._numbers = BitMap64()
        self._refusals: Counter[int] = Counter()
        self.refusals = 0
        self._seen = BitMap64()
        self._refused: Refusals = array("Q")

    def learn(self, seen: BitMap64, refused: Refusals) -> None:
        """Take in what is recorded; this reading adds to both, and what it adds is met.

        Args:
            seen: Numbers that were planned.
            refused: Rows that were refused.
        """
        if seen is not self._seen:
            self._numbers |= seen - self._seen
            self._seen = seen
        if refused is not self._refused:
            self._refusals += Counter(refused) - Counter(self._refused)
            self.refusals = self._refusals.total()
            self._refused = refused

    def awaits(self, number: int) -> bool:
        """Tell whether a number is recorded, and not met yet."""
        return number in self._numbers

    def meet(self, number: int) -> bool:
        """Meet a number; tell whether it is recorded, and was not met yet."""
        if number not in self._numbers:
            return False
        self._numbers.discard(number)
        return True

    def awaits_refusal(self, digest: int) -> bool:
        """Tell whether a refused row is recorded, and not met yet."""
        return bool(self._refusals.get(digest))

    def meet_refusal(self, digest: int) -> bool:
        """Meet a refused row; tell whether it is recorded, and was not met yet."""
        if not self.awaits_refusal(digest):
            return False
        self._refusals[digest] -= 1
        self.refusals -= 1
        return True
