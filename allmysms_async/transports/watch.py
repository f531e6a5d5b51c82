"""Whether anything came on a connection that waits to be used: a word that nobody asked for, or its end."""

from __future__ import annotations

import select
from typing import Protocol

__all__ = ["SocketLike", "Watch"]


class SocketLike(Protocol):
    """What asyncio shows of a connection's socket."""

    def fileno(self) -> int:
        """Return its number, negative once it is closed."""
        ...


class Watch:
    """Looks at a socket, and takes nothing from it.

    Args:
        socket: Which one; it stays the same for as long as it is open.
    """

    __slots__ = ("_poll", "_socket")

    def __init__(self, socket: SocketLike) -> None:
        self._socket = socket
        self._poll: select.poll | None = None

    def is_readable(self) -> bool:
        """Tell whether something came, or its end; a closed one has nothing to read either."""
        descriptor = self._socket.fileno()
        if descriptor < 0:
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([descriptor], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLIN)
        return bool(self._poll.poll(0))
