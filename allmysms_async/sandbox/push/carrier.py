"""The way of a push to the address that is configured: over a kept-alive connection, or into an application.

Only this machine is called: the sandbox does not leave it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp

from . import inside
from .line import Line, LineLost

__all__ = ["LOOPBACK", "Address", "Carrier", "address_of"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class Address:
    """An address that can be called.

    Attributes:
        host: Its host.
        port: Its port.
        target: What is asked for there, up to where the variables begin.
    """

    host: str
    port: int
    target: str

    @property
    def here(self) -> bool:
        """Whether it is one of this machine's own."""
        return self.host in LOOPBACK


@lru_cache(maxsize=256)
def address_of(url: str) -> Address | None:
    """Return an address from how it was configured; None where it is none that plain HTTP reaches."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or not parts.hostname:
        return None
    path = parts.path or "/"
    return Address(parts.hostname, port, f"{path}?{parts.query}&" if parts.query else f"{path}?")


class Carrier:
    """One of the hands that push: it calls one address after the other, and keeps its connections."""

    def __init__(self, applications: Mapping[str, ASGIApp]) -> None:
        """Start without a connection.

        Args:
            applications: Those of this process, by the host that stands for each.
        """
        self._applications = applications
        self._lines: dict[tuple[str, int], Line] = {}

    def reaches(self, address: Address) -> bool:
        """Say whether an address may be called."""
        return address.here or address.host in self._applications

    async def get(self, address: Address, query: str, pause: float | None = None) -> bytes:
        """Call an address, and return what it answers; empty unless that is a 200.

        Args:
            address: One that `reaches` lets through.
            query: The variables, as they are written.
            pause: Seconds after each byte of the request; an application of this process is called at once.

        Raises:
            OSError: Nobody answers there.
        """
        target = address.target + query
        application = self._applications.get(address.host)
        if application is not None:
            path, _, asked = target.partition("?")
            return await inside.get(application, unquote(path), path.encode(), asked.encode(), b"localhost")
        host = f"[{address.host}]" if ":" in address.host else address.host
        request = f"GET {target} HTTP/1.1\r\nHost: {host}:{address.port}\r\nAccept: */*\r\n\r\n".encode()
        place = (address.host, address.port)
        line = self._lines.get(place)
        if line is not None and line.open:
            try:
                return await line.get(request, pause)
            except LineLost as lost:
                # The server had closed it meanwhile: like any HTTP client, ask once more on a new one.
                if not lost.unheard:
                    raise
        return await (await self._connect(place)).get(request, pause)

    def close(self) -> None:
        """Close every connection."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    async def _connect(self, place: tuple[str, int]) -> Line:
        """Open a connection; of those that are kept, the oldest makes room."""
        _, line = await asyncio.get_running_loop().create_connection(Line, *place)
        self._lines.pop(place, None)
        if len(self._lines) >= _MOST_LINES:
            self._lines.pop(next(iter(self._lines))).close()
        self._lines[place] = line
        return line
