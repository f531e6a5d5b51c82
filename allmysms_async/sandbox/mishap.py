"""How each fault looks on the wire."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from .exchange import Reply
from .fault import Fault
from .soap import quirk

__all__ = ["BEFORE", "Wire", "alter", "before"]

_LINGER_ZERO = struct.pack("ii", 1, 0)
_HTML = b"<!DOCTYPE html>\n<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"
_HTML_TYPE = "text/html; charset=UTF-8"
_MEGABYTE = b" " * 1_000_000

BEFORE = frozenset(("reset_before", "hang_before", "http_NNN", "status_NNN", "redirect", *quirk.BEFORE))
"""The kinds of fault that strike before the request has any effect."""


@dataclass(frozen=True, slots=True)
class Wire:
    """The way back to one client."""

    scope: Scope
    receive: Receive
    send: Send
    closing: asyncio.Event

    async def reply(self, reply: Reply) -> None:
        """Answer."""
        await self._start(reply, len(reply.body))
        await self.send({"type": "http.response.body", "body": reply.body})

    async def reset(self) -> None:
        """Reset the connection: the client sees a TCP RST and not an orderly end."""
        transport = self._transport()
        if not transport.is_closing():  # a client that left has nothing to reset
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        await self.cut()

    async def cut(self) -> None:
        """Drop the connection."""
        self._transport().abort()
        await self.hang()

    async def hang(self) -> None:
        """Do nothing until the client leaves."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def truncate(self, reply: Reply) -> None:
        """Announce the whole answer, give half of it, and close."""
        await self._start(reply, len(reply.body))
        await self.send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
        self._transport().close()
        await self.hang()

    async def drip(self, reply: Reply, seconds: float) -> None:
        """Answer byte by byte."""
        await self._start(reply, len(reply.body))
        for position in range(len(reply.body)):
            try:
                async with asyncio.timeout(seconds):
                    await self.hang()
                return
            except TimeoutError:
                pass
            last = position == len(reply.body) - 1
            piece = reply.body[position : position + 1]
            await self.send({"type": "http.response.body", "body": piece, "more_body": not last})

    async def flood(self, megabytes: int) -> None:
        """Answer with far too much."""
        await self._start(Reply(b""), None)
        for _ in range(megabytes):
            if self.closing.is_set():
                await self.cut()
                return
            await self.send({"type": "http.response.body", "body": _MEGABYTE, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})

    async def sleep(self, seconds: float) -> bool:
        """Wait; return whether the sandbox is closing."""
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self.closing.wait()
            except TimeoutError:
                pass
        return self.closing.is_set()

    def _transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self.scope["state"]["transport"]
        return transport

    async def _start(self, reply: Reply, length: int | None) -> None:
        """Send the head of an answer."""
        headers = [(b"content-type", reply.content_type.encode("latin-1")), *reply.headers]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        await self.send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def before(wire: Wire, fault: Fault, path: str, refuse: Callable[[int], Reply]) -> None:
    """Let a fault strike a request that has had no effect."""
    match fault.kind:
        case "reset_before":
            await wire.reset()
        case "hang_before":
            await wire.hang()
        case "status_NNN":
            await wire.reply(refuse(fault.code))
        case "redirect":
            location = ("/moved" + path).encode("ascii", "replace")
            await wire.reply(Reply(b"", _HTML_TYPE, 302, ((b"location", location),)))
        case kind if kind in quirk.BEFORE:
            await wire.reply(quirk.BEFORE[kind])
        case _:
            await wire.reply(_failure(fault))


async def alter(wire: Wire, fault: Fault, reply: Reply) -> None:
    """Let a fault strike the answer of a request that was carried out."""
    simple = _ALTERED.get(fault.fault)
    if simple is not None:
        await wire.reply(simple(reply))
        return
    acts: Mapping[str, Callable[[], Awaitable[None]]] = {
        "reset_after": wire.reset,
        "hang_after": wire.hang,
        "truncated": lambda: wire.truncate(reply),
        "drip": lambda: wire.drip(reply, fault.seconds),
        "huge": lambda: wire.flood(fault.megabytes),
        "http_NNN_after": lambda: wire.reply(_failure(fault)),
    }
    await acts[fault.kind]()


def _failure(fault: Fault) -> Reply:
    """Return the page that a proxy shows for an HTTP error."""
    title = b"Error %d" % fault.code
    headers = () if fault.retry_after is None else ((b"retry-after", b"%d" % fault.retry_after),)
    return Reply(_HTML % (title, title), _HTML_TYPE, fault.code, headers)


def _half(reply: Reply) -> Reply:
    """Cut an answer's content."""
    return Reply(reply.body[: len(reply.body) // 2], reply.content_type)


def _garbage(reply: Reply) -> Reply:
    """Replace an answer by bytes that are no text."""
    noise = random.Random(len(reply.body)).randbytes(256)  # noqa: S311 - noise, the same in every run
    return Reply(b"\xff\xfe\x00" + noise, reply.content_type)


def _page(_: Reply) -> Reply:
    """Replace an answer by a web page."""
    return Reply(_HTML % (b"Maintenance", b"Maintenance"), _HTML_TYPE)


def _empty(reply: Reply) -> Reply:
    """Leave an answer without content."""
    return Reply(b"", reply.content_type)


def _recoded(reply: Reply) -> Reply:
    """Write an answer in another charset than the one it declares."""
    kind = reply.content_type.partition(";")[0] + "; charset=UTF-8"
    return Reply(reply.body.decode("utf-8", "replace").encode("utf-16"), kind)


_ALTERED: Mapping[str, Callable[[Reply], Reply]] = {
    "truncated_json": _half,
    "garbage": _garbage,
    "html": _page,
    "empty": _empty,
    "wrong_charset": _recoded,
    **quirk.ALTERED,
}
