"""The limit of requests: so many in 60 minutes from the first one.

Source: Envoyer SMS Pro, "Les limites du nombre de requête".
"""

from collections import deque

__all__ = ["RequestCount"]


class RequestCount:
    """The requests of one account, as they arrived."""

    def __init__(self, seconds: float) -> None:
        """Start with none."""
        self.seconds = seconds
        self.arrived = 0
        self.refused = 0
        self.most_in_any_window = 0
        self._opened_at: float | None = None
        self._in_window = 0
        self._recent: deque[float] = deque()

    def admit(self, now: float, limit: int) -> bool:
        """Count a request, and say whether the limit lets it through."""
        self.arrived += 1
        # What a client must keep below the limit to be safe, whenever the provider's window began.
        self._recent.append(now)
        while self._recent[0] <= now - self.seconds:
            self._recent.popleft()
        self.most_in_any_window = max(self.most_in_any_window, len(self._recent))
        if self._opened_at is None or now >= self._opened_at + self.seconds:
            self._opened_at, self._in_window = now, 0
        self._in_window += 1
        if self._in_window > limit:
            self.refused += 1
            return False
        return True
