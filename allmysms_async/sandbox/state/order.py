"""What a client asked to be sent, in one form for every protocol, and what it would put on handsets.

Source: HTTPS API v9, §7.2, §7.3 and annex 2.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from allmysms_async.sandbox.alphabet import TextTooLong, deliverable, parts
from allmysms_async.sandbox.numbering import FRANCE, canonical, printed

from .account import price
from .clock import parse_wall
from .optout import OptOutList

__all__ = ["Discard", "Order", "Plan", "Reason", "Refused", "plan"]

_PLACEHOLDER = re.compile(r"#param_([1-9][0-9]*)#")


class Reason(Enum):
    """Why a request was refused; each protocol has its own number for each."""

    NO_ACCOUNT = auto()
    EMPTY_FLOW = auto()
    BROKEN_FLOW = auto()
    EMPTY_TEXT = auto()
    MISSING_PARAM = auto()
    TEXT_TOO_LONG = auto()
    NO_VALID_NUMBER = auto()
    BAD_DATE = auto()
    IDENTICAL_REQUEST = auto()
    INSUFFICIENT_CREDIT = auto()
    IDENTIFIER_IN_PROGRESS = auto()
    BAD_SENDER = auto()
    BAD_MEDIA = auto()
    MEDIA_SIZE = auto()
    MEDIA_LENGTH = auto()


@dataclass(frozen=True, slots=True)
class Discard:
    """One number left out, with the reason in the words of v9."""

    number: str
    reason: str
    at: float | None = None


class Refused(Exception):
    """The request was refused and left nothing behind."""

    def __init__(
        self,
        reason: Reason,
        *,
        discards: tuple[Discard, ...] = (),
        needed: float = 0,
        available: float = 0,
    ) -> None:
        """Keep what the answer will have to say."""
        super().__init__(reason.name)
        self.reason = reason
        self.discards = discards
        self.needed = needed
        self.available = available


class Order(msgspec.Struct, frozen=True):
    """A request to send; a voice message has what each call costs, and its sound's address or code as its text."""

    protocol: str
    method: str
    text: str
    phones: list[str]
    params: list[list[str | None]] = []
    dynamic: int = 0
    sender: str = ""
    unicode: bool = False
    date: str = ""
    name: str = ""
    client_message_id: str = ""
    tracking: bool = False
    alerting: bool = False
    verbose: bool = False
    media: str = ""
    """What an MMS carries beside its text; empty for an SMS."""
    mms: bool = False
    """Whether it is one MMS, whatever its length."""
    credits_per_part: int = 0  # 0: as v9 bills, by country
    repeatable: bool = False  # no rule against identical requests
    any_sender: bool = False  # the sender is shown as it is
    call_credits: int = 0

    def digest(self, login: str) -> bytes:
        """Return what two identical requests of one account have in common, and no others."""
        return hashlib.blake2b(msgspec.msgpack.encode((login, self)), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order would put on handsets, and what it would cost."""

    phones: list[str]
    texts: str | list[str]
    parts: int
    credits: int
    send_at: float
    scheduled: bool
    discards: tuple[Discard, ...]


def plan(order: Order, login: str, opt_outs: OptOutList, now: float) -> Plan:
    """Work out an order, by the checks of the flow in the order of their statuses.

    Raises:
        Refused: The order as a whole cannot be sent.
    """
    if not order.text.strip():
        raise Refused(Reason.EMPTY_TEXT)
    texts = order.text if order.call_credits else _texts(order)
    try:
        if order.call_credits or order.mms:
            each, sizes = 1, None
        elif isinstance(texts, str):
            each, sizes = parts(texts, unicode=order.unicode), None
        else:
            each, sizes = 0, [parts(text, unicode=order.unicode) for text in texts]
    except TextTooLong:
        raise Refused(Reason.TEXT_TOO_LONG) from None

    kept: list[str] = []
    kept_texts: list[str] = []
    discards: list[Discard] = []
    part_count = credit_count = 0
    any_opt_out = len(opt_outs) > 0
    for index, number in enumerate(order.phones):
        phone = canonical(number)
        if phone is None or (order.call_credits and not phone.startswith(FRANCE)):
            discards.append(Discard(printed(number), "invalid"))
        elif any_opt_out and (opt_out := opt_outs.find(login, phone)):
            discards.append(Discard(phone, opt_out.reason, opt_out.at))
        else:
            kept.append(phone)
            size = each
            if sizes is not None:
                kept_texts.append(texts[index])
                size = sizes[index]
            part_count += size
            credit_count += order.call_credits or size * (order.credits_per_part or price(phone))
    if not kept:
        raise Refused(Reason.NO_VALID_NUMBER, discards=tuple(discards))

    send_at, scheduled = _moment(order.date, now)
    kept_text = texts if isinstance(texts, str) else kept_texts
    return Plan(kept, kept_text, part_count, credit_count, send_at, scheduled, tuple(discards))


def _texts(order: Order) -> str | list[str]:
    """Return the text each recipient gets: one for all, or one each."""
    if not order.dynamic:
        return order.text if order.mms else deliverable(order.text, unicode=order.unicode)
    pieces = _PLACEHOLDER.split(order.text)
    # Odd positions are parameter numbers; those past DYNAMIC are plain text to the gateway.
    slots = [
        (position, int(pieces[position]) - 1)
        for position in range(1, len(pieces), 2)
        if int(pieces[position]) <= order.dynamic
    ]
    for position in range(1, len(pieces), 2):
        pieces[position] = f"#param_{pieces[position]}#"
    texts: list[str] = []
    for values in order.params:
        for position, slot in slots:
            value = values[slot]
            if value is None:
                raise Refused(Reason.MISSING_PARAM)
            pieces[position] = value
        texts.append(deliverable("".join(pieces), unicode=order.unicode))
    return texts


def _moment(date: str, now: float) -> tuple[float, bool]:
    """Return when to send, and whether that was asked for.

    Raises:
        Refused: The date cannot be read, or has passed. Dates have whole seconds, so the current one has not.
    """
    if not date:
        return now, False
    moment = parse_wall(date)
    if moment is None or moment < int(now):
        raise Refused(Reason.BAD_DATE)
    return moment, True
