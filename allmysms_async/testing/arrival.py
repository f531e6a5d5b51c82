"""Texts as they arrive, and who waits for which."""

from __future__ import annotations

import re
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from allmysms_async.numbers import mask

if TYPE_CHECKING:
    from allmysms_async.sandbox import HandsetMessage
    from allmysms_async.testing.server import Server

__all__ = ["Arrivals", "Wish"]

_MOST_SHOWN = 10
_LONGEST = 120
_FIGURE = re.compile(r"\d")


class Wish(msgspec.Struct, frozen=True):
    """What is expected.

    Attributes:
        phone: Whose handset.
        contains: What is in the text.
        sender: What the handset shows as the sender, or None for anything.
    """

    phone: str
    contains: str
    sender: str | None

    def fits(self, message: HandsetMessage) -> bool:
        """Return whether a text of the handset is it."""
        return self.contains in message["text"] and self.sender in (None, message["sender"])

    @property
    def words(self) -> str:
        """It in words, without the number or a figure."""
        words = f"A text to {mask(self.phone)}"
        if self.contains:
            words += f" that contains {_masked(self.contains)!r}"
        return words if self.sender is None else f"{words}, from {self.sender!r}"


class Arrivals:
    """What arrived in one test, what of it was expected, and who still waits; all in the sandbox's own thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._taken: dict[str, set[int]] = {}
        self._waiting: list[tuple[Wish, Future[HandsetMessage]]] = []

    def wait_for(self, wish: Wish) -> Future[HandsetMessage]:
        """Return what has the text as soon as it has come, and which nobody else gets."""
        future: Future[HandsetMessage] = Future()

        def look() -> None:
            if not self._give(wish, future):
                self._waiting.append((wish, future))

        self._server.call(look)
        return future

    def give_up(self, wish: Wish, future: Future[HandsetMessage]) -> str:
        """Wait no longer, and return what to say of it; nothing if the text came after all."""

        def look() -> str:
            if future.done():
                return ""
            self._waiting = [each for each in self._waiting if each[1] is not future]
            return self._instead(wish)

        return self._server.call(look)

    def unexpected(self) -> str:
        """Return what to say of texts that nobody expected; nothing if there are none."""

        def look() -> str:
            seen: dict[str, int] = {}
            left: list[HandsetMessage] = []
            count = 0
            for message in self._server.sandbox.all_messages():
                place = seen[message["phone"]] = seen.get(message["phone"], -1) + 1
                if place not in self._taken.get(message["phone"], ()):
                    count += 1
                    if len(left) < _MOST_SHOWN:
                        left.append(message)
            if not count:
                return ""
            noun = "1 text came" if count == 1 else f"{count} texts came"
            return f"{noun} that the test did not expect (strict=True):{_listed(left, count)}"

        return self._server.call(look)

    # -- told by the sandbox ------------------------------------------------------------------------------------------

    def delivered(self, campaign: object) -> None:
        """Give those who wait what has come for them."""
        self._waiting = [each for each in self._waiting if not self._give(*each)]

    def answered(self, reply: object) -> None:
        """Do nothing."""

    def configured(self, account: object, kind: str) -> None:
        """Do nothing."""

    def _give(self, wish: Wish, future: Future[HandsetMessage]) -> bool:
        """Give a wish the first text that fits and that nobody had; return whether there is one."""
        for place, message in enumerate(self._server.sandbox.messages(wish.phone)):
            taken = self._taken.setdefault(message["phone"], set())
            if place not in taken and wish.fits(message):
                taken.add(place)
                future.set_result(message)
                return True
        return False

    def _instead(self, wish: Wish) -> str:
        """Say what has come in place of what was expected."""
        sandbox = self._server.sandbox
        own = sandbox.messages(wish.phone)
        total = sandbox.stats()["messages"]
        if not total:
            asked = ", ".join(f"{name} {count}" for name, count in sorted(sandbox.requests.items())) or "none"
            return f"Nothing arrived at all; requests that came: {asked}."
        others = (each for each in sandbox.all_messages() if not own or each["phone"] != own[0]["phone"])
        shown = own[:_MOST_SHOWN]
        shown += [each for each, _ in zip(others, range(_MOST_SHOWN - len(shown)), strict=False)]
        return f"What arrived instead ({len(own)} of {total} to this number):{_listed(shown, total)}"


def _listed(messages: list[HandsetMessage], total: int) -> str:
    """Return texts as lines, masked."""
    lines = [f"\n  to {mask(each['phone'])}, from {each['sender']!r}: {_masked(each['text'])!r}" for each in messages]
    if total > len(messages):
        lines.append(f"\n  and {total - len(messages)} more")
    return "".join(lines)


def _masked(text: str) -> str:
    """Return a text without figures, which may be a code or a number, of bounded length."""
    return _FIGURE.sub("#", text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
