"""The connections of a transport: a room for each event loop and process, and none is used outside of its own.

An asyncio connection belongs to the event loop that opened it: another loop can neither read nor close it. A process
that was forked off has copies of its parent's connections, and whatever it wrote on them would be the parent's word.
Whether anything came on a connection that waits (a word that nobody asked for, or its end) a ``Watch`` tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import select
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Generic, Protocol, TypeVar

from allmysms_async.loop import do_in
from allmysms_async.transports.deadline import Deadlines

__all__ = ["Room", "Rooms", "SocketLike", "Watch"]

L = TypeVar("L")

_GOODBYE_SECONDS = 5.0
"""How long another event loop, which may be blocked, is waited for to close its connections."""

_of_the_parent: list[object] = []


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


class Room(Generic[L]):
    """What a transport has in one event loop.

    Args:
        most: Connections in use at once, at most.

    Attributes:
        most: The same.
        used: Connections in use now, or about to be.
        turns: Held while a connection is used.
        deadlines: When attempts must have ended.
        trusting: Held while it is read whom to trust.
        idle: Connections that wait to be used.
        pid: The process it belongs to.
        over: Whether no connection is kept any more: the event loop is about to close.
        keeper: Ends with the event loop, and closes then what is idle.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self.turns = asyncio.Semaphore(most)
        self.deadlines = Deadlines()
        self.trusting = asyncio.Lock()
        self.idle: list[L] = []
        self.pid = os.getpid()
        self.over = False
        self.keeper: AsyncGenerator[None, None] | None = None


class Rooms(Generic[L]):
    """The rooms of one transport.

    Args:
        most: Connections in use at once, in each event loop.
        leave: Closes a connection, in its own event loop; raises nothing.
        sockets_of: Returns the sockets of a connection, if it has any.
        forget: Does what is left to do where nothing can be waited for, once the sockets are let go of, and is told
            whether the connection is the parent process's; raises nothing.

    Attributes:
        closed: Whether the transport is closed, for every event loop.
    """

    def __init__(
        self,
        most: int,
        leave: Callable[[L], Awaitable[None]],
        sockets_of: Callable[[L], Iterable[SocketLike | None]],
        forget: Callable[[L, bool], None] = lambda _line, _inherited: None,
    ) -> None:
        self.closed = False
        self._most = most
        self._leave = leave
        self._sockets_of = sockets_of
        self._forget = forget
        self._rooms: dict[asyncio.AbstractEventLoop, Room[L]] = {}

    def here(self) -> Room[L]:
        """Return the room of the running event loop, which is made now if there is none."""
        loop = asyncio.get_running_loop()
        room = self._rooms.get(loop)
        if room is not None and room.pid == os.getpid():
            return room
        self._sweep()
        room = self._rooms[loop] = Room(self._most)
        # Event loops end the generators that were begun in them before they close, as asyncio.run does.
        room.keeper = self._keep(room)
        with contextlib.suppress(StopIteration):
            room.keeper.asend(None).send(None)
        return room

    def keeps(self, room: Room[L]) -> bool:
        """Tell whether a connection is kept for later use."""
        return not self.closed and not room.over

    async def aclose(self) -> None:
        """Close what is idle in every event loop, and let nothing become idle any more."""
        self.closed = True
        self._sweep()
        for loop, room in self._rooms.copy().items():
            await do_in(loop, functools.partial(self._finish, room), most=_GOODBYE_SECONDS)
        self._sweep()

    # -- the end of a room --------------------------------------------------------------------------------------------

    async def _keep(self, room: Room[L]) -> AsyncGenerator[None, None]:
        """Wait for the end of the event loop, or of the room, and then close what is idle."""
        try:
            yield
        finally:
            await self._empty(room)

    async def _empty(self, room: Room[L]) -> None:
        """Close what is idle, and let nothing become idle any more."""
        room.over = True
        idle, room.idle = room.idle, []
        if idle:
            await asyncio.gather(*map(self._leave, idle))

    async def _finish(self, room: Room[L]) -> None:
        """End a room, in its own event loop."""
        await self._empty(room)
        _dismiss(room)

    def _sweep(self) -> None:
        """Let go of what belongs to closed event loops, and to the process that this one was forked from."""
        for loop, room in self._rooms.copy().items():
            inherited = room.pid != os.getpid()
            if (inherited or loop.is_closed()) and self._rooms.pop(loop, None) is not None:
                idle, room.idle = room.idle, []
                if inherited:  # nothing of them may end here
                    _of_the_parent.extend(idle)
                for line in idle:
                    for socket in self._sockets_of(line):
                        if socket is not None:
                            _let_go(loop, socket, inherited=inherited)
                    self._forget(line, inherited)
                _dismiss(room)


def _dismiss(room: Room[L]) -> None:
    """End the keeper of an empty room, who has nothing to wait for then; or who ends already, with the event loop."""
    if room.keeper is not None:
        with contextlib.suppress(StopIteration, StopAsyncIteration, RuntimeError):
            room.keeper.aclose().send(None)


def _let_go(loop: asyncio.AbstractEventLoop, socket: SocketLike, *, inherited: bool) -> None:
    """Close the socket of a connection whose event loop does nothing for it any more, without a word on it.

    asyncio has no way to: closing a connection asks its event loop to do the rest, which raises if that is closed, and
    takes the connection away from the parent's loop if this process was forked off. So what the loop would have called
    last is called here. Event loops other than asyncio's own close their connections when they are closed.
    """
    connection = getattr(loop, "_transports", {}).get(socket.fileno())
    if connection is None:
        return
    if inherited:  # whoever reads it would have the parent's loop, which watches the same sockets, forget it
        connection.set_protocol(asyncio.Protocol())
    else:
        with contextlib.suppress(RuntimeError):  # the loop is closed: all else is done before it is asked
            connection.abort()
    lost = getattr(connection, "_call_connection_lost", None)
    if lost is not None:
        with contextlib.suppress(Exception):  # its reader may want to tell the loop
            lost(None)
