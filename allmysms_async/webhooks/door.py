"""Letting requests in: each is looked at in one order, and what it is answered tells nobody more than it has to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeAlias

from allmysms_async import logs
from allmysms_async.model import Event, UnknownEvent
from allmysms_async.webhooks.admission import AllowList, Tokens
from allmysms_async.webhooks.arrival import METHODS, Answer, Arrival, answer, read_body
from allmysms_async.webhooks.callback import parse
from allmysms_async.webhooks.stats import Counters

__all__ = ["Admit", "Door"]

_log = logging.getLogger("allmysms_async")

Admit: TypeAlias = Callable[[Event, int], Awaitable[int | None]]
"""Takes an event in, of so many bytes, and returns how many are new; None if it cannot be taken in now."""

_AGAIN = ("retry-after", "5")
_CLOSE = ("connection", "close")
_OK = answer(200, body="OK")
_BAD = answer(400, _CLOSE)
_FORBIDDEN = answer(403)
_NOT_FOUND = answer(404)
_WRONG_METHOD = answer(405, ("allow", ", ".join(METHODS)))
_TOO_SLOW = answer(408, _CLOSE)
_TOO_LARGE = answer(413, _CLOSE)
_TOO_LONG = answer(414)
_UNAVAILABLE = answer(503, _AGAIN)

_SAID_EVERY = 60.0


class Door:
    """What every server asks about a request.

    Args:
        tokens: The valid tokens.
        allow: Who may come in.
        max_query: Bytes that a query string, and a body, may have.
        counters: What is counted.

    Attributes:
        tokens: The valid tokens.
        allow: Who may come in.
    """

    def __init__(self, tokens: Tokens, allow: AllowList, max_query: int, counters: Counters) -> None:
        self.tokens = tokens
        self.allow = allow
        self._most = max_query
        self._counters = counters
        self._admit: Admit | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said: dict[str, float] = {}

    def open(self, admit: Admit) -> None:
        """Let events in, in the event loop that runs."""
        self._admit, self._loop = admit, asyncio.get_running_loop()

    def is_at_home(self) -> bool:
        """Tell whether this is the event loop that events are let in from."""
        return self._loop is asyncio.get_running_loop()

    def is_homeless(self) -> bool:
        """Tell whether the event loop that events were let in from is over."""
        return self._loop is not None and self._loop.is_closed()

    def close(self) -> None:
        """Let no event in."""
        self._admit = None

    async def answer(self, arrival: Arrival, chunks: AsyncIterable[bytes] | None = None) -> Answer:
        """Return what a request is answered: ``OK`` if it is well, and what it brought is taken in.

        Args:
            arrival: The request.
            chunks: The parts of its body; they are read for a POST alone.
        """
        if not self.allow.lets(arrival.peer, arrival.forwarded):
            return self._refuse(_FORBIDDEN)
        if arrival.token not in self.tokens:
            return self._refuse(_NOT_FOUND)
        if arrival.method not in METHODS:
            return self._refuse(_WRONG_METHOD)
        if len(arrival.query) > self._most:
            return self._refuse(_TOO_LONG)
        body = b""
        if arrival.method == "POST" and chunks is not None:
            try:
                body = await read_body(chunks, arrival.length, self._most)
            except OverflowError:
                return self._refuse(_TOO_LARGE)
            except TimeoutError:
                return self._refuse(_TOO_SLOW)
            except Exception:  # each server has errors of its own for a body that never came
                return self._refuse(_BAD)
        event = parse(arrival.query, body, method=arrival.method, content_type=arrival.content_type)
        return await self._take(event, len(arrival.query) + len(body))

    async def _take(self, event: Event | None, size: int) -> Answer:
        """Take in what a request brought."""
        if self._admit is None or not self.is_at_home():
            self._say(
                "not_started",
                "Webhooks: a request was answered 503, since the receiver is not started: a mounted application"
                " gets no lifespan, so use `async with receiver` in the application's own.",
            )
            self._counters.unavailable += 1
            return _UNAVAILABLE
        if event is None:
            self._counters.checks += 1
            return _OK
        new = await self._admit(event, size)
        if new is None:
            self._say("full", "Webhooks: requests are answered 503, since too many events wait or cannot be stored.")
            self._counters.unavailable += 1
            return _UNAVAILABLE
        self._counters.received += 1
        if not new:
            self._counters.duplicates += 1
        if isinstance(event, UnknownEvent):
            self._counters.unknown += 1
            self._say("unreadable", f"Webhooks: a request is neither a report nor an answer: {event.reason}.")
        return _OK

    def _refuse(self, with_answer: Answer) -> Answer:
        self._counters.refused += 1
        return with_answer

    def _say(self, reason: str, sentence: str) -> None:
        """Log a sentence, once a minute at most."""
        now = asyncio.get_running_loop().time()
        last = self._said.get(sentence)
        if last is None or now - last >= _SAID_EVERY or now < last:
            self._said[sentence] = now
            _log.error(sentence, extra=logs.fields("webhook_odd", reason=reason))
