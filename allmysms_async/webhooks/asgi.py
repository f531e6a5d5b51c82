"""A receiver as an ASGI 3 application, to be served alone or mounted anywhere.

Source: the ASGI specification 3.0, HTTP and lifespan.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote

from allmysms_async import logs
from allmysms_async.webhooks.admission import last_segment
from allmysms_async.webhooks.arrival import Arrival
from allmysms_async.webhooks.door import Door

__all__ = ["AsgiApplication", "arrival_of"]

_log = logging.getLogger("allmysms_async")

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_POLICY_VIOLATION = 1008


def arrival_of(scope: Scope, *, addresses: bool) -> Arrival:
    """Return a request as a receiver looks at it.

    A query string that holds other bytes than ASCII's is escaped in the scope: uvicorn's access log fails on it.

    Args:
        scope: The request's scope.
        addresses: Whether it matters who sent it.
    """
    query: bytes = scope["query_string"]
    if not query.isascii():
        scope["query_string"] = quote(query, safe="%&=+;,/?:@!$'()*~").encode()
    method: str = scope["method"]
    content_type = length = ""
    forwarded: list[str] = []
    if addresses or method == "POST":
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value.decode("latin-1"))
            elif name == b"content-type":
                content_type = value.decode("latin-1")
            elif name == b"content-length":
                length = value.decode("latin-1")
    client = scope.get("client")
    peer = client[0] if client else None
    return Arrival(method, last_segment(scope["path"]), query, peer, forwarded, content_type, length)


class AsgiApplication:
    """The application.

    Args:
        door: Answers requests.
        start: Starts the receiver, where the application is served alone.
        stop: Ends it.
    """

    def __init__(
        self, door: Door, start: Callable[[], Awaitable[object]], stop: Callable[[], Awaitable[object]]
    ) -> None:
        self._door = door
        self._by_address = bool(door.allow)
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match scope["type"]:
            case "http":
                arrival = arrival_of(scope, addresses=self._by_address)
                chunks = _chunks(receive) if arrival.method == "POST" else None
                answer = await self._door.answer(arrival, chunks)
                fields = list(answer.raw_headers)
                if len(fields) < len(answer.headers) and scope.get("http_version", "1.1").startswith("1"):
                    fields.append((b"connection", b"close"))
                await send({"type": "http.response.start", "status": answer.status, "headers": fields})
                body = b"" if arrival.method == "HEAD" else answer.body
                await send({"type": "http.response.body", "body": body})
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            case _:
                pass

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start with the server, and end with it."""
        await receive()
        try:
            await self._start()
        except Exception as error:
            _log.exception(
                "Webhooks: the receiver could not be started.", extra=logs.fields("receiver_failed", error=error)
            )
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return
        try:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:
            await self._stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Give the parts of a request's body, as they come.

    Raises:
        ConnectionError: Whoever sent it has gone.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        yield message.get("body", b"")
        more = message.get("more_body", False)
