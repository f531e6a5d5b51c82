"""A loopback port served in the caller's own event loop."""

import asyncio
import socket

from starlette.types import ASGIApp

from .connection import Connection

__all__ = ["HOST", "Listener", "SandboxError", "bind"]

HOST = "127.0.0.1"
_BACKLOG = 2048
_GRACE = 0.3


class SandboxError(OSError):
    """The sandbox cannot start, for instance because its port is taken."""


def bind(port: int) -> socket.socket:
    """Take a loopback port; 0 takes any free one.

    Raises:
        SandboxError: The port is taken, or may not be had.
    """
    # Named: asyncio turns Nagle's algorithm off only on sockets that say they are TCP, and with it on every answer
    # waits 40 ms for the client's delayed acknowledgement.
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, port))
        taken.listen(_BACKLOG)
        taken.setblocking(False)
    except (OSError, OverflowError) as error:
        taken.close()
        raise SandboxError(f"The sandbox cannot listen on {HOST}:{port}: {error}") from error
    return taken


class Listener:
    """Serves an ASGI application on a bound socket."""

    def __init__(self, application: ASGIApp, bound: socket.socket) -> None:
        """Prepare; nothing is accepted before `start`."""
        self._application = application
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = bound
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Start to accept connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=self._socket, backlog=_BACKLOG)

    async def stop(self) -> None:
        """Stop: answers under way get a moment to leave, idle connections none."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        for connection in list(self._connections):
            connection.shutdown()
        if tasks := set(self._tasks):
            await asyncio.wait(tasks, timeout=_GRACE)
        # What was just accepted shows up, and what was aborted or closed is told so, in the loop's next rounds.
        for _ in range(3):
            for connection in list(self._connections):
                connection.abort()
            await asyncio.sleep(0)
        if tasks := set(self._tasks):
            await asyncio.wait(tasks)
        await self._server.wait_closed()

    def _connection(self) -> Connection:
        return Connection(self._application, self._connections, self._tasks)
