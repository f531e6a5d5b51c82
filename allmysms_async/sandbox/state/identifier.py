"""What the gateway remembers of requests, so as not to send twice.

Source: HTTPS API v9, §7.2 (UNIQUEIDENTIFIER) and annex 2 (statuses 121 and 160).
"""

from collections import deque
from itertools import islice
from typing import Final, Generic, TypeVar

__all__ = ["IDENTICAL_WITHIN", "IDENTIFIER_LIFETIME", "InProgress", "KnownIdentifiers", "RecentRequests"]

IDENTIFIER_LIFETIME: Final = 24 * 3600
IDENTICAL_WITHIN: Final = 10

Key = tuple[str, ...]
AnswerT = TypeVar("AnswerT")


class InProgress(Exception):
    """The first request with this identifier is still being handled."""


class KnownIdentifiers(Generic[AnswerT]):
    """Identifiers of accepted requests, with their answers, and of requests being handled."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self._answers: dict[Key, tuple[float, AnswerT]] = {}
        self._handled: set[Key] = set()

    def find(self, key: Key, now: float) -> AnswerT | None:
        """Return the remembered answer, if there is one.

        Raises:
            InProgress: The request that first used the identifier has no answer yet.
        """
        if key in self._handled:
            raise InProgress
        known = self._answers.get(key)
        if known is None or now >= known[0] + IDENTIFIER_LIFETIME:
            return None
        return known[1]

    def begin(self, key: Key) -> None:
        """Note that a request with this identifier is being handled."""
        self._handled.add(key)

    def keep(self, key: Key, answer: AnswerT, now: float) -> None:
        """Remember the answer of an accepted request."""
        self._answers.pop(key, None)
        self._answers[key] = (now, answer)
        # Kept in the order of their moments: the expired ones come first.
        expired = [old for old, (at, _) in self._first_answers() if now >= at + IDENTIFIER_LIFETIME]
        for old in expired:
            del self._answers[old]

    def end(self, key: Key) -> None:
        """Note that the request is no longer being handled, whatever became of it."""
        self._handled.discard(key)

    def _first_answers(self) -> list[tuple[Key, tuple[float, AnswerT]]]:
        """Return the two oldest entries: looking at two for each one added is enough to keep up."""
        return list(islice(self._answers.items(), 2))


class RecentRequests:
    """Digests of the requests accepted in the last ten seconds."""

    def __init__(self) -> None:
        """Start with none."""
        self._accepted: dict[bytes, float] = {}
        self._order: deque[tuple[float, bytes]] = deque()

    def holds(self, digest: bytes, now: float) -> bool:
        """Say whether an identical request was accepted less than ten seconds ago."""
        while self._order and now >= self._order[0][0] + IDENTICAL_WITHIN:
            at, old = self._order.popleft()
            if self._accepted.get(old) == at:
                del self._accepted[old]
        return digest in self._accepted

    def add(self, digest: bytes, now: float) -> None:
        """Note an accepted request."""
        self._accepted[digest] = now
        self._order.append((now, digest))
