"""What people answered to texts.

Source: HTTPS API v9, §14 to §16, and the glossary (STOP, START).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .campaign import Campaign

__all__ = ["Replies", "Reply"]

_FIRST_ID = 32154


@dataclass(slots=True, eq=False)
class Reply:
    """One answer, to one message of a campaign."""

    id: int
    campaign: Campaign
    index: int
    text: str
    at: float
    fetched: bool = field(default=False)

    @property
    def phone(self) -> str:
        """Who answered."""
        return self.campaign.phones[self.index]


class Replies:
    """Every answer, in the order in which they came."""

    def __init__(self) -> None:
        """Start with none."""
        self._all: list[Reply] = []

    def add(self, campaign: Campaign, index: int, text: str, at: float) -> Reply:
        """Note an answer."""
        reply = Reply(_FIRST_ID + len(self._all), campaign, index, text, at)
        self._all.append(reply)
        return reply

    def everything(self) -> Iterator[Reply]:
        """Return every answer, in order."""
        return iter(self._all)

    def to(self, campaign: Campaign) -> list[Reply]:
        """Return the answers to one campaign."""
        return [reply for reply in self._all if reply.campaign is campaign]

    def to_message(self, campaign: Campaign, index: int) -> Reply | None:
        """Return the last answer to one message."""
        return next((reply for reply in reversed(self.to(campaign)) if reply.index == index), None)

    def take_new(self, login: str, limit: int) -> Iterator[Reply]:
        """Hand out an account's answers that were not handed out before, the newest first."""
        for reply in reversed(self._all):
            if limit <= 0:
                return
            if reply.campaign.login == login and not reply.fetched:
                reply.fetched = True
                limit -= 1
                yield reply
