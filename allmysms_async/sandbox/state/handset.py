"""The handsets: who received what, across campaigns and protocols."""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NotRequired, TypedDict

from .campaign import Campaign
from .clock import PARIS
from .fate import UNASSIGNED_ENDING, ack_delay

__all__ = ["HandsetMessage", "Handsets", "Stats", "Unassigned"]

_INDEX_BITS = 24

Unassigned = tuple[float, str, str]
"""When a number will be reported as unassigned, the account it is reported to, and the number."""


class HandsetMessage(TypedDict):
    """One message on a handset."""

    phone: str
    text: str
    sender: str
    campaign_id: str
    protocol: str
    received_at: str
    media: NotRequired[str]


class Stats(TypedDict):
    """How much reached handsets."""

    messages: int
    handsets: int
    max_per_handset: int


class Handsets:
    """Every handset that received something."""

    def __init__(self) -> None:
        """Start with empty inboxes."""
        self._messages = 0
        self._max_per_handset = 0
        # One packed integer (campaign number, position) or, from the second message on, a list of them.
        self._inboxes: dict[str, int | list[int]] = {}
        self._campaigns: dict[int, Campaign] = {}
        self._unassigned: list[Unassigned] = []

    def deliver(self, campaign: Campaign) -> None:
        """Put a campaign's messages on the handsets."""
        self._campaigns[campaign.number] = campaign
        inboxes = self._inboxes
        place = campaign.number << _INDEX_BITS
        fullest = self._max_per_handset or min(1, len(campaign.phones))
        for phone in campaign.phones:
            held = inboxes.setdefault(phone, place)
            if held != place:
                if isinstance(held, list):
                    held.append(place)
                else:
                    inboxes[phone] = held = [held, place]
                fullest = max(fullest, len(held))
            if phone.endswith(UNASSIGNED_ENDING):
                heapq.heappush(self._unassigned, (campaign.send_at + ack_delay(phone), campaign.login, phone))
            place += 1
        self._max_per_handset = fullest
        self._messages += len(campaign.phones)
        campaign.delivered = True

    def reported_unassigned(self, now: float) -> Iterator[Unassigned]:
        """Take the numbers whose operator has reported by now that nobody has them."""
        while self._unassigned and self._unassigned[0][0] <= now:
            yield heapq.heappop(self._unassigned)

    def stats(self) -> Stats:
        """Return the totals."""
        return {
            "messages": self._messages,
            "handsets": len(self._inboxes),
            "max_per_handset": self._max_per_handset,
        }

    def inbox(self, phone: str) -> list[HandsetMessage]:
        """Return what one handset received, in order."""
        return [self._message(campaign, index) for campaign, index in self.places(phone)]

    def latest(self, phone: str) -> tuple[Campaign, int] | None:
        """Return the campaign and position of the last message on a handset."""
        held = self._inboxes.get(phone)
        if held is None:
            return None
        place = held[-1] if isinstance(held, list) else held
        return self._campaigns[place >> _INDEX_BITS], place & ((1 << _INDEX_BITS) - 1)

    def newest(self) -> Iterator[str]:
        """Return every handset that received something, the one whose first text came last first."""
        return reversed(self._inboxes)

    def count(self, phone: str) -> int:
        """Return how many messages a handset received."""
        held = self._inboxes.get(phone, [])
        return 1 if isinstance(held, int) else len(held)

    def places(self, phone: str) -> list[tuple[Campaign, int]]:
        """Return the campaign and position of each message of a handset, in order."""
        held = self._inboxes.get(phone, [])
        mask = (1 << _INDEX_BITS) - 1
        places = [held] if isinstance(held, int) else held
        return [(self._campaigns[place >> _INDEX_BITS], place & mask) for place in places]

    def reached_by(self, fits: Callable[[str], bool]) -> set[str]:
        """Return the handsets that received a text which fits; what all of a campaign have is asked about once."""
        found: set[str] = set()
        for campaign in self._campaigns.values():
            if isinstance(campaign.texts, str):
                found.update(campaign.phones if fits(campaign.texts) else ())
            else:
                found.update(phone for phone, text in zip(campaign.phones, campaign.texts, strict=True) if fits(text))
        return found

    def everything(self) -> Iterator[HandsetMessage]:
        """Return every message, campaign by campaign in the order of delivery."""
        for campaign in list(self._campaigns.values()):
            for index in range(len(campaign.phones)):
                yield self._message(campaign, index)

    @staticmethod
    def _message(campaign: Campaign, index: int) -> HandsetMessage:
        message: HandsetMessage = {
            "phone": campaign.phones[index],
            "text": campaign.text(index),
            "sender": campaign.shown_sender(index),
            "campaign_id": campaign.id,
            "protocol": campaign.protocol,
            "received_at": datetime.fromtimestamp(campaign.send_at, PARIS).isoformat(timespec="seconds"),
        }
        if campaign.media:
            message["media"] = campaign.media
        return message
