"""What the page shows of handsets, a piece at a time, since there may be a million of them."""

from collections.abc import Iterator
from itertools import islice
from typing import TypedDict

from allmysms_async.sandbox.alphabet import TextTooLong, foreign, parts
from allmysms_async.sandbox.state import World, fate, wall

__all__ = ["Conversation", "Handset", "Handsets", "Line", "conversation", "handsets"]

_MOST = 200
_PREVIEW = 80
_MOST_LINES = 500


class Handset(TypedDict):
    """A handset in the list."""

    phone: str
    count: int
    at: str
    sender: str
    text: str


class Handsets(TypedDict):
    """A piece of the list, the newest first."""

    total: int
    offset: int
    handsets: list[Handset]


class Line(TypedDict):
    """A text on a handset, or an answer."""

    own: bool
    at: str
    text: str
    sender: str
    protocol: str
    campaign: str
    media: str
    parts: int
    costly: list[str]
    state: str


class Conversation(TypedDict):
    """What a handset received and answered last, in order, and how many lines there were before those."""

    phone: str
    opted_out: bool
    earlier: int
    lines: list[Line]


def handsets(world: World, search: str, offset: int, limit: int) -> Handsets:
    """Return a piece of the list of handsets that have received something.

    Args:
        world: The sandbox's state.
        search: Figures of the number, or words of any of its texts or answers; everybody where it is empty.
        offset: How many to pass over.
        limit: How many to return, 200 at most.
    """
    world.settle()
    limit = max(0, min(limit, _MOST))
    if not search:
        phones = world.handsets.newest()
        total = world.handsets.stats()["handsets"]
        shown = list(islice(phones, offset, offset + limit))
    else:
        found = list(_found(world, search))
        total, shown = len(found), found[offset : offset + limit]
    return {"total": total, "offset": offset, "handsets": [_handset(world, phone) for phone in shown]}


def _found(world: World, search: str) -> Iterator[str]:
    """Return the handsets that a search is about: figures are a number's or a text's, such as a code."""
    folded = search.casefold()
    told = world.handsets.reached_by(lambda text: folded in text.casefold())
    told |= {reply.phone for reply in world.replies.everything() if folded in reply.text.casefold()}
    national = "" if search.strip("+0123456789 .-()") else "".join(filter(str.isdigit, search))
    if national.startswith("0"):
        national = national.removeprefix("00") if national.startswith("00") else f"33{national[1:]}"
    for phone in world.handsets.newest():
        if phone in told or (national and national in phone):
            yield phone


def _handset(world: World, phone: str) -> Handset:
    last = world.handsets.inbox(phone)[-1]
    return {
        "phone": phone,
        "count": world.handsets.count(phone),
        "at": last["received_at"],
        "sender": last["sender"],
        "text": last["text"][:_PREVIEW],
    }


def conversation(world: World, phone: str) -> Conversation:
    """Return what a handset received and answered, the last 500 lines of it."""
    now = world.settle()
    lines: list[tuple[float, Line]] = []
    places = world.handsets.places(phone)
    replies = [reply for reply in world.replies.everything() if reply.phone == phone]
    for campaign, index in places[-_MOST_LINES:]:
        text = campaign.text(index)
        costly = foreign(text)
        try:
            count = parts(text, unicode=bool(costly))
        except TextTooLong:
            count = 0
        ack = campaign.ack(index, now)
        line: Line = {
            "own": False,
            "at": wall(campaign.send_at),
            "text": text,
            "sender": campaign.shown_sender(index),
            "protocol": campaign.protocol,
            "campaign": campaign.id,
            "media": campaign.media,
            "parts": count,
            "costly": costly,
            "state": "waiting" if ack.pending else _STATES.get(fate(phone), "undelivered"),
        }
        lines.append((campaign.send_at, line))
    for reply in replies[-_MOST_LINES:]:
        line = {
            "own": True,
            "at": wall(reply.at),
            "text": reply.text,
            "sender": "",
            "protocol": "",
            "campaign": reply.campaign.id,
            "media": "",
            "parts": 0,
            "costly": [],
            "state": "",
        }
        lines.append((reply.at, line))
    lines.sort(key=lambda each: each[0])
    shown = [line for _, line in lines[-_MOST_LINES:]]
    opted_out = any(world.opt_outs.find(login, phone) for login in world.accounts)
    earlier = len(places) + len(replies) - len(shown)
    return {"phone": phone, "opted_out": opted_out, "earlier": earlier, "lines": shown}


_STATES = {"1": "delivered", "2": "undelivered", "4": "undelivered", "5": "unassigned"}
