"""What happens in the sandbox, told to the pages that are open, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from allmysms_async.sandbox.state import Account, Campaign, Reply

__all__ = ["Live"]

_MOST_WAITING: Final = 200
_FRESH: Final = 15.0
"""Seconds after which a page that hears nothing is sent a comment, so that what is gone is noticed."""

Event = dict[str, object]


class Live:
    """Tells every open page; one that reads slowly is told to look at everything again."""

    def __init__(self) -> None:
        """Start with no page."""
        self._pages: set[asyncio.Queue[Event | None]] = set()

    def delivered(self, campaign: Campaign) -> None:
        """Tell of texts that reached handsets: by their number, and by whom where it is one."""
        phones = campaign.phones
        self.tell({"kind": "texts", "count": len(phones), "phone": phones[0] if len(phones) == 1 else ""})

    def answered(self, reply: Reply) -> None:
        """Tell of an answer."""
        self.tell({"kind": "reply", "phone": reply.phone})

    def configured(self, account: Account, kind: str) -> None:
        """Tell that an account changed."""
        self.tell({"kind": "state"})

    def tell(self, event: Event) -> None:
        """Tell every page; where too much waits, one look at everything takes its place."""
        for page in self._pages:
            if page.qsize() < _MOST_WAITING:
                page.put_nowait(event)
                continue
            while not page.empty():
                page.get_nowait()
            page.put_nowait({"kind": "reset"})

    def end(self) -> None:
        """Let go of every page."""
        for page in self._pages:
            page.put_nowait(None)

    async def events(self) -> AsyncIterator[bytes]:
        """Yield what happens from now on, as the lines of an event stream."""
        page: asyncio.Queue[Event | None] = asyncio.Queue()
        self._pages.add(page)
        try:
            yield b"retry: 1000\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(page.get(), _FRESH)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if event is None:
                    return
                yield b"data: " + msgspec.json.encode(event) + b"\n\n"
        finally:
            self._pages.discard(page)
