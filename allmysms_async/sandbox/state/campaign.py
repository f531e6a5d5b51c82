"""Campaigns, and the messages they put on handsets.

Kept in columns (one list of numbers, one text where all are equal), since load tests leave millions of messages here.

Source: HTTPS API v9, §7.2 (TPOA), §9, §11 to §13.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from allmysms_async.sandbox.numbering import FRANCE

from .fate import HANDED_OVER, Ack, ack_delay, fate

__all__ = ["SHORT_CODE", "Campaign", "campaign_id", "sms_id"]

SHORT_CODE = "36180"
"""What a handset shows where the sender asked for cannot be honoured."""

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{2,10}")
_OPT_OUT_ENDING = re.compile(r"[ \r\n]stop au 36180\Z", re.IGNORECASE)
_SMS_ID_MIDDLE = "-8e0a-11e5-bf51-"


def campaign_id(number: int) -> str:
    """Return the identifier of the n-th campaign: stable between runs, and not guessable from the one before."""
    return "ec" + hashlib.blake2b(b"campaign %d" % number, digest_size=7).hexdigest()


def sms_id(number: int, index: int) -> str:
    """Return the identifier of one message of the n-th campaign."""
    return f"{index:08x}{_SMS_ID_MIDDLE}{number:012x}"


@dataclass(slots=True, eq=False)
class Campaign:
    """One accepted request to send."""

    number: int
    login: str
    protocol: str
    name: str
    template: str
    sender: str
    phones: list[str]
    texts: str | list[str]
    parts: int
    credits: int
    ordered_at: float
    send_at: float
    scheduled: bool
    client_message_id: str = ""
    tracking: bool = False
    media: str = ""
    any_sender: bool = False
    vocal: bool = False
    invalid: int = 0
    opted_out: int = 0
    cancelled: bool = False
    delivered: bool = False
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the identifier."""
        self.id = campaign_id(self.number)

    @property
    def status(self) -> str:
        """Return `programmed`, `sent` or `cancelled`."""
        if self.cancelled:
            return "cancelled"
        return "sent" if self.delivered else "programmed"

    def sms_ids(self) -> list[str]:
        """Return the identifier of each message, in order; they spell campaign and position, so none is stored."""
        suffix = f"{_SMS_ID_MIDDLE}{self.number:012x}"
        return [f"{index:08x}{suffix}" for index in range(len(self.phones))]

    def sms_id(self, index: int) -> str:
        """Return the identifier of one message."""
        return sms_id(self.number, index)

    @staticmethod
    def place_of(sms_id: str) -> tuple[int, int] | None:
        """Return the campaign number and position that a message identifier spells, or None."""
        head, found, tail = sms_id.partition(_SMS_ID_MIDDLE)
        if not found or len(head) != 8 or len(tail) != 12:
            return None
        try:
            return int(tail, 16), int(head, 16)
        except ValueError:
            return None

    def text(self, index: int) -> str:
        """Return the text of one message."""
        return self.texts if isinstance(self.texts, str) else self.texts[index]

    def shown_sender(self, index: int) -> str:
        """Return the sender that the handset shows.

        The short code replaces a sender that breaks the rules, and in France any sender whose text does not end
        with the opt-out notice.
        """
        if self.any_sender:
            return self.sender
        if not _SENDER.fullmatch(self.sender):
            return SHORT_CODE
        if self.phones[index].startswith(FRANCE) and not _OPT_OUT_ENDING.search(self.text(index)):
            return SHORT_CODE
        return self.sender

    def ack(self, index: int, now: float) -> Ack:
        """Return what is known of one delivered message."""
        phone = self.phones[index]
        reported_at = self.send_at + ack_delay(phone)
        if reported_at <= now:
            return Ack(phone, fate(phone), reported_at)
        return Ack(phone, HANDED_OVER, self.send_at)

    def acks(self, now: float) -> Iterator[Ack]:
        """Return what is known of every message; nothing while the campaign waits for its date."""
        return (self.ack(index, now) for index in range(len(self.phones) if self.delivered else 0))
