"""A text that a test expects."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allmysms_async.sandbox import HandsetMessage
    from allmysms_async.testing.arrival import Arrivals, Wish

__all__ = ["Expected"]


class Expected:
    """A text that a test expects, with what is known of it once it is there.

    Where no event loop runs it is there as soon as one has it; in an event loop it may have to be awaited first.
    """

    def __init__(self, arrivals: Arrivals, wish: Wish, within: float) -> None:
        self.wish = wish
        self._arrivals = arrivals
        self._within = within
        self._failed = False
        self._found = arrivals.wait_for(wish)

    @property
    def is_settled(self) -> bool:
        """Whether it came, or was waited for in vain."""
        return self._found.done() or self._failed

    @property
    def message(self) -> HandsetMessage:
        """All that the sandbox knows of it.

        Raises:
            AssertionError: It was not awaited, and is not there.
        """
        if not self._found.done():
            msg = f"{self.wish.words} has not come yet: write 'await' before expect(…)."
            raise AssertionError(msg)
        return self._found.result()

    @property
    def text(self) -> str:
        """The text."""
        return self.message["text"]

    @property
    def phone(self) -> str:
        """The canonical number."""
        return self.message["phone"]

    @property
    def sender(self) -> str:
        """What the handset shows as the sender."""
        return self.message["sender"]

    def __repr__(self) -> str:
        """Show what was expected, masked."""
        return f"<{'' if self._found.done() else 'not yet: '}{self.wish.words}>"

    def wait(self) -> None:
        """Hold the thread until it is there.

        Raises:
            AssertionError: It did not come in time.
        """
        __tracebackhide__ = True
        if self._found not in wait([self._found], self._within).done:
            self._fail()

    def __await__(self) -> Generator[Any, None, Expected]:
        """Wait until it is there, and return it.

        Raises:
            AssertionError: It did not come in time.
        """
        return self._arrived().__await__()

    async def _arrived(self) -> Expected:
        __tracebackhide__ = True
        try:
            done, _ = await asyncio.wait([asyncio.wrap_future(self._found)], timeout=self._within)
        except asyncio.CancelledError:  # what comes from now on is for whoever expects it then
            self._failed = bool(self._arrivals.give_up(self.wish, self._found))
            raise
        if not done:
            self._fail()
        return self

    def _fail(self) -> None:
        """Say what came in its place, unless it came at the last moment."""
        __tracebackhide__ = True
        instead = self._arrivals.give_up(self.wish, self._found)
        if not instead:
            return
        self._failed = True
        msg = f"{self.wish.words} did not come within {self._within:g} s. {instead}"
        raise AssertionError(msg)
