"""Connecting to a server that has several addresses, with nothing left open however it ends.

asyncio's own race between addresses loses a socket that is connected in the moment in which it is interrupted.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from typing import Any

__all__ = ["dial"]

_NEXT_AFTER = 0.25
"""Seconds after which the next address is tried too. Source: RFC 8305, section 5."""


async def dial(host: str, port: int) -> socket.socket:
    """Return a connected socket, over whichever address answers first; the kinds of address take turns.

    Raises:
        OSError: None does; the error is the first address's.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    waiting = _in_turns(found)
    tries: list[asyncio.Task[socket.socket]] = []
    won: asyncio.Task[socket.socket] | None = None
    try:
        while won is None:
            if waiting:
                tries.append(loop.create_task(_connected(waiting.pop(0))))
            going = [one for one in tries if not one.done()]
            if going:
                # Where there is no other address, there is nothing to go on to.
                await asyncio.wait(going, timeout=_NEXT_AFTER if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            won = next((one for one in tries if one.done() and one.exception() is None), None)
            if won is None and not waiting and all(one.done() for one in tries):
                break
        return (won or tries[0]).result()
    finally:
        for one in tries:
            if one is not won and not one.cancel() and one.exception() is None:
                one.result().close()


def _in_turns(found: list[Any]) -> list[Any]:
    """Return addresses so that those of one family and those of the others take turns."""
    first = [info for info in found if info[0] == found[0][0]]
    others = [info for info in found if info[0] != found[0][0]]
    pairs = itertools.chain.from_iterable(itertools.zip_longest(first, others))
    return [info for info in pairs if info is not None]


async def _connected(info: Any) -> socket.socket:
    """Return a socket that is connected to one address."""
    family, kind, protocol, _, address = info
    one = socket.socket(family, kind, protocol)
    try:
        one.setblocking(False)
        await asyncio.get_running_loop().sock_connect(one, address)
    except BaseException:
        one.close()
        raise
    return one
