"""What passes between the wire and a face of the sandbox, and how much of it did."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import Receive, Scope

__all__ = ["BodyTooLarge", "ClientLeft", "Face", "Pause", "Reply", "Request", "Traffic", "read_body"]

Pause = Callable[[], Awaitable[None]]
"""Waits as long as a `latency` fault asks; a face calls it once, before the request has any effect."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read to its end."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> str:
        """Return a header by its lower-case name, empty where it is absent."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1").strip()
        return ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Face(Protocol):
    """One protocol of the provider, played on the common state."""

    @property
    def name(self) -> str:
        """The protocol's short name, as in the counters and on handset messages."""
        ...

    def operation(self, path: str) -> str | None:
        """Return the operation that a path names, or None where the path is not this face's."""
        ...

    async def answer(self, request: Request, operation: str, pause: Pause) -> Reply:
        """Carry a request out."""
        ...

    def refuse(self, request: Request, operation: str, code: int) -> Reply:
        """Answer one of the protocol's statuses without any effect."""
        ...


@dataclass(slots=True)
class Traffic:
    """What came in."""

    requests: Counter[str] = field(default_factory=Counter[str])
    in_flight: int = 0
    max_in_flight: int = 0

    def reset(self) -> None:
        """Start counting over; what is in flight still is."""
        self.requests.clear()
        self.max_in_flight = self.in_flight


class BodyTooLarge(Exception):
    """A request's body is larger than what is read."""


class ClientLeft(Exception):
    """The client left before its request was whole."""


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Read a request's body; no more of it is held than what may be read, whatever length it claims.

    Args:
        scope: The request.
        receive: Gives the body, piece by piece.
        most: The largest body, in bytes.

    Raises:
        BodyTooLarge: It is larger, or says that it will be.
        ClientLeft: The client left before the end.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most:
            raise BodyTooLarge
    whole = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        whole += message.get("body", b"")
        if len(whole) > most:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return bytes(whole)
