"""A loopback port served by uvicorn's protocols in the caller's own event loop.

Only uvicorn's configuration and protocol classes are used. Its server would install signal handlers, look for the
end of its life ten times a second and take a good part of a second to stop, which a test suite pays for each test.
"""

import asyncio
import socket

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

from .error import SandboxError

__all__ = ["HOST", "Listener", "bind"]

HOST = "127.0.0.1"
_BACKLOG = 2048
_KEEP_ALIVE = 75
_GRACE = 0.3


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
        # Without a log configuration uvicorn leaves the process's loggers alone.
        self._config = Config(
            application,
            http=AutoHTTPProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=_KEEP_ALIVE,
            server_header=False,
            date_header=False,
        )
        self._config.load()
        self._state = ServerState()
        self._socket = bound
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Start to accept connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, sock=self._socket, backlog=_BACKLOG)

    async def stop(self) -> None:
        """Stop: answers under way get a moment to leave, idle connections none."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        tasks = set(self._state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)
        for connection in list(self._state.connections):
            connection.transport.abort()
        if tasks := set(self._state.tasks):
            await asyncio.wait(tasks)
        # What was aborted or closed is told so in the loop's next rounds.
        for _ in range(3):
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def _protocol(self) -> asyncio.Protocol:
        """Return the protocol of a new connection.

        What is given as the application's state reaches each request's scope: that is how a fault gets at the
        transport of the request it strikes.
        """
        state: dict[str, object] = {}
        protocol = AutoHTTPProtocol(  # type: ignore[call-arg]
            config=self._config,  # pyright: ignore[reportCallIssue]
            server_state=self._state,  # pyright: ignore[reportCallIssue]
            app_state=state,  # pyright: ignore[reportCallIssue]
        )
        state["protocol"] = protocol
        # Configured on the instance: the setting would empty the handlers of a process-wide logger.
        protocol.access_log = False  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        return protocol
